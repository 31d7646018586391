/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether every thread still gets on. The loop's thread asks each of the others now and then, and
 * only while all of them answer it tells the service manager that the daemon is alive: a loop that
 * stands still says nothing either way.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct watchdog_thread {
    const char *name; /* for messages: "the web server" */
    /* Asks for a sign of life, and wakes the thread for it. Must not block. */
    void (*ask)(void *userdata);
    /* Whether it answered since, or is excused. Must not block. */
    bool (*answered)(void *userdata);
    void *userdata;

    uint64_t asked_ns; /* 0: no question is open */
};

#define WATCHDOG_THREADS_MAX 8U

/* All zeroes but for the patience: nobody to watch. */
struct watchdog {
    uint64_t patience_ns; /* how long an answer may take */
    size_t threads;
    struct watchdog_thread thread[WATCHDOG_THREADS_MAX];
};

/* Borrows the name and the userdata for as long as watchdog_check() is called. */
void watchdog_add(struct watchdog *watchdog, const struct watchdog_thread *thread);

/*
 * Looks at the answers and asks again. NULL: all is well; else the first thread that has not
 * answered for longer than the patience.
 */
const struct watchdog_thread *watchdog_check(struct watchdog *watchdog, uint64_t now_ns);
