/* SPDX-License-Identifier: Apache-2.0 */
/* Carries requests to the sampler's thread; see request_local.h. */
#include "sampler/request_local.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>

#include "sampler/recorder.h"
#include "sampler/sampler.h"
#include "util/monotonic.h"

struct waiting {
    uint64_t asked_ns, deadline_ns;
    request_done_fn done;
    void *userdata;
};

struct request_local {
    struct request_wall wall;
    struct sampler *sampler;
    struct recorder *recorder;
    int fd;

    pthread_mutex_t lock; /* everything below */
    bool stopped;
    struct waiting waiting[REQUEST_LOCAL_MAX];
    size_t count;
};

static int ask(struct request_wall *wall, uint64_t deadline_ns, request_done_fn done,
               void *userdata)
{
    struct request_local *requests =
        (struct request_local *)((char *)wall - offsetof(struct request_local, wall));
    int r = 0;

    pthread_mutex_lock(&requests->lock);
    if (requests->stopped)
        r = -ESHUTDOWN;
    else if (requests->count == REQUEST_LOCAL_MAX)
        r = -EAGAIN;
    else
        requests->waiting[requests->count++] =
            (struct waiting){monotonic_ns(), deadline_ns, done, userdata};
    pthread_mutex_unlock(&requests->lock);

    if (r == 0)
        eventfd_write(requests->fd, 1);
    return r;
}

/* Takes the first `count` out of the queue, so that `done` is called without the lock. */
static void take_waiting(struct request_local *requests, size_t count, struct waiting *ret_waiting)
{
    memcpy(ret_waiting, requests->waiting, count * sizeof(*ret_waiting));
    requests->count -= count;
    memmove(requests->waiting, requests->waiting + count, requests->count * sizeof(*ret_waiting));
}

/* Takes those for which there are numbers: the oldest, since numbers for one do for all before. */
static size_t take_prepared(struct request_local *requests, struct waiting *ret_waiting)
{
    size_t count = 0;

    pthread_mutex_lock(&requests->lock);
    while (count < requests->count &&
           sampler_prepare(requests->sampler, requests->waiting[count].asked_ns))
        count++;
    take_waiting(requests, count, ret_waiting);
    pthread_mutex_unlock(&requests->lock);
    return count;
}

void request_local_answer(struct request_local *requests)
{
    cleanup(cleanup_snapshot) struct snapshot *snapshot = NULL;
    struct waiting waiting[REQUEST_LOCAL_MAX];
    eventfd_t value;
    uint64_t now_ns;
    size_t count;
    int r;

    eventfd_read(requests->fd, &value);
    count = take_prepared(requests, waiting);
    if (count == 0)
        return;

    r = sampler_take(requests->sampler, &snapshot);
    if (r == 0 && requests->recorder)
        recorder_add(requests->recorder, snapshot);
    now_ns = monotonic_ns();
    for (size_t i = 0; i < count; i++) {
        if (r == 0 && waiting[i].deadline_ns < now_ns)
            waiting[i].done(waiting[i].userdata, -ETIMEDOUT, NULL);
        else
            waiting[i].done(waiting[i].userdata, r, r == 0 ? snapshot_ref(snapshot) : NULL);
    }
}

void request_local_stop(struct request_local *requests)
{
    struct waiting waiting[REQUEST_LOCAL_MAX];
    size_t count;

    pthread_mutex_lock(&requests->lock);
    requests->stopped = true;
    count = requests->count;
    take_waiting(requests, count, waiting);
    pthread_mutex_unlock(&requests->lock);

    for (size_t i = 0; i < count; i++)
        waiting[i].done(waiting[i].userdata, -ESHUTDOWN, NULL);
}

struct request_wall *request_local_wall(struct request_local *requests)
{
    return &requests->wall;
}

int request_local_fd(const struct request_local *requests)
{
    return requests->fd;
}

int request_local_new(struct sampler *sampler, struct recorder *recorder,
                      struct request_local **ret_requests)
{
    static const struct request_wall_ops ops = {.ask = ask};
    struct request_local *requests = calloc(1, sizeof(*requests));
    int r;

    if (!requests)
        return -ENOMEM;
    requests->wall.ops = &ops;
    requests->sampler = sampler;
    requests->recorder = recorder;
    requests->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (requests->fd < 0) {
        r = -errno;
        free(requests);
        return r;
    }
    pthread_mutex_init(&requests->lock, NULL);
    *ret_requests = requests;
    return 0;
}

struct request_local *request_local_free(struct request_local *requests)
{
    if (!requests)
        return NULL;
    request_local_stop(requests);
    close(requests->fd);
    pthread_mutex_destroy(&requests->lock);
    free(requests);
    return NULL;
}
