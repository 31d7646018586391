/* SPDX-License-Identifier: Apache-2.0 */
/* Xen's now; see clock.h. */
#include "source/clock.h"

#include <time.h>

#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>
#endif

uint64_t clock_raw_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

uint64_t clock_tsc(void)
{
#if defined(__x86_64__) || defined(__i386__)
    /* Ordered, so that it is not taken before the pair was read. */
    _mm_lfence();
    return __rdtsc();
#else
    return 0;
#endif
}

void clock_observe(struct xen_clock *clock, uint64_t stamp_ns, uint64_t raw_ns)
{
    int64_t offset;

    /* A stamp of a century is not a time: whoever wrote it must not move our clock. */
    if (stamp_ns == 0 || stamp_ns >> 62)
        return;
    offset = (int64_t)(stamp_ns - raw_ns);

    if (!clock->anchored) {
        clock->anchored = true;
        clock->offset = clock->offset_before = offset;
        clock->window_raw = raw_ns;
        return;
    }
    if (raw_ns - clock->window_raw > CLOCK_WINDOW_NS) {
        /* After a long silence the window before is too old as well. */
        clock->offset_before =
            raw_ns - clock->window_raw > 2 * CLOCK_WINDOW_NS ? offset : clock->offset;
        clock->offset = offset;
        clock->window_raw = raw_ns;
    } else if (offset > clock->offset) {
        clock->offset = offset;
    }
}

uint64_t clock_scale_tsc(const struct stats_clock *pair, uint64_t tsc)
{
    unsigned __int128 ticks = tsc > pair->tsc ? tsc - pair->tsc : 0;
    int32_t shift = pair->tsc_shift;

    if (shift < -63 || shift > 31)
        return pair->system_time;
    ticks = shift < 0 ? ticks >> -shift : ticks << shift;
    return pair->system_time + (uint64_t)((ticks * pair->tsc_to_ns_mul) >> 32);
}

uint64_t clock_now(struct xen_clock *clock, const struct stats_clock *pair, uint64_t raw_ns,
                   uint64_t tsc)
{
    uint64_t now = 0;

    if (pair && (pair->record.flags & STATS_CLOCK_TSC_USABLE)) {
        now = clock_scale_tsc(pair, tsc);
    } else if (clock->anchored) {
        int64_t offset =
            clock->offset > clock->offset_before ? clock->offset : clock->offset_before;

        now = raw_ns + (uint64_t)offset;
    }

    if (now > clock->last)
        clock->last = now;
    return clock->last;
}
