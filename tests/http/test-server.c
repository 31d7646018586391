/* SPDX-License-Identifier: Apache-2.0 */
#include "collectors.h"
#include "http/scrapes.h"
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "collectors.h"
#include "exposition/body.h"
#include "http/scrapes.h"
#include "http/wall.h"
#include "suite.h"

/* How long anything here may take before it counts as hanging. */
#define PATIENCE_MS 20000

static struct wall wall;
static struct http_server *server;
static uint16_t port;

static struct http_server_config defaults(void)
{
    static struct listen_address address;
    char error[256];

    ck_assert_int_eq(listen_address_parse("127.0.0.1:0", &address, error, sizeof(error)), 0);
    return (struct http_server_config){
        HTTP_SERVER_DEFAULTS,
        .addresses = &address,
        .addresses_count = 1,
        .source = "simulated",
        .wall = &wall.wall,
        .exposition = {.layout = {.version = "1.2.3", .collectors = COLLECTORS_ALL}},
    };
}

static void start_with(const struct http_server_config *config)
{
    char error[256] = "";

    ck_assert_msg(http_server_new(config, &server, error, sizeof(error)) == 0, "%s", error);
    port = http_server_port(server, 0);
    ck_assert_uint_ne(port, 0);
}

static void start(uint32_t domains)
{
    struct http_server_config config = defaults();

    wall_init(&wall, domains);
    start_with(&config);
}

/* Stopping must take less than a second; the rest of the limit is for a busy machine. */
static void stop(void)
{
    uint64_t start_ns = monotonic_ns();

    server = http_server_free(server);
    ck_assert_uint_lt(monotonic_ns() - start_ns, 10 * NS_PER_S);
    wall_deinit(&wall);
}

/* A connection from one of the loopback addresses. */
static int dial_from(uint32_t source)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static int dial(void)
{
    return dial_from(INADDR_LOOPBACK);
}

static void send_text(int fd, const char *text)
{
    ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Reads some bytes; 0 at the end of the stream or when the connection was reset. */
static size_t receive(int fd, char *data, size_t size)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    ssize_t length;

    ck_assert_msg(poll(&ready, 1, PATIENCE_MS) == 1, "no answer");
    length = recv(fd, data, size, 0);
    return length < 0 ? 0 : (size_t)length;
}

/* One response: header and, unless it answers HEAD, a body of the length it announces. */
struct response {
    int status;
    char *text; /* the whole response as a string; NULL when the connection was closed */
    const char *body;
    size_t body_length; /* as announced */
};

#define RESPONSE_MAX (1U << 20)

static struct response receive_response_of(int fd, bool head, size_t max)
{
    struct response response = {.text = calloc(1, max)};
    size_t length = 0, wanted = max;
    char *announced;

    while (length < wanted) {
        /* The header byte by byte: what follows may be the next response. */
        size_t got = receive(fd, response.text + length, wanted == max ? 1 : wanted - length);

        if (got == 0) {
            ck_assert_msg(length == 0, "cut short: %s", response.text);
            free(response.text);
            return (struct response){0};
        }
        length += got;
        if (response.body || length < 4 || memcmp(response.text + length - 4, "\r\n\r\n", 4) != 0)
            continue;
        announced = strcasestr(response.text, "\r\nContent-Length: ");
        ck_assert_ptr_nonnull(announced);
        response.body = response.text + length;
        response.body_length = strtoul(announced + 18, NULL, 10);
        wanted = length + (head ? 0 : response.body_length);
        ck_assert_uint_lt(wanted, max);
    }
    ck_assert_int_eq(sscanf(response.text, "HTTP/1.1 %d ", &response.status), 1);
    return response;
}

static struct response receive_response(int fd, bool head)
{
    return receive_response_of(fd, head, RESPONSE_MAX);
}

static struct response request(int fd, const char *text)
{
    send_text(fd, text);
    return receive_response(fd, strncmp(text, "HEAD", 4) == 0);
}

