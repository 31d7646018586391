/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every open connection, over all listeners: how many there may be, how many of one peer, and the
 * moment by which its client must have got on. A client that trickles bytes is never inactive, so
 * what counts is the total time of a phase. Who is late is cut off with shutdown(2); the descriptor
 * stays with its owner, who must remove it here before closing it, so that no other file that got
 * the same number is ever shut down.
 *
 * When all places are taken, a newcomer gets one from the peer that has the most, so that a flood
 * from some addresses does not lock out another.
 *
 * Safe from any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "http/peer.h"
#include "util/cleanup.h"

struct connections;
struct connection;

enum connection_phase {
    CONNECTION_READING,   /* until the header of a request is complete */
    CONNECTION_ANSWERING, /* until there is something to send */
    CONNECTION_SENDING,   /* until the client has taken the response */
    CONNECTION_IDLE,      /* until the next request's line is there */
    CONNECTION_PHASES,
};

/* Places beyond `max` for connections that were cut off and are not closed yet. */
#define CONNECTIONS_SLACK 64U

struct connections_limits {
    unsigned int max;
    unsigned int max_per_peer;
    uint64_t timeout_ns[CONNECTION_PHASES];
};

/*
 * `wake_fd` is an eventfd that is written when a deadline comes before the moment
 * connections_cut_late() returned last; borrowed. -ENOMEM.
 */
int connections_new(const struct connections_limits *limits, int wake_fd,
                    struct connections **ret_connections) must_check;

/*
 * Other limits for whatever happens from now on. There are never more places than at the beginning.
 */
void connections_set_limits(struct connections *connections,
                            const struct connections_limits *limits);

/* Always returns NULL. */
struct connections *connections_free(struct connections *connections);

/*
 * A new client, whose first request is being read from now (CLOCK_MONOTONIC) on. Borrows the
 * descriptor. -EMFILE: no place; -EUSERS: too many of this peer.
 */
int connections_add(struct connections *connections, int fd, const struct peer *peer,
                    uint64_t now_ns) must_check;

/* The connection with this descriptor, or NULL; valid until it is removed. */
struct connection *connections_find(struct connections *connections, int fd);

const struct peer *connection_peer(const struct connection *connection);

void connections_remove(struct connections *connections, struct connection *connection);

/*
 * The connection enters a phase and has that phase's time from now on. Reading is never given more
 * time than is left: neither for the rest of a first request, nor after an idle time.
 */
void connections_enter(struct connections *connections, struct connection *connection,
                       enum connection_phase phase, uint64_t now_ns);

/* Cuts it off now. */
void connections_cut(struct connections *connections, struct connection *connection);

/*
 * Cuts off everybody whose deadline has passed. Returns the next deadline, UINT64_MAX when there
 * is none. Called by one thread.
 */
uint64_t connections_cut_late(struct connections *connections, uint64_t now_ns);

DEFINE_CLEANUP(struct connections *, cleanup_connections, connections_free)
