/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one file that knows libmicrohttpd. What it must be protected from (0.9.75):
 *  - A response queued in the first call of the handler closes the connection: answers wait for
 *    the second call, unless closing is what we want.
 *  - Its timeout is one of inactivity: deadlines are ours, see connections.h.
 *  - It counts connections per daemon: accepting is ours, see acceptor.h, and it gets each
 *    connection from us, so that one thread of its own serves all listeners.
 *  - Some of its own error responses (MHD_OPTION_STRICT_FOR_CLIENT: no Host) have their header
 *    twice: we look ourselves.
 *  - It must not be stopped while connections are suspended: see scrapes.h.
 */
#include "http/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>

#include "exposition/negotiate.h"
#include "http/acceptor.h"
#include "http/connections.h"
#include "http/pages.h"
#include "http/scrapes.h"

/* Memory of a connection: bounds the size of a request's header. */
#define CONNECTION_MEMORY (16U * 1024U)

/* It forgets a connection a little later than we do: its own limit must never be the first. */
#define CONNECTIONS_SLACK 64U

/* How long after the sample's deadline a waiting client is cut off: normally it has its 503. */
#define SAMPLE_GRACE_NS (1 * NS_PER_S)

struct http_server {
    struct http_server_config config;
    int listen_fd[ACCEPTOR_SOCKETS_MAX]; /* by address; -1: not bound */
    int wake_fd;
    struct connections *connections;
    struct scrapes *scrapes;
    struct exposition *exposition; /* used by libmicrohttpd's thread only */
    struct MHD_Response *page[PAGES];
    struct MHD_Daemon *daemon;
    struct acceptor *acceptor;
};

/* What is remembered between the calls for one request. */
struct request {
    bool telemetry;        /* else: */
    enum page page;        /* the answer */
    struct scrape *scrape; /* NULL until the wall was asked */
};

/* The context of a request whose target has a space in it. */
static char bad_uri_context;

static void set_deadline(struct http_server *server, struct MHD_Connection *connection,
                         uint64_t timeout_ns)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    if (info && info->socket_context)
        connections_set_deadline(server->connections, info->socket_context,
                                 monotonic_ns() + timeout_ns);
}

/* Which answers a path has; the telemetry path is looked at first. */
static const struct {
    const char *path;
    enum page page;
} routes[] = {
    {"/", PAGE_LANDING},
    {"/-/healthy", PAGE_HEALTHY},
    {"/-/ready", PAGE_READY},
};

static void route(const struct http_server *server, const char *path, const char *method,
                  struct request *request)
{
    bool known;

    request->page = PAGE_NOT_FOUND;
    request->telemetry = strcmp(path, server->config.telemetry_path) == 0;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (strcmp(path, routes[i].path) == 0)
            request->page = routes[i].page;

    known = request->telemetry || request->page != PAGE_NOT_FOUND;
    if (known && strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
        strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        request->telemetry = false;
        request->page = PAGE_BAD_METHOD;
    }
}

static enum MHD_Result count_host(void *hosts, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    *(int *)hosts += strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0;
    return MHD_YES;
}

/* RFC 9112, section 3.2: exactly one Host; HTTP/1.0 had none yet. */
static bool has_one_host(struct MHD_Connection *connection, const char *version)
{
    int hosts = 0;

    MHD_get_connection_values(connection, MHD_HEADER_KIND, count_host, &hosts);
    return hosts == 1 || (hosts == 0 && strcmp(version, MHD_HTTP_VERSION_1_0) == 0);
}

static bool has_body(struct MHD_Connection *connection)
{
    const char *length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

    return (length && strcmp(length, "0") != 0) ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                       MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

static enum MHD_Result send_page(struct http_server *server, struct MHD_Connection *connection,
                                 enum page page)
{
    set_deadline(server, connection, server->config.send_timeout_ns);
    return MHD_queue_response(connection, pages[page].status, server->page[page]);
}

static void on_body_sent(void *userdata)
{
    body_unref(userdata);
}

static enum MHD_Result send_body(struct http_server *server, struct MHD_Connection *connection,
                                 struct body *body, const char *content_type)
{
    struct MHD_Response *response;
    enum MHD_Result result;

    response = MHD_create_response_from_buffer_with_free_callback_cls(body->length, body->data,
                                                                      on_body_sent, body);
    if (!response) {
        body_unref(body);
        return MHD_NO;
    }
    set_deadline(server, connection, server->config.send_timeout_ns);
    result = MHD_NO;
    if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT))
        result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response); /* our reference; the body goes with the last one */
    return result;
}