/* Sends a request on a connection of its own, and checks status and a part of the response. */
static void check(const char *text, int status, const char *part)
{
    int fd = dial();
    struct response response = request(fd, text);

    ck_assert_msg(response.text, "closed instead of: %s", text);
    ck_assert_msg(response.status == status, "%s\n%s", text, response.text);
    ck_assert_msg(strstr(response.text, part), "no '%s' in: %s", part, response.text);
    if (strstr(response.text, "Connection: close")) {
        char rest[256] = "";

        ck_assert_msg(receive(fd, rest, sizeof(rest) - 1) == 0, "%s\n%s\nthen:\n%s", text,
                      response.text, rest);
    }
    free(response.text);
    close(fd);
}

static bool is_closed(int fd)
{
    char byte;

    return receive(fd, &byte, 1) == 0;
}

#define GET(path)     "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_METRICS   GET("/metrics")
#define GET_WITH(...) "GET /metrics HTTP/1.1\r\nHost: a\r\n" __VA_ARGS__ "\r\n"

/* Would catch a client getting the wrong page, format or status. */
START_TEST(answers)
{
    start(2);
    check(GET_METRICS, 200, "\nxen_domain_info{");
    check(GET_METRICS, 200, "Content-Type: text/plain; version=0.0.4; charset=utf-8");
    check(GET_METRICS, 200, "Vary: Accept");
    check(GET_WITH("Accept: application/openmetrics-text;version=1.0.0\r\n"), 200, "\n# EOF\n");
    check(GET_WITH("Accept: application/openmetrics-text\r\n"), 200,
          "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8");
    check(GET("/metrics?a=b"), 200, "xen_domain_info");
    check("HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 200, "Content-Type: text/plain");
    check(GET("/"), 200, "<a href=\"/metrics\">");
    check(GET("/"), 200, "Content-Type: text/html; charset=utf-8");
    check(GET("/-/healthy"), 200, "Healthy.");
    check(GET("/-/ready"), 503, "Not ready");
    check(GET("/-/ready"), 503, "Retry-After: 1");
    http_server_set_ready(server, true);
    check(GET("/-/ready"), 200, "Ready.");
    check(GET("/"), 200, "<dd>1.2.3</dd>");
    check(GET("/"), 200, "<dd>simulated</dd>");
    check(GET("/"), 200, "Content-Security-Policy: default-src 'none'; ");
    check(GET("/"), 200, "X-Content-Type-Options: nosniff");
    check(GET_METRICS, 200, "X-Content-Type-Options: nosniff");
    check(GET("/metrics/"), 404, "Not found.");
    check(GET("/nowhere"), 404, "Not found.");
    check("DELETE /metrics HTTP/1.1\r\nHost: a\r\n\r\n", 405, "Allow: GET, HEAD");
    check("DELETE /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 404, "Not found.");
    check("POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 413, "body");
    check("GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 413, "body");
    check("GET /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 413,
          "body");
    check("GET /metrics HTTP/1.1\r\n\r\n", 400, "Connection: close");
    check("GET /metrics HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "Bad request.");
    check("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "Connection: close");
    check("GET /metrics HTTP/1.0\r\n\r\n", 200, "xen_domain_info");
    stop();
}
END_TEST

/* Would catch a response that hands a byte of the request back, for a browser to run. */
START_TEST(no_echo)
{
    static const char *const requests[] = {
        GET("/%3Cecho7%3E"),
        GET("/echo7?echo7=echo7"),
        "ECHO7 /echo7 HTTP/1.1\r\nHost: echo7\r\necho7: echo7\r\n\r\n",
        "GET /echo7 HTTP/1.1\r\necho7\r\n\r\n",
        "GET /echo7 HTTP/echo7\r\nHost: a\r\n\r\n",
        "GET echo7 echo7 HTTP/1.1\r\nHost: a\r\n\r\n",
    };

    start(1);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        int fd = dial();
        struct response response = request(fd, requests[i]);

        if (response.text) {
            ck_assert_msg(!strcasestr(response.text, "echo7"), "%s", response.text);
            ck_assert_int_ge(response.status, 400);
        }
        free(response.text);
        close(fd);
    }
    stop();
}
END_TEST

/* Would catch a connection closed after each scrape, and answers in the wrong order. */
START_TEST(keep_alive)
{
    static const enum wall_mode modes[] = {WALL_AT_ONCE, WALL_THREAD};

    for (size_t m = 0; m < 2; m++) {
        struct response last;
        int fd;

        start(2);
        wall.mode = modes[m];
        fd = dial();
        for (int i = 0; i < 50; i++) {
            struct response response = request(fd, GET_METRICS);

            ck_assert_ptr_nonnull(response.text);
            ck_assert_int_eq(response.status, 200);
            free(response.text);
        }
        /* Two requests in one packet, then one in many. */
        send_text(fd, GET_METRICS GET("/-/healthy"));
        for (int i = 0; i < 2; i++) {
            struct response response = receive_response(fd, false);

            ck_assert_ptr_nonnull(strstr(response.body, i == 0 ? "xen_domain_info" : "Healthy."));
            free(response.text);
        }
        for (const char *at = GET("/-/healthy"); *at; at++)
            send_text(fd, (char[]){*at, '\0'});
        last = receive_response(fd, false);
        ck_assert_int_eq(last.status, 200);
        free(last.text);
        close(fd);
        stop();
    }
}
END_TEST

/* Would catch a failed sample being served as if it were one, or as a closed connection. */
START_TEST(failures)
{
    static const struct {
        enum wall_mode mode;
        int error;
        const char *text;
    } cases[] = {
        {WALL_REFUSE, -EAGAIN, "Too many scrapes"}, {WALL_FAIL, -EAGAIN, "Too many scrapes"},
        {WALL_REFUSE, -ESHUTDOWN, "stopping"},      {WALL_FAIL, -ESHUTDOWN, "stopping"},
        {WALL_FAIL, -ETIMEDOUT, "in time"},         {WALL_FAIL, -EIO, "No sample could be had."},
    };

    start(1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        wall.mode = cases[i].mode;
        wall.error = cases[i].error;
        check(GET_METRICS, 503, cases[i].text);
        check(GET_METRICS, 503, "Retry-After: ");
        check(GET("/-/healthy"), 200, "Healthy.");
    }
    wall.mode = WALL_AT_ONCE;
    check(GET_METRICS, 200, "xen_domain_info");
    stop();
}
END_TEST

/* Would catch a scrape that waits for ever for a wall that never answers, or dies of its late
 * answer. */
START_TEST(late_answer)
{
    struct http_server_config config = defaults();

    wall_init(&wall, 1);
    wall.mode = WALL_KEEP;
    config.sample_timeout_ns = 50 * NS_PER_MS;
    start_with(&config);
    check(GET_METRICS, 503, "in time");
    wall_release(&wall);
    wall.mode = WALL_AT_ONCE;
    check(GET_METRICS, 200, "xen_domain_info");
    stop();
}
END_TEST

/* Would catch more scrapes at work than allowed, and a place that is never given back. */
START_TEST(too_many_scrapes)
{
    struct http_server_config config = defaults();
    int fds[3];

    wall_init(&wall, 1);
    wall.mode = WALL_KEEP;
    config.max_scrapes = 3;
    start_with(&config);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 3; i++) {
            fds[i] = dial();
            send_text(fds[i], GET_METRICS);
        }
        while (atomic_load(&wall.kept_count) < 3)
            usleep(1000);
        check(GET_METRICS, 503, "Retry-After: 1");
        wall_release(&wall);
        for (size_t i = 0; i < 3; i++) {
            struct response response = receive_response(fds[i], false);

            ck_assert_int_eq(response.status, 200);
            free(response.text);
            close(fds[i]);
        }
    }
    stop();
}
END_TEST

/* Would catch a client that keeps a connection for ever by sending a byte now and then. */
START_TEST(slow_request)
{
    struct http_server_config config = defaults();
    struct pollfd end = {.events = POLLIN};
    uint64_t start_ns = monotonic_ns();
    char byte;

    wall_init(&wall, 1);
    config.header_timeout_ns = 300 * NS_PER_MS;
    start_with(&config);
    end.fd = dial();
    send_text(end.fd, "GET /metrics HTTP/1.1\r\nA: ");
    while (poll(&end, 1, 20) == 0) {
        (void)send(end.fd, "a", 1, MSG_NOSIGNAL);
        ck_assert_uint_lt(monotonic_ns() - start_ns, PATIENCE_MS * NS_PER_MS);
    }
    ck_assert_int_le(recv(end.fd, &byte, 1, 0), 0);
    close(end.fd);
    check(GET_METRICS, 200, "xen_domain_info"); /* others are not concerned */
    stop();
}
END_TEST

/* Would catch idle connections, and those that never send anything, staying for ever. */
START_TEST(idle)
{
    struct http_server_config config = defaults();
    struct response response;
    int silent, done;

    wall_init(&wall, 1);
    config.header_timeout_ns = 100 * NS_PER_MS;
    config.idle_timeout_ns = 200 * NS_PER_MS;
    start_with(&config);
    silent = dial();
    done = dial();
    response = request(done, GET_METRICS);
    ck_assert_int_eq(response.status, 200);
    free(response.text);
    ck_assert(is_closed(silent));
    ck_assert(is_closed(done));
    close(silent);
    close(done);
    stop();
}
END_TEST

/* Would catch a client that never reads its response holding a body for ever. */
START_TEST(slow_reader)
{
    struct http_server_config config = defaults();
    int fd, small = 4096;
    size_t total = 0, got;
    char data[4096];

    wall_init(&wall, 3000); /* far more than a socket's buffers take */
    config.send_timeout_ns = 300 * NS_PER_MS;
    start_with(&config);
    fd = dial();
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    send_text(fd, GET_METRICS);
    usleep(1500000);
    check(GET("/-/healthy"), 200, "Healthy.");
    while ((got = receive(fd, data, sizeof(data))) > 0)
        total += got;
    ck_assert_uint_gt(total, 0);
    ck_assert_uint_lt(total, 20U << 20); /* the whole is over 40 MB */
    close(fd);
    stop();
}
END_TEST

/* Would catch clients of one address that never read holding up the scrape of another. */
START_TEST(slow_readers)
{
    struct http_server_config config = defaults();
    int fds[40], small = 4096;
    char byte;

    wall_init(&wall, 3000);
    start_with(&config);
    for (int i = 0; i < 40; i++) {
        fds[i] = dial_from(0x7f000002);
        setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
        send_text(fds[i], GET_METRICS);
    }
    /* Some of them have begun to get their response. */
    for (int begun = 0; begun == 0;)
        for (int i = 0; i < 40; i++)
            begun += recv(fds[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
    for (int round = 0; round < 3; round++) {
        int fd = dial();
        struct response response;

        send_text(fd, GET_METRICS);
        response = receive_response_of(fd, false, 64U << 20);
        ck_assert_int_eq(response.status, 200);
        free(response.text);
        close(fd);
    }
    for (int i = 0; i < 40; i++)
        close(fds[i]);
    stop();
}
END_TEST

/* Would catch an address that cannot connect any more because of others that came first. */
START_TEST(crowd)
{
    struct http_server_config config = defaults();
    int fds[8];

    wall_init(&wall, 1);
    config.max_connections = 8;
    config.max_connections_per_address = 4;
    start_with(&config);
    for (int i = 0; i < 8; i++) {
        fds[i] = dial_from(i < 4 ? 0x7f000002 : 0x7f000003);
        send_text(fds[i], "GET /metrics HTTP/1.1\r\n");
    }
    check(GET_METRICS, 200, "xen_domain_info");
    for (int i = 0; i < 8; i++)
        close(fds[i]);
    stop();
}
END_TEST

/* Would catch a socket from the service manager that is not served, or served without limits; and
 * one of its Unix sockets being removed. */
START_TEST(passed_sockets)
{
    struct http_server_config config = defaults();
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char directory[] = "/tmp/test-server-XXXXXX", error[256] = "";
    socklen_t length = sizeof(any);
    int fds[2], client;
    struct listen_address addresses[2];
    struct response response;

    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(local.sun_path, sizeof(local.sun_path), "%s/socket", directory);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fds[0], (struct sockaddr *)&any, sizeof(any)), 0);
    ck_assert_int_eq(listen(fds[0], 10), 0);
    ck_assert_int_eq(getsockname(fds[0], (struct sockaddr *)&any, &length), 0);
    fds[1] = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fds[1], (struct sockaddr *)&local, sizeof(local)), 0);
    ck_assert_int_eq(listen(fds[1], 10), 0);

    wall_init(&wall, 1);
    config.addresses = addresses;
    config.addresses_count = 2;
    for (int i = 0; i < 2; i++)
        addresses[i] = (struct listen_address){.text = "a socket", .inherited = true, .fd = fds[i]};
    ck_assert_msg(http_server_new(&config, &server, error, sizeof(error)) == 0, "%s", error);
    port = ntohs(any.sin_port);
    check(GET_METRICS, 200, "xen_domain_info");
    client = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&local, sizeof(local)), 0);
    response = request(client, GET_METRICS);
    ck_assert_int_eq(response.status, 200);
    free(response.text);
    close(client);
    stop();
    ck_assert_int_eq(unlink(local.sun_path), 0);
    rmdir(directory);

    /* Not one that listens: closed as promised, and nothing is served. */
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    config.addresses_count = 1;
    addresses[0].fd = fds[0];
    wall_init(&wall, 1);
    ck_assert_int_eq(http_server_new(&config, &server, error, sizeof(error)), -EPROTOTYPE);
    ck_assert_int_eq(fcntl(fds[0], F_GETFD), -1);
    wall_deinit(&wall);
}
END_TEST

