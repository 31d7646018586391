/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread's sign of life: somebody asks, and the thread answers in its next turn. Who asks also
 * wakes the thread, in whatever way that one sleeps. Knows nobody.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* All zeroes: not asked yet, which counts as answered. */
struct pulse {
    uint32_t asked;    /* atomic: questions so far */
    uint32_t answered; /* atomic: which of them was answered last */
};

/* Called by the one who asks. */
static inline void pulse_ask(struct pulse *pulse)
{
    __atomic_fetch_add(&pulse->asked, 1, __ATOMIC_RELEASE);
}

static inline bool pulse_answered(const struct pulse *pulse)
{
    return __atomic_load_n(&pulse->answered, __ATOMIC_ACQUIRE) ==
           __atomic_load_n(&pulse->asked, __ATOMIC_ACQUIRE);
}

/* Called by the thread, once in each turn of its loop. */
static inline void pulse_answer(struct pulse *pulse)
{
    __atomic_store_n(&pulse->answered, __atomic_load_n(&pulse->asked, __ATOMIC_ACQUIRE),
                     __ATOMIC_RELEASE);
}
