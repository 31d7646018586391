/* SPDX-License-Identifier: Apache-2.0 */
#include "service/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

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
    log_journal_socket = "/nowhere/journal";
    log_set_level(LOG_LEVEL_INFO);
    ck_assert_int_eq(log_set_format(LOG_FORMAT_AUTO), 0);
}

#define TIME_LENGTH strlen("2026-01-31T12:00:00.123Z")

/* Takes the time out of what was written: it must look like one. */
static void take_time(const char *before)
{
    char *at;

    while ((at = strstr(written, before))) {
        unsigned int year, month, day, hour, minute, second, ms;
        int length = 0;

        at += strlen(before);
        ck_assert_int_eq(sscanf(at, "%4u-%2u-%2uT%2u:%2u:%2u.%3uZ%n", &year, &month, &day, &hour,
                                &minute, &second, &ms, &length),
                         7);
        ck_assert_uint_eq((size_t)length, TIME_LENGTH);
        memmove(at - strlen(before), at + length, strlen(at + length) + 1);
    }
}

/* Would catch a guest's name that starts a line of its own, or drives the terminal. */
START_TEST(foreign_bytes_are_escaped)
{
    CAPTURE(log_info("name %s", "a\nb\r\t\x1b[31m\xc3\xa9\x7f"));
    take_time("ts=");
    ck_assert_str_eq(written, " level=info msg=\"name a\\\\x0ab\\\\x0d\\\\x09\\\\x1b[31m"
                              "\\\\xc3\\\\xa9\\\\x7f\"\n");
    CAPTURE(log_info(" ~\"\\%%"));
    take_time("ts=");
    ck_assert_str_eq(written, " level=info msg=\" ~\\\"\\\\%\"\n");
}
END_TEST

/* Would catch levels in the wrong order, or a line under another one's name. */
START_TEST(levels_hold_back_what_matters_less)
{
    static const enum log_level levels[] = {LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO,
                                            LOG_LEVEL_DEBUG};
    static const char *const lines[] = {
        " level=error msg=\"e\"\n",
        " level=warning msg=\"w\"\n",
        " level=info msg=\"i\"\n",
        " level=debug msg=\"d\"\n",
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
        take_time("ts=");
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
    take_time("ts=");
    ck_assert_str_eq(written, " level=info msg=\"i\"\n");
    setenv("JOURNAL_STREAM", "nonsense", 1);
    CAPTURE(log_info("i"));
    take_time("ts=");
    ck_assert_str_eq(written, " level=info msg=\"i\"\n");
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
            if (strcmp(written + got - 5, "...\"\n") == 0)
                ck_assert_int_eq(written[got - 6], kind ? '1' : 'a');
            else
                ck_assert_int_eq(written[got - 3], kind ? '1' : 'a');
        }
}
END_TEST

#define HOSTILE "a b=\"c\"\\\n\xff"

/* Would catch a value that closes its quotes, or starts a field of its own. */
START_TEST(fields_are_quoted)
{
    CAPTURE(log_event(LOG_LEVEL_WARNING,
                      LOG_FIELDS({"plain", "127.0.0.1:9603"}, {"empty", ""}, {"odd", HOSTILE}),
                      "m"));
    take_time("ts=");
    ck_assert_str_eq(written, " level=warning msg=\"m\" plain=127.0.0.1:9603 empty=\"\" "
                              "odd=\"a b=\\\"c\\\"\\\\\\\\x0a\\\\xff\"\n");
}
END_TEST

/* Would catch JSON that no parser takes. */
START_TEST(json_is_json)
{
    ck_assert_int_eq(log_set_format(LOG_FORMAT_JSON), 0);
    CAPTURE(log_event(LOG_LEVEL_ERROR, LOG_FIELDS({"odd", HOSTILE}, {"n", "1"}), "m\t\"%s", "x"));
    take_time("{\"ts\":\"");
    ck_assert_str_eq(written, "\",\"level\":\"error\",\"msg\":\"m\\\\x09\\\"x\","
                              "\"odd\":\"a b=\\\"c\\\"\\\\\\\\x0a\\\\xff\",\"n\":\"1\"}\n");
}
END_TEST

/* Would catch fields that the journal does not get apart, and a journal asked for that is not
 * there. */
START_TEST(the_journal_gets_fields)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char directory[] = "/tmp/test-log-XXXXXX", entry[4096];
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ssize_t length;

    ck_assert_int_eq(log_set_format(LOG_FORMAT_JOURNAL), -ENOENT);

    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    log_journal_socket = address.sun_path;
    ck_assert_int_eq(log_set_format(LOG_FORMAT_JOURNAL), 0);
    CAPTURE(log_event(LOG_LEVEL_INFO, LOG_FIELDS({"address", ":1"}, {"odd_one", "a\nPRIORITY=0"}),
                      "m\nb"));
    ck_assert_str_eq(written, "");
    length = recv(fd, entry, sizeof(entry) - 1, MSG_DONTWAIT);
    ck_assert_int_gt(length, 0);
    entry[length] = '\0';
    ck_assert_str_eq(entry, "MESSAGE=m\\x0ab\nPRIORITY=6\nSYSLOG_IDENTIFIER=xen-stats-exporter\n"
                            "XEN_EXPORTER_ADDRESS=:1\nXEN_EXPORTER_ODD_ONE=a\\x0aPRIORITY=0\n");

    /* What is standard error of a unit goes the same way, and is not lost with the journal. */
    ck_assert_int_eq(log_set_format(LOG_FORMAT_AUTO), 0);
    CAPTURE({
        set_journal_stream(0);
        log_info("one");
        unlink(address.sun_path);
        log_info("two");
    });
    ck_assert_str_eq(written, "<6>two\n");
    ck_assert_int_gt(recv(fd, entry, sizeof(entry), MSG_DONTWAIT), 0);
    close(fd);
    rmdir(directory);
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
    tcase_add_test(tests, fields_are_quoted);
    tcase_add_test(tests, json_is_json);
    tcase_add_test(tests, the_journal_gets_fields);
    tcase_add_test(tests, repeated_events_are_counted);
    tcase_add_test(tests, the_limit_lasts_ten_seconds);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
