/* SPDX-License-Identifier: Apache-2.0 */
#include "http/connections.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/eventfd.h>

#include "suite.h"

static struct connections *connections;
static int wake_fd;

static void setup(void)
{
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ck_assert_int_eq(connections_new(4, 2, wake_fd, &connections), 0);
}

static void teardown(void)
{
    connections = connections_free(connections);
    close(wake_fd);
}

static int add_v4(int fd, uint32_t address, uint64_t deadline_ns)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};

    return connections_add(connections, fd, (struct sockaddr *)&v4, sizeof(v4), deadline_ns);
}

static bool woken(void)
{
    eventfd_t count;

    return eventfd_read(wake_fd, &count) == 0;
}

/* Would catch a limit that counts strangers together, or lets one client in twice by protocol. */
START_TEST(limits)
{
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6};
    struct sockaddr local = {.sa_family = AF_UNIX};

    ck_assert_int_eq(inet_pton(AF_INET6, "::ffff:0.0.0.1", &mapped.sin6_addr), 1);
    ck_assert_int_eq(add_v4(1001, 1, 1), 0);
    ck_assert_int_eq(
        connections_add(connections, 1002, (struct sockaddr *)&mapped, sizeof(mapped), 1), 0);
    ck_assert_int_eq(add_v4(1003, 1, 1), -EUSERS);
    ck_assert_int_eq(add_v4(1003, 2, 1), 0);
    connections_remove(connections, connections_find(connections, 1001));
    ck_assert_ptr_null(connections_find(connections, 1001));
    ck_assert_int_eq(connections_add(connections, 1004, &local, sizeof(sa_family_t), 1), 0);
    ck_assert_int_eq(connections_add(connections, 1005, &local, sizeof(sa_family_t), 1), 0);
    ck_assert_int_eq(add_v4(1006, 3, 1), -EMFILE);
    ck_assert_ptr_null(connections_find(connections, -1));
}
END_TEST

static bool peer_sees_end(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

/* Would catch the wrong client being cut off, one cut too early, and a deadline slept through. */
START_TEST(deadlines)
{
    int late[2], good[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, late), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, good), 0);
    ck_assert_uint_eq(connections_cut_late(connections, 0), UINT64_MAX);
    ck_assert_int_eq(add_v4(late[0], 1, 100), 0);
    ck_assert_int_eq(add_v4(good[0], 2, 300), 0);
    ck_assert_uint_eq(connections_cut_late(connections, 99), 100);
    ck_assert(!peer_sees_end(late[1]));
    ck_assert(!woken());

    /* Later than the next wake: no reason to wake; earlier: there is one. */
    connections_set_deadline(connections, connections_find(connections, good[0]), 200);
    ck_assert(!woken());
    connections_set_deadline(connections, connections_find(connections, good[0]), 50);
    ck_assert(woken());
    connections_set_deadline(connections, connections_find(connections, good[0]), 400);

    ck_assert_uint_eq(connections_cut_late(connections, 100), 400);
    ck_assert(peer_sees_end(late[1]));
    ck_assert(!peer_sees_end(good[1]));

    /* A removed descriptor may be another file by now. */
    connections_remove(connections, connections_find(connections, good[0]));
    ck_assert_uint_eq(connections_cut_late(connections, 1000), UINT64_MAX);
    ck_assert(!peer_sees_end(good[1]));
    for (int i = 0; i < 2; i++) {
        close(late[i]);
        close(good[i]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("connections");
    TCase *tests = tcase_create("connections");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, limits);
    tcase_add_test(tests, deadlines);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
