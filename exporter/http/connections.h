/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every open connection with the moment by which its client must have got on, over all listeners.
 * A client that trickles bytes is never inactive, so what counts is the total time of a phase:
 * until the request is there, until the response is gone, until the next request. Who is late is
 * cut off with shutdown(2); the descriptor stays with its owner, who must remove it here before
 * closing it, so that no other file that got the same number is ever shut down.
 *
 * Safe from any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "util/cleanup.h"

struct connections;
struct connection;

/*
 * Room for `max` connections, at most `max_per_address` of them from one IP address (Unix sockets
 * have none and are not counted). `wake_fd` is an eventfd that is written when a deadline comes
 * before the moment connections_cut_late() returned last; borrowed. -ENOMEM.
 */
int connections_new(unsigned int max, unsigned int max_per_address, int wake_fd,
                    struct connections **ret_connections) must_check;

/* Always returns NULL. */
struct connections *connections_free(struct connections *connections);

/* -EMFILE: no room; -EUSERS: too many from this address. Borrows the descriptor. */
int connections_add(struct connections *connections, int fd, const struct sockaddr *address,
                    socklen_t length, uint64_t deadline_ns) must_check;

/* The connection with this descriptor, or NULL; valid until it is removed. */
struct connection *connections_find(struct connections *connections, int fd);

void connections_remove(struct connections *connections, struct connection *connection);

/* Gives the client until `deadline_ns` (CLOCK_MONOTONIC) from now on. */
void connections_set_deadline(struct connections *connections, struct connection *connection,
                              uint64_t deadline_ns);

/*
 * Cuts off everybody whose deadline has passed. Returns the next deadline, UINT64_MAX when there
 * is none. Called by one thread.
 */
uint64_t connections_cut_late(struct connections *connections, uint64_t now_ns);

DEFINE_CLEANUP(struct connections *, cleanup_connections, connections_free)
