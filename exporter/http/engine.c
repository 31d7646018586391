/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one file that knows libmicrohttpd. What it must be protected from (0.9.75):
 *  - A response queued in the first call of the handler closes the connection: answers wait for
 *    the second call, unless closing is what we want (1.0 only closes when it is told).
 *  - Its timeout is one of inactivity: deadlines are ours, see connections.h.
 *  - It counts connections per daemon, and in the moment in which it finds one too many it keeps a
 *    lock for ever: accepting and counting is ours, see acceptor.h and connections.h. It gets each
 *    connection from us, and one thread of its own serves all listeners.
 *  - It reads requests with much tolerance, and decodes the target in place: see strict.h and
 *    target.h, for which the target is read before it is changed.
 *  - Its parser of queries gives up without an answer: it gets to see none.
 *  - Some of its own error responses have their header twice, the second one as the body: with
 *    MHD_OPTION_STRICT_FOR_CLIENT for a missing Host, which therefore is ours to find; and for a
 *    Content-Length that is no number, which it sees before we do.
 *  - It must not be stopped while connections are suspended: see scrapes.h.
 */
#include "http/engine.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <string.h>

#include "exposition/negotiate.h"
#include "http/strict.h"
#include "http/target.h"

/* Memory of a connection, beyond the largest header: what is remembered about it, and the header
 * of the response. */
#define CONNECTION_MEMORY (8U * 1024U)

/* Its own limit of connections: out of reach. */
#define CONNECTION_LIMIT (1U << 20)

struct engine {
    struct engine_config config;
    bool ready; /* atomic */
    pthread_mutex_t reload_lock;
    bool reload; /* under the lock: the options there are to be used */
    struct exposition_options reload_options;
    struct scrapes *scrapes;
    struct exposition *exposition; /* used by libmicrohttpd's thread only */
    struct MHD_Response *page[PAGES];
    struct MHD_Daemon *daemon;
    struct request *spare; /* have ended, and serve again; used by libmicrohttpd's thread only */
};

/* What is remembered between the calls for one request. */
struct request {
    struct target target;
    const char *raw_target; /* as received, for strict_check() */
    size_t raw_target_length;
    bool checked;
    bool telemetry; /* else: */
    enum page page; /* the answer */
    struct negotiated negotiated;
    enum encoding encoding;
    struct scrape *scrape; /* NULL until there is one */
    bool answered;
    struct request *next_spare;
};

/* NULL: no memory. */
static struct request *take_request(struct engine *engine)
{
    struct request *request = engine->spare;

    if (request)
        engine->spare = request->next_spare;
    else
        request = malloc(sizeof(*request));
    if (request)
        *request = (struct request){0};
    return request;
}

/* There are never more than connections were there at a time. */
static void put_request(struct engine *engine, struct request *request)
{
    request->next_spare = engine->spare;
    engine->spare = request;
}

/*
 * From 1.0 on the library can be told to refuse what an older one does not tell us about; that has
 * to look at what it leaves of a request in memory. Which one is there is known when it runs.
 */
static bool library_is_strict(void)
{
    return MHD_get_version()[0] != '0';
}

/* Our own account of a client; NULL when there is none any more. */
static struct connection *client_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

static void enter(struct engine *engine, struct MHD_Connection *connection,
                  enum connection_phase phase)
{
    struct connection *client = client_of(connection);

    if (client)
        connections_enter(engine->config.connections, client, phase, monotonic_ns());
}

/* Methods that have a meaning here or elsewhere; others are not implemented. */
static const struct {
    const char *name;
    bool allowed;
} methods[] = {
    {"GET", true},      {"HEAD", true},     {"POST", false},  {"PUT", false},   {"DELETE", false},
    {"CONNECT", false}, {"OPTIONS", false}, {"TRACE", false}, {"PATCH", false},
};

/* What a request is answered with; PAGES stands for the metrics. */
static enum page route(const struct engine *engine, const char *method, const struct target *target)
{
    enum page page = PAGES;
    size_t known = 0;

