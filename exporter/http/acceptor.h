/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread that waits at all listening sockets and hands over who comes in; also the clock of
 * the HTTP side, which wakes for deadlines. It never reads a byte of a client.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "util/cleanup.h"

struct acceptor;

/* Called in the acceptor's thread. */
struct acceptor_ops {
    /* A client came. Takes the descriptor. */
    void (*accepted)(void *userdata, int fd, const struct sockaddr *address, socklen_t length);
    /* Time has passed. Returns when (CLOCK_MONOTONIC) to be called again, at the latest. */
    uint64_t (*tick)(void *userdata, uint64_t now_ns);
};

/* The most listening sockets. */
#define ACCEPTOR_SOCKETS_MAX 16U

/*
 * Starts the thread. Borrows the listening sockets and `wake_fd`, an eventfd: writing to it has
 * `tick` called. -EINVAL: too many sockets; -EAGAIN, -ENOMEM.
 */
int acceptor_new(const int *fds, size_t count, int wake_fd, const struct acceptor_ops *ops,
                 void *userdata, struct acceptor **ret_acceptor) must_check;

/* Stops the thread and waits for it: no callback after this. Always returns NULL. */
struct acceptor *acceptor_free(struct acceptor *acceptor);