/* Would catch a reload that shows nothing, or that breaks a response under way. */
START_TEST(reload)
{
    struct exposition_options options = {
        .layout = {.version = "1.2.3", .identity = LABEL_DOMID, .collectors = COLLECTORS_ALL}};
    int fd;

    start(1);
    check(GET_METRICS, 200, "xen_vcpu_runstate_seconds_total{uuid=");
    fd = dial();
    send_text(fd, GET_METRICS);
    http_server_set_exposition(server, &options);
    free(receive_response(fd, false).text);
    close(fd);
    check(GET_METRICS, 200, "xen_vcpu_runstate_seconds_total{domid=");
    stop();
}
END_TEST

/* Would catch a Unix socket that is not served, and one that outlives the server. */
START_TEST(unix_socket)
{
    struct http_server_config config = defaults();
    struct listen_address address;
    char directory[] = "/tmp/test-server-XXXXXX", text[64], error[256] = "";
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    struct response response;

    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(text, sizeof(text), "unix:%s/socket", directory);
    ck_assert_int_eq(listen_address_parse(text, &address, error, sizeof(error)), 0);
    wall_init(&wall, 1);
    config.addresses = &address;
    ck_assert_msg(http_server_new(&config, &server, error, sizeof(error)) == 0, "%s", error);
    ck_assert(http_server_listens(server, 0));
    ck_assert_uint_eq(http_server_port(server, 0), 0);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&address.address, address.length), 0);
    response = request(client, GET_METRICS);
    ck_assert_int_eq(response.status, 200);
    free(response.text);
    close(client);
    stop();
    ck_assert_int_eq(rmdir(directory), 0); /* so it is empty */
}
END_TEST

