/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this process uses of its host, read from the kernel at each scrape: the process_* metrics
 * that every Prometheus client library has; and how it got on with its configuration.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum process_field {
    PROCESS_CPU_NS,
    PROCESS_RESIDENT_BYTES,
    PROCESS_VIRTUAL_BYTES,
    PROCESS_OPEN_FDS,
    PROCESS_MAX_FDS,
    PROCESS_START_NS,    /* Unix time */
    PROCESS_RELOADED,    /* 1: the configuration was read without an error when last tried */
    PROCESS_RELOADED_NS, /* Unix time of the configuration in use */
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

/*
 * The configuration of this process was read: successfully, then it is in use since now, or not.
 * Safe from any thread. Until the first call nothing is said about it.
 */
void process_note_reload(bool successful);

/* Fills in all values; those that cannot be had are SNAPSHOT_ABSENT. */
void process_read(struct process *process, uint64_t ret_values[PROCESS_FIELDS]);
