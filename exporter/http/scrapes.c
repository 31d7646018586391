/* SPDX-License-Identifier: Apache-2.0 */
/* One lock, short states, counted references; see scrapes.h. */
#include "http/scrapes.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>

/* How often a queue that does not move is looked at. */
#define LOOK_AGAIN_NS (100 * NS_PER_MS)

/* So much more time has who takes no more than its share. */
#define PATIENT 4

enum scrape_state {
    SCRAPE_QUEUED,   /* waits for a turn */
    SCRAPE_TURN,     /* has a turn; the wall is to be asked */
    SCRAPE_ASKED,    /* waits for the wall */
    SCRAPE_SHORT,    /* waits for a body; then the wall is to be asked anew */
    SCRAPE_ANSWERED, /* whatever comes from the wall now is too late */
};

struct scrape {
    struct scrapes *scrapes;
    unsigned int references; /* of the connection and of the wall; under the lock */
    struct peer peer;
    enum scrape_state state;
    bool turn;
    bool suspended;
    bool cut; /* lost its turn to another peer; is about to end */
    uint64_t order;
    uint64_t deadline_ns;
    uint64_t again_ns;   /* when it asks anew at the latest, in SCRAPE_SHORT */
    uint64_t sending_ns; /* since when its response is being sent; 0: it is not */
    void *connection;
    int error; /* it is about to end, and has no place any more */
    struct snapshot *snapshot;
    struct scrape *next_spare;
};

struct scrapes {
    pthread_mutex_t lock;
    unsigned int references; /* of the owner and of every scrape */
    bool closed;
    struct request_wall *wall;
    struct scrapes_limits limits;
    const struct scrapes_ops *ops;
    void *userdata;
    int wake_fd;
    uint64_t wake_at_ns; /* when scrapes_expire() will be called at the latest */
    uint64_t next_order;
    struct scrape *spare; /* have ended, and serve again: a scrape allocates nothing */
    unsigned int places;
    struct scrape *scrape[]; /* those not in use are NULL */
};

int scrapes_new(struct request_wall *wall, const struct scrapes_limits *limits,
                const struct scrapes_ops *ops, void *userdata, int wake_fd,
                struct scrapes **ret_scrapes)
{
    /* Those that have no place any more are in the table until they have ended. */
    unsigned int places = 2 * limits->max;
    struct scrapes *scrapes = calloc(1, sizeof(*scrapes) + places * sizeof(scrapes->scrape[0]));
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
    scrapes->limits = *limits;
    scrapes->ops = ops;
    scrapes->userdata = userdata;
    scrapes->wake_fd = wake_fd;
    scrapes->wake_at_ns = UINT64_MAX;
    scrapes->places = places;
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
    if (!last)
        return;
    while (scrapes->spare) {
        struct scrape *next = scrapes->spare->next_spare;

        free(scrapes->spare);
        scrapes->spare = next;
    }
    pthread_mutex_destroy(&scrapes->lock);
    free(scrapes);
}

static void unlock(struct scrapes *scrapes)
{
    unlock_and_drop(scrapes, 0);
}

/* With the lock held. There are never more than were under way at a time. */
static void put_spare(struct scrape *scrape)
{
    scrape->next_spare = scrape->scrapes->spare;
    scrape->scrapes->spare = scrape;
}

/* With the lock held. NULL: no memory. */
static struct scrape *take_spare(struct scrapes *scrapes)
{
    struct scrape *scrape = scrapes->spare;

    if (!scrape)
        return malloc(sizeof(*scrape));
    scrapes->spare = scrape->next_spare;
    return scrape;
}

/* Leaves the lock and drops a reference to a scrape. */
static void unlock_and_drop_scrape(struct scrape *scrape)
{
    struct scrapes *scrapes = scrape->scrapes;
    bool last = --scrape->references == 0;
    struct snapshot *snapshot = NULL;

    if (last) {
        snapshot = steal(scrape->snapshot);
        put_spare(scrape);
    }
    unlock_and_drop(scrapes, last ? 1 : 0);
    snapshot_unref(snapshot);
}

/* From here to the next such line: with the lock held. */

static void resume(struct scrape *scrape)
{
    if (scrape->suspended)
        scrape->scrapes->ops->resume(scrape->connection);
    scrape->suspended = false;
}

