/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scrapes in flight: who asked the wall for a snapshot and has not got the whole response yet. The
 * answer may come from any thread, at once, late, or after everything here was taken down; a
 * connection that waits is suspended and resumed, and always gets an answer by its deadline.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sampler/request.h"
#include "util/cleanup.h"

/* How a connection is made to wait and to go on. Called with a lock held: must not block. */
struct scrapes_ops {
    void (*suspend)(void *connection);
    void (*resume)(void *connection);
};

struct scrapes;
struct scrape;

/* At most `max` scrapes in flight. Borrows the wall and the ops. -ENOMEM. */
int scrapes_new(struct request_wall *wall, unsigned int max, const struct scrapes_ops *ops,
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
 * Asks the wall on behalf of a connection, to be answered by `deadline_ns`. Gives a scrape, to be
 * ended with scrape_end(). -EAGAIN: too many in flight; -ESHUTDOWN, -ENOMEM or what the wall said.
 */
int scrape_begin(struct scrapes *scrapes, uint64_t deadline_ns, void *connection,
                 struct scrape **ret_scrape) must_check;

/*
 * Whether there is no answer yet: then the connection has been suspended, and will be resumed
 * when there is one.
 */
bool scrape_waits(struct scrape *scrape);

/* The answer: 0 gives a reference to the snapshot, else a negative errno. Once, after waiting. */
int scrape_answer(struct scrape *scrape, struct snapshot **ret_snapshot) must_check;

/* The response is gone, or the connection is. NULL is fine. Always returns NULL. */
struct scrape *scrape_end(struct scrape *scrape);

/*
 * Answers what the wall left unanswered past its deadline with -ETIMEDOUT. Returns the next
 * deadline, UINT64_MAX when there is none.
 */
uint64_t scrapes_expire(struct scrapes *scrapes, uint64_t now_ns);

DEFINE_CLEANUP(struct scrapes *, cleanup_scrapes, scrapes_free)