static struct negotiated negotiate(struct MHD_Connection *connection)
{
    const char *accept = NULL;
    size_t length = 0;

    if (!MHD_lookup_connection_value_n(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT,
                                       strlen(MHD_HTTP_HEADER_ACCEPT), &accept, &length))
        length = 0;
    return negotiate_accept(accept, length);
}

/* Asks, waits and answers: called again each time the connection goes on. */
static enum MHD_Result serve_scrape(struct http_server *server, struct MHD_Connection *connection,
                                    struct request *request)
{
    cleanup(cleanup_snapshot) struct snapshot *snapshot = NULL;
    struct negotiated negotiated = negotiate(connection);
    struct body *body;
    int r;

    if (!request->scrape) {
        r = scrape_begin(server->scrapes, monotonic_ns() + server->config.sample_timeout_ns,
                         connection, &request->scrape);
        if (r)
            return send_page(server, connection, pages_of_error(r));
    }
    if (scrape_waits(request->scrape)) {
        set_deadline(server, connection, server->config.sample_timeout_ns + SAMPLE_GRACE_NS);
        return MHD_YES;
    }
    r = scrape_answer(request->scrape, &snapshot);
    if (!r)
        r = exposition_render(server->exposition, snapshot, negotiated.format, &body);
    if (r)
        return send_page(server, connection, pages_of_error(r));
    return send_body(server, connection, body, negotiated_content_type(negotiated));
}

static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *upload, size_t *upload_size, void **context)
{
    struct http_server *server = userdata;
    bool bad_uri = *context == &bad_uri_context;
    struct request *request = bad_uri ? NULL : *context;

    if (!request) {
        request = calloc(1, sizeof(*request));
        if (!request)
            return MHD_NO;
        *context = request;
        /* An answer to the first call closes the connection: what follows is not trusted. */
        if (bad_uri || !has_one_host(connection, version))
            return send_page(server, connection, PAGE_BAD_REQUEST);
        if (has_body(connection))
            return send_page(server, connection, PAGE_NO_BODY);
        route(server, path, method, request);
        return MHD_YES;
    }
    if (*upload_size)
        return MHD_NO;
    if (request->telemetry)
        return serve_scrape(server, connection, request);
    return send_page(server, connection, request->page);
}

static void on_completed(void *userdata, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct http_server *server = userdata;
    struct request *request = *context;

    if (!request || *context == &bad_uri_context)
        return;
    scrape_end(request->scrape);
    free(request);
    *context = NULL;
    set_deadline(server, connection, server->config.idle_timeout_ns);
}

/*
 * The request line is there: the rest of the header has the usual time. What is returned is the
 * context that the handler finds in its first call.
 */
static void *on_request_line(void *userdata, const char *uri, struct MHD_Connection *connection)
{
    struct http_server *server = userdata;

    set_deadline(server, connection, server->config.request_timeout_ns);
    return strpbrk(uri, " \t") ? &bad_uri_context : NULL;
}

static void on_connection(void *userdata, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = userdata;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

        *socket_context = info ? connections_find(server->connections, info->connect_fd) : NULL;
    } else if (*socket_context) {
        /* Before it closes the descriptor. */
        connections_remove(server->connections, *socket_context);
        *socket_context = NULL;
    }
}

static void on_log(void *userdata, const char *format, va_list arguments)
{
    /* What clients do wrong is no event of ours. */
}

static void suspend(void *connection)
{
    MHD_suspend_connection(connection);
}

static void resume(void *connection)
{
    MHD_resume_connection(connection);
}

static void on_accepted(void *userdata, int fd, const struct sockaddr *address, socklen_t length)
{
    struct http_server *server = userdata;
    int r;

    r = connections_add(server->connections, fd, address, length,
                        monotonic_ns() + server->config.request_timeout_ns);
    if (r) {
        close(fd);
        return;
    }
    /* When it refuses, it closes the descriptor; nobody else cuts connections meanwhile. */
    if (!MHD_add_connection(server->daemon, fd, address, length))
        connections_remove(server->connections, connections_find(server->connections, fd));
}

static uint64_t on_tick(void *userdata, uint64_t now_ns)
{
    struct http_server *server = userdata;
    uint64_t scrapes_ns = scrapes_expire(server->scrapes, now_ns);
    uint64_t connections_ns = connections_cut_late(server->connections, now_ns);

    return scrapes_ns < connections_ns ? scrapes_ns : connections_ns;
}

