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
    static const struct connections_limits limits = {
        .max = 4,
        .max_per_peer = 2,
        .timeout_ns = {[CONNECTION_READING] = 100,
                       [CONNECTION_ANSWERING] = 200,
                       [CONNECTION_SENDING] = 300,
                       [CONNECTION_IDLE] = 1000},
    };

    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ck_assert_int_eq(connections_new(&limits, wake_fd, &connections), 0);
}

static void teardown(void)
{
    connections = connections_free(connections);
    close(wake_fd);
}

static struct peer peer_v4(uint32_t address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};

    return peer_of((struct sockaddr *)&v4, sizeof(v4));
}

static struct peer peer_v6(const char *text)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    ck_assert_int_eq(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return peer_of((struct sockaddr *)&v6, sizeof(v6));
}

static int add(int fd, struct peer peer, uint64_t now_ns)
{
    return connections_add(connections, fd, &peer, now_ns);
}

static struct connection *find(int fd)
{
    return connections_find(connections, fd);
}

static bool woken(void)
{
    eventfd_t count;

    return eventfd_read(wake_fd, &count) == 0;
}

/* Would catch strangers counted together, one host counted as 2^64, and one as two by protocol. */
START_TEST(peers)
{
    const struct {
        struct peer one, other;
        bool equal;
    } cases[] = {
        {peer_v4(0x7f000001), peer_v4(0x7f000001), true},
        {peer_v4(0x7f000001), peer_v4(0x7f000002), false},
        {peer_v4(0x7f000001), peer_v6("::ffff:127.0.0.1"), true},
        {peer_v6("2001:db8::1"), peer_v6("2001:db8::ffff:0:0:1"), true},
        {peer_v6("2001:db8::1"), peer_v6("2001:db8:0:1::1"), false},
        {peer_v6("::1"), peer_v4(0), false},
        {peer_of(&(struct sockaddr){.sa_family = AF_UNIX}, 2), peer_v4(0), false},
        {peer_of(&(struct sockaddr){.sa_family = AF_INET}, 2),
         peer_of(&(struct sockaddr){.sa_family = AF_UNIX}, 2), true},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_msg(peer_equal(&cases[i].one, &cases[i].other) == cases[i].equal, "%zu", i);
}
END_TEST

/* Would catch a limit of one peer that another meets, and a place that is never given back. */
START_TEST(limits)
{
    ck_assert_int_eq(add(1001, peer_v4(1), 0), 0);
    ck_assert_int_eq(add(1002, peer_v4(1), 0), 0);
    ck_assert_int_eq(add(1003, peer_v4(1), 0), -EUSERS);
    ck_assert_int_eq(add(1003, peer_v4(2), 0), 0);
    connections_remove(connections, find(1001));
    ck_assert_ptr_null(find(1001));
    ck_assert_int_eq(add(1004, peer_v4(1), 0), 0);
    ck_assert_int_eq(add(1005, peer_v4(1), 0), -EUSERS);
    ck_assert_ptr_null(find(-1));

    /* Who is closed without a word does not count for ever. */
    ck_assert_int_eq(add(1004, peer_v4(3), 0), 0);
    ck_assert_int_eq(add(1005, peer_v4(1), 0), 0);
    ck_assert(peer_equal(connection_peer(find(1004)), &(struct peer[]){peer_v4(3)}[0]));
}
END_TEST

static bool peer_sees_end(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

/* Would catch some addresses locking out all others, and a newcomer that throws out who is busy
 * with as little. */
START_TEST(shares)
{
    int pairs[8][2];

    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
    ck_assert_int_eq(add(pairs[0][0], peer_v4(1), 3), 0);
    ck_assert_int_eq(add(pairs[1][0], peer_v4(1), 2), 0);
    ck_assert_int_eq(add(pairs[2][0], peer_v4(2), 1), 0);
    ck_assert_int_eq(add(pairs[3][0], peer_v4(3), 1), 0);

    /* Of the one that has two, the one that has not moved longest. */
    ck_assert_int_eq(add(pairs[4][0], peer_v4(4), 4), 0);
    ck_assert(peer_sees_end(pairs[1][1]));
    connections_remove(connections, find(pairs[1][0]));

    /* Now everybody has one: another one has to wait, until one is idle. */
    ck_assert_int_eq(add(pairs[5][0], peer_v4(5), 5), -EMFILE);
    connections_enter(connections, find(pairs[3][0]), CONNECTION_IDLE, 5);
    ck_assert_int_eq(add(pairs[5][0], peer_v4(4), 5), -EMFILE); /* it has one */
    ck_assert_int_eq(add(pairs[5][0], peer_v4(5), 5), 0);
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(peer_sees_end(pairs[i][1]), i == 1 || i == 3);
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
}
END_TEST

/* Would catch the wrong client being cut off, one cut too early, and a deadline slept through. */
START_TEST(deadlines)
{
    int late[2], good[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, late), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, good), 0);
    ck_assert_uint_eq(connections_cut_late(connections, 0), UINT64_MAX);
    ck_assert_int_eq(add(late[0], peer_v4(1), 0), 0);
    ck_assert_int_eq(add(good[0], peer_v4(2), 0), 0);
    connections_enter(connections, find(good[0]), CONNECTION_SENDING, 0);
    ck_assert(woken());
    ck_assert_uint_eq(connections_cut_late(connections, 99), 100);
    ck_assert(!peer_sees_end(late[1]));

    /* Later than the next wake: no reason to wake; earlier: there is one. */
    connections_enter(connections, find(good[0]), CONNECTION_ANSWERING, 0);
    ck_assert(!woken());
    connections_enter(connections, find(good[0]), CONNECTION_READING, 0);
    ck_assert(!woken());
    ck_assert_uint_eq(connections_cut_late(connections, 50), 100);
    connections_enter(connections, find(good[0]), CONNECTION_SENDING, 50);

    ck_assert_uint_eq(connections_cut_late(connections, 100), 350);
    ck_assert(peer_sees_end(late[1]));
    ck_assert(!peer_sees_end(good[1]));
    /* There is no way back. */
    connections_enter(connections, find(late[0]), CONNECTION_SENDING, 50);
    ck_assert_uint_eq(connections_cut_late(connections, 101), 350);

    /* A removed descriptor may be another file by now. */
    connections_remove(connections, find(good[0]));
    ck_assert_uint_eq(connections_cut_late(connections, 1000), UINT64_MAX);
    ck_assert(!peer_sees_end(good[1]));
    for (int i = 0; i < 2; i++) {
        close(late[i]);
        close(good[i]);
    }
}
END_TEST

