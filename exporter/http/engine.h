/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Speaks HTTP with the clients that it is given: checks requests, routes them, gets the snapshots
 * and sends the answers, in one thread of its own. The one module that knows libmicrohttpd.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "exposition/exposition.h"
#include "http/connections.h"
#include "http/pages.h"
#include "http/scrapes.h"
#include "sampler/request.h"
#include "util/cleanup.h"

/* All pointers are borrowed until engine_free(). */
struct engine_config {
    struct connections *connections;
    struct request_wall *wall;
    struct scrapes_limits scrapes;
    unsigned int max_header_bytes;
    uint64_t sample_timeout_ns;
    int wake_fd; /* written when engine_tick() has something to do earlier than it said */
    struct exposition_options exposition;
    struct landing landing;
};

struct engine;

/* Starts the thread. A negative errno. */
int engine_new(const struct engine_config *config, struct engine **ret_engine) must_check;

/*
 * Cuts off all clients, stops the thread, and frees. No other call may be under way. Always returns
 * NULL.
 */
struct engine *engine_free(struct engine *engine);

/* Takes a client, who is in `connections` already or is without limits. Safe from any thread. */
void engine_add(struct engine *engine, int fd, const struct sockaddr *address, socklen_t length);

/* See http_server_set_exposition(). Safe from any thread. */
void engine_set_exposition(struct engine *engine, const struct exposition_options *options);

/* How long scrapes from now on wait for their sample. Safe from any thread. */
void engine_set_sample_timeout(struct engine *engine, uint64_t ns);

/* What /-/ready says; at first that it is not. Safe from any thread. */
void engine_set_ready(struct engine *engine, bool ready);

/* Looks after deadlines of scrapes; returns when to be called again, at the latest. */
uint64_t engine_tick(struct engine *engine, uint64_t now_ns);

DEFINE_CLEANUP(struct engine *, cleanup_engine, engine_free)
