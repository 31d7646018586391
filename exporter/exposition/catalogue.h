/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every metric as data: how it is named, what it means, where in a snapshot it stands. The layout
 * turns this into text once per topology; the documentation is generated from it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sampler/snapshot.h"
#include "util/buf.h"

enum exposition_format {
    FORMAT_TEXT,        /* Prometheus text 0.0.4 */
    FORMAT_OPENMETRICS, /* OpenMetrics 1.0.0 */
    FORMATS,
};

/* The kinds of a snapshot, and one that this side fills itself. */
enum catalogue_kind {
    CATALOGUE_HOST = SNAPSHOT_HOST,
    CATALOGUE_DOMAIN = SNAPSHOT_DOMAIN,
    CATALOGUE_VCPU = SNAPSHOT_VCPU,
    CATALOGUE_PCPU = SNAPSHOT_PCPU,
    CATALOGUE_NODE = SNAPSHOT_NODE,
    CATALOGUE_COUNTER = SNAPSHOT_COUNTER,
    CATALOGUE_SELF = SNAPSHOT_SELF,
    CATALOGUE_PROCESS = SNAPSHOT_KINDS, /* one row: enum process_field */
    CATALOGUE_KINDS,
};

enum family_type {
    FAMILY_COUNTER,
    FAMILY_GAUGE,
    FAMILY_INFO,
    FAMILY_STATESET,  /* its samples' label is named like the family */
    FAMILY_HISTOGRAM, /* its samples say their suffix */
    FAMILY_TYPES,
};

/* Which label texts the rows of a family have. */
enum label_set {
    LABELS_NONE,        /* no label, one row */
    LABELS_DOMAIN,      /* the domain's identity */
    LABELS_DOMAIN_INFO, /* everything about who a domain is */
    LABELS_VCPU,        /* the domain's identity and vcpu */
    LABELS_PCPU,        /* pcpu */
    LABELS_NODE,        /* node */
    LABELS_COUNTER,     /* counter and, of an array of counters, element */
    LABELS_SOURCE,      /* source, one row */
    LABELS_COLLECTOR,   /* collector, one row: the source */
    LABELS_VERSION,     /* version, one row */
    LABEL_SETS,
};

enum sample_scale {
    SCALE_ONE,     /* printed as the integer it is */
    SCALE_SECONDS, /* nanoseconds, printed as seconds */
};

/* A sample that has no column: it is always there and always 1. */
#define COLUMN_NONE UINT32_MAX

/* One sample of each row of a family. */
struct family_sample {
    uint32_t column;   /* of the family's kind, or COLUMN_NONE */
    const char *label; /* what tells it from the row's other samples; NULL when it is alone */
    const char *value;
    const char *suffix; /* NULL: that of the family's type */
};

struct family {
    const char *name; /* OpenMetrics: without _total and _info */
    const char *unit; /* the name's last word, or NULL */
    const char *help; /* one sentence; no backslash, quote or newline */
    enum family_type type;
    enum catalogue_kind kind;
    enum label_set labels;
    enum sample_scale scale;
    uint32_t samples;
    const struct family_sample *sample;
};

/* In the order in which they are exposed. */
extern const struct family catalogue[];
extern const size_t catalogue_families;

/* Whether these collectors (COLLECTOR_BIT()) export the family. Some always are exported. */
bool catalogue_collects(unsigned int collectors, const struct family *family);

/* How a sample is printed: the sum of a histogram of times is a time, its buckets are numbers. */
enum sample_scale catalogue_scale(const struct family *family, const struct family_sample *sample);

/* What a type is called in each format, and what its samples' names end with. */
struct family_type_name {
    const char *name[FORMATS];
    const char *suffix;
};

extern const struct family_type_name family_type_names[FAMILY_TYPES];

/* The names of the labels in a set, for people: "uuid, domain"; "" when there are none. */
extern const char *const label_set_names[LABEL_SETS];

/* Appends the catalogue as a document in Markdown. */
void catalogue_document(struct buf *out);
