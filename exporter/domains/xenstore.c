/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that talks to xenstored; see xenstore.h. The only file that knows libxenstore. */
#include "domains/xenstore.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include <xenstore.h>

#include "domains/names.h"
#include "sampler/topology.h"
#include "util/monotonic.h"
#include "util/pulse.h"
#include "util/thread.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS  5000
/* How long free() waits for a thread that may be stuck. */
#define FAREWELL_MS 200

struct xenstore {
    pthread_t thread;
    int events; /* eventfd: the thread has news for the loop */
    int orders; /* eventfd: the loop has news for the thread */
    struct pulse pulse;

    pthread_mutex_t lock; /* everything below */
    bool stopping;
    bool domains_changed;
    bool connected;
    bool ever_connected;
    uint64_t reconnects;
    uint64_t probes;
    uint64_t busy_since_ms; /* when the call that is under way began; 0: none is */
    struct names names;

    struct xs_handle *handle; /* the thread's own, like the rest */
    uint64_t probed_ms;
};

static uint64_t now_ms(void)
{
    return monotonic_ns() / NS_PER_MS;
}

static void ring(int fd)
{
    eventfd_write(fd, 1);
}

static void silence(int fd)
{
    eventfd_t value;

    eventfd_read(fd, &value);
}

/* Every call of libxenstore stands between these two, so that a stuck one shows. */
static void call_begins(struct xenstore *xenstore)
{
    pthread_mutex_lock(&xenstore->lock);
    xenstore->busy_since_ms = now_ms();
    pthread_mutex_unlock(&xenstore->lock);
}

static void call_ended(struct xenstore *xenstore)
{
    int error = errno;

    pthread_mutex_lock(&xenstore->lock);
    xenstore->busy_since_ms = 0;
    pthread_mutex_unlock(&xenstore->lock);
    errno = error;
}

/* Whether a failed call is xenstored's healthy "no", and not the end of the connection. */
static bool is_answer(int error)
{
    return error == ENOENT || error == EACCES || error == EEXIST;
}

static void name_path(char *path, size_t size, uint32_t domid)
{
    snprintf(path, size, "/local/domain/%u/name", domid);
}

/*
 * Reads a name and leaves it for the loop; not when the loop began to follow a new domain of this
 * domid meanwhile: that one's name is read by its own order. False when the connection is lost.
 */
static bool read_name(struct xenstore *xenstore, uint32_t domid)
{
    unsigned int length = 0;
    char path[64], *name;
    uint64_t following;

    pthread_mutex_lock(&xenstore->lock);
    following = names_following(&xenstore->names, domid);
    pthread_mutex_unlock(&xenstore->lock);
    if (!following)
        return true; /* nobody wants it any more */

    name_path(path, sizeof(path), domid);
    call_begins(xenstore);
    name = xs_read(xenstore->handle, XBT_NULL, path, &length);
    call_ended(xenstore);
    if (!name && !is_answer(errno))
        return false;
    if (length > TOPOLOGY_NAME_MAX)
        length = TOPOLOGY_NAME_MAX;

    pthread_mutex_lock(&xenstore->lock);
    if (names_set(&xenstore->names, domid, following, name, length))
        name = NULL;
    pthread_mutex_unlock(&xenstore->lock);
    free(name);
    ring(xenstore->events);
    return true;
}

static bool watch(struct xenstore *xenstore, const char *path, const char *token, bool on)
{
    bool done;

    call_begins(xenstore);
    done = on ? xs_watch(xenstore->handle, path, token) : xs_unwatch(xenstore->handle, path, token);
    call_ended(xenstore);
    return done || is_answer(errno);
}

/* Watches what is newly wanted and drops what is not wanted any more. False: connection lost. */
static bool carry_out_orders(struct xenstore *xenstore)
{
    for (uint32_t from = 0;;) {
        char path[64], token[16];
        enum names_task task;
        uint32_t domid;

        pthread_mutex_lock(&xenstore->lock);
        task = names_next_task(&xenstore->names, from, &domid);
        pthread_mutex_unlock(&xenstore->lock);
        if (task == NAMES_NOTHING)
            return true;

        if (task == NAMES_READ) {
            if (!read_name(xenstore, domid))
                return false;
            continue;
        }
        name_path(path, sizeof(path), domid);
        snprintf(token, sizeof(token), "%u", domid);
        if (!watch(xenstore, path, token, task == NAMES_WATCH))
            return false;
        from = task == NAMES_WATCH ? domid + 1 : domid;
    }
}