    while (known < sizeof(methods) / sizeof(methods[0]) && strcmp(method, methods[known].name) != 0)
        known++;
    if (known == sizeof(methods) / sizeof(methods[0]))
        return PAGE_NOT_IMPLEMENTED;
    if (target->form != TARGET_PATH)
        return methods[known].allowed ? PAGE_BAD_REQUEST : PAGE_BAD_METHOD;
    if (strcmp(target->path, engine->config.landing.telemetry_path) != 0)
        page = pages_at(target->path);
    return page == PAGE_NOT_FOUND || methods[known].allowed ? page : PAGE_BAD_METHOD;
}

static enum MHD_Result send_page(struct engine *engine, struct MHD_Connection *connection,
                                 enum page page)
{
    if (page == PAGE_READY && !__atomic_load_n(&engine->ready, __ATOMIC_ACQUIRE))
        page = PAGE_NOT_READY;
    enter(engine, connection, CONNECTION_SENDING);
    return MHD_queue_response(connection, pages[page].status, engine->page[page]);
}

static bool add_common_headers(struct MHD_Response *response)
{
    for (size_t i = 0; i < page_headers_count; i++)
        if (!MHD_add_response_header(response, page_headers[i].name, page_headers[i].value))
            return false;
    return true;
}

static void on_body_sent(void *userdata)
{
    body_unref(userdata);
}

/* Takes the body. */
static enum MHD_Result send_body(struct engine *engine, struct MHD_Connection *connection,
                                 struct body *body, const struct request *request)
{
    struct MHD_Response *response;
    enum MHD_Result result = MHD_NO;

    response = MHD_create_response_from_buffer_with_free_callback_cls(body->length, body->data,
                                                                      on_body_sent, body);
    if (!response) {
        body_unref(body);
        return MHD_NO;
    }
    enter(engine, connection, CONNECTION_SENDING);
    if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                negotiated_content_type(request->negotiated)) &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_VARY,
                                MHD_HTTP_HEADER_ACCEPT ", " MHD_HTTP_HEADER_ACCEPT_ENCODING) &&
        (request->encoding == ENCODING_IDENTITY ||
         MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip")) &&
        add_common_headers(response))
        result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response); /* our reference; the body goes with the last one */
    return result;
}

static int render(struct engine *engine, const struct snapshot *snapshot,
                  const struct request *request, struct body **ret_body)
{
    pthread_mutex_lock(&engine->reload_lock);
    if (engine->reload)
        exposition_set_options(engine->exposition, &engine->reload_options);
    engine->reload = false;
    pthread_mutex_unlock(&engine->reload_lock);
    return exposition_render(engine->exposition, snapshot, request->negotiated.format,
                             request->encoding, ret_body);
}

/* Asks, waits and answers: called again each time the connection goes on. */
static enum MHD_Result serve_scrape(struct engine *engine, struct MHD_Connection *connection,
                                    struct request *request)
{
    cleanup(cleanup_snapshot) struct snapshot *snapshot = NULL;
    uint64_t now_ns = monotonic_ns();
    struct body *body;
    int r;

    if (!request->scrape) {
        struct connection *client = client_of(connection);

        if (!client)
            return MHD_NO;
        enter(engine, connection, CONNECTION_ANSWERING);
        r = scrape_begin(engine->scrapes, connection_peer(client),
                         now_ns +
                             __atomic_load_n(&engine->config.sample_timeout_ns, __ATOMIC_RELAXED),
                         connection, &request->scrape);
        if (r)
            return send_page(engine, connection, pages_of_error(r));
    }
    /* While it is being stopped, the library takes no response, and asks again for one. */
    if (request->answered)
        return MHD_NO;
    if (scrape_waits(request->scrape))
        return MHD_YES;
    r = scrape_answer(request->scrape, now_ns, &snapshot);
    if (!r) {
        r = render(engine, snapshot, request, &body);
        if (r == -EAGAIN && scrape_again(request->scrape, now_ns))
            return MHD_YES;
    }
    request->answered = true;
    if (r == EXPOSITION_SHORT)
        scrapes_hurry(engine->scrapes, now_ns);
    if (r < 0)
        return send_page(engine, connection, pages_of_error(r));
    return send_body(engine, connection, body, request);
}

