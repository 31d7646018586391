/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole way of a scrape, from pages to the socket, with every allocation of the exporter's own
 * code counted: the linker sends those calls here. What libraries allocate is theirs.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collectors.h"
#include "http/server.h"
#include "sampler/request_local.h"
#include "sampler/sampler.h"
#include "source/source.h"
#include "suite.h"

/* How long anything may take before it counts as hanging. */
#define PATIENCE_MS 30000

static atomic_ulong allocations;

/* The thread of the test itself: what it and Check allocate is nobody's business. */
static _Thread_local bool is_tester;

#define COUNTED(type, name, parameters, ...)                                                       \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        atomic_fetch_add(&allocations, is_tester ? 0 : 1);                                         \
        return __real_##name(__VA_ARGS__);                                                         \
    }

COUNTED(void *, malloc, (size_t size), size)
COUNTED(void *, calloc, (size_t count, size_t size), count, size)
COUNTED(void *, realloc, (void *data, size_t size), data, size)
COUNTED(char *, strdup, (const char *text), text)
COUNTED(char *, strndup, (const char *text, size_t length), text, length)
COUNTED(FILE *, fopen, (const char *path, const char *mode), path, mode)
COUNTED(void *, mmap, (void *at, size_t length, int protection, int flags, int fd, off_t offset),
        at, length, protection, flags, fd, offset)

static struct sampler *sampler;
static struct request_local *requests;
static struct http_server *server;
static pthread_t loop_thread;
static atomic_bool loop_ends;

static void *loop(void *userdata)
{
    struct pollfd ready = {.fd = request_local_fd(requests), .events = POLLIN};

    while (!atomic_load(&loop_ends)) {
        poll(&ready, 1, 50);
        request_local_answer(requests);
    }
    return NULL;
}

static void start(void)
{
    const struct simulated_config simulated = {.domains = 20, .vcpus = 2, .pcpus = 4, .seed = 1};
    static struct listen_address address; /* for as long as there is a server */
    struct http_server_config config = {
        HTTP_SERVER_DEFAULTS,
        .addresses = &address,
        .addresses_count = 1,
        .source = "simulated",
        .exposition = {.layout = {.version = "1.2.3", .collectors = COLLECTORS_ALL}},
    };
    struct frames *frames;
    struct source *source;
    const char *reason;
    char error[256] = "";

    ck_assert_int_eq(simulated_frames_new(&simulated, &frames), 0);
    ck_assert_int_eq(pages_source_new(frames, SNAPSHOT_SOURCE_SIMULATED, &source, &reason), 0);
    ck_assert_int_eq(sampler_new(source, NULL, &sampler), 0);
    ck_assert_int_eq(sampler_scan(sampler), 0);
    ck_assert_int_eq(request_local_new(sampler, NULL, &requests), 0);
    config.wall = request_local_wall(requests);
    ck_assert_int_eq(listen_address_parse("127.0.0.1:0", &address, error, sizeof(error)), 0);
    ck_assert_msg(http_server_new(&config, &server, error, sizeof(error)) == 0, "%s", error);
    ck_assert_int_eq(pthread_create(&loop_thread, NULL, loop, NULL), 0);
}

static void stop(void)
{
    request_local_stop(requests);
    server = http_server_free(server);
    atomic_store(&loop_ends, true);
    pthread_join(loop_thread, NULL);
    requests = request_local_free(requests);
    sampler = sampler_free(sampler);
}

static int dial(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(server, 0)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static size_t receive(int fd, char *data, size_t size)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    ssize_t length;

    ck_assert_msg(poll(&ready, 1, PATIENCE_MS) == 1, "no answer");
    length = recv(fd, data, size, 0);
    ck_assert_int_gt(length, 0);
    return (size_t)length;
}

static void scrape(int fd, const char *request)
{
    static char data[1U << 20];
    size_t length = 0, header;
    char *end;

    ck_assert_int_eq(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    do {
        length += receive(fd, data + length, sizeof(data) - 1 - length);
        data[length] = '\0';
    } while (!(end = strstr(data, "\r\n\r\n")));
    ck_assert_int_eq(strncmp(data, "HTTP/1.1 200 ", 13), 0);
    header = (size_t)(end + 4 - data);
    end = strcasestr(data, "\r\nContent-Length: ");
    ck_assert_ptr_nonnull(end);
    for (size_t whole = header + strtoul(end + 18, NULL, 10); length < whole;)
        length += receive(fd, data + length, whole - length);
}

static const char *const scrapes[] = {
    "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n",
    "GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: application/openmetrics-text\r\n\r\n",
    ("GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: application/openmetrics-text\r\n"
     "Accept-Encoding: gzip\r\n\r\n"),
};

#define SCRAPES (sizeof(scrapes) / sizeof(scrapes[0]))

/* Each form in turn, `count` times; from time to time over another connection. */
static void scrape_all(unsigned int count)
{
    int fd = dial();

    for (unsigned int i = 0; i < count; i++) {
        if (i % 50 == 49) {
            close(fd);
            fd = dial();
        }
        scrape(fd, scrapes[i % SCRAPES]);
    }
    close(fd);
}

/* Would catch an allocation in any scrape: of a request, a snapshot, a body, a line of text. */
START_TEST(scrapes_allocate_nothing)
{
    unsigned long before;

    is_tester = true;
    start();
    before = atomic_load(&allocations);
    scrape_all(100);
    /* Would catch calls that are not counted at all. */
    ck_assert_uint_gt(atomic_load(&allocations), before);

    before = atomic_load(&allocations);
    scrape_all(1000);
    ck_assert_uint_eq(atomic_load(&allocations) - before, 0);
    stop();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("allocations");
    TCase *tests = tcase_create("allocations");

    tcase_set_timeout(tests, 100);
    tcase_add_test(tests, scrapes_allocate_nothing);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
