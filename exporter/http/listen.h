/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses to listen on: from text to a listening socket, with errors that a person can act on. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "util/cleanup.h"

#define LISTEN_TEXT_MAX 128U

struct listen_address {
    char text[LISTEN_TEXT_MAX]; /* as it was given, for messages */
    struct sockaddr_storage address;
    socklen_t length;
    bool optional; /* that it cannot be bound is no reason not to start */
};

/*
 * Reads "127.0.0.1:9603", "[::1]:9603" or ":9603" (every address of the host). Names are not
 * looked up. -EINVAL with a message of one line in `error`.
 */
int listen_address_parse(const char *text, struct listen_address *ret_address, char *error,
                         size_t error_size) must_check;

/*
 * Opens a listening socket: non-blocking, close-on-exec. Gives the descriptor. A negative errno
 * with a message of one line in `error` that names the address and a way out.
 */
int listen_open(const struct listen_address *address, int *ret_fd, char *error, size_t error_size)
    must_check;

/* The port that a listening socket got; 0 when it has none. */
uint16_t listen_port(int fd);