/* Would catch one address taking every connection there is. */
START_TEST(per_address)
{
    struct http_server_config config = defaults();
    int fds[4], fifth;

    wall_init(&wall, 1);
    config.max_connections_per_address = 4;
    start_with(&config);
    for (int i = 0; i < 4; i++) {
        struct response response = request(fds[i] = dial(), GET("/-/healthy"));

        ck_assert_int_eq(response.status, 200);
        free(response.text);
    }
    fifth = dial();
    ck_assert(is_closed(fifth));
    close(fifth);

    /* A place becomes free when a connection is gone; that takes a moment. */
    close(fds[0]);
    for (int attempt = 0;; attempt++) {
        struct pollfd ready = {.fd = dial(), .events = POLLIN};
        char byte;
        ssize_t got;

        (void)send(ready.fd, GET("/-/healthy"), strlen(GET("/-/healthy")), MSG_NOSIGNAL);
        ck_assert_int_eq(poll(&ready, 1, PATIENCE_MS), 1);
        got = recv(ready.fd, &byte, 1, 0);
        close(ready.fd);
        if (got == 1)
            break;
        ck_assert_int_lt(attempt, 1000);
        usleep(10000);
    }
    for (int i = 1; i < 4; i++)
        close(fds[i]);
    stop();
}
END_TEST

