/* SPDX-License-Identifier: Apache-2.0 */
/* Asks round; see watchdog.h. */
#include "service/watchdog.h"

#include <assert.h>

void watchdog_add(struct watchdog *watchdog, const struct watchdog_thread *thread)
{
    assert(watchdog->threads < WATCHDOG_THREADS_MAX);
    watchdog->thread[watchdog->threads] = *thread;
    watchdog->thread[watchdog->threads++].asked_ns = 0;
}

/* False when it is late. */
static bool check(struct watchdog_thread *thread, uint64_t now_ns, uint64_t patience_ns)
{
    if (thread->asked_ns && !thread->answered(thread->userdata))
        return now_ns - thread->asked_ns <= patience_ns;
    thread->asked_ns = now_ns;
    thread->ask(thread->userdata);
    return true;
}

const struct watchdog_thread *watchdog_check(struct watchdog *watchdog, uint64_t now_ns)
{
    const struct watchdog_thread *late = NULL;

    for (size_t i = 0; i < watchdog->threads; i++)
        if (!check(&watchdog->thread[i], now_ns, watchdog->patience_ns) && !late)
            late = &watchdog->thread[i];
    return late;
}
