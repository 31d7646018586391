/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a record of a statistics table to a row of a snapshot. Pure: a record is a private copy that
 * stood still, but may say anything. A field that the record does not have, or that is not
 * available, is SNAPSHOT_ABSENT in the row.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sampler/snapshot.h"
#include "source/stats_abi.h"

/* The columns that records of these sizes (of a table's directory) can fill. */
uint64_t page_columns_of_host(uint32_t size);
uint64_t page_columns_of_domain(uint32_t domain_size, uint32_t vcpu_size);
uint64_t page_columns_of_vcpu(uint32_t size);
uint64_t page_columns_of_pcpu(uint32_t size);

/*
 * Fills rows as of the moment `now_ns` of Xen's clock: what runs gets the time since its record was
 * written; a record that is newer than that moment is taken as it is. False: the record makes no
 * sense, and the row was left alone.
 */
bool page_row_of_vcpu(const struct stats_vcpu *record, uint64_t now_ns, uint64_t *row) must_check;
bool page_row_of_pcpu(const struct stats_pcpu *record, uint64_t now_ns, uint64_t *row) must_check;

void page_row_of_host(const struct stats_host *record, uint64_t *row);
void page_row_of_node(const struct stats_node *record, uint64_t *row);
void page_row_of_counter(const struct stats_perfc *record, uint64_t *row);

/* What vCPUs do, which decides what their domain does. */
struct page_vcpus {
    uint32_t online, running, blocked; /* the latter two: of those online */
    bool known;                        /* false: the records do not say who is online */
};

#define PAGE_VCPUS_NULL ((struct page_vcpus){.known = true})

/* Counts one more vCPU in. */
void page_vcpus_add(struct page_vcpus *vcpus, const struct stats_vcpu *record);

/* `max_vcpus` is how many vCPUs the domain has. */
void page_row_of_domain(const struct stats_domain *record, const struct page_vcpus *vcpus,
                        uint32_t max_vcpus, uint64_t *row);

/* A time of 146 years or more is not one. */
static inline bool page_is_time(uint64_t ns)
{
    return ns >> 62 == 0;
}
