/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Xen's system time without asking Xen. Two ways:
 *
 *  - TSC: the host table's clock record pairs a TSC value with system time; RDTSC plus the pair is
 *    the hypervisor's own arithmetic (struct vcpu_time_info in xen/include/public/xen.h). Only
 *    where the record says that it holds for user space: a PV Dom0 with a reliable TSC.
 *  - anchored: CLOCK_MONOTONIC_RAW plus an offset. Every time stamp found in a page lies in the
 *    past, so each gives a lower bound of the offset; the largest of the last seconds is used.
 *    The result is late by the age of the freshest stamp at the moment it was read, which is
 *    microseconds: waking up to look makes Xen stamp the vCPU that looks.
 *
 * The output never goes backwards.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "source/stats_abi.h"

/*
 * How long a bound is trusted, once or twice over. Short, since a pCPU whose clock was ahead for a
 * moment (milliseconds under emulation) must not be believed for long; long enough for several
 * looks and two refreshes of the clock record.
 */
#define CLOCK_WINDOW_NS (2ULL * 1000 * 1000 * 1000)

struct xen_clock {
    bool anchored;         /* false: the offsets below are not known yet */
    int64_t offset;        /* largest (stamp - raw) of this window */
    int64_t offset_before; /* of the window before */
    uint64_t window_raw;   /* when this window began; CLOCK_MONOTONIC_RAW */
    uint64_t last;         /* the last output */
};

/* CLOCK_MONOTONIC_RAW in nanoseconds. */
uint64_t clock_raw_ns(void);

/* The CPU's time stamp counter; 0 where there is none. */
uint64_t clock_tsc(void);

/* A stamp of Xen's system time was read from a page no later than at `raw_ns`. */
void clock_observe(struct xen_clock *clock, uint64_t stamp_ns, uint64_t raw_ns);

/*
 * Xen's system time at the moment of `raw_ns` and `tsc` (just read by the caller). `pair` is a
 * copy of the clock record, or NULL when there is none; it decides the way. 0 when nothing was
 * observed yet.
 */
uint64_t clock_now(struct xen_clock *clock, const struct stats_clock *pair, uint64_t raw_ns,
                   uint64_t tsc);

/* System time for a TSC value by the pair's scale; clamped to the pair's own time before it. */
uint64_t clock_scale_tsc(const struct stats_clock *pair, uint64_t tsc);
