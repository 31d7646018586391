/* SPDX-License-Identifier: Apache-2.0 */
#include "http/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "suite.h"

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
        {"[::1:9603", 0, 0},
        {"[]:9603", 0, 0},
        {"[127.0.0.1]:9603", 0, 0},
        {"[::1]", 0, 0},
        {"1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1", 0, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct listen_address address;
        char error[256] = "";
        int r = listen_address_parse(cases[i].text, &address, error, sizeof(error));

        ck_assert_msg(r == (cases[i].family ? 0 : -EINVAL), "%s", cases[i].text);
        if (r) {
            ck_assert_msg(strstr(error, cases[i].text), "%s", error);
            ck_assert_ptr_nonnull(strstr(error, "127.0.0.1:9603"));
            continue;
        }
        ck_assert_int_eq(address.address.ss_family, cases[i].family);
        ck_assert_str_eq(address.text, cases[i].text);
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
    ck_assert_int_eq(listen_open(&address, &first, error, sizeof(error)), 0);
    port = listen_port(first);
    ck_assert_uint_ne(port, 0);
    snprintf(text, sizeof(text), "127.0.0.1:%u", port);
    ck_assert_int_eq(listen_address_parse(text, &address, error, sizeof(error)), 0);
    ck_assert_int_eq(listen_open(&address, &second, error, sizeof(error)), -EADDRINUSE);
    ck_assert_ptr_nonnull(strstr(error, text));
    ck_assert_ptr_nonnull(strstr(error, "another program listens there"));
    close(first);
    ck_assert_int_eq(listen_open(&address, &second, error, sizeof(error)), 0);
    close(second);

    ck_assert_int_eq(listen_address_parse("192.0.2.1:0", &address, error, sizeof(error)), 0);
    ck_assert_int_eq(listen_open(&address, &second, error, sizeof(error)), -EADDRNOTAVAIL);
    ck_assert_ptr_nonnull(strstr(error, "does not have that address"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("listen");
    TCase *tests = tcase_create("listen");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, parse);
    tcase_add_test(tests, bind_twice);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
