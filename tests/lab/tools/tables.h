/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics tables as this lab's tools read them: mapped by libxenforeignmemory, found by their
 * directory, copied by the sequence protocol. Independent of the exporter's own reader.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats_abi.h"

struct table {
    uint32_t target; /* the id of the acquire */
    const unsigned char *frames;
    uint32_t nr_frames;
    void *resource; /* libxenforeignmemory's */
};

/* "host", "descriptors" or a domid. */
uint32_t table_target(const char *name);

/* 0, or -errno. */
int table_map(uint32_t target, struct table *ret_table);
void table_unmap(struct table *table);

/* NULL when the table has no such kind. */
const struct stats_kind *table_kind(const struct table *table, uint32_t kind);
const struct stats_kind *table_entry(const struct table *table, uint32_t entry);

const unsigned char *table_record(const struct table *table, const struct stats_kind *kind,
                                  uint32_t index);

/* A copy between two equal and even readings of `seq`; adds up what it had to do again. */
void record_copy(const unsigned char *record, void *copy, size_t size, uint64_t *retries);