/* The first answer counts. Takes the snapshot when it returns true. */
static bool answer(struct scrape *scrape, int error, struct snapshot *snapshot)
{
    if (scrape->state == SCRAPE_ANSWERED)
        return false;
    scrape->error = error;
    scrape->snapshot = snapshot;
    scrape->state = SCRAPE_ANSWERED;
    resume(scrape);
    return true;
}

/* Scrapes in flight, all of them or those of one peer. */
static unsigned int count_places(const struct scrapes *scrapes, const struct peer *peer)
{
    unsigned int count = 0;

    for (unsigned int i = 0; i < scrapes->places; i++) {
        const struct scrape *scrape = scrapes->scrape[i];

        count += scrape && !scrape->error && (!peer || peer_equal(&scrape->peer, peer));
    }
    return count;
}

static unsigned int count_turns(const struct scrapes *scrapes, const struct peer *peer)
{
    unsigned int count = 0;

    for (unsigned int i = 0; i < scrapes->places; i++) {
        const struct scrape *scrape = scrapes->scrape[i];

        count += scrape && scrape->turn && (!peer || peer_equal(&scrape->peer, peer));
    }
    return count;
}

/*
 * Of those that wait for a turn: one of the peer that has the fewest turns, then of the one that
 * wants the least, then the first that came.
 */
static struct scrape *next_in_queue(const struct scrapes *scrapes)
{
    struct scrape *next = NULL;
    unsigned int fewest_turns = 0, fewest_places = 0;

    for (unsigned int i = 0; i < scrapes->places; i++) {
        struct scrape *scrape = scrapes->scrape[i];
        unsigned int turns, places;

        if (!scrape || scrape->state != SCRAPE_QUEUED)
            continue;
        turns = count_turns(scrapes, &scrape->peer);
        places = count_places(scrapes, &scrape->peer);
        if (!next || turns < fewest_turns ||
            (turns == fewest_turns && (places < fewest_places ||
                                       (places == fewest_places && scrape->order < next->order)))) {
            fewest_turns = turns;
            fewest_places = places;
            next = scrape;
        }
    }
    return next;
}

/* Gives turns to those who wait, as long as there are any. */
static void give_turns(struct scrapes *scrapes)
{
    unsigned int half = scrapes->limits.turns > 1 ? scrapes->limits.turns / 2 : 1;

    for (unsigned int left = scrapes->limits.turns - count_turns(scrapes, NULL); left > 0; left--) {
        struct scrape *next = next_in_queue(scrapes);

        if (!next || count_turns(scrapes, &next->peer) >= half)
            break;
        next->turn = true;
        next->state = SCRAPE_TURN;
        resume(next);
    }
}

/* Has those ask anew who waited for a body until now. */
static void ask_again(struct scrapes *scrapes, uint64_t now_ns)
{
    for (unsigned int i = 0; i < scrapes->places; i++) {
        struct scrape *scrape = scrapes->scrape[i];

        if (!scrape || scrape->state != SCRAPE_SHORT || scrape->again_ns > now_ns)
            continue;
        scrape->state = SCRAPE_TURN;
        resume(scrape);
    }
}

/*
 * Makes room for a peer that has `own` places: the last one in the queue of the peer that has the
 * most, and at least two more, has to go.
 */
static bool take_place(struct scrapes *scrapes, unsigned int own)
{
    struct scrape *victim = NULL;
    unsigned int most = own + 2;

    for (unsigned int i = 0; i < scrapes->places; i++) {
        struct scrape *scrape = scrapes->scrape[i];
        unsigned int places;

        if (!scrape || scrape->state != SCRAPE_QUEUED)
            continue;
        places = count_places(scrapes, &scrape->peer);
        if (places > most || (places == most && (!victim || scrape->order > victim->order))) {
            most = places;
            victim = scrape;
        }
    }
    if (victim)
        (void)answer(victim, -EAGAIN, NULL);
    return victim;
}