/* Takes every watch event that has arrived. False: connection lost. */
static bool take_events(struct xenstore *xenstore)
{
    for (;;) {
        char **event, *end;
        unsigned long domid;

        errno = 0;
        event = xs_check_watch(xenstore->handle);
        if (!event)
            return errno == EAGAIN;

        if (event[XS_WATCH_TOKEN][0] == '@') {
            pthread_mutex_lock(&xenstore->lock);
            xenstore->domains_changed = true;
            pthread_mutex_unlock(&xenstore->lock);
            ring(xenstore->events);
        } else {
            domid = strtoul(event[XS_WATCH_TOKEN], &end, 10);
            if (*end == '\0' && domid <= UINT16_MAX && !read_name(xenstore, (uint32_t)domid)) {
                free(event);
                return false;
            }
        }
        free(event);
    }
}

static bool probe(struct xenstore *xenstore)
{
    char *name;
    bool alive;

    call_begins(xenstore);
    name = xs_read(xenstore->handle, XBT_NULL, "/local/domain/0/name", NULL);
    call_ended(xenstore);
    alive = name || is_answer(errno);
    free(name);

    xenstore->probed_ms = now_ms();
    pthread_mutex_lock(&xenstore->lock);
    xenstore->probes++;
    pthread_mutex_unlock(&xenstore->lock);
    return alive;
}

static bool connect_and_watch(struct xenstore *xenstore)
{
    call_begins(xenstore);
    xenstore->handle = xs_open(0);
    call_ended(xenstore);
    if (!xenstore->handle)
        return false;

    pthread_mutex_lock(&xenstore->lock);
    names_unwatched(&xenstore->names);
    pthread_mutex_unlock(&xenstore->lock);

    /* A watch fires once when it is set: that is the rescan. */
    if (!watch(xenstore, "@introduceDomain", "@introduceDomain", true) ||
        !watch(xenstore, "@releaseDomain", "@releaseDomain", true))
        return false;

    pthread_mutex_lock(&xenstore->lock);
    xenstore->connected = true;
    xenstore->reconnects += xenstore->ever_connected;
    xenstore->ever_connected = true;
    pthread_mutex_unlock(&xenstore->lock);
    xenstore->probed_ms = now_ms();
    return true;
}

static void disconnect(struct xenstore *xenstore)
{
    pthread_mutex_lock(&xenstore->lock);
    xenstore->connected = false;
    pthread_mutex_unlock(&xenstore->lock);
    if (xenstore->handle) {
        call_begins(xenstore);
        xs_close(xenstore->handle);
        call_ended(xenstore);
    }
    xenstore->handle = NULL;
}

static bool is_stopping(struct xenstore *xenstore)
{
    bool stopping;

    pthread_mutex_lock(&xenstore->lock);
    stopping = xenstore->stopping;
    pthread_mutex_unlock(&xenstore->lock);
    return stopping;
}

/* Serves one connection until it is lost or the thread shall end. */
static void serve(struct xenstore *xenstore)
{
    while (!is_stopping(xenstore)) {
        struct pollfd fds[] = {
            {.fd = xenstore->orders, .events = POLLIN},
            {.fd = xs_fileno(xenstore->handle), .events = POLLIN},
        };
        uint64_t passed = now_ms() - xenstore->probed_ms;

        pulse_answer(&xenstore->pulse);
        if (passed >= XENSTORE_PROBE_MS) {
            if (!probe(xenstore))
                return;
            continue;
        }
        if (!carry_out_orders(xenstore))
            return;
        if (poll(fds, 2, (int)(XENSTORE_PROBE_MS - passed)) < 0 && errno != EINTR)
            return;
        if (fds[0].revents)
            silence(xenstore->orders);
        if (fds[1].revents && !take_events(xenstore))
            return;
    }
}

static void *run(void *argument)
{
    struct xenstore *xenstore = argument;
    int backoff_ms = BACKOFF_FIRST_MS;

    pthread_setname_np(pthread_self(), "xenstore");
    while (!is_stopping(xenstore)) {
        struct pollfd fd = {.fd = xenstore->orders, .events = POLLIN};

        if (connect_and_watch(xenstore)) {
            uint64_t connected_ms = now_ms();

            serve(xenstore);
            /* A connection that is refused something at once is no reason to hurry. */
            if (now_ms() - connected_ms >= BACKOFF_LAST_MS)
                backoff_ms = BACKOFF_FIRST_MS;
        }
        disconnect(xenstore);

        /* Orders stay in the table until there is a connection; only the end ends the wait. */
        for (uint64_t end = now_ms() + (uint64_t)backoff_ms; !is_stopping(xenstore);) {
            uint64_t now = now_ms();

            pulse_answer(&xenstore->pulse);
            if (now >= end)
                break;
            poll(&fd, 1, (int)(end - now));
            silence(xenstore->orders);
        }
        backoff_ms = backoff_ms * 2 < BACKOFF_LAST_MS ? backoff_ms * 2 : BACKOFF_LAST_MS;
    }
    return NULL;
}

