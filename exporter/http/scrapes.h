/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scrapes in flight: who asked for metrics and has not got the whole response yet. Few of them have
 * a turn at a time: a turn is the right to ask the wall for a snapshot, and to hold a body until it
 * is sent; the others wait for one. Peers share places and turns: one that has more than another
 * has to give, so that a greedy or slow client costs nobody else a scrape.
 *
 * The wall's answer may come from any thread, at once, late, or after everything here was taken
 * down; a connection that waits is suspended and resumed, and always gets an answer by its
 * deadline.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "http/peer.h"
#include "sampler/request.h"
#include "util/cleanup.h"
#include "util/monotonic.h"

/* What is done to a connection. Called with a lock held: must not block. */
struct scrapes_ops {
    void (*suspend)(void *connection);
    void (*resume)(void *connection);
    /* Ends it, soon: its scrape still has to be ended. */
    void (*cut)(void *userdata, void *connection);
};

/* How long a client may take a response while another peer, which has fewer turns, waits for one.
 */
#define SCRAPES_PATIENCE_NS (1 * NS_PER_S)

/* How many scrapes are worked on at a time, or sent, where nobody else wants to say so. */
#define SCRAPES_TURNS 8U

struct scrapes_limits {
    unsigned int max;   /* scrapes in flight */
    unsigned int turns; /* of them with a turn; one peer has half of these at most */
};

struct scrapes;
struct scrape;

/*
 * Borrows the wall, the ops and `wake_fd`, an eventfd that is written when scrapes_expire() is to
 * be called earlier than it said. -ENOMEM.
 */
int scrapes_new(struct request_wall *wall, const struct scrapes_limits *limits,
                const struct scrapes_ops *ops, void *userdata, int wake_fd,
                struct scrapes **ret_scrapes) must_check;

/*
 * Answers whatever waits, and everything that comes later, with -ESHUTDOWN. After this, no
 * connection is suspended and none of the ops is called.
 */
void scrapes_close(struct scrapes *scrapes);

/*
 * Closes and drops the caller's reference: an answer that is still under way may arrive at any
 * time later. Each scrape must have ended. Always returns NULL.
 */
struct scrapes *scrapes_free(struct scrapes *scrapes);

/*
 * A connection wants a snapshot by `deadline_ns`. Gives a scrape, to be ended with scrape_end().
 * -EAGAIN: too many in flight; -ESHUTDOWN, -ENOMEM.
 */
int scrape_begin(struct scrapes *scrapes, const struct peer *peer, uint64_t deadline_ns,
                 void *connection, struct scrape **ret_scrape) must_check;

/*
 * Gets on with it, and says whether the connection has to wait: then it has been suspended, and
 * will be resumed, when this is to be called again.
 */
bool scrape_waits(struct scrape *scrape);

/*
 * The answer: 0 gives a reference to the snapshot, and from `now_ns` on the response is being sent;
 * else a negative errno (-EAGAIN: others were first). Once, after waiting.
 */
int scrape_answer(struct scrape *scrape, uint64_t now_ns, struct snapshot **ret_snapshot)
    must_check;

/*
 * There is no room for another body: cuts off those who have been taking theirs for longer than a
 * client may while others wait, which is less where its peer takes several.
 */
void scrapes_hurry(struct scrapes *scrapes, uint64_t now_ns);

/*
 * There is no body for a scrape that has got its answer: hurries those who have one, and asks for
 * another snapshot as soon as one of them has gone, or a little later. True: the connection has
 * been suspended, and will be resumed, when scrape_waits() is to be called again; false: it has
 * waited for as long as it can.
 */
bool scrape_again(struct scrape *scrape, uint64_t now_ns);

/* The response is gone, or the connection is. NULL is fine. Always returns NULL. */
struct scrape *scrape_end(struct scrape *scrape);

/*
 * Answers what is past its deadline: -ETIMEDOUT when it waits for the wall, -EAGAIN when it waits
 * for a turn or a body. Cuts off who takes a response for too long while others wait. Returns when
 * to be called again at the latest, UINT64_MAX for never.
 */
uint64_t scrapes_expire(struct scrapes *scrapes, uint64_t now_ns);

DEFINE_CLEANUP(struct scrapes *, cleanup_scrapes, scrapes_free)
