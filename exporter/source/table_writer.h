/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writing side of statistics tables, for the simulated host: the same layout and the same write
 * protocol as the hypervisor's, in memory of this process.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "source/stats_abi.h"
#include "util/cleanup.h"

/* Owns its frames; { 0 } is the null state. */
struct table_writer {
    uint8_t *base;
    uint32_t frames;
};

/* A domain's table: its record and `vcpus` vCPU records, none of them valid yet. -ENOMEM. */
int table_writer_init_domain(struct table_writer *writer, uint32_t domid, uint64_t generation,
                             uint32_t vcpus) must_check;

/* The host's table: host, clock, bitmap, pCPU, node and, if any, counter records. -ENOMEM. */
int table_writer_init_host(struct table_writer *writer, uint32_t pcpus, uint32_t nodes,
                           uint32_t counters) must_check;

/* A table of descriptors, none of them valid yet. -ENOMEM. */
int table_writer_init_descriptors(struct table_writer *writer, uint32_t count) must_check;

void table_writer_deinit(struct table_writer *writer);

/* Sets the dead mark in every frame. */
void table_writer_mark_dead(struct table_writer *writer);

/* Records, for writing between table_write_begin() and table_write_end(). */
struct stats_domain *table_writer_domain(const struct table_writer *writer);
struct stats_vcpu *table_writer_vcpu(const struct table_writer *writer, uint32_t vcpu);
struct stats_host *table_writer_host(const struct table_writer *writer);
struct stats_clock *table_writer_clock(const struct table_writer *writer);
struct stats_pcpu *table_writer_pcpu(const struct table_writer *writer, uint32_t pcpu);
struct stats_node *table_writer_node(const struct table_writer *writer, uint32_t node);
struct stats_perfc *table_writer_counter(const struct table_writer *writer, uint32_t counter);
struct stats_descriptor *table_writer_descriptor(const struct table_writer *writer, uint32_t index);

/* Sets or clears a domain's bit. */
void table_writer_set_exists(const struct table_writer *writer, uint32_t domid, bool exists);

/* The sequence protocol around a change of what `seq` covers. One writer at a time. */
void table_write_begin(struct stats_record *record);
void table_write_end(struct stats_record *record);

/* Single fields: what is written inside the sequence, and what is atomic by itself. */
#define TABLE_SET(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)
