/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that talks to xenstored; see xenstore.h. The only file that knows libxenstore. */
#include "domains/xenstore.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include <xenstore.h>

#include "sampler/topology.h"
#include "util/monotonic.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS  5000
/* How long free() waits for a thread that may be stuck. */
#define FAREWELL_MS 200

struct followed {
    uint32_t domid;
    bool wanted;
    bool watched;
    bool unread;        /* watched already, for a domain that had this domid before */
    bool fresh;         /* the name is news to the loop */
    uint64_t following; /* another number each time it is followed: another domain may have it */
    char *name;
    size_t name_length;
};

struct xenstore {
    pthread_t thread;
    int events; /* eventfd: the thread has news for the loop */
    int orders; /* eventfd: the loop has news for the thread */

    pthread_mutex_t lock; /* everything below */
    bool stopping;
    bool domains_changed;
    bool connected;
    bool ever_connected;
    uint64_t reconnects;
    uint64_t probes;
    uint64_t busy_since_ms;    /* when the call that is under way began; 0: none is */
    struct followed *followed; /* ascending domid */
    size_t count, capacity;
    uint64_t followings; /* the last number given out */

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

/* Where `domid` is, or would be inserted. */
static size_t position(const struct xenstore *xenstore, uint32_t domid)
{
    size_t low = 0, high = xenstore->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (xenstore->followed[middle].domid < domid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct followed *find(const struct xenstore *xenstore, uint32_t domid)
{
    size_t at = position(xenstore, domid);

    return at < xenstore->count && xenstore->followed[at].domid == domid ? &xenstore->followed[at]
                                                                         : NULL;
}

static void drop(struct xenstore *xenstore, size_t at)
{
    free(xenstore->followed[at].name);
    xenstore->count--;
    memmove(&xenstore->followed[at], &xenstore->followed[at + 1],
            (xenstore->count - at) * sizeof(*xenstore->followed));
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

static uint64_t following_of(struct xenstore *xenstore, uint32_t domid)
{
    const struct followed *followed;
    uint64_t following;

    pthread_mutex_lock(&xenstore->lock);
    followed = find(xenstore, domid);
    following = followed ? followed->following : 0;
    pthread_mutex_unlock(&xenstore->lock);
    return following;
}

/*
 * Reads a name and leaves it for the loop; not when the loop began to follow a new domain of this
 * domid meanwhile: that one's name is read by its own order. False when the connection is lost.
 */
static bool read_name(struct xenstore *xenstore, uint32_t domid)
{
    uint64_t following = following_of(xenstore, domid);
    struct followed *followed;
    unsigned int length = 0;
    char path[64], *name;

    name_path(path, sizeof(path), domid);
    call_begins(xenstore);
    name = xs_read(xenstore->handle, XBT_NULL, path, &length);
    call_ended(xenstore);
    if (!name && !is_answer(errno))
        return false;

    pthread_mutex_lock(&xenstore->lock);
    followed = find(xenstore, domid);
    if (followed && followed->wanted && followed->following == following) {
        free(followed->name);
        followed->name = name;
        followed->name_length = length < TOPOLOGY_NAME_MAX ? length : TOPOLOGY_NAME_MAX;
        followed->fresh = true;
        name = NULL;
    }
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
        bool wanted = false, unread = false, found = false;
        char path[64], token[16];
        uint32_t domid = 0;

        pthread_mutex_lock(&xenstore->lock);
        for (size_t at = position(xenstore, from); at < xenstore->count;) {
            struct followed *followed = &xenstore->followed[at];

            if (!followed->wanted && !followed->watched) {
                drop(xenstore, at);
                continue;
            }
            unread = followed->watched && followed->unread;
            found = unread || followed->wanted != followed->watched;
            if (found) {
                domid = followed->domid;
                wanted = followed->watched = followed->wanted;
                followed->unread = false;
                break;
            }
            at++;
        }
        pthread_mutex_unlock(&xenstore->lock);
        if (!found)
            return true;

        if (wanted && unread) {
            if (!read_name(xenstore, domid))
                return false;
            continue;
        }
        name_path(path, sizeof(path), domid);
        snprintf(token, sizeof(token), "%u", domid);
        if (!watch(xenstore, path, token, wanted))
            return false;
        from = wanted ? domid + 1 : domid;
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
    for (size_t i = 0; i < xenstore->count; i++)
        xenstore->followed[i].watched = false;
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
    for (size_t i = 0; i < xenstore->count; i++)
        free(xenstore->followed[i].name);
    free(xenstore->followed);
    cleanup_close(&xenstore->events);
    cleanup_close(&xenstore->orders);
    pthread_mutex_destroy(&xenstore->lock);
    free(xenstore);
}

int xenstore_new(struct xenstore **ret_xenstore)
{
    struct xenstore *xenstore = calloc(1, sizeof(*xenstore));
    sigset_t all, before;
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

    /* The thread must not take signals that are meant for the main loop. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = -pthread_create(&xenstore->thread, NULL, run, xenstore);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
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
    bool any = false;

    pthread_mutex_lock(&xenstore->lock);
    if (xenstore->domains_changed) {
        xenstore->domains_changed = false;
        *ret_event = (struct xenstore_event){.type = XENSTORE_DOMAINS_CHANGED};
        any = true;
    }
    for (size_t i = 0; !any && i < xenstore->count; i++) {
        struct followed *followed = &xenstore->followed[i];

        if (!followed->fresh || !followed->wanted)
            continue;
        *ret_event = (struct xenstore_event){
            .type = XENSTORE_NAME,
            .domid = followed->domid,
            .name = steal(followed->name),
            .name_length = followed->name_length,
        };
        followed->fresh = false;
        any = true;
    }
    if (!any)
        silence(xenstore->events);
    pthread_mutex_unlock(&xenstore->lock);
    return any;
}

int xenstore_follow(struct xenstore *xenstore, uint32_t domid)
{
    struct followed *followed;
    int r = 0;

    pthread_mutex_lock(&xenstore->lock);
    followed = find(xenstore, domid);
    if (!followed && xenstore->count == xenstore->capacity) {
        size_t capacity = xenstore->capacity ? xenstore->capacity * 2 : 16;
        void *grown = reallocarray(xenstore->followed, capacity, sizeof(*followed));

        if (grown) {
            xenstore->followed = grown;
            xenstore->capacity = capacity;
        } else {
            r = -ENOMEM;
        }
    }
    if (r == 0) {
        if (!followed) {
            size_t at = position(xenstore, domid);

            memmove(&xenstore->followed[at + 1], &xenstore->followed[at],
                    (xenstore->count - at) * sizeof(*followed));
            xenstore->count++;
            followed = &xenstore->followed[at];
            *followed = (struct followed){.domid = domid};
        }
        followed->wanted = followed->unread = true;
        followed->following = ++xenstore->followings;
    }
    pthread_mutex_unlock(&xenstore->lock);
    ring(xenstore->orders);
    return r;
}

void xenstore_forget(struct xenstore *xenstore, uint32_t domid)
{
    struct followed *followed;

    pthread_mutex_lock(&xenstore->lock);
    followed = find(xenstore, domid);
    if (followed) {
        followed->wanted = followed->fresh = false;
        free(steal(followed->name));
    }
    pthread_mutex_unlock(&xenstore->lock);
    ring(xenstore->orders);
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
