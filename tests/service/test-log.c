/* SPDX-License-Identifier: Apache-2.0 */
#include "service/log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "capture.h"
#include "suite.h"

static char written[16384];

#define CAPTURE(statement)                                                                         \
    do {                                                                                           \
        struct capture capture;                                                                    \
                                                                                                   \
        capture_begin(&capture, STDERR_FILENO);                                                    \
        statement;                                                                                 \
        capture_end(&capture, written, sizeof(written));                                           \
    } while (0)

static void set_up(void)
{
    unsetenv("JOURNAL_STREAM");
    log_set_level(LOG_LEVEL_INFO);
}

/* Would catch a guest's name that starts a line of its own, or drives the terminal. */
START_TEST(foreign_bytes_are_escaped)
{
    CAPTURE(log_info("name %s", "a\nb\r\t\x1b[31m\xc3\xa9\x7f"));
    ck_assert_str_eq(written,
                     "xen-stats-exporter: info: name a\\x0ab\\x0d\\x09\\x1b[31m\\xc3\\xa9\\x7f\n");
    CAPTURE(log_info(" ~\"\\%%"));
    ck_assert_str_eq(written, "xen-stats-exporter: info:  ~\"\\%\n");
}
END_TEST

/* Would catch levels in the wrong order, or a line under another one's name. */
START_TEST(levels_hold_back_what_matters_less)
{
    static const enum log_level levels[] = {LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO,
                                            LOG_LEVEL_DEBUG};
    static const char *const lines[] = {
        "xen-stats-exporter: error: e\n",
        "xen-stats-exporter: warning: w\n",
        "xen-stats-exporter: info: i\n",
        "xen-stats-exporter: debug: d\n",
    };
    char expected[256] = "";

    for (int lowest = 0; lowest < 4; lowest++) {
        log_set_level(levels[lowest]);
        strcat(expected, lines[lowest]);
        CAPTURE({
            log_error("e");
            log_warning("w");
            log_info("i");
            log_debug("d");
        });
        ck_assert_str_eq(written, expected);
    }
}
END_TEST

/* Names the stream that standard error is now, or one that it is not. */
static void set_journal_stream(unsigned int off_by)
{
    struct stat status;
    char stream[64];

    ck_assert_int_eq(fstat(STDERR_FILENO, &status), 0);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)status.st_dev,
             (unsigned long long)status.st_ino + off_by);
    setenv("JOURNAL_STREAM", stream, 1);
}

/* Would catch the journal getting every line with the same priority. */
START_TEST(the_journal_gets_priorities)
{
    CAPTURE({
        set_journal_stream(0);
        log_error("e");
        log_warning("w\n<0>forged");
        log_info("i");
    });
    ck_assert_str_eq(written, "<3>e\n<4>w\\x0a<0>forged\n<6>i\n");
}
END_TEST

/* Would catch priorities in a file or on a terminal: the variable outlives the redirection. */
START_TEST(only_the_journal_gets_priorities)
{
    CAPTURE({
        set_journal_stream(1);
        log_info("i");
    });
    ck_assert_str_eq(written, "xen-stats-exporter: info: i\n");
    setenv("JOURNAL_STREAM", "nonsense", 1);
    CAPTURE(log_info("i"));
    ck_assert_str_eq(written, "xen-stats-exporter: info: i\n");
}
END_TEST

/* Would catch a write behind the line, and a long line without an end. */
START_TEST(long_messages_are_cut)
{
    static char message[5000];

    for (int kind = 0; kind < 2; kind++)
        for (size_t length = 300; length < sizeof(message); length += 7) {
            size_t got;

            memset(message, kind ? '\x01' : 'a', length);
            message[length] = '\0';
            CAPTURE(log_info("%s", message));
            got = strlen(written);
            ck_assert_uint_gt(got, 300);
            ck_assert_uint_le(got, 2048);
            ck_assert_int_eq(written[got - 1], '\n');
            ck_assert_ptr_eq(strchr(written, '\n'), written + got - 1);
            /* Cut between escapes, not within one. */
            ck_assert_int_eq(written[got - 2], kind ? '1' : 'a');
        }
}
END_TEST

/* Would catch a level that is read wrongly or by halves. */
START_TEST(levels_are_parsed)
{
    static const char *const wrong[] = {"", "Info", "inf", "infos", "6", "info ", "warn"};
    enum log_level level = LOG_LEVEL_DEBUG;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert(!log_level_parse(wrong[i], &level));
    ck_assert_int_eq(level, LOG_LEVEL_DEBUG);
    ck_assert(log_level_parse("error", &level));
    ck_assert_int_eq(level, LOG_LEVEL_ERROR);
    ck_assert(log_level_parse("warning", &level));
    ck_assert_int_eq(level, LOG_LEVEL_WARNING);
    ck_assert(log_level_parse("info", &level));
    ck_assert_int_eq(level, LOG_LEVEL_INFO);
    ck_assert(log_level_parse("debug", &level));
    ck_assert_int_eq(level, LOG_LEVEL_DEBUG);
}
END_TEST

/* Would catch an event that floods the log, or that is silent for ever after the first time. */
START_TEST(repeated_events_are_counted)
{
    struct log_limit limit = {0}, another = {0};
    uint64_t suppressed = 99;

    ck_assert(log_limited(&limit, &suppressed));
    ck_assert_uint_eq(suppressed, 0);
    for (int i = 0; i < 1000; i++)
        ck_assert(!log_limited(&limit, &suppressed));
    ck_assert(log_limited(&another, &suppressed));
    ck_assert_uint_eq(suppressed, 0);

    limit.next_ms -= 10001; /* as if that much time had passed */
    ck_assert(log_limited(&limit, &suppressed));
    ck_assert_uint_eq(suppressed, 1000);
    ck_assert(!log_limited(&limit, &suppressed));
    limit.next_ms -= 10001;
    ck_assert(log_limited(&limit, &suppressed));
    ck_assert_uint_eq(suppressed, 1);
}
END_TEST

/* Would catch the ten seconds being something else. */
START_TEST(the_limit_lasts_ten_seconds)
{
    struct log_limit limit = {0};
    uint64_t suppressed;

    ck_assert(log_limited(&limit, &suppressed));
    limit.next_ms -= 9000;
    ck_assert(!log_limited(&limit, &suppressed));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *tests = tcase_create("log");

    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, foreign_bytes_are_escaped);
    tcase_add_test(tests, levels_hold_back_what_matters_less);
    tcase_add_test(tests, the_journal_gets_priorities);
    tcase_add_test(tests, only_the_journal_gets_priorities);
    tcase_add_test(tests, long_messages_are_cut);
    tcase_add_test(tests, levels_are_parsed);
    tcase_add_test(tests, repeated_events_are_counted);
    tcase_add_test(tests, the_limit_lasts_ten_seconds);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