static int open_sockets(struct http_server *server, char *error, size_t error_size)
{
    const struct http_server_config *config = &server->config;
    size_t bound = 0;
    int r = -EINVAL;

    snprintf(error, error_size, "no address to listen on");
    if (config->addresses_count > ACCEPTOR_SOCKETS_MAX) {
        snprintf(error, error_size, "more than %u addresses to listen on", ACCEPTOR_SOCKETS_MAX);
        return -EINVAL;
    }
    for (size_t i = 0; i < config->addresses_count; i++) {
        const struct listen_address *address = &config->addresses[i];

        r = listen_open(address, &server->listen_fd[i], error, error_size);
        if (r && !address->optional)
            return r;
        bound += r == 0;
    }
    return bound > 0 ? 0 : r;
}

static struct MHD_Response *new_page(enum page page, const struct http_server_config *config)
{
    cleanup(buf_deinit) struct buf text = BUF_NULL;
    struct MHD_Response *response;

    if (pages[page].text)
        buf_append_text(&text, pages[page].text);
    else
        pages_landing(config->telemetry_path, config->exposition.layout.version, &text);
    if (buf_error(&text))
        return NULL;

    response = MHD_create_response_from_buffer(text.length, text.data, MHD_RESPMEM_MUST_COPY);
    if (response &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, pages[page].type) &&
        (!pages[page].header ||
         MHD_add_response_header(response, pages[page].header, pages[page].header_value)))
        return response;
    if (response)
        MHD_destroy_response(response);
    return NULL;
}

static int start_daemon(struct http_server *server)
{
    unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET |
                         MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;

    /* The logger comes first: it silences what the others have to say. */
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_LIMIT,
        server->config.max_connections + CONNECTIONS_SLACK, MHD_OPTION_STRICT_FOR_CLIENT, 0,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, server, MHD_OPTION_URI_LOG_CALLBACK, on_request_line, server,
        MHD_OPTION_END);
    return server->daemon ? 0 : -ENOMEM;
}

static int start(struct http_server *server)
{
    static const struct scrapes_ops scrapes_ops = {.suspend = suspend, .resume = resume};
    static const struct acceptor_ops acceptor_ops = {.accepted = on_accepted, .tick = on_tick};
    const struct http_server_config *config = &server->config;
    int bound[ACCEPTOR_SOCKETS_MAX];
    size_t count = 0;
    int r;

    server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->wake_fd < 0)
        return -errno;
    for (int page = 0; page < PAGES; page++) {
        server->page[page] = new_page(page, config);
        if (!server->page[page])
            return -ENOMEM;
    }
    r = exposition_new(&config->exposition, &server->exposition);
    if (r)
        return r;
    r = connections_new(config->max_connections, config->max_connections_per_address,
                        server->wake_fd, &server->connections);
    if (r)
        return r;
    r = scrapes_new(config->wall, config->max_scrapes, &scrapes_ops, &server->scrapes);
    if (r)
        return r;
    r = start_daemon(server);
    if (r)
        return r;

    for (size_t i = 0; i < config->addresses_count; i++)
        if (server->listen_fd[i] >= 0)
            bound[count++] = server->listen_fd[i];
    return acceptor_new(bound, count, server->wake_fd, &acceptor_ops, server, &server->acceptor);
}

int http_server_new(const struct http_server_config *config, struct http_server **ret_server,
                    char *error, size_t error_size)
{
    cleanup(cleanup_http_server) struct http_server *server = calloc(1, sizeof(*server));
    int r;

    if (!server) {
        snprintf(error, error_size, "cannot start the web server: %s", strerror(ENOMEM));
        return -ENOMEM;
    }
    server->config = *config;
    server->wake_fd = -1;
    for (size_t i = 0; i < ACCEPTOR_SOCKETS_MAX; i++)
        server->listen_fd[i] = -1;

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
    if (server->scrapes)
        scrapes_close(server->scrapes);
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    for (size_t i = 0; i < ACCEPTOR_SOCKETS_MAX; i++)
        cleanup_close(&server->listen_fd[i]);
    for (int page = 0; page < PAGES; page++)
        if (server->page[page])
            MHD_destroy_response(server->page[page]);
    scrapes_free(server->scrapes);
    exposition_free(server->exposition);
    connections_free(server->connections);
    cleanup_close(&server->wake_fd);
    free(server);
    return NULL;
}

uint16_t http_server_port(const struct http_server *server, size_t index)
{
    if (index >= server->config.addresses_count || server->listen_fd[index] < 0)
        return 0;
    return listen_port(server->listen_fd[index]);
}
