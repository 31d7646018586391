/* SPDX-License-Identifier: Apache-2.0 */
/* Puts listening sockets, the acceptor, the limits and the engine together; see server.h. */
#include "http/server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "http/acceptor.h"
#include "http/connections.h"
#include "http/engine.h"
#include "http/probe.h"
#include "util/pulse.h"

/* How long after the sample's deadline a waiting client is cut off: normally it has its 503. */
#define SAMPLE_GRACE_NS (1 * NS_PER_S)

_Static_assert(HTTP_SERVER_SOCKETS_MAX <= ACCEPTOR_SOCKETS_MAX, "each can be accepted from");

struct http_server {
    struct http_server_config config;
    int listen_fd[HTTP_SERVER_SOCKETS_MAX]; /* by address; -1: not bound */
    int wake_fd;
    struct connections *connections;
    struct engine *engine;
    struct acceptor *acceptor;
    struct pulse acceptor_pulse;
    struct probe probe; /* of the engine's thread */
};

static void on_accepted(void *userdata, int fd, const struct sockaddr *address, socklen_t length)
{
    struct http_server *server = userdata;
    struct peer peer = peer_of(address, length);

    if (connections_add(server->connections, fd, &peer, monotonic_ns()) == 0)
        engine_add(server->engine, fd, address, length);
    else
        close(fd);
}

static uint64_t on_tick(void *userdata, uint64_t now_ns)
{
    struct http_server *server = userdata;
    uint64_t engine_ns = engine_tick(server->engine, now_ns);
    uint64_t connections_ns = connections_cut_late(server->connections, now_ns);

    pulse_answer(&server->acceptor_pulse);
    return engine_ns < connections_ns ? engine_ns : connections_ns;
}

static int open_sockets(struct http_server *server, char *error, size_t error_size)
{
    const struct http_server_config *config = &server->config;
    size_t bound = 0;
    int r = -EINVAL;

    snprintf(error, error_size, "no address to listen on");
    for (size_t i = 0; i < config->addresses_count; i++) {
        const struct listen_address *address = &config->addresses[i];

        r = listen_open(address, config->send_timeout_ns, &server->listen_fd[i], error, error_size);
        if (r && !address->optional)
            return r;
        bound += r == 0;
    }
    return bound > 0 ? 0 : r;
}

static int start_engine(struct http_server *server)
{
    const struct http_server_config *config = &server->config;
    const struct engine_config engine_config = {
        .connections = server->connections,
        .wall = config->wall,
        .scrapes = {.max = config->max_scrapes, .turns = SCRAPES_TURNS},
        .max_header_bytes = config->max_header_bytes,
        .sample_timeout_ns = config->sample_timeout_ns,
        .wake_fd = server->wake_fd,
        .exposition = config->exposition,
        .landing = {.telemetry_path = config->telemetry_path,
                    .version = config->exposition.layout.version,
                    .source = config->source},
    };

    return engine_new(&engine_config, &server->engine);
}

static struct connections_limits limits_of(const struct http_server_config *config)
{
    return (struct connections_limits){
        .max = config->max_connections,
        .max_per_peer = config->max_connections_per_address,
        .timeout_ns = {[CONNECTION_READING] = config->header_timeout_ns,
                       [CONNECTION_ANSWERING] = config->sample_timeout_ns + SAMPLE_GRACE_NS,
                       [CONNECTION_SENDING] = config->send_timeout_ns,
                       [CONNECTION_IDLE] = config->idle_timeout_ns},
    };
}

static int start(struct http_server *server)
{
    static const struct acceptor_ops acceptor_ops = {.accepted = on_accepted, .tick = on_tick};
    const struct http_server_config *config = &server->config;
    const struct connections_limits limits = limits_of(config);
    int bound[HTTP_SERVER_SOCKETS_MAX];
    size_t count = 0;
    int r;

    server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->wake_fd < 0)
        return -errno;
    r = connections_new(&limits, server->wake_fd, &server->connections);
    if (r == 0)
        r = start_engine(server);
    if (r)
        return r;

    for (size_t i = 0; i < HTTP_SERVER_SOCKETS_MAX; i++)
        if (server->listen_fd[i] >= 0)
            bound[count++] = server->listen_fd[i];
    return acceptor_new(bound, count, server->wake_fd, &acceptor_ops, server, &server->acceptor);
}