static void release(struct xenstore *xenstore)
{
    names_deinit(&xenstore->names);
    cleanup_close(&xenstore->events);
    cleanup_close(&xenstore->orders);
    pthread_mutex_destroy(&xenstore->lock);
    free(xenstore);
}

int xenstore_new(struct xenstore **ret_xenstore)
{
    struct xenstore *xenstore = calloc(1, sizeof(*xenstore));
    int r;

    if (!xenstore)
        return -ENOMEM;
    pthread_mutex_init(&xenstore->lock, NULL);
    xenstore->events = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    xenstore->orders = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (xenstore->events < 0 || xenstore->orders < 0) {
        r = -errno;
        release(xenstore);
        return r;
    }

    r = thread_start(&xenstore->thread, run, xenstore);
    if (r < 0) {
        release(xenstore);
        return r;
    }
    *ret_xenstore = xenstore;
    return 0;
}

struct xenstore *xenstore_free(struct xenstore *xenstore)
{
    static struct xenstore *left_behind; /* so that it is not lost to who looks for leaks */
    struct timespec deadline;

    if (!xenstore)
        return NULL;
    pthread_mutex_lock(&xenstore->lock);
    xenstore->stopping = true;
    pthread_mutex_unlock(&xenstore->lock);
    ring(xenstore->orders);

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_nsec += FAREWELL_MS * 1000000L;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000;
    }
    if (pthread_timedjoin_np(xenstore->thread, NULL, &deadline) == 0) {
        release(xenstore);
        return NULL;
    }
    pthread_detach(xenstore->thread); /* it still uses all of this, until the process ends */
    __atomic_store_n(&left_behind, xenstore, __ATOMIC_RELAXED);
    return NULL;
}

int xenstore_fd(const struct xenstore *xenstore)
{
    return xenstore->events;
}

bool xenstore_next(struct xenstore *xenstore, struct xenstore_event *ret_event)
{
    struct xenstore_event event = {0};

    pthread_mutex_lock(&xenstore->lock);
    if (xenstore->domains_changed)
        event.type = XENSTORE_DOMAINS_CHANGED;
    else if (names_news(&xenstore->names, &event.domid, &event.name, &event.name_length))
        event.type = XENSTORE_NAME;
    else
        silence(xenstore->events);
    xenstore->domains_changed = false;
    pthread_mutex_unlock(&xenstore->lock);

    if (!event.type)
        return false;
    *ret_event = event;
    return true;
}

int xenstore_follow(struct xenstore *xenstore, uint32_t domid)
{
    int r;

    pthread_mutex_lock(&xenstore->lock);
    r = names_follow(&xenstore->names, domid);
    pthread_mutex_unlock(&xenstore->lock);
    ring(xenstore->orders);
    return r;
}

void xenstore_forget(struct xenstore *xenstore, uint32_t domid)
{
    pthread_mutex_lock(&xenstore->lock);
    names_forget(&xenstore->names, domid);
    pthread_mutex_unlock(&xenstore->lock);
    ring(xenstore->orders);
}

void xenstore_ask(struct xenstore *xenstore)
{
    pulse_ask(&xenstore->pulse);
    ring(xenstore->orders);
}

bool xenstore_answered(struct xenstore *xenstore)
{
    bool busy;

    pthread_mutex_lock(&xenstore->lock);
    busy = xenstore->busy_since_ms;
    pthread_mutex_unlock(&xenstore->lock);
    return busy || pulse_answered(&xenstore->pulse);
}

void xenstore_figures(struct xenstore *xenstore, struct xenstore_figures *ret_figures)
{
    uint64_t now = now_ms();

    pthread_mutex_lock(&xenstore->lock);
    *ret_figures = (struct xenstore_figures){
        .connected = xenstore->connected && (!xenstore->busy_since_ms ||
                                             now < xenstore->busy_since_ms + XENSTORE_SILENT_MS),
        .reconnects = xenstore->reconnects,
        .probes = xenstore->probes,
    };
    pthread_mutex_unlock(&xenstore->lock);
}
