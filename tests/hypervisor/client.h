/* SPDX-License-Identifier: Apache-2.0 */
/* A control domain: acquires tables as the hypercall does, maps frames, and reads as readers must.
 */
#pragma once

#include "shim/shim.h"
#include <xen/stats.h>

/* An assertion of Check notes where it is, every time; in loops that are to be fast, only when it
 * fails. */
#define expect(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg("%s", #condition);                                                        \
    } while (0)

/* Frames that one step of the hypercall asks for. */
#define BATCH 32U

/* Called between two steps, if set: a preempted hypercall goes on later, and looks the domain up
 * again. */
extern void (*between_batches)(unsigned int done);

/* The number of frames or -errno. */
int table_size(unsigned int id);
/* 0 or -errno. */
int acquire(unsigned int id, unsigned int frame, unsigned int count, xen_pfn_t *ret_mfns);
int acquire_all(unsigned int id, xen_pfn_t *ret_mfns);

/* NULL if the page has been freed since it was acquired. */
const void *map_frame(xen_pfn_t mfn);
void unmap_frame(const void *frame);
/* All the frames of a table, which must be possible. */
unsigned int map_table(unsigned int id, const void **ret_frames, unsigned int max);
void unmap_table(const void **frames, unsigned int count);

/* The directory entry of a kind; NULL: the table has none. */
const struct xen_stats_kind *find_kind(const void *frame0, uint32_t kind);
const void *find_record(const void **frames, uint32_t kind, unsigned int index);

/* Copies a record of `size` bytes that is the same before and after; false: never in `tries` tries.
 */
bool read_record(const void *record, void *ret_copy, size_t size, unsigned int tries);
/* Loads a single field without asking ThreadSanitizer, who does not see that it is written in one
 * piece. */
uint32_t load32(const uint32_t *field);
uint64_t load64(const uint64_t *field);

/* The vCPU record, read with seq. */
struct xen_stats_vcpu read_vcpu(const void **frames, unsigned int index);
struct xen_stats_host read_host(const void **frames);

/* True if all of a frame's header is as acquire(id, frame) must have made it. */
bool is_frame_of(const void *frame, unsigned int id, unsigned int index, uint64_t generation);

/* Runs count threads of the same function with 0, 1, 2... and waits for them. */
void run_threads(unsigned int count, void (*function)(unsigned int number));