static enum MHD_Result collect_field(void *userdata, enum MHD_ValueKind kind, const char *name,
                                     size_t name_length, const char *value, size_t value_length)
{
    struct strict_request *strict = userdata;

    if (strict->fields < STRICT_FIELDS_MAX)
        strict->field[strict->fields] =
            (struct strict_field){name, name_length, value, value_length};
    strict->fields++;
    return MHD_YES;
}

/* The header is complete: PAGES, when the request deserves an answer, else what it gets. */
static enum page check(const struct engine *engine, struct MHD_Connection *connection,
                       const char *method, const char *version, struct request *request)
{
    const union MHD_ConnectionInfo *size =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct strict_request strict = {
        .method = method,
        .target = request->raw_target,
        .target_length = request->raw_target_length,
        .version = version,
        .header_size = size ? size->header_size : 0,
        .header_max = engine->config.max_header_bytes,
        .parser_is_strict = library_is_strict(),
    };
    char accept[STRICT_LIST_MAX];
    enum page page;

    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, collect_field, &strict);
    page = strict_check(&strict);
    if (page == PAGES && request->target.form == TARGET_INVALID)
        page = PAGE_BAD_REQUEST;
    if (page == PAGES) {
        request->negotiated =
            negotiate_accept(accept, strict_list(&strict, MHD_HTTP_HEADER_ACCEPT, accept));
        request->encoding = negotiate_encoding(
            accept, strict_list(&strict, MHD_HTTP_HEADER_ACCEPT_ENCODING, accept));
    }
    return page;
}

static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *upload, size_t *upload_size, void **context)
{
    struct engine *engine = userdata;
    struct request *request = *context;
    enum page page;

    if (!request || *upload_size)
        return MHD_NO;
    if (!request->checked) {
        request->checked = true;
        page = check(engine, connection, method, version, request);
        /* An answer to the first call closes the connection: what follows is not trusted. */
        if (page != PAGES)
            return send_page(engine, connection, page);
        request->page = route(engine, method, &request->target);
        if (request->page == PAGE_BAD_REQUEST)
            return send_page(engine, connection, PAGE_BAD_REQUEST);
        request->telemetry = request->page == PAGES;
        return MHD_YES;
    }
    if (request->telemetry)
        return serve_scrape(engine, connection, request);
    return send_page(engine, connection, request->page);
}

/*
 * The request line is there, and not decoded yet. What is returned is the context that the handler
 * finds.
 */
static void *on_request_line(void *userdata, const char *target, struct MHD_Connection *connection)
{
    struct request *request = take_request(userdata);
    char *query = strchr(target, '?');

    enter(userdata, connection, CONNECTION_READING);
    if (!request)
        return NULL;
    request->raw_target = target;
    request->raw_target_length = strlen(target);
    target_parse(target, &request->target);
    /* Hides the query from its parser, which would leave a connection without an answer when there
     * are more parts than its memory takes. */
    if (query)
        query[1] = '\0';
    return request;
}

static void on_completed(void *userdata, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct request *request = *context;

    if (request) {
        scrape_end(request->scrape);
        put_request(userdata, request);
    }
    *context = NULL;
    enter(userdata, connection, CONNECTION_IDLE);
}

