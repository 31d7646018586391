/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The web server: listens, asks the wall for a snapshot per scrape, answers with its exposition.
 * Everything runs in two threads of its own (one accepts and watches deadlines, one is the
 * engine's); the caller only starts and stops it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exposition/exposition.h"
#include "http/listen.h"
#include "sampler/request.h"
#include "util/cleanup.h"
#include "util/monotonic.h"

/* The most listening sockets. */
#define HTTP_SERVER_SOCKETS_MAX 16U

/* All pointers are borrowed until http_server_free(). Inherited sockets are taken by it, and by
 * http_server_new() when that fails. */
struct http_server_config {
    const struct listen_address *addresses;
    size_t addresses_count;
    const char *telemetry_path; /* begins with a slash */
    const char *source;         /* where the numbers come from, for the landing page */
    struct request_wall *wall;
    struct exposition_options exposition;
    unsigned int max_scrapes; /* in flight, over all listeners */
    unsigned int max_connections;
    unsigned int max_connections_per_address; /* of IPv6: per network of 64 bits */
    unsigned int max_header_bytes;
    uint64_t header_timeout_ns; /* from the connection to the end of the first request's header */
    uint64_t sample_timeout_ns; /* until there must be an answer */
    uint64_t send_timeout_ns;   /* until the client must have taken the whole response */
    uint64_t idle_timeout_ns;   /* from one response to the end of the next request's header */
};

/* The limits; the rest has no default. */
#define HTTP_SERVER_DEFAULTS                                                                       \
    .telemetry_path = "/metrics", .max_scrapes = 40, .max_connections = 256,                       \
    .max_connections_per_address = 64, .max_header_bytes = 8192,                                   \
    .header_timeout_ns = 10 * NS_PER_S, .sample_timeout_ns = 5 * NS_PER_S,                         \
    .send_timeout_ns = 30 * NS_PER_S, .idle_timeout_ns = 120 * NS_PER_S

struct http_server;

/*
 * Binds the addresses and starts serving. Negative errno, with a message of one line in `error`
 * that says what to do about it.
 */
int http_server_new(const struct http_server_config *config, struct http_server **ret_server,
                    char *error, size_t error_size) must_check;

/*
 * Stops serving, cutting off whoever is still there, and frees. Answers of the wall that are still
 * under way may arrive later. Always returns NULL.
 */
struct http_server *http_server_free(struct http_server *server);

/*
 * Exports something else from the next scrape on. Copies the options; what they point to is
 * borrowed as before.
 */
void http_server_set_exposition(struct http_server *server,
                                const struct exposition_options *options);

/*
 * Takes the connections per address and the times from `config`, for whatever happens from now on.
 * More connections or scrapes than at first there can never be.
 */
void http_server_set_limits(struct http_server *server, const struct http_server_config *config);

/* What /-/ready says; at first that it is not. */
void http_server_set_ready(struct http_server *server, bool ready);

/* The threads behind it. */
enum http_thread {
    HTTP_THREAD_ACCEPTOR,
    HTTP_THREAD_ENGINE,
};

/* Asks a thread for a sign of life, and whether it gave one since. Called by one thread. */
void http_server_ask(struct http_server *server, enum http_thread thread);
bool http_server_answered(struct http_server *server, enum http_thread thread);

/* Whether address `index` of the configuration is served: an optional one may not be. */
bool http_server_listens(const struct http_server *server, size_t index);

/* The port behind that address, for which 0 may have been given; 0 when there is none. */
uint16_t http_server_port(const struct http_server *server, size_t index);

DEFINE_CLEANUP(struct http_server *, cleanup_http_server, http_server_free)
