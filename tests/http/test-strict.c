/* SPDX-License-Identifier: Apache-2.0 */
#include "http/strict.h"

#include <stdio.h>

#include "http/parse.h"
#include "suite.h"

#define LINE      "GET / HTTP/1.1\r\n"
#define HOST      "Host: a\r\n"
#define WITH(...) LINE HOST __VA_ARGS__ "\r\n"

/* Would catch a rule that is not applied, or that refuses what everybody sends. The same rules are
 * tried through the server by conformance/rfc9112. */
START_TEST(rules)
{
    static const struct {
        const char *text;
        size_t length; /* 0: up to the NUL */
        enum page page;
    } cases[] = {
        {WITH(), 0, PAGES},
        {WITH("Accept: */*\r\nX:\r\nY: \t \r\nZ: a \t\r\n"), 0, PAGES},
        {WITH("!#$%&'*+-.^_`|~0aZ: \x80\xff\t!\r\n"), 0, PAGES},
        {"GET / HTTP/1.0\r\n\r\n", 0, PAGES},
        {"GET / HTTP/1.0\r\nHost: a\r\n\r\n", 0, PAGES},
        {LINE "\r\n", 0, PAGE_BAD_REQUEST},
        {LINE "Host: a\r\nhost: a\r\n\r\n", 0, PAGE_BAD_REQUEST},
        {"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 0, PAGE_BAD_REQUEST},
        {LINE "Host: a b\r\n\r\n", 0, PAGE_BAD_REQUEST},
        {LINE "Host: a/b\r\n\r\n", 0, PAGE_BAD_REQUEST},
        {LINE "Host:\r\n\r\n", 0, PAGES},
        {WITH("A : b\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH(" A: b\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("A: b\r\n c: d\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("A(b): c\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH(": c\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("A: b\rc\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("A: b\x01\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("A: b\x7f\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("A: b\n"), 0, PAGE_BAD_REQUEST},
        {LINE HOST "\n", 0, PAGE_BAD_REQUEST},
        {"GET / HTTP/1.1\n" HOST "\r\n", 0, PAGE_BAD_REQUEST},
        {"GET  / HTTP/1.1\r\n" HOST "\r\n", 0, PAGE_BAD_REQUEST},
        {"G@T / HTTP/1.1\r\n" HOST "\r\n", 0, PAGE_BAD_REQUEST},
#define NUL LINE HOST "A: b\0c\r\n\r\n"
        {NUL, sizeof(NUL) - 1, PAGE_BAD_REQUEST},
#define HIDDEN LINE HOST "A: b\n\0c\n"
        {HIDDEN, sizeof(HIDDEN) - 1, PAGE_BAD_REQUEST},
        {WITH("Content-Length: 0\r\n"), 0, PAGES},
        {WITH("Content-Length: 00 \r\n"), 0, PAGES},
        {WITH("Content-Length: 1\r\n"), 0, PAGE_NO_BODY},
        {WITH("Content-Length: 99999999999999999999999\r\n"), 0, PAGE_NO_BODY},
        {WITH("Content-Length:\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("Content-Length: -1\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("Content-Length: +0\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("Content-Length: 0x0\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("Content-Length: 0, 0\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("Content-Length: 0\r\nContent-Length: 0\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("Content-Length: 0\r\nContent-Length: 1\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("Transfer-Encoding: chunked\r\n"), 0, PAGE_NO_BODY},
        {WITH("Transfer-Encoding: Chunked \r\n"), 0, PAGE_NO_BODY},
        {WITH("Transfer-Encoding: gzip, chunked\r\n"), 0, PAGE_UNKNOWN_CODING},
        {WITH("Transfer-Encoding: gzip\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("Transfer-Encoding: identity\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("Transfer-Encoding:\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("Transfer-Encoding: \x0b"
              "chunked\r\n"),
         0, PAGE_BAD_REQUEST},
        {WITH("Transfer-Encoding: xchunked\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("Transfer-Encoding: chunked, chunked\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("Transfer-Encoding: chunked, gzip\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 0, PAGE_BAD_REQUEST},
        {WITH("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), 0, PAGE_BAD_REQUEST},
        {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 0, PAGE_BAD_REQUEST},
        {WITH("Expect: 100-continue\r\n"), 0, PAGE_EXPECTATION},
        {WITH("Expect: a\r\n"), 0, PAGE_EXPECTATION},
        {WITH("Expect: 100-continue\r\nContent-Length: 1\r\n"), 0, PAGE_NO_BODY},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t length = cases[i].length ? cases[i].length : strlen(cases[i].text);
        struct strict_request request;
        char *text = malloc(length);

        memcpy(text, cases[i].text, length);
        ck_assert_msg(parse_request(text, length, &request), "%s", cases[i].text);
        ck_assert_msg(strict_check(&request) == cases[i].page, "%d instead of %d: %s",
                      strict_check(&request), cases[i].page, cases[i].text);
        free(text);
    }
}
END_TEST

/* Would catch a request with more fields than were looked at. */
START_TEST(sizes)
{
    struct strict_request request;
    char text[16384] = LINE HOST;

    for (size_t fields = 1; fields < STRICT_FIELDS_MAX + 2; fields++) {
        char copy[sizeof(text)];

        snprintf(copy, sizeof(copy), "%s\r\n", text);
        ck_assert(parse_request(copy, strlen(copy), &request));
        ck_assert_uint_eq(request.fields, fields);
        ck_assert_int_eq(strict_check(&request),
                         fields <= STRICT_FIELDS_MAX ? PAGES : PAGE_TOO_LARGE);
        request.header_max = request.header_size;
        ck_assert_int_eq(strict_check(&request) == PAGES, fields <= STRICT_FIELDS_MAX);
        request.header_max--;
        ck_assert_int_eq(strict_check(&request), PAGE_TOO_LARGE);
        strcat(text, "A: b\r\n");
    }
}
END_TEST

/* Would catch a client whose wishes are in two fields being half heard, and a list that overflows.
 */
START_TEST(lists)
{
    char text[16384] = WITH("accept: a, b\r\nX: c\r\nACCEPT:  d \r\nAccepts: e\r\n");
    char list[STRICT_LIST_MAX], copy[sizeof(text)];
    struct strict_request request;

    ck_assert(parse_request(text, strlen(text), &request));
    ck_assert_uint_eq(strict_list(&request, "Accept", list), 7);
    ck_assert_mem_eq(list, "a, b, d", 7);
    ck_assert_uint_eq(strict_list(&request, "Host", list), 1);
    ck_assert_uint_eq(strict_list(&request, "Y", list), 0);

    for (int more = -4; more <= 4; more++) {
        int first = (int)STRICT_LIST_MAX / 2, second = (int)STRICT_LIST_MAX / 2 - 2 + more;

        snprintf(copy, sizeof(copy), LINE "A: %0*d\r\nA: %0*d\r\n\r\n", first, 1, second, 2);
        ck_assert(parse_request(copy, strlen(copy), &request));
        ck_assert_uint_eq(strict_list(&request, "A", list),
                          more <= 0 ? (size_t)(first + 2 + second) : (size_t)first);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("strict");
    TCase *tests = tcase_create("strict");

    tcase_add_test(tests, rules);
    tcase_add_test(tests, sizes);
    tcase_add_test(tests, lists);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
