/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fixed text of a body. Everything in a body but its numbers depends on the topology alone, so
 * it is written once per topology; a scrape then is one pass over the samples that copies three
 * pieces of text and one number for each:
 *
 *   xen_vcpu_runstate_seconds_total{ | uuid="...",domain="...",vcpu="0" | ,state="running"}_ | 1.5
 *   head: of a family's sample         row: shared by all families         tail: of the sample
 *
 * Both formats share one layout: their sample lines are the same, only the metadata differs.
 */
#pragma once

#include <stdbool.h>

#include "exposition/catalogue.h"
#include "exposition/labels.h"
#include "exposition/process.h"
#include "sampler/snapshot.h"

struct layout;

/* What, apart from the snapshot, decides the fixed text. */
struct layout_options {
    unsigned int identity;   /* of enum label_identity; 0 stands for LABEL_IDENTITY_DEFAULT */
    unsigned int collectors; /* COLLECTOR_BIT() of each that is on */
    bool created;            /* tell when counters began, where the format can */
    const char *version;     /* of this program */
};

/*
 * Writes the fixed text for the snapshot's topology and source. Borrows the options; keeps a
 * reference to the topology. -ENOMEM, -EOVERFLOW.
 */
int layout_new(const struct layout_options *options, const struct snapshot *snapshot,
               struct layout **ret_layout) must_check;

/* Always returns NULL. */
struct layout *layout_free(struct layout *layout);

/* Whether the layout is the one for this snapshot. */
bool layout_fits(const struct layout *layout, const struct snapshot *snapshot);

/* The most bytes that layout_render() may touch, whatever the values are. */
size_t layout_capacity(const struct layout *layout, enum exposition_format format);

/*
 * Writes the body of a snapshot that the layout fits into `out`, which has layout_capacity()
 * bytes. Allocates nothing and cannot fail. Returns the length of the body.
 */
size_t layout_render(const struct layout *layout, const struct snapshot *snapshot,
                     const uint64_t process[PROCESS_FIELDS], enum exposition_format format,
                     char *out);

DEFINE_CLEANUP(struct layout *, cleanup_layout, layout_free)
