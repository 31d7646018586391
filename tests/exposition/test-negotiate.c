/* SPDX-License-Identifier: Apache-2.0 */
#include "exposition/negotiate.h"

#include <string.h>

#include "suite.h"

#define OM "application/openmetrics-text"

/* Would catch Prometheus getting the poorer format, and a browser or curl the one it cannot show.
 */
START_TEST(wishes)
{
    static const struct {
        const char *accept;
        enum exposition_format format;
        bool utf8_names;
    } cases[] = {
        {"", FORMAT_TEXT, false},
        {"*/*", FORMAT_TEXT, false},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", FORMAT_TEXT, false},
        /* Prometheus 2.42 */
        {OM ";version=1.0.0," OM ";version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
         FORMAT_OPENMETRICS, false},
        /* Prometheus 3 */
        {OM ";version=1.0.0;escaping=allow-utf-8;q=0.6," OM
            ";version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
            "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
         FORMAT_OPENMETRICS, true},
        {OM, FORMAT_OPENMETRICS, false},
        {OM "; version=\"1.0.0\"", FORMAT_OPENMETRICS, false},
        {OM ";version=0.0.1", FORMAT_TEXT, false},
        {OM ";version=2.0.0", FORMAT_TEXT, false},
        {OM ";q=0", FORMAT_TEXT, false},
        {OM ";q=0.000,*/*", FORMAT_TEXT, false},
        {"text/plain," OM, FORMAT_OPENMETRICS, false},
        {"text/plain;q=0.9," OM ";q=0.8", FORMAT_TEXT, false},
        {"text/plain;q=0.8," OM ";q=0.801", FORMAT_OPENMETRICS, false},
        {"text/plain;q=0,*/*", FORMAT_OPENMETRICS, false},
        {"text/*;q=0.1,application/*", FORMAT_OPENMETRICS, false},
        {"application/json", FORMAT_TEXT, false},
        {"APPLICATION/OpenMetrics-Text;VERSION=1.0.0", FORMAT_OPENMETRICS, false},
        {OM ";q=1.001,text/plain", FORMAT_TEXT, false}, /* no such weight: not said */
        {OM ";q=0.1234,text/plain", FORMAT_TEXT, false},
        {OM ";q=x,text/plain", FORMAT_TEXT, false},
        {OM ";q=,text/plain", FORMAT_TEXT, false},
        {OM ";q=-1,text/plain", FORMAT_TEXT, false},
        {OM ";a=\",;\";q=0.5,text/plain;q=0.4", FORMAT_OPENMETRICS, false},
        {OM ";a=\"never closed,text/plain", FORMAT_OPENMETRICS, false},
        {",, ,;;,=;=,", FORMAT_TEXT, false},
        {OM ";escaping=dots", FORMAT_OPENMETRICS, false},
        {OM ";escaping=allow-utf-8", FORMAT_OPENMETRICS, true},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct negotiated negotiated = negotiate_accept(cases[i].accept, strlen(cases[i].accept));

        ck_assert_msg(negotiated.format == cases[i].format, "format for: %s", cases[i].accept);
        ck_assert_msg(negotiated.utf8_names == cases[i].utf8_names, "names for: %s",
                      cases[i].accept);
    }
}
END_TEST

/* Would catch a read behind the header's end: the sanitizer watches. */
START_TEST(any_bytes)
{
    static const char alphabet[] = "*/,;=\"\\ q.01text/plain" OM "\x00\xff";
    uint64_t random = 88172645463325252U;

    for (int round = 0; round < 20000; round++) {
        size_t length = random % 40;
        char *accept = malloc(length + 1);

        for (size_t i = 0; i < length; i++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            accept[i] = alphabet[random % sizeof(alphabet)];
        }
        accept = realloc(accept, length ? length : 1);
        ck_assert_ptr_nonnull(negotiated_content_type(negotiate_accept(accept, length)));
        free(accept);
    }
}
END_TEST

START_TEST(content_types)
{
    ck_assert_str_eq(negotiated_content_type((struct negotiated){.format = FORMAT_TEXT}),
                     "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
    ck_assert_str_eq(
        negotiated_content_type((struct negotiated){FORMAT_OPENMETRICS, .utf8_names = true}),
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8");
}
END_TEST

/* Would catch a coding that was refused, and Prometheus getting eight times the bytes. */
START_TEST(codings)
{
    static const struct {
        const char *accept_encoding;
        enum encoding encoding;
    } cases[] = {
        {"", ENCODING_IDENTITY},
        {"gzip", ENCODING_GZIP},
        {"GZIP", ENCODING_GZIP},
        {"x-gzip", ENCODING_GZIP},
        {"deflate, gzip;q=1.0, *;q=0.5", ENCODING_GZIP},
        {"gzip;q=0", ENCODING_IDENTITY},
        {"gzip;q=0.0, *", ENCODING_IDENTITY},
        {"*", ENCODING_GZIP},
        {"*;q=0", ENCODING_IDENTITY},
        {"identity, gzip", ENCODING_GZIP},
        {"identity, gzip;q=0.9", ENCODING_IDENTITY},
        {"identity;q=0, gzip;q=0.1", ENCODING_GZIP},
        {"br, zstd", ENCODING_IDENTITY},
        {"gzip;q=2", ENCODING_IDENTITY},
        {"gzipped", ENCODING_IDENTITY},
        {",,;q=,\"gzip", ENCODING_IDENTITY},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_msg(negotiate_encoding(cases[i].accept_encoding,
                                         strlen(cases[i].accept_encoding)) == cases[i].encoding,
                      "%s", cases[i].accept_encoding);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("negotiate");
    TCase *tests = tcase_create("negotiate");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, wishes);
    tcase_add_test(tests, codings);
    tcase_add_test(tests, any_bytes);
    tcase_add_test(tests, content_types);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
