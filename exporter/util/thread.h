/* SPDX-License-Identifier: Apache-2.0 */
/* Threads beside the main loop. Knows nobody. */
#pragma once

#include <pthread.h>
#include <signal.h>

#include "util/cleanup.h"

/* Starts a thread that takes no signals: they are meant for the main loop. A negative errno. */
must_check static inline int thread_start(pthread_t *thread, void *(*run)(void *), void *userdata)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = -pthread_create(thread, NULL, run, userdata);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}
