/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields that a newer hypervisor keeps and this program does not know: found by the hypervisor's
 * own descriptors, checked, and read into a snapshot's tables of their own.
 */
#pragma once

#include <stdint.h>

#include "sampler/snapshot.h"
#include "source/page.h"

/* How a field is read: value * factor / divisor is in the topology's unit. */
struct more_field {
    uint32_t offset; /* in the record */
    uint32_t size;   /* 4 or 8 */
    bool optional;   /* of size 4, and all ones are not available */
    uint64_t factor, divisor;
};

struct more_fields {
    struct topology_field *field; /* all, ordered by `of`; for the topology */
    struct more_field *read;      /* how each is read */
    uint32_t fields;
    uint32_t first[TOPOLOGY_MORE + 1]; /* fields of o are first[o] to first[o + 1] - 1 */
};

#define MORE_FIELDS_NULL ((struct more_fields){0})

/*
 * Reads a table of descriptors. A descriptor that makes no sense is left out, and counted as an
 * invalid record; at most TOPOLOGY_FIELDS_MAX fields of each kind are taken. -ENOMEM.
 */
int more_fields_init(struct more_fields *ret_more, const struct page_table *descriptors,
                     struct page_counters *counters) must_check;
void more_fields_deinit(struct more_fields *more);

/* Reads the fields of record `index` into a row; what the record does not have stays absent. */
void more_fields_read(const struct more_fields *more, enum topology_more of,
                      const struct page_table *table, const struct stats_kind *kind, uint32_t index,
                      uint64_t *row);