static int enter(struct scrapes *scrapes, struct scrape *scrape)
{
    unsigned int place = 0;

    if (scrapes->closed)
        return -ESHUTDOWN;
    while (place < scrapes->places && scrapes->scrape[place])
        place++;
    if (place == scrapes->places || (count_places(scrapes, NULL) >= scrapes->limits.max &&
                                     !take_place(scrapes, count_places(scrapes, &scrape->peer))))
        return -EAGAIN;
    scrapes->scrape[place] = scrape;
    scrapes->references++;
    scrape->order = scrapes->next_order++;
    give_turns(scrapes);
    return 0;
}

/*
 * Whoever waits for a turn shall not wait for a client that takes its time: of the peer that has
 * the most turns, the client that takes longest is cut off. It has more time where its peer has
 * only one turn more, and wants no more altogether.
 */
static void take_turn(struct scrapes *scrapes, const struct peer *waiting, uint64_t now_ns)
{
    unsigned int turns = count_turns(scrapes, waiting), most = turns + 1;
    struct scrape *victim = NULL;
    bool greedy;

    for (unsigned int i = 0; i < scrapes->places; i++) {
        struct scrape *scrape = scrapes->scrape[i];
        unsigned int has;

        if (scrape && scrape->cut)
            return; /* a turn is on its way */
        if (!scrape || !scrape->sending_ns)
            continue;
        has = count_turns(scrapes, &scrape->peer);
        if (has > most || (has == most && (!victim || scrape->sending_ns < victim->sending_ns))) {
            most = has;
            victim = scrape;
        }
    }
    if (!victim)
        return;
    greedy = most > turns + 1 ||
             count_places(scrapes, &victim->peer) > count_places(scrapes, waiting) + 1;
    if (now_ns >= victim->sending_ns + SCRAPES_PATIENCE_NS * (greedy ? 1 : PATIENT)) {
        victim->cut = true;
        scrapes->ops->cut(scrapes->userdata, victim->connection);
    }
}

/* Whoever has taken a response for too long is cut off; sooner where its peer takes several. */
static void hurry(struct scrapes *scrapes, uint64_t now_ns)
{
    for (unsigned int i = 0; i < scrapes->places; i++) {
        struct scrape *scrape = scrapes->scrape[i];
        unsigned int times;

        if (!scrape || !scrape->sending_ns || scrape->cut)
            continue;
        times = count_turns(scrapes, &scrape->peer) > 1 ? 1 : PATIENT;
        if (now_ns < scrape->sending_ns + times * SCRAPES_PATIENCE_NS)
            continue;
        scrape->cut = true;
        scrapes->ops->cut(scrapes->userdata, scrape->connection);
    }
}

/* From here on: without the lock. */

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
    for (unsigned int i = 0; i < scrapes->places; i++)
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
    for (unsigned int i = 0; i < scrapes->places; i++)
        assert(!scrapes->scrape[i]);
    unlock_and_drop(scrapes, 1);
    return NULL;
}

int scrape_begin(struct scrapes *scrapes, const struct peer *peer, uint64_t deadline_ns,
                 void *connection, struct scrape **ret_scrape)
{
    struct scrape *scrape;
    int r;

    lock(scrapes);
    scrape = take_spare(scrapes);
    if (!scrape) {
        unlock(scrapes);
        return -ENOMEM;
    }
    *scrape = (struct scrape){.scrapes = scrapes,
                              .references = 1,
                              .peer = *peer,
                              .state = SCRAPE_QUEUED,
                              .deadline_ns = deadline_ns,
                              .connection = connection};
    r = enter(scrapes, scrape);
    if (r)
        put_spare(scrape);
    unlock(scrapes);
    if (r == 0)
        *ret_scrape = scrape;
    return r;
}

/* Enters and leaves with the lock held; without it in between: the wall may answer at once. */
static void ask(struct scrape *scrape)
{
    struct scrapes *scrapes = scrape->scrapes;
    int r;

    scrape->state = SCRAPE_ASKED;
    scrape->references++; /* the wall's */
    unlock(scrapes);
    r = request_ask(scrapes->wall, scrape->deadline_ns, on_done, scrape);
    lock(scrapes);
    if (r) {
        scrape->references--;
        (void)answer(scrape, r, NULL);
    }
}

/* With the lock held. */
static void wake_by(struct scrapes *scrapes, uint64_t deadline_ns)
{
    if (deadline_ns >= scrapes->wake_at_ns)
        return;
    scrapes->wake_at_ns = deadline_ns;
    eventfd_write(scrapes->wake_fd, 1);
}

