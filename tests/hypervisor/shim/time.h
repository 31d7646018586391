/* SPDX-License-Identifier: Apache-2.0 */
/* A clock which stands still until a test moves it, and timers. */
#pragma once

#include "basics.h"

#define SECONDS(n)   ((s_time_t)(n)*1000000000)
#define MILLISECS(n) ((s_time_t)(n)*1000000)
#define MICROSECS(n) ((s_time_t)(n)*1000)
#define STIME_MAX    INT64_MAX

#define NOW()        shim_now()
s_time_t shim_now(void);
void shim_set_now(s_time_t now);
/* Moves the clock, and calls what has become due in the order of time. */
void shim_pass_time(s_time_t nanoseconds);

struct timer {
    void (*function)(void *data);
    void *data;
    unsigned int cpu;
    s_time_t expires;
    bool is_active;
    struct timer *next;
};

void init_timer(struct timer *timer, void (*function)(void *), void *data, unsigned int cpu);
void set_timer(struct timer *timer, s_time_t expires);
void stop_timer(struct timer *timer);
void kill_timer(struct timer *timer);
void migrate_timer(struct timer *timer, unsigned int cpu);
bool timer_is_active(const struct timer *timer);
/* Timers that will go off. */
unsigned int shim_active_timers(void);