static struct http_server *new_server(const struct http_server_config *config)
{
    struct http_server *server = calloc(1, sizeof(*server));

    for (size_t i = 0; i < config->addresses_count; i++)
        if (config->addresses[i].inherited && (!server || i >= HTTP_SERVER_SOCKETS_MAX))
            close(config->addresses[i].fd);
    if (!server)
        return NULL;
    server->config = *config;
    server->wake_fd = -1;
    server->probe = PROBE_NULL;
    for (size_t i = 0; i < HTTP_SERVER_SOCKETS_MAX; i++) {
        bool inherited = i < config->addresses_count && config->addresses[i].inherited;

        server->listen_fd[i] = inherited ? config->addresses[i].fd : -1;
    }
    return server;
}

int http_server_new(const struct http_server_config *config, struct http_server **ret_server,
                    char *error, size_t error_size)
{
    cleanup(cleanup_http_server) struct http_server *server = new_server(config);
    int r;

    if (!server) {
        snprintf(error, error_size, "cannot start the web server: %s", strerror(ENOMEM));
        return -ENOMEM;
    }
    if (config->addresses_count > HTTP_SERVER_SOCKETS_MAX) {
        snprintf(error, error_size, "more than %u addresses to listen on", HTTP_SERVER_SOCKETS_MAX);
        return -EINVAL;
    }
    if (config->telemetry_path[0] != '/' || strpbrk(config->telemetry_path, "?# ")) {
        snprintf(error, error_size,
                 "'%.100s' is no path for the metrics: it must begin with a slash and have no "
                 "space, '?' or '#'",
                 config->telemetry_path);
        return -EINVAL;
    }
    r = open_sockets(server, error, error_size);
    if (r)
        return r;
    r = start(server);
    if (r) {
        snprintf(error, error_size, "cannot start the web server: %s", strerror(-r));
        return r;
    }
    *ret_server = steal(server);
    return 0;
}

struct http_server *http_server_free(struct http_server *server)
{
    if (!server)
        return NULL;
    acceptor_free(server->acceptor);
    engine_free(server->engine);
    probe_deinit(&server->probe);
    for (size_t i = 0; i < HTTP_SERVER_SOCKETS_MAX && i < server->config.addresses_count; i++)
        listen_close(&server->config.addresses[i], &server->listen_fd[i]);
    connections_free(server->connections);
    cleanup_close(&server->wake_fd);
    free(server);
    return NULL;
}

void http_server_set_exposition(struct http_server *server,
                                const struct exposition_options *options)
{
    engine_set_exposition(server->engine, options);
}

void http_server_set_limits(struct http_server *server, const struct http_server_config *config)
{
    const struct connections_limits limits = limits_of(config);

    connections_set_limits(server->connections, &limits);
    engine_set_sample_timeout(server->engine, config->sample_timeout_ns);
    for (size_t i = 0; i < HTTP_SERVER_SOCKETS_MAX; i++)
        if (server->listen_fd[i] >= 0)
            listen_set_send_timeout(server->listen_fd[i], config->send_timeout_ns);
}

void http_server_set_ready(struct http_server *server, bool ready)
{
    engine_set_ready(server->engine, ready);
}

void http_server_ask(struct http_server *server, enum http_thread thread)
{
    if (thread == HTTP_THREAD_ENGINE) {
        server->probe.engine = server->engine;
        probe_ask(&server->probe);
    } else {
        pulse_ask(&server->acceptor_pulse);
        eventfd_write(server->wake_fd, 1);
    }
}

bool http_server_answered(struct http_server *server, enum http_thread thread)
{
    return thread == HTTP_THREAD_ENGINE ? probe_answered(&server->probe)
                                        : pulse_answered(&server->acceptor_pulse);
}

bool http_server_listens(const struct http_server *server, size_t index)
{
    return index < server->config.addresses_count && server->listen_fd[index] >= 0;
}

uint16_t http_server_port(const struct http_server *server, size_t index)
{
    return http_server_listens(server, index) ? listen_port(server->listen_fd[index]) : 0;
}
