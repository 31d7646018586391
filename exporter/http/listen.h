/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses to listen on: from text to a listening socket, with errors that a person can act on. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "util/cleanup.h"

#define LISTEN_TEXT_MAX 128U

/* What a Unix socket's address begins with; the rest is an absolute path. */
#define LISTEN_UNIX "unix:"

struct listen_address {
    char text[LISTEN_TEXT_MAX]; /* as it was given, for messages */
    struct sockaddr_storage address;
    socklen_t length;
    bool optional; /* that it cannot be bound is no reason not to start */
    /* A socket that is open already, such as one of a systemd socket unit's: listen_open() gives
     * its descriptor `fd`; of the rest only `text` counts. */
    bool inherited;
    int fd;
};

/*
 * Reads "127.0.0.1:9603", "[::1]:9603", ":9603" (every address of the host) or "unix:/path". Names
 * are not looked up. -EINVAL with a message of one line in `error`.
 */
int listen_address_parse(const char *text, struct listen_address *ret_address, char *error,
                         size_t error_size) must_check;

/*
 * Opens a listening socket: non-blocking, close-on-exec. Of one that is inherited, see that it is
 * such a socket and make it so. A Unix socket that a program left behind when it ended is replaced.
 * What one client can make the kernel keep for it is bounded: some hundred kilobytes, and after
 * `send_timeout_ns` without progress nothing. Gives the descriptor, to be closed with
 * listen_close(). A negative errno with a message of one line in `error` that names the address and
 * a way out.
 */
int listen_open(const struct listen_address *address, uint64_t send_timeout_ns, int *ret_fd,
                char *error, size_t error_size) must_check;

/* Another `send_timeout_ns` for the connections that are accepted from now on. */
void listen_set_send_timeout(int fd, uint64_t send_timeout_ns);

/*
 * Closes the socket, and removes the file of a Unix socket unless it is inherited. `*fd` is -1
 * then, and may be before.
 */
void listen_close(const struct listen_address *address, int *fd);

/* The port that a listening socket got; 0 when it has none. */
uint16_t listen_port(int fd);
