/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop, by sd-event; see loop.h. */
#include "service/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include <systemd/sd-event.h>

struct handler {
    struct loop *loop;
    loop_fn fn;
    void *userdata;
    uint64_t interval_us; /* timers */
    struct handler *next;
};

struct loop {
    sd_event *event;
    struct handler *handlers; /* live as long as the loop */
};

static struct handler *handler_new(struct loop *loop, loop_fn fn, void *userdata)
{
    struct handler *handler = calloc(1, sizeof(*handler));

    if (!handler)
        return NULL;
    *handler = (struct handler){
        .loop = loop,
        .fn = fn,
        .userdata = userdata,
        .next = loop->handlers,
    };
    loop->handlers = handler;
    return handler;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
    struct handler *handler = userdata;

    handler->fn(handler->userdata);
    return 0;
}

static int on_time(sd_event_source *source, uint64_t scheduled_us, void *userdata)
{
    struct handler *handler = userdata;
    uint64_t now_us;
    int r;

    handler->fn(handler->userdata);
    r = sd_event_now(handler->loop->event, CLOCK_MONOTONIC, &now_us);
    if (r < 0)
        return r;
    r = sd_event_source_set_time(source, now_us + handler->interval_us);
    return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
    struct handler *handler = userdata;

    handler->fn(handler->userdata);
    return 0;
}

int loop_new(struct loop **ret_loop)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    int r;

    if (!loop)
        return -ENOMEM;
    r = sd_event_new(&loop->event);
    if (r < 0) {
        loop_free(loop);
        return r;
    }
    *ret_loop = loop;
    return 0;
}

struct loop *loop_free(struct loop *loop)
{
    if (!loop)
        return NULL;
    sd_event_unref(loop->event);
    while (loop->handlers) {
        struct handler *handler = loop->handlers;

        loop->handlers = handler->next;
        free(handler);
    }
    free(loop);
    return NULL;
}

int loop_add_fd(struct loop *loop, int fd, loop_fn fn, void *userdata)
{
    struct handler *handler = handler_new(loop, fn, userdata);

    return handler ? sd_event_add_io(loop->event, NULL, fd, EPOLLIN, on_io, handler) : -ENOMEM;
}

int loop_add_timer(struct loop *loop, uint64_t ms, loop_fn fn, void *userdata)
{
    struct handler *handler = handler_new(loop, fn, userdata);
    uint64_t now_us;
    int r;

    if (!handler)
        return -ENOMEM;
    handler->interval_us = ms * 1000;
    r = sd_event_now(loop->event, CLOCK_MONOTONIC, &now_us);
    if (r < 0)
        return r;
    return sd_event_add_time(loop->event, NULL, CLOCK_MONOTONIC, now_us + handler->interval_us, 0,
                             on_time, handler);
}

int loop_add_signal(struct loop *loop, int signal, loop_fn fn, void *userdata)
{
    struct handler *handler = handler_new(loop, fn, userdata);
    sigset_t set;

    if (!handler)
        return -ENOMEM;
    sigemptyset(&set);
    sigaddset(&set, signal);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    return sd_event_add_signal(loop->event, NULL, signal, on_signal, handler);
}

int loop_run(struct loop *loop)
{
    return sd_event_loop(loop->event);
}

void loop_stop(struct loop *loop)
{
    sd_event_exit(loop->event, 0);
}
