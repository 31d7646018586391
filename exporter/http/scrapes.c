/* SPDX-License-Identifier: Apache-2.0 */
/* One lock, short states, counted references; see scrapes.h. */
#include "http/scrapes.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>

enum scrape_state {
    SCRAPE_ASKED,     /* no answer; the connection does not wait yet */
    SCRAPE_SUSPENDED, /* no answer; the connection waits for it */
    SCRAPE_ANSWERED,  /* whatever comes from the wall now is too late */
};

struct scrape {
    struct scrapes *scrapes;
    unsigned int references; /* of the connection and of the wall; under the lock */
    enum scrape_state state;
    uint64_t deadline_ns;
    void *connection;
    int error;
    struct snapshot *snapshot;
};

struct scrapes {
    pthread_mutex_t lock;
    unsigned int references; /* of the owner and of every scrape */
    bool closed;
    struct request_wall *wall;
    const struct scrapes_ops *ops;
    unsigned int max;
    struct scrape *scrape[]; /* `max` places; those not in use are NULL */
};

int scrapes_new(struct request_wall *wall, unsigned int max, const struct scrapes_ops *ops,
                struct scrapes **ret_scrapes)
{
    struct scrapes *scrapes = calloc(1, sizeof(*scrapes) + max * sizeof(scrapes->scrape[0]));
    int r;

    if (!scrapes)
        return -ENOMEM;
    r = pthread_mutex_init(&scrapes->lock, NULL);
    if (r) {
        free(scrapes);
        return -r;
    }
    scrapes->references = 1;
    scrapes->wall = wall;
    scrapes->ops = ops;
    scrapes->max = max;
    *ret_scrapes = scrapes;
    return 0;
}

static void lock(struct scrapes *scrapes)
{
    pthread_mutex_lock(&scrapes->lock);
}

/* Leaves the lock after dropping `references` of them; with the last one goes everything. */
static void unlock_and_drop(struct scrapes *scrapes, unsigned int references)
{
    bool last;

    scrapes->references -= references;
    last = scrapes->references == 0;
    pthread_mutex_unlock(&scrapes->lock);
    if (last) {
        pthread_mutex_destroy(&scrapes->lock);
        free(scrapes);
    }
}

static void unlock(struct scrapes *scrapes)
{
    unlock_and_drop(scrapes, 0);
}

/* Leaves the lock and drops a reference to a scrape. */
static void unlock_and_drop_scrape(struct scrape *scrape)
{
    struct scrapes *scrapes = scrape->scrapes;
    bool last = --scrape->references == 0;

    unlock_and_drop(scrapes, last ? 1 : 0);
    if (last) {
        snapshot_unref(scrape->snapshot);
        free(scrape);
    }
}

/* With the lock held. The first answer counts. Takes the snapshot when it returns true. */
static bool answer(struct scrape *scrape, int error, struct snapshot *snapshot)
{
    bool suspended = scrape->state == SCRAPE_SUSPENDED;

    if (scrape->state == SCRAPE_ANSWERED)
        return false;
    scrape->error = error;
    scrape->snapshot = snapshot;
    scrape->state = SCRAPE_ANSWERED;
    if (suspended)
        scrape->scrapes->ops->resume(scrape->connection);
    return true;
}

static void on_done(void *userdata, int error, struct snapshot *snapshot)
{
    struct scrape *scrape = userdata;

    lock(scrape->scrapes);
    if (answer(scrape, error, snapshot))
        snapshot = NULL;
    unlock_and_drop_scrape(scrape);
    snapshot_unref(snapshot);
}

void scrapes_close(struct scrapes *scrapes)
{
    lock(scrapes);
    scrapes->closed = true;
    for (unsigned int i = 0; i < scrapes->max; i++)
        if (scrapes->scrape[i])
            (void)answer(scrapes->scrape[i], -ESHUTDOWN, NULL);
    unlock(scrapes);
}

struct scrapes *scrapes_free(struct scrapes *scrapes)
{
    if (!scrapes)
        return NULL;
    scrapes_close(scrapes);
    lock(scrapes);
    for (unsigned int i = 0; i < scrapes->max; i++)
        assert(!scrapes->scrape[i]);
    unlock_and_drop(scrapes, 1);
    return NULL;
}

/* With the lock held: finds a place for it. */
static int enter(struct scrapes *scrapes, struct scrape *scrape)
{
    if (scrapes->closed)
        return -ESHUTDOWN;
    for (unsigned int i = 0; i < scrapes->max; i++)
        if (!scrapes->scrape[i]) {
            scrapes->scrape[i] = scrape;
            scrapes->references++;
            return 0;
        }
    return -EAGAIN;
}

int scrape_begin(struct scrapes *scrapes, uint64_t deadline_ns, void *connection,
                 struct scrape **ret_scrape)
{
    struct scrape *scrape = calloc(1, sizeof(*scrape));
    int r;

    if (!scrape)
        return -ENOMEM;
    *scrape = (struct scrape){
        .scrapes = scrapes, .references = 2, .deadline_ns = deadline_ns, .connection = connection};
    lock(scrapes);
    r = enter(scrapes, scrape);
    unlock(scrapes);
    if (r) {
        free(scrape);
        return r;
    }

    /* Without the lock: the wall may answer before this returns. */
    r = request_ask(scrapes->wall, deadline_ns, on_done, scrape);
    if (r) {
        lock(scrapes);
        unlock_and_drop_scrape(scrape); /* the wall's reference */
        scrape_end(scrape);
        return r;
    }
    *ret_scrape = scrape;
    return 0;
}

bool scrape_waits(struct scrape *scrape)
{
    bool waits;

    /* Suspended under the lock, so that an answer in this moment cannot resume too early. */
    lock(scrape->scrapes);
    waits = scrape->state == SCRAPE_ASKED;
    if (waits) {
        scrape->scrapes->ops->suspend(scrape->connection);
        scrape->state = SCRAPE_SUSPENDED;
    }
    unlock(scrape->scrapes);
    return waits;
}

int scrape_answer(struct scrape *scrape, struct snapshot **ret_snapshot)
{
    /* Once answered, nobody else touches these. */
    assert(scrape->state == SCRAPE_ANSWERED);
    if (scrape->error)
        return scrape->error;
    *ret_snapshot = steal(scrape->snapshot);
    return 0;
}

struct scrape *scrape_end(struct scrape *scrape)
{
    struct scrapes *scrapes;

    if (!scrape)
        return NULL;
    scrapes = scrape->scrapes;
    lock(scrapes);
    scrape->state = SCRAPE_ANSWERED; /* the connection is no longer there to be resumed */
    for (unsigned int i = 0; i < scrapes->max; i++)
        if (scrapes->scrape[i] == scrape)
            scrapes->scrape[i] = NULL;
    unlock_and_drop_scrape(scrape);
    return NULL;
}

uint64_t scrapes_expire(struct scrapes *scrapes, uint64_t now_ns)
{
    uint64_t next_ns = UINT64_MAX;

    lock(scrapes);
    for (unsigned int i = 0; i < scrapes->max; i++) {
        struct scrape *scrape = scrapes->scrape[i];

        if (!scrape || scrape->state == SCRAPE_ANSWERED)
            continue;
        if (scrape->deadline_ns <= now_ns)
            (void)answer(scrape, -ETIMEDOUT, NULL);
        else if (scrape->deadline_ns < next_ns)
            next_ns = scrape->deadline_ns;
    }
    unlock(scrapes);
    return next_ns;
}
