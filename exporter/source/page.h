/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading one mapped statistics table: checks its shape once, then copies single records out of it
 * while the hypervisor goes on writing them. Trusts nothing in the pages: every offset met a bound
 * before it was used, and what is used later is a private copy, never the live header.
 *
 * Who maps and unmaps the memory is not known here; see frames.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/stats_abi.h"
#include "util/cleanup.h"

/* The largest table accepted: 8,192 vCPUs, 12 to a frame, is 683 frames. */
#define PAGE_FRAMES_MAX 1024U

/* Positive conditions. */
enum page_condition {
    PAGE_DEAD = 1, /* the table is marked dead, or belongs to something else by now */
    PAGE_TORN,     /* the record did not stand still for PAGE_RETRIES_MAX readings */
    PAGE_ABSENT,   /* nobody filled this record yet: a vCPU that was not created */
};

#define PAGE_RETRIES_MAX 2000U

struct page_table {
    const uint8_t *base; /* borrowed; `frames` frames, read-only */
    uint32_t frames;
    uint32_t target;
    uint64_t generation;
    uint32_t kinds;
    struct stats_kind kind[STATS_DIRECTORY_MAX]; /* checked copies */
};

/* What reading cost and could not do; only ever grows. */
struct page_counters {
    uint64_t retries;
    uint64_t torn;
    uint64_t invalid; /* counted by callers: records whose contents make no sense */
};

/*
 * Looks at `frames` freshly mapped frames at `base` that should be the table of `target`, and
 * fills `ret_table`. 0; PAGE_DEAD when the table died in between (a normal event); -EPROTO when
 * this is not a table of a version known here; -EBADMSG when it contradicts itself, and then
 * `ret_reason` (optional) names what is wrong, as a static string.
 */
int page_table_init(struct page_table *ret_table, const void *base, uint32_t frames,
                    uint32_t target, const char **ret_reason) must_check;

/* The directory entry of a kind of record, or NULL when this table has none. */
const struct stats_kind *page_kind(const struct page_table *table, uint32_t kind);

/* Whether the dead mark is set or the frames no longer are the table that was checked. */
bool page_is_dead(const struct page_table *table);

/*
 * Copies record `index` of `kind` (from page_kind()) to `ret_record`, `size` bytes, a multiple of
 * 8: all of it from one moment. What an older hypervisor's record does not have is filled with
 * ones. 0, PAGE_TORN (also counted) or PAGE_ABSENT. `index` must be below kind->count.
 */
int page_read(const struct page_table *table, const struct stats_kind *kind, uint32_t index,
              void *ret_record, size_t size, struct page_counters *counters) must_check;

/* Copies bitmap record `index` word by word: it has neither `seq` nor flags. */
void page_read_bitmap(const struct page_table *table, const struct stats_kind *kind, uint32_t index,
                      struct stats_bitmap *ret_bitmap);

/* One atomic 64-bit read of a field, without looking at `seq`; all ones when the record lacks it.
 */
uint64_t page_read_field(const struct page_table *table, const struct stats_kind *kind,
                         uint32_t index, size_t offset);

/* The same for a 32-bit field. Whether all of its ones mean anything is for the caller to know. */
uint64_t page_read_field32(const struct page_table *table, const struct stats_kind *kind,
                           uint32_t index, size_t offset);
