/* SPDX-License-Identifier: Apache-2.0 */
/* See time.h. */
#include "shim.h"

static pthread_mutex_t timers_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct timer *timers;
static s_time_t current_time = 1000000000;

s_time_t shim_now(void)
{
    return __atomic_load_n(&current_time, __ATOMIC_RELAXED);
}

void shim_set_now(s_time_t now)
{
    __atomic_store_n(&current_time, now, __ATOMIC_RELAXED);
}

void init_timer(struct timer *timer, void (*function)(void *), void *data, unsigned int cpu)
{
    pthread_mutex_lock(&timers_mutex);
    for (struct timer *other = timers; other; other = other->next)
        assert(other != timer && "a timer was initialised twice");
    *timer = (struct timer){.function = function, .data = data, .cpu = cpu, .next = timers};
    timers = timer;
    pthread_mutex_unlock(&timers_mutex);
}

void set_timer(struct timer *timer, s_time_t expires)
{
    pthread_mutex_lock(&timers_mutex);
    assert(timer->function);
    timer->expires = expires;
    timer->is_active = true;
    pthread_mutex_unlock(&timers_mutex);
}

void stop_timer(struct timer *timer)
{
    pthread_mutex_lock(&timers_mutex);
    timer->is_active = false;
    pthread_mutex_unlock(&timers_mutex);
}

void kill_timer(struct timer *timer)
{
    pthread_mutex_lock(&timers_mutex);
    for (struct timer **link = &timers; *link; link = &(*link)->next) {
        if (*link == timer) {
            *link = timer->next;
            break;
        }
    }
    memset(timer, 0, sizeof(*timer));
    pthread_mutex_unlock(&timers_mutex);
}

void migrate_timer(struct timer *timer, unsigned int cpu)
{
    pthread_mutex_lock(&timers_mutex);
    timer->cpu = cpu;
    pthread_mutex_unlock(&timers_mutex);
}

bool timer_is_active(const struct timer *timer)
{
    bool is_active;

    pthread_mutex_lock(&timers_mutex);
    is_active = timer->is_active;
    pthread_mutex_unlock(&timers_mutex);
    return is_active;
}

unsigned int shim_active_timers(void)
{
    unsigned int count = 0;

    pthread_mutex_lock(&timers_mutex);
    for (struct timer *timer = timers; timer; timer = timer->next)
        count += timer->is_active;
    pthread_mutex_unlock(&timers_mutex);
    return count;
}

/* The active timer that goes off first, unless that is after `until`. */
static struct timer *next_timer(s_time_t until)
{
    struct timer *first = NULL;

    pthread_mutex_lock(&timers_mutex);
    for (struct timer *timer = timers; timer; timer = timer->next)
        if (timer->is_active && timer->expires <= until &&
            (!first || timer->expires < first->expires))
            first = timer;
    if (first)
        first->is_active = false;
    pthread_mutex_unlock(&timers_mutex);
    return first;
}

void shim_pass_time(s_time_t nanoseconds)
{
    s_time_t until = shim_now() + nanoseconds;
    unsigned int self = smp_processor_id();
    struct timer *timer;

    while ((timer = next_timer(until)) != NULL) {
        if (timer->expires > shim_now())
            shim_set_now(timer->expires);
        shim_set_processor_id(timer->cpu);
        timer->function(timer->data);
    }
    shim_set_processor_id(self);
    shim_set_now(until);
}