/* Would catch a stop that hangs, leaks or crashes while scrapes wait; the sanitizers watch. */
START_TEST(stop_while_waiting)
{
    int fds[20];

    start(1);
    wall.mode = WALL_KEEP;
    for (int i = 0; i < 20; i++) {
        fds[i] = dial();
        send_text(fds[i], GET_METRICS);
    }
    /* One peer has half of the turns; the other clients wait for theirs. */
    while (atomic_load(&wall.kept_count) < (int)SCRAPES_TURNS / 2)
        usleep(1000);
    stop(); /* and only then answers the wall */
    for (int i = 0; i < 20; i++)
        close(fds[i]);
}
END_TEST

/* Would catch a crash in the moment in which the library takes no response any more, but asks again
 * for one. */
START_TEST(stop_while_rendering)
{
    for (int round = 0; round < 5; round++) {
        int fd;

        start(8000); /* takes a while to write */
        wall.mode = WALL_THREAD;
        fd = dial();
        send_text(fd, GET_METRICS);
        while (atomic_load(&wall.asked) == 0)
            usleep(100);
        usleep(5000);
        stop();
        close(fd);
    }
}
END_TEST

static atomic_bool load_ends;

static void *load(void *userdata)
{
    while (!atomic_load(&load_ends)) {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons(port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        char data[65536];

        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
            for (int i = 0; i < 5; i++) {
                if (send(fd, GET_METRICS, strlen(GET_METRICS), MSG_NOSIGNAL) < 0)
                    break;
                if (recv(fd, data, sizeof(data), 0) <= 0)
                    break;
            }
        close(fd);
    }
    return NULL;
}

/* Would catch a race between answers, new requests and the stop. */
START_TEST(stop_under_load)
{
    pthread_t threads[4];

    for (int round = 0; round < 5; round++) {
        start(5);
        wall.mode = WALL_THREAD;
        atomic_store(&load_ends, false);
        for (int i = 0; i < 4; i++)
            ck_assert_int_eq(pthread_create(&threads[i], NULL, load, NULL), 0);
        usleep(200000);
        server = http_server_free(server);
        atomic_store(&load_ends, true);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
        ck_assert_int_gt(atomic_load(&wall.asked), 20);
        wall_deinit(&wall);
    }
}
END_TEST

/* Would catch an error that does not say which address it is about, or what to do. */
START_TEST(port_in_use)
{
    struct http_server_config config;
    struct listen_address addresses[2];
    struct http_server *second = NULL;
    char text[32], error[256] = "";

    start(1);
    config = defaults();
    config.addresses = addresses;
    snprintf(text, sizeof(text), "127.0.0.1:%u", port);
    ck_assert_int_eq(listen_address_parse(text, &addresses[0], error, sizeof(error)), 0);
    ck_assert_int_eq(http_server_new(&config, &second, error, sizeof(error)), -EADDRINUSE);
    ck_assert_ptr_null(second);
    ck_assert_ptr_nonnull(strstr(error, text));
    ck_assert_ptr_nonnull(strstr(error, "--web.listen-address"));
    ck_assert_ptr_null(strchr(error, '\n'));

    /* An optional address may fail as long as another is there. */
    addresses[0].optional = true;
    ck_assert_int_eq(http_server_new(&config, &second, error, sizeof(error)), -EADDRINUSE);
    config.addresses_count = 2;
    ck_assert_int_eq(listen_address_parse("[::1]:0", &addresses[1], error, sizeof(error)), 0);
    ck_assert_int_eq(http_server_new(&config, &second, error, sizeof(error)), 0);
    ck_assert_uint_eq(http_server_port(second, 0), 0);
    ck_assert_uint_ne(http_server_port(second, 1), 0);
    http_server_free(second);
    stop();
}
END_TEST

START_TEST(bad_configuration)
{
    static const char *const paths[] = {"", "metrics", "/a?b", "/a b", "/#"};
    char error[256];

    wall_init(&wall, 1);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct http_server_config config = defaults();

        config.telemetry_path = paths[i];
        ck_assert_int_eq(http_server_new(&config, &server, error, sizeof(error)), -EINVAL);
        ck_assert_ptr_nonnull(strstr(error, "path"));
    }
    wall_deinit(&wall);
}
END_TEST