bool scrape_waits(struct scrape *scrape)
{
    bool waits;

    /* Suspended under the lock, so that an answer in this moment cannot resume too early. */
    lock(scrape->scrapes);
    if (scrape->state == SCRAPE_TURN)
        ask(scrape);
    waits = scrape->state != SCRAPE_ANSWERED;
    if (waits) {
        scrape->scrapes->ops->suspend(scrape->connection);
        scrape->suspended = true;
        wake_by(scrape->scrapes, scrape->state == SCRAPE_QUEUED ? 0 : scrape->deadline_ns);
    }
    unlock(scrape->scrapes);
    return waits;
}

int scrape_answer(struct scrape *scrape, uint64_t now_ns, struct snapshot **ret_snapshot)
{
    /* Once answered, nobody else touches these. */
    assert(scrape->state == SCRAPE_ANSWERED);
    if (scrape->error)
        return scrape->error;
    lock(scrape->scrapes);
    scrape->sending_ns = now_ns;
    unlock(scrape->scrapes);
    *ret_snapshot = steal(scrape->snapshot);
    return 0;
}

void scrapes_hurry(struct scrapes *scrapes, uint64_t now_ns)
{
    lock(scrapes);
    hurry(scrapes, now_ns);
    unlock(scrapes);
}

bool scrape_again(struct scrape *scrape, uint64_t now_ns)
{
    struct scrapes *scrapes = scrape->scrapes;
    bool waits;

    lock(scrapes);
    scrape->sending_ns = 0; /* nothing is sent */
    hurry(scrapes, now_ns);
    waits = !scrapes->closed && now_ns < scrape->deadline_ns;
    if (waits) {
        scrape->state = SCRAPE_SHORT;
        scrape->again_ns = now_ns + LOOK_AGAIN_NS;
        scrapes->ops->suspend(scrape->connection);
        scrape->suspended = true;
        wake_by(scrapes, scrape->again_ns);
    }
    unlock(scrapes);
    return waits;
}

struct scrape *scrape_end(struct scrape *scrape)
{
    struct scrapes *scrapes;

    if (!scrape)
        return NULL;
    scrapes = scrape->scrapes;
    lock(scrapes);
    scrape->state = SCRAPE_ANSWERED; /* the connection is no longer there to be resumed */
    scrape->suspended = false;
    for (unsigned int i = 0; i < scrapes->places; i++)
        if (scrapes->scrape[i] == scrape)
            scrapes->scrape[i] = NULL;
    if (!scrapes->closed) {
        give_turns(scrapes);
        ask_again(scrapes, UINT64_MAX); /* its body may be free now */
    }
    unlock_and_drop_scrape(scrape);
    return NULL;
}

uint64_t scrapes_expire(struct scrapes *scrapes, uint64_t now_ns)
{
    uint64_t next_ns = UINT64_MAX;
    struct scrape *next;

    lock(scrapes);
    for (unsigned int i = 0; i < scrapes->places; i++) {
        struct scrape *scrape = scrapes->scrape[i];
        bool queues;
        uint64_t at_ns;

        if (!scrape || scrape->state == SCRAPE_ANSWERED)
            continue;
        queues = scrape->state == SCRAPE_QUEUED || scrape->state == SCRAPE_SHORT;
        at_ns = scrape->deadline_ns;
        if (at_ns <= now_ns)
            (void)answer(scrape, queues ? -EAGAIN : -ETIMEDOUT, NULL);
        else if (scrape->state == SCRAPE_SHORT && scrape->again_ns < at_ns)
            at_ns = scrape->again_ns;
        if (at_ns > now_ns && at_ns < next_ns)
            next_ns = at_ns;
    }
    ask_again(scrapes, now_ns);
    next = next_in_queue(scrapes);
    if (next) {
        take_turn(scrapes, &next->peer, now_ns);
        if (now_ns + LOOK_AGAIN_NS < next_ns)
            next_ns = now_ns + LOOK_AGAIN_NS;
    }
    scrapes->wake_at_ns = next_ns;
    unlock(scrapes);
    return next_ns;
}
