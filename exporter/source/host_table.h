/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's statistics table: which domains exist, Xen's clock, and the rows of the host, its
 * pCPUs, NUMA nodes and performance counters.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "domains/domain_set.h"
#include "sampler/snapshot.h"
#include "source/more_fields.h"
#include "source/page.h"

/* Points into itself: it stays where it was initialised. The frames are borrowed. */
struct host_table {
    struct page_table table;
    const struct stats_kind *host, *clock, *bitmap;
    const struct stats_kind *pcpu, *node, *perfc; /* NULL: this hypervisor has none */
    uint32_t counters;                            /* performance counters that are shown */
    struct topology_counter *counter;
    uint32_t *counter_record; /* which of the records each is */
};

#define HOST_TABLE_NULL ((struct host_table){0})

/* The counts of domains that a list belongs to. */
struct host_domains {
    uint64_t created, destroyed;
    bool stood_still; /* false: they changed all the time */
};

/*
 * Looks at the mapped frames. -EPROTO: of another version; -EBADMSG: they contradict themselves or
 * lack what cannot be done without; -ENOMEM. `ret_reason`, a static string, says it in words.
 */
int host_table_init(struct host_table *ret_host, const void *base, uint32_t frames,
                    struct page_counters *counters, const char **ret_reason) must_check;
void host_table_deinit(struct host_table *host);

/* Which domains exist; and whether these may have changed since. */
void host_table_list(const struct host_table *host, struct domain_set *ret_domains,
                     struct host_domains *ret_listed, struct page_counters *counters);
bool host_table_changed(const struct host_table *host, const struct host_domains *listed);

/* A copy of the clock record: 0, PAGE_TORN or PAGE_ABSENT. */
int host_table_read_clock(const struct host_table *host, struct stats_clock *ret_clock,
                          struct page_counters *counters) must_check;

/* What there is besides domains; arrays are lent as long as this lives. Fields are not set. */
void host_table_describe(const struct host_table *host, struct topology_host *ret_host);

/* The columns that it can fill, for the kinds that it is about. */
void host_table_columns(const struct host_table *host, uint64_t ret_columns[SNAPSHOT_KINDS]);

/* Fills the rows of these kinds as of the snapshot's moment. */
void host_table_read(const struct host_table *host, const struct more_fields *more,
                     struct snapshot *snapshot, struct page_counters *counters);
