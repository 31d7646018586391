/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <string.h>

#include "capture.h"
#include "exposition/labels.h"
#include "suite.h"
#include "version.h"

#define WORDS_MAX 20

static struct options options;
static char said[8192], complained[8192];

/* Parses up to WORDS_MAX arguments, and keeps what was said on both streams. */
static int parse(const char *const *words)
{
    static char copies[WORDS_MAX + 1][128]; /* `options` borrows from here */
    char *argv[WORDS_MAX + 2];
    struct capture out, err;
    int argc = 0, r;

    argv[argc++] = strcpy(copies[0], "xen-stats-exporter");
    for (; *words && argc <= WORDS_MAX; argc++)
        argv[argc] = strcpy(copies[argc], *words++);
    argv[argc] = NULL;
    capture_begin(&out, STDOUT_FILENO);
    capture_begin(&err, STDERR_FILENO);
    r = options_parse(argc, argv, &options);
    capture_end(&err, complained, sizeof(complained));
    capture_end(&out, said, sizeof(said));
    return r;
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

/* Would catch a default that differs from what --help and the README say. */
START_TEST(defaults)
{
    ck_assert_int_eq(parse((const char *const[]){NULL}), 0);
    ck_assert_int_eq(options.source, OPTIONS_SOURCE_AUTO);
    ck_assert_uint_eq(options.listen_addresses, 0);
    ck_assert_str_eq(options.telemetry_path, "/metrics");
    ck_assert_uint_eq(options.domain_labels, LABEL_UUID | LABEL_DOMAIN);
    ck_assert_ptr_null(options.once);
    ck_assert_uint_eq(options.simulated.domains, 8);
    ck_assert_uint_eq(options.simulated.vcpus, 2);
    ck_assert_uint_eq(options.simulated.pcpus, 4);
    ck_assert_uint_eq(options.simulated.churn, 0);
    ck_assert_uint_eq(options.simulated.seed, 1);
    ck_assert_int_eq(options.log_level, LOG_LEVEL_INFO);
    ck_assert_str_eq(complained, "");
    ck_assert_str_eq(said, "");
}
END_TEST

/* Would catch an option that does nothing, or sets what another one should. */
START_TEST(each_option_has_its_effect)
{
    ck_assert_int_eq(PARSE("--source=simulated", "--web.listen-address=127.0.0.1:1",
                           "--web.listen-address", "[::1]:2", "--web.telemetry-path=/x",
                           "--domain-labels=domid,domain", "--once", "--simulated.domains=11",
                           "--simulated.vcpus=12", "--simulated.pcpus=13", "--simulated.churn=14",
                           "--simulated.seed=18446744073709551615", "--log.level=debug"),
                     0);
    ck_assert_int_eq(options.source, OPTIONS_SOURCE_SIMULATED);
    ck_assert_uint_eq(options.listen_addresses, 2);
    ck_assert_str_eq(options.listen_address[0], "127.0.0.1:1");
    ck_assert_str_eq(options.listen_address[1], "[::1]:2");
    ck_assert_str_eq(options.telemetry_path, "/x");
    ck_assert_uint_eq(options.domain_labels, LABEL_DOMID | LABEL_DOMAIN);
    ck_assert_str_eq(options.once, "");
    ck_assert_uint_eq(options.simulated.domains, 11);
    ck_assert_uint_eq(options.simulated.vcpus, 12);
    ck_assert_uint_eq(options.simulated.pcpus, 13);
    ck_assert_uint_eq(options.simulated.churn, 14);
    ck_assert_uint_eq(options.simulated.seed, UINT64_MAX);
    ck_assert_int_eq(options.log_level, LOG_LEVEL_DEBUG);
    ck_assert_str_eq(complained, "");

    ck_assert_int_eq(PARSE("--once=/tmp/file", "--source=pages", "--log.level=error"), 0);
    ck_assert_str_eq(options.once, "/tmp/file");
    ck_assert_int_eq(options.source, OPTIONS_SOURCE_PAGES);
    ck_assert_int_eq(options.log_level, LOG_LEVEL_ERROR);
    ck_assert_int_eq(PARSE("--source=auto", "--log.level=warning"), 0);
    ck_assert_int_eq(options.source, OPTIONS_SOURCE_AUTO);
    ck_assert_int_eq(options.log_level, LOG_LEVEL_WARNING);
}
END_TEST

/* Would catch a limit that is off by one. */
START_TEST(limits_are_included)
{
    ck_assert_int_eq(PARSE("--simulated.domains=0", "--simulated.vcpus=1", "--simulated.pcpus=1",
                           "--simulated.churn=0", "--simulated.seed=0"),
                     0);
    ck_assert_int_eq(PARSE("--simulated.domains=10000", "--simulated.vcpus=1024",
                           "--simulated.pcpus=4096", "--simulated.churn=60000"),
                     0);
    ck_assert_uint_eq(options.simulated.domains, 10000);
    ck_assert_uint_eq(options.simulated.churn, 60000);
}
END_TEST

#define NOT_A_SOURCE  "not a source; there are auto, pages and simulated"
#define NOT_A_NUMBER  "not a whole number from "
#define NOT_A_PATH    "not a path such as /metrics"
#define NOT_A_LIST    "not a list of one or more of uuid, domain and domid"
#define NOT_A_LEVEL   "not a level; there are error, warning, info and debug"
#define NOT_AN_OPTION "not an option of this program; --help lists the options"
#define NO_PORT       "no port; write ADDRESS:PORT, [IPV6]:PORT or :PORT"

static const struct {
    const char *word;
    const char *message; /* behind "xen-stats-exporter: WORD: " */
} bad[] = {
    {"--source=", NOT_A_SOURCE},
    {"--source=Pages", NOT_A_SOURCE},
    {"--source=pages ", NOT_A_SOURCE},
    {"--web.listen-address=", NO_PORT},
    {"--web.listen-address=127.0.0.1", NO_PORT},
    {"--web.telemetry-path=", NOT_A_PATH},
    {"--web.telemetry-path=/", NOT_A_PATH},
    {"--web.telemetry-path=metrics", NOT_A_PATH},
    {"--web.telemetry-path=/a b", NOT_A_PATH},
    {"--web.telemetry-path=/a?b", NOT_A_PATH},
    {"--web.telemetry-path=/a#b", NOT_A_PATH},
    {"--domain-labels=", NOT_A_LIST},
    {"--domain-labels=uuid,", NOT_A_LIST},
    {"--domain-labels=name", NOT_A_LIST},
    {"--domain-labels=uuid,uuid", NOT_A_LIST},
    {"--simulated.domains=", NOT_A_NUMBER "0 to 10000"},
    {"--simulated.domains=-1", NOT_A_NUMBER "0 to 10000"},
    {"--simulated.domains=10001", NOT_A_NUMBER "0 to 10000"},
    {"--simulated.domains= 1", NOT_A_NUMBER "0 to 10000"},
    {"--simulated.domains=+1", NOT_A_NUMBER "0 to 10000"},
    {"--simulated.domains=0x1", NOT_A_NUMBER "0 to 10000"},
    {"--simulated.domains=4294967297", NOT_A_NUMBER "0 to 10000"},
    {"--simulated.domains=18446744073709551616", NOT_A_NUMBER "0 to 10000"},
    {"--simulated.vcpus=0", NOT_A_NUMBER "1 to 1024"},
    {"--simulated.vcpus=1025", NOT_A_NUMBER "1 to 1024"},
    {"--simulated.pcpus=0", NOT_A_NUMBER "1 to 4096"},
    {"--simulated.pcpus=4097", NOT_A_NUMBER "1 to 4096"},
    {"--simulated.churn=60001", NOT_A_NUMBER "0 to 60000"},
    {"--simulated.churn=1.5", NOT_A_NUMBER "0 to 60000"},
    {"--simulated.seed=-1", NOT_A_NUMBER "0 to 18446744073709551615"},
    {"--simulated.seed=18446744073709551616", NOT_A_NUMBER "0 to 18446744073709551615"},
    {"--log.level=", NOT_A_LEVEL},
    {"--log.level=INFO", NOT_A_LEVEL},
    {"--nonsense", NOT_AN_OPTION},
    {"--nonsense=1", NOT_AN_OPTION},
    {"-s", NOT_AN_OPTION},
    {"--source", "needs a value; --help lists the options"},
    {"--log.level", "needs a value; --help lists the options"},
    {"--help=me", "takes no value; --help lists the options"},
    {"--version=2", "takes no value; --help lists the options"},
    {"word", "not an option; --help lists them"},
};

/* Would catch a bad value that is taken for a good one, and a message that names something else. */
START_TEST(bad_words_are_named)
{
    char expected[512];

    memset(&options, 0x5a, sizeof(options));
    ck_assert_int_eq(PARSE(bad[_i].word), -EINVAL);
    snprintf(expected, sizeof(expected), "xen-stats-exporter: %s: %s\n", bad[_i].word,
             bad[_i].message);
    ck_assert_str_eq(complained, expected);
    ck_assert_str_eq(said, "");
    for (size_t i = 0; i < sizeof(options); i++)
        ck_assert_uint_eq(((unsigned char *)&options)[i], 0x5a);

    /* Good company does not help. */
    ck_assert_int_eq(PARSE("--source=pages", bad[_i].word), -EINVAL);
    ck_assert_str_eq(complained, expected);
}
END_TEST

/* Would catch the program's own name being called a bad option. */
START_TEST(bad_letters_are_named)
{
    ck_assert_int_eq(PARSE("-xyz"), -EINVAL);
    ck_assert_str_eq(complained, "xen-stats-exporter: -x: " NOT_AN_OPTION "\n");
}
END_TEST

/* Would catch a write behind the last address. */
START_TEST(addresses_are_limited)
{
    const char *words[WORDS_MAX] = {NULL};

    for (unsigned int i = 0; i < OPTIONS_ADDRESSES_MAX; i++)
        words[i] = "--web.listen-address=:1";
    ck_assert_int_eq(parse(words), 0);
    ck_assert_uint_eq(options.listen_addresses, OPTIONS_ADDRESSES_MAX);
    words[OPTIONS_ADDRESSES_MAX] = "--web.listen-address=:2";
    ck_assert_int_eq(parse(words), -EINVAL);
    ck_assert_str_eq(complained,
                     "xen-stats-exporter: --web.listen-address=:2: more than 16 addresses\n");
}
END_TEST

/* Would catch a help that leaves out an option, or that is an error. */
START_TEST(help_and_version_are_answers)
{
    static const char *const names[] = {
        "--source=WHICH",
        "--web.listen-address=ADDRESS:PORT",
        "--once[=FILE]",
        "--web.telemetry-path=PATH",
        "--domain-labels=LIST",
        "--simulated.domains=N",
        "--simulated.vcpus=N",
        "--simulated.pcpus=N",
        "--simulated.churn=N",
        "--simulated.seed=N",
        "--log.level=LEVEL",
        "--version\n",
        "--help\n",
        "Usage: xen-stats-exporter",
        "Exit codes: 0 ended",
        "localhost:9603/metrics",
    };

    ck_assert_int_eq(PARSE("--help"), OPTIONS_SAID);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ck_assert_msg(strstr(said, names[i]), "--help does not say %s", names[i]);
    ck_assert_str_eq(complained, "");

    ck_assert_int_eq(PARSE("--version"), OPTIONS_SAID);
    ck_assert_str_eq(said, "xen-stats-exporter " VERSION "\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tests = tcase_create("options");

    tcase_add_test(tests, defaults);
    tcase_add_test(tests, each_option_has_its_effect);
    tcase_add_test(tests, limits_are_included);
    tcase_add_loop_test(tests, bad_words_are_named, 0, sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tests, bad_letters_are_named);
    tcase_add_test(tests, addresses_are_limited);
    tcase_add_test(tests, help_and_version_are_answers);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