/* Would catch the landing page hiding metrics that shall be at "/", and a wrong link. */
START_TEST(telemetry_path)
{
    struct http_server_config config = defaults();

    wall_init(&wall, 1);
    config.telemetry_path = "/";
    start_with(&config);
    check(GET("/"), 200, "xen_domain_info");
    check(GET("/metrics"), 404, "Not found.");
    stop();

    wall_init(&wall, 1);
    config.telemetry_path = "/\"<x>&";
    start_with(&config);
    check(GET("/"), 200, "<a href=\"/%22%3Cx%3E&amp;\">");
    check(GET("/%22%3cx%3e&"), 200, "xen_domain_info");
    stop();
}
END_TEST

/* Would catch a coded body without its header, or one that a cache gives to whoever cannot read it.
 */
START_TEST(compressed)
{
    struct response plain, coded;
    int fd;

    start(20);
    fd = dial();
    plain = request(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br\r\n\r\n");
    ck_assert_int_eq(plain.status, 200);
    ck_assert_ptr_null(strcasestr(plain.text, "\r\nContent-Encoding:"));
    ck_assert_ptr_nonnull(strcasestr(plain.text, "\r\nVary: Accept, Accept-Encoding\r\n"));
    coded = request(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
    ck_assert_int_eq(coded.status, 200);
    ck_assert_ptr_nonnull(strcasestr(coded.text, "\r\nContent-Encoding: gzip\r\n"));
    ck_assert_ptr_nonnull(strcasestr(coded.text, "\r\nVary: Accept, Accept-Encoding\r\n"));
    ck_assert_mem_eq(coded.body, "\x1f\x8b", 2);
    ck_assert_uint_lt(coded.body_length, plain.body_length / 4);
    free(plain.text);
    free(coded.text);
    close(fd);
    stop();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server");
    TCase *tests = tcase_create("server");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, answers);
    tcase_add_test(tests, no_echo);
    tcase_add_test(tests, keep_alive);
    tcase_add_test(tests, failures);
    tcase_add_test(tests, late_answer);
    tcase_add_test(tests, too_many_scrapes);
    tcase_add_test(tests, slow_request);
    tcase_add_test(tests, idle);
    tcase_add_test(tests, slow_reader);
    tcase_add_test(tests, slow_readers);
    tcase_add_test(tests, crowd);
    tcase_add_test(tests, per_address);
    tcase_add_test(tests, passed_sockets);
    tcase_add_test(tests, reload);
    tcase_add_test(tests, unix_socket);
    tcase_add_test(tests, stop_while_waiting);
    tcase_add_test(tests, stop_while_rendering);
    tcase_add_test(tests, stop_under_load);
    tcase_add_test(tests, port_in_use);
    tcase_add_test(tests, bad_configuration);
    tcase_add_test(tests, telemetry_path);
    tcase_add_test(tests, compressed);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
