/* SPDX-License-Identifier: Apache-2.0 */
#include "http/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "suite.h"
#include "util/monotonic.h"

/* Would catch a typing error that opens the exporter to the network, or another port. */
START_TEST(parse)
{
    static const struct {
        const char *text;
        int family; /* 0: refused */
        uint16_t port;
    } cases[] = {
        {"127.0.0.1:9603", AF_INET, 9603},
        {"0.0.0.0:0", AF_INET, 0},
        {"[::1]:9603", AF_INET6, 9603},
        {"[fe80::1]:65535", AF_INET6, 65535},
        {":9603", AF_INET6, 9603},
        {"", 0, 0},
        {"9603", 0, 0},
        {":", 0, 0},
        {"127.0.0.1", 0, 0},
        {"127.0.0.1:", 0, 0},
        {"127.0.0.1:65536", 0, 0},
        {"127.0.0.1:-1", 0, 0},
        {"127.0.0.1: 1", 0, 0},
        {"127.0.0.1:1x", 0, 0},
        {"127.0.0.1:000001", 0, 0},
        {"127.0.0:1", 0, 0},
        {"localhost:9603", 0, 0},
        {"::1:9603", 0, 0},
        {"unix:/run/x.sock", AF_UNIX, 0},
        {"unix:run/x.sock", 0, 0},
        {"unix:/run/", 0, 0},
        {"unix:", 0, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct listen_address address;
        char error[256] = "";
        int r = listen_address_parse(cases[i].text, &address, error, sizeof(error));

        ck_assert_msg(r == (cases[i].family ? 0 : -EINVAL), "%s", cases[i].text);
        if (r) {
            ck_assert_msg(strncmp(error + 1, cases[i].text, strnlen(cases[i].text, 100)) == 0, "%s",
                          error);
            ck_assert_ptr_nonnull(strstr(error, "127.0.0.1:9603"));
            continue;
        }
        ck_assert_int_eq(address.address.ss_family, cases[i].family);
        ck_assert_str_eq(address.text, cases[i].text);
        if (cases[i].family == AF_UNIX) {
            ck_assert_str_eq(((struct sockaddr_un *)&address.address)->sun_path, cases[i].text + 5);
            continue;
        }
        ck_assert_uint_eq(cases[i].port,
                          ntohs(cases[i].family == AF_INET
                                    ? ((struct sockaddr_in *)&address.address)->sin_port
                                    : ((struct sockaddr_in6 *)&address.address)->sin6_port));
    }
}
END_TEST

/* Would catch a restart that has to wait for old connections, and an error without a way out. */
START_TEST(bind_twice)
{
    struct listen_address address;
    char error[256] = "", text[32];
    int first, second = -1;
    uint16_t port;

    ck_assert_int_eq(listen_address_parse("127.0.0.1:0", &address, error, sizeof(error)), 0);
    ck_assert_int_eq(listen_open(&address, NS_PER_S, &first, error, sizeof(error)), 0);
    port = listen_port(first);
    ck_assert_uint_ne(port, 0);
    snprintf(text, sizeof(text), "127.0.0.1:%u", port);
    ck_assert_int_eq(listen_address_parse(text, &address, error, sizeof(error)), 0);
    ck_assert_int_eq(listen_open(&address, NS_PER_S, &second, error, sizeof(error)), -EADDRINUSE);
    ck_assert_ptr_nonnull(strstr(error, text));
    ck_assert_ptr_nonnull(strstr(error, "another program listens there"));
    close(first);
    ck_assert_int_eq(listen_open(&address, NS_PER_S, &second, error, sizeof(error)), 0);
    close(second);

    ck_assert_int_eq(listen_address_parse("192.0.2.1:0", &address, error, sizeof(error)), 0);
    ck_assert_int_eq(listen_open(&address, NS_PER_S, &second, error, sizeof(error)),
                     -EADDRNOTAVAIL);
    ck_assert_ptr_nonnull(strstr(error, "does not have that address"));
}
END_TEST

/* Would catch a path that is cut short. */
START_TEST(long_path)
{
    size_t room = sizeof(((struct sockaddr_un *)0)->sun_path);
    char text[LISTEN_TEXT_MAX * 2], error[256] = "";
    struct listen_address address;

    snprintf(text, sizeof(text), "unix:/%0*d", (int)room - 2, 1);
    ck_assert_int_eq(listen_address_parse(text, &address, error, sizeof(error)), 0);
    ck_assert_str_eq(((struct sockaddr_un *)&address.address)->sun_path, text + 5);
    for (size_t more = 1; more < 100; more++) {
        snprintf(text, sizeof(text), "unix:/%0*d", (int)(room - 2 + more), 1);
        ck_assert_int_eq(listen_address_parse(text, &address, error, sizeof(error)), -EINVAL);
    }
}
END_TEST

/* Would catch a socket file that keeps the next start from working, one taken from a program that
 * still listens, and one that is left behind. */
START_TEST(unix_socket)
{
    struct listen_address address;
    char error[256] = "", path[] = "/tmp/test-listen-XXXXXX", text[64];
    int first = -1, second = -1;
    struct stat status;

    ck_assert_ptr_nonnull(mkdtemp(path));
    snprintf(text, sizeof(text), "unix:%s/socket", path);
    ck_assert_int_eq(listen_address_parse(text, &address, error, sizeof(error)), 0);
    ck_assert_int_eq(listen_open(&address, NS_PER_S, &first, error, sizeof(error)), 0);
    ck_assert_uint_eq(listen_port(first), 0);
    ck_assert_int_eq(listen_open(&address, NS_PER_S, &second, error, sizeof(error)), -EADDRINUSE);
    ck_assert_ptr_nonnull(strstr(error, text));
    close(first); /* as a program does that is killed */
    ck_assert_int_eq(listen_open(&address, NS_PER_S, &second, error, sizeof(error)), 0);
    listen_close(&address, &second);
    ck_assert_int_eq(second, -1);
    ck_assert_int_ne(stat(text + 5, &status), 0);

    /* What is no socket is nobody's to remove. */
    first = open(text + 5, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ck_assert_int_ge(first, 0);
    close(first);
    ck_assert_int_eq(listen_open(&address, NS_PER_S, &second, error, sizeof(error)), -EADDRINUSE);
    ck_assert_int_eq(stat(text + 5, &status), 0);
    unlink(text + 5);
    rmdir(path);
    ck_assert_int_eq(listen_open(&address, NS_PER_S, &second, error, sizeof(error)), -ENOENT);
    ck_assert_ptr_nonnull(strstr(error, "directory"));
}
END_TEST

static int option(int fd, int level, int name)
{
    int value;
    socklen_t length = sizeof(value);

    ck_assert_int_eq(getsockopt(fd, level, name, &value, &length), 0);
    return value;
}

static int adopt_fd(int fd, uint64_t send_timeout_ns, char *error, size_t error_size)
{
    struct listen_address address = {.text = "metrics.socket", .inherited = true, .fd = fd};
    int got = -1, r;

    r = listen_open(&address, send_timeout_ns, &got, error, error_size);
    ck_assert_int_eq(got, r == 0 ? fd : -1);
    ck_assert(r == 0 || strstr(error, "metrics.socket"));
    return r;
}

/* Would catch a passed socket without the bounds of our own, and one on which accept() blocks or
 * fails for ever. */
START_TEST(adopt)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0), pipes[2];
    char error[256] = "";

    ck_assert_int_eq(bind(tcp, (struct sockaddr *)&any, sizeof(any)), 0);
    ck_assert_int_eq(adopt_fd(tcp, NS_PER_S, error, sizeof(error)), -EPROTOTYPE);
    ck_assert_ptr_nonnull(strstr(error, "ListenStream="));
    ck_assert_int_eq(listen(tcp, 1), 0);
    ck_assert_int_eq(adopt_fd(tcp, 2 * NS_PER_S, error, sizeof(error)), 0);
    ck_assert(fcntl(tcp, F_GETFL) & O_NONBLOCK);
    ck_assert(fcntl(tcp, F_GETFD) & FD_CLOEXEC);
    ck_assert_int_eq(option(tcp, IPPROTO_TCP, TCP_USER_TIMEOUT), 2000);
    ck_assert_int_le(option(tcp, SOL_SOCKET, SO_SNDBUF), 512 * 1024);
    ck_assert_int_le(option(tcp, SOL_SOCKET, SO_RCVBUF), 64 * 1024);

    ck_assert_int_eq(adopt_fd(udp, NS_PER_S, error, sizeof(error)), -EPROTOTYPE);
    ck_assert_int_eq(pipe(pipes), 0);
    ck_assert_int_eq(adopt_fd(pipes[0], NS_PER_S, error, sizeof(error)), -EPROTOTYPE);
    ck_assert_int_eq(adopt_fd(-1, NS_PER_S, error, sizeof(error)), -EPROTOTYPE);
    close(tcp);
    close(udp);
    close(pipes[0]);
    close(pipes[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("listen");
    TCase *tests = tcase_create("listen");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, parse);
    tcase_add_test(tests, bind_twice);
    tcase_add_test(tests, long_path);
    tcase_add_test(tests, unix_socket);
    tcase_add_test(tests, adopt);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
