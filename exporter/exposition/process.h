/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this process uses of its host, read from the kernel at each scrape: the process_* metrics
 * that every Prometheus client library has.
 */
#pragma once

#include <stdint.h>

enum process_field {
    PROCESS_CPU_NS,
    PROCESS_RESIDENT_BYTES,
    PROCESS_VIRTUAL_BYTES,
    PROCESS_OPEN_FDS,
    PROCESS_MAX_FDS,
    PROCESS_START_NS, /* Unix time */
    PROCESS_FIELDS,
};

struct process {
    int statm_fd;
    int fds_fd;
    uint64_t start_ns;
};

#define PROCESS_NULL ((struct process){.statm_fd = -1, .fds_fd = -1})

/* Opens what is read later. Never fails: what cannot be had will be SNAPSHOT_ABSENT. */
void process_init(struct process *process);
void process_deinit(struct process *process);

/* Fills in all values; those that cannot be had are SNAPSHOT_ABSENT. */
void process_read(struct process *process, uint64_t ret_values[PROCESS_FIELDS]);
