/* SPDX-License-Identifier: Apache-2.0 */
#include "http/target.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

/* Would catch a target that leads elsewhere than the next program thinks. */
START_TEST(targets)
{
    static const struct {
        const char *text;
        enum target_form form;
        const char *path;
    } cases[] = {
        {"/", TARGET_PATH, "/"},
        {"/metrics", TARGET_PATH, "/metrics"},
        {"/metrics?", TARGET_PATH, "/metrics"},
        {"/metrics?a=b&c[]=d/e?f", TARGET_PATH, "/metrics"},
        {"/m%65trics", TARGET_PATH, "/metrics"},
        {"/%4D%4d", TARGET_PATH, "/MM"},
        {"/a/../metrics", TARGET_PATH, "/a/../metrics"},
        {"//metrics", TARGET_PATH, "//metrics"},
        {"/%2fmetrics", TARGET_PATH, "//metrics"},
        {"/%c3%a4", TARGET_PATH, "/\xc3\xa4"},
        {"/-._~!$&'()*+,;=:@", TARGET_PATH, "/-._~!$&'()*+,;=:@"},
        {"http://a/metrics", TARGET_PATH, "/metrics"},
        {"HTTP://a:1/metrics?x", TARGET_PATH, "/metrics"},
        {"https://[::1]:9603/metrics", TARGET_PATH, "/metrics"},
        {"http://a", TARGET_PATH, "/"},
        {"http://a?b", TARGET_PATH, "/"},
        {"*", TARGET_ASTERISK, ""},
        {"a:1", TARGET_AUTHORITY, ""},
        {"[::1]:1", TARGET_AUTHORITY, ""},
        {"", TARGET_INVALID, ""},
        {"metrics", TARGET_INVALID, ""},
        {"**", TARGET_INVALID, ""},
        {"*/", TARGET_INVALID, ""},
        {"/metrics#a", TARGET_INVALID, ""},
        {"/metrics?a#", TARGET_INVALID, ""},
        {"/a[]", TARGET_INVALID, ""},
        {"/a<b", TARGET_INVALID, ""},
        {"/a\"b", TARGET_INVALID, ""},
        {"/a|b", TARGET_INVALID, ""},
        {"/a\\b", TARGET_INVALID, ""},
        {"/a b", TARGET_INVALID, ""},
        {"/a\tb", TARGET_INVALID, ""},
        {"/a\x01", TARGET_INVALID, ""},
        {"/a\x7f", TARGET_INVALID, ""},
        {"/\xc3\xa4", TARGET_INVALID, ""},
        {"/metrics%00", TARGET_INVALID, ""},
        {"/metrics%0a", TARGET_INVALID, ""},
        {"/metrics%1f", TARGET_INVALID, ""},
        {"/metrics%7F", TARGET_INVALID, ""},
        {"/metrics?%00", TARGET_INVALID, ""},
        {"/%", TARGET_INVALID, ""},
        {"/%4", TARGET_INVALID, ""},
        {"/%4g", TARGET_INVALID, ""},
        {"/%g4", TARGET_INVALID, ""},
        {"/%%4d", TARGET_INVALID, ""},
        {"http:/a/", TARGET_INVALID, ""},
        {"http:///metrics", TARGET_INVALID, ""},
        {"http://:1/metrics", TARGET_INVALID, ""},
        {"http://user@a/metrics", TARGET_INVALID, ""},
        {"http://a:b/metrics", TARGET_INVALID, ""},
        {"ftp://a/metrics", TARGET_INVALID, ""},
        {":1", TARGET_INVALID, ""},
        {"a:", TARGET_INVALID, ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct target target;

        target_parse(cases[i].text, &target);
        ck_assert_msg(target.form == cases[i].form, "%s", cases[i].text);
        ck_assert_str_eq(target.path, cases[i].path);
    }
}
END_TEST

/* Would catch a long path being cut down to one that exists. */
START_TEST(long_paths)
{
    char text[3 * TARGET_PATH_MAX + 16];
    struct target target;

    for (size_t length = 1; length < 2 * TARGET_PATH_MAX; length++) {
        memset(text, 'a', sizeof(text));
        text[0] = '/';
        text[length] = '\0';
        target_parse(text, &target);
        ck_assert_int_eq(target.form, TARGET_PATH);
        ck_assert_str_eq(target.path, length <= TARGET_PATH_MAX ? text : "");
    }
    for (size_t i = 0; i < TARGET_PATH_MAX; i++)
        memcpy(text + 3 * i, i == 0 ? "/aa" : "%61", 3);
    text[3 * (TARGET_PATH_MAX - 2)] = '\0';
    target_parse(text, &target);
    ck_assert_uint_eq(strlen(target.path), TARGET_PATH_MAX);
    strcat(text, "%61");
    target_parse(text, &target);
    ck_assert_str_eq(target.path, "");
}
END_TEST

START_TEST(hosts)
{
    static const char *const valid[] = {"",        "a",        "a.b:1",     "127.0.0.1:65535",
                                        "[::1]",   "[::1]:80", "a:",        ":1",
                                        "a_b-c.d", "%61",      "[1:2::3]:", "x!$&'()*+,;=~"};
    static const char *const invalid[] = {
        "a b",    "a/b",   "a@b",     "a:b",   "a:65536", "a:-1",     "[::1",  "::1",
        "[::1]a", "[a]",   "[]",      "a\\b",  "a?",      "a#",       "%4",    "a\x80",
        "<a>",    "a:1:2", "[::1%1]", "a,b c", "\"a\"",   "a:000001", "a\x7f", "a%00"};

    for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++)
        ck_assert_msg(target_host_is_valid(valid[i], strlen(valid[i])), "%s", valid[i]);
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
        ck_assert_msg(!target_host_is_valid(invalid[i], strlen(invalid[i])), "%s", invalid[i]);
    ck_assert(!target_host_is_valid("a\0b", 3));
    ck_assert(!target_host_is_valid("[::1\0]", 6));
    ck_assert(target_host_is_valid("ab/", 2)); /* what lies behind does not count */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("target");
    TCase *tests = tcase_create("target");

    tcase_add_test(tests, targets);
    tcase_add_test(tests, long_paths);
    tcase_add_test(tests, hosts);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