static void on_connection(void *userdata, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct connections *connections = ((struct engine *)userdata)->config.connections;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

        *socket_context = info ? connections_find(connections, info->connect_fd) : NULL;
    } else if (*socket_context) {
        /* Before it closes the descriptor. */
        connections_remove(connections, *socket_context);
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

/* The connection has a scrape that has not ended, so it is there, and so is our account of it. */
static void cut(void *userdata, void *connection)
{
    struct connection *client = client_of(connection);

    if (client)
        connections_cut(((struct engine *)userdata)->config.connections, client);
}

static struct MHD_Response *new_page(enum page page, const struct landing *landing)
{
    cleanup(buf_deinit) struct buf text = BUF_NULL;
    struct MHD_Response *response;

    if (pages[page].text)
        buf_append_text(&text, pages[page].text);
    else
        pages_landing(landing, &text);
    if (buf_error(&text))
        return NULL;

    response = MHD_create_response_from_buffer(text.length, text.data, MHD_RESPMEM_MUST_COPY);
    if (response &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, pages[page].type) &&
        (!pages[page].header.name ||
         MHD_add_response_header(response, pages[page].header.name, pages[page].header.value)) &&
        (!pages[page].closes ||
         MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close")) &&
        add_common_headers(response))
        return response;
    if (response)
        MHD_destroy_response(response);
    return NULL;
}

static int start(struct engine *engine)
{
    unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET |
                         MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;

    /* The logger comes first: it silences what the others have to say. */
    engine->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, engine, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)engine->config.max_header_bytes + CONNECTION_MEMORY, MHD_OPTION_CONNECTION_LIMIT,
        CONNECTION_LIMIT, MHD_OPTION_STRICT_FOR_CLIENT, library_is_strict() ? 1 : 0,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, engine, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, engine, MHD_OPTION_URI_LOG_CALLBACK, on_request_line, engine,
        MHD_OPTION_END);
    return engine->daemon ? 0 : -ENOMEM;
}

int engine_new(const struct engine_config *config, struct engine **ret_engine)
{
    static const struct scrapes_ops ops = {.suspend = suspend, .resume = resume, .cut = cut};
    cleanup(cleanup_engine) struct engine *engine = calloc(1, sizeof(*engine));
    int r;

    if (!engine)
        return -ENOMEM;
    engine->config = *config;
    engine->reload_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    for (int page = 0; page < PAGES; page++) {
        engine->page[page] = new_page(page, &config->landing);
        if (!engine->page[page])
            return -ENOMEM;
    }
    r = exposition_new(&config->exposition, &engine->exposition);
    if (r == 0)
        r = scrapes_new(config->wall, &config->scrapes, &ops, engine, config->wake_fd,
                        &engine->scrapes);
    if (r == 0)
        r = start(engine);
    if (r)
        return r;
    *ret_engine = steal(engine);
    return 0;
}

struct engine *engine_free(struct engine *engine)
{
    if (!engine)
        return NULL;
    if (engine->scrapes)
        scrapes_close(engine->scrapes);
    if (engine->daemon)
        MHD_stop_daemon(engine->daemon);
    for (int page = 0; page < PAGES; page++)
        if (engine->page[page])
            MHD_destroy_response(engine->page[page]);
    scrapes_free(engine->scrapes);
    exposition_free(engine->exposition);
    while (engine->spare) {
        struct request *next = engine->spare->next_spare;

        free(engine->spare);
        engine->spare = next;
    }
    free(engine);
    return NULL;
}

void engine_add(struct engine *engine, int fd, const struct sockaddr *address, socklen_t length)
{
    struct connection *connection = connections_find(engine->config.connections, fd);

    /* When it refuses, it closes the descriptor; nobody else cuts connections meanwhile. */
    if (!MHD_add_connection(engine->daemon, fd, address, length) && connection)
        connections_remove(engine->config.connections, connection);
}

void engine_set_exposition(struct engine *engine, const struct exposition_options *options)
{
    pthread_mutex_lock(&engine->reload_lock);
    engine->reload_options = *options;
    engine->reload = true;
    pthread_mutex_unlock(&engine->reload_lock);
}

void engine_set_sample_timeout(struct engine *engine, uint64_t ns)
{
    __atomic_store_n(&engine->config.sample_timeout_ns, ns, __ATOMIC_RELAXED);
}

void engine_set_ready(struct engine *engine, bool ready)
{
    __atomic_store_n(&engine->ready, ready, __ATOMIC_RELEASE);
}

uint64_t engine_tick(struct engine *engine, uint64_t now_ns)
{
    return scrapes_expire(engine->scrapes, now_ns);
}