/* Would catch a client that gets its time twice: for the request line, and for the rest. */
START_TEST(reading)
{
    ck_assert_int_eq(add(1001, peer_v4(1), 0), 0);
    connections_enter(connections, find(1001), CONNECTION_READING, 90);
    ck_assert_uint_eq(connections_cut_late(connections, 91), 100);

    /* After an idle time, the request's own time, and no longer than the idle time. */
    connections_enter(connections, find(1001), CONNECTION_IDLE, 95);
    ck_assert_uint_eq(connections_cut_late(connections, 96), 1095);
    connections_enter(connections, find(1001), CONNECTION_READING, 500);
    ck_assert_uint_eq(connections_cut_late(connections, 501), 600);
    connections_enter(connections, find(1001), CONNECTION_IDLE, 600);
    connections_enter(connections, find(1001), CONNECTION_READING, 1590);
    ck_assert_uint_eq(connections_cut_late(connections, 1591), 1600);
}
END_TEST

/* Would catch limits that stay what they were, or a table that is written beyond its end. */
START_TEST(limits_can_change)
{
    const struct connections_limits others = {
        .max = 1000, .max_per_peer = 3, .timeout_ns = {[CONNECTION_READING] = 50}};

    ck_assert_int_eq(add(10, peer_v4(1), 0), 0);
    ck_assert_int_eq(add(11, peer_v4(1), 0), 0);
    ck_assert_int_eq(add(12, peer_v4(1), 0), -EUSERS);
    connections_set_limits(connections, &others);
    ck_assert_int_eq(add(12, peer_v4(1), 0), 0);
    ck_assert_int_eq(add(13, peer_v4(1), 0), -EUSERS);
    ck_assert_uint_eq(connections_cut_late(connections, 1), 50);
    for (unsigned int i = 0; i < 10; i++)
        if (add((int)(20 + i), peer_v4(2 + i), 0) != 0)
            ck_assert_uint_ge(i, 1); /* the four places of the beginning are all there are */
    ck_assert_ptr_null(find(29));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("connections");
    TCase *tests = tcase_create("connections");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, peers);
    tcase_add_test(tests, limits);
    tcase_add_test(tests, limits_can_change);
    tcase_add_test(tests, shares);
    tcase_add_test(tests, deadlines);
    tcase_add_test(tests, reading);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
