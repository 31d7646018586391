/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <string.h>

#include "capture.h"
#include "cases.h"
#include "options/table.h"
#include "suite.h"
#include "version.h"

#define WORDS_MAX 20

static char said[16384], complained[OPTIONS_ERROR_MAX];

static void tear_down(void)
{
    options_deinit(&options);
}

/* Parses up to WORDS_MAX arguments, and keeps what was said. */
static int parse(const char *const *words)
{
    char copies[WORDS_MAX + 1][256]; /* of this call alone: `options` must not borrow */
    char *argv[WORDS_MAX + 2];
    struct capture out;
    int argc = 0, r;

    options_deinit(&options);
    argv[argc++] = strcpy(copies[0], "xen-stats-exporter");
    for (; *words && argc <= WORDS_MAX; argc++)
        argv[argc] = strcpy(copies[argc], *words++);
    argv[argc] = NULL;
    complained[0] = '\0';
    capture_begin(&out, STDOUT_FILENO);
    r = options_parse(argc, argv, &options, complained, sizeof(complained));
    capture_end(&out, said, sizeof(said));
    memset(copies, 0x5a, sizeof(copies));
    return r;
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

/* Would catch a default that differs from what --help and the README say. */
START_TEST(defaults)
{
    unsigned int all = COLLECTOR_BIT(COLLECTORS) - 1;

    ck_assert_int_eq(parse((const char *const[]){NULL}), 0);
    ck_assert_int_eq(options.source, OPTIONS_SOURCE_AUTO);
    ck_assert_ptr_null(options.recording);
    ck_assert_uint_eq(options.listen_addresses, 0);
    ck_assert(!options.systemd_socket);
    ck_assert_str_eq(options.telemetry_path, "/metrics");
    ck_assert_uint_eq(options.web.max_requests, 40);
    ck_assert_uint_eq(options.web.max_connections, 256);
    ck_assert_uint_eq(options.web.max_connections_per_address, 64);
    ck_assert_uint_eq(options.web.max_header_bytes, 8192);
    ck_assert_uint_eq(options.web.header_timeout_ns, 10 * NS_PER_S);
    ck_assert_uint_eq(options.web.sample_timeout_ns, 5 * NS_PER_S);
    ck_assert_uint_eq(options.web.send_timeout_ns, 30 * NS_PER_S);
    ck_assert_uint_eq(options.web.idle_timeout_ns, 120 * NS_PER_S);
    ck_assert_uint_eq(options.collectors, all & ~COLLECTOR_BIT(COLLECTOR_VCPU_WAIT));
    ck_assert_uint_eq(options.domain_labels, LABEL_UUID | LABEL_DOMAIN);
    ck_assert(!options.created);
    ck_assert_ptr_null(options.once);
    ck_assert_ptr_null(options.record);
    ck_assert_ptr_null(options.config_file);
    ck_assert_uint_eq(options.simulated.domains, 8);
    ck_assert_uint_eq(options.simulated.vcpus, 2);
    ck_assert_uint_eq(options.simulated.pcpus, 4);
    ck_assert_uint_eq(options.simulated.churn, 0);
    ck_assert_uint_eq(options.simulated.seed, 1);
    ck_assert_int_eq(options.log_level, LOG_LEVEL_INFO);
    ck_assert_int_eq(options.log_format, LOG_FORMAT_AUTO);
    ck_assert_str_eq(complained, "");
    ck_assert_str_eq(said, "");
}
END_TEST

/* The argument that gives an option a value. */
static const char *argument_of(const struct option_row *row, const char *value, char *word,
                               size_t size)
{
    if (row->shape == OPTION_FLAG)
        snprintf(word, size, "--%s%s", strcmp(value, "true") == 0 ? "" : "no-", row->name);
    else
        snprintf(word, size, "--%s=%s", row->name, value);
    return word;
}

/* Would catch an option that does nothing, or sets what another one should. */
START_TEST(each_option_has_its_effect)
{
    const struct option_row *row = option_find(good[_i].name, strlen(good[_i].name));
    char word[128];

    ck_assert_ptr_nonnull(row);
    ck_assert_int_eq(parse((const char *const[]){NULL}), 0);
    ck_assert(!has_effect(&good[_i]));
    ck_assert_int_eq(PARSE(argument_of(row, good[_i].value, word, sizeof(word))), 0);
    ck_assert(has_effect(&good[_i]));

    /* The value may also be a word of its own; flags have none. */
    if (row->shape != OPTION_FLAG && row->shape != OPTION_OPTIONAL) {
        snprintf(word, sizeof(word), "--%s", row->name);
        ck_assert_int_eq(PARSE(word, good[_i].value), 0);
        ck_assert(has_effect(&good[_i]));
    }
}
END_TEST

static bool is_tested(const char *name, const struct option_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(cases[i].name, name) == 0)
            return true;
    return false;
}

/* Would catch a new option without a test of its effect, or of what a bad value gets. */
START_TEST(no_option_is_untested)
{
    for (size_t i = 0; i < option_rows_count; i++) {
        const struct option_row *row = &option_rows[i];

        if (row->command_line)
            continue; /* tested by name below */
        ck_assert_msg(is_tested(row->name, good, COUNT(good)), "no effect of --%s is tested",
                      row->name);
        ck_assert_msg(row->shape == OPTION_FLAG || is_tested(row->name, bad, COUNT(bad)),
                      "no bad value of --%s is tested", row->name);
    }
}
END_TEST

/* Would catch a bad value that is taken for a good one, and a message that names something else. */
START_TEST(bad_values_are_named)
{
    char word[128], expected[512];

    snprintf(word, sizeof(word), "--%s=%s", bad[_i].name, bad[_i].value);
    ck_assert_int_eq(PARSE(word), -EINVAL);
    snprintf(expected, sizeof(expected), "%s: %s", word, bad[_i].message);
    ck_assert_str_eq(complained, expected);
    ck_assert_str_eq(said, "");

    /* Good company does not help. */
    ck_assert_int_eq(PARSE("--source=pages", word), -EINVAL);
    ck_assert_str_eq(complained, expected);
}
END_TEST

#define NOT_AN_OPTION "not an option of this program"
#define HELP_LISTS    "; --help lists the options"

static const struct {
    const char *word, *message;
} bad_words[] = {
    {"--nonsense", NOT_AN_OPTION HELP_LISTS},
    {"--nonsense=1", NOT_AN_OPTION HELP_LISTS},
    {"--log.levle=info", NOT_AN_OPTION "; did you mean --log.level" HELP_LISTS},
    {"--listen-address=:1", NOT_AN_OPTION "; did you mean --web.listen-address" HELP_LISTS},
    {"--log.lev=info", NOT_AN_OPTION "; did you mean --log.level" HELP_LISTS},
    {"--no-source", NOT_AN_OPTION "; did you mean --source" HELP_LISTS},
    {"--no-created=1", NOT_AN_OPTION "; did you mean --created" HELP_LISTS},
    {"--", NOT_AN_OPTION HELP_LISTS},
    {"-s", NOT_AN_OPTION HELP_LISTS},
    {"-", NOT_AN_OPTION HELP_LISTS},
    {"--source", "needs a value" HELP_LISTS},
    {"--log.level", "needs a value" HELP_LISTS},
    {"--config.file", "needs a value" HELP_LISTS},
    {"--created=true", "takes no value" HELP_LISTS},
    {"--help=me", "takes no value" HELP_LISTS},
    {"--version=2", "takes no value" HELP_LISTS},
    {"word", "not an option; --help lists them"},
    {"", "not an option; --help lists them"},
};

/* Would catch a word that is passed over, or a message that does not name it. */
START_TEST(bad_words_are_named)
{
    char expected[512];

    snprintf(expected, sizeof(expected), "%s: %s", bad_words[_i].word, bad_words[_i].message);
    ck_assert_int_eq(PARSE(bad_words[_i].word), -EINVAL);
    ck_assert_str_eq(complained, expected);
    ck_assert_str_eq(said, "");
    ck_assert_int_eq(PARSE("--created", bad_words[_i].word), -EINVAL);
    ck_assert_str_eq(complained, expected);
}
END_TEST

/* Would catch a message of several lines, or one that drives the terminal. */
START_TEST(messages_are_one_line)
{
    ck_assert_int_eq(PARSE("--source=a\nb\x1b[31m\xff"), -EINVAL);
    ck_assert_str_eq(complained, "--source=a\\x0ab\\x1b[31m\\xff: " NOT_A_SOURCE);
    ck_assert_int_eq(PARSE("--a\nb"), -EINVAL);
    ck_assert_str_eq(complained, "--a\\x0ab: " NOT_AN_OPTION HELP_LISTS);
}
END_TEST

/* Would catch a message that is cut off where the way out stands. */
START_TEST(long_words_are_shortened)
{
    char word[256] = "--source=";

    memset(word + 9, 'x', sizeof(word) - 10);
    ck_assert_int_eq(PARSE(word), -EINVAL);
    ck_assert_uint_lt(strlen(complained), sizeof(complained) - 1);
    ck_assert_ptr_nonnull(strstr(complained, "xxx...: " NOT_A_SOURCE));
}
END_TEST

/* Would catch an option that stays what it was first. */
START_TEST(the_last_value_counts)
{
    ck_assert_int_eq(PARSE("--source=recording:x", "--source=simulated", "--created",
                           "--no-created", "--no-collector.vcpu", "--collector.vcpu",
                           "--log.level=debug", "--log.level=error"),
                     0);
    ck_assert_int_eq(options.source, OPTIONS_SOURCE_SIMULATED);
    ck_assert_ptr_null(options.recording);
    ck_assert(!options.created);
    ck_assert(options.collectors & COLLECTOR_BIT(COLLECTOR_VCPU));
    ck_assert_int_eq(options.log_level, LOG_LEVEL_ERROR);
}
END_TEST

/* Would catch --once that swallows the next option. */
START_TEST(once_may_have_a_file)
{
    ck_assert_int_eq(PARSE("--once", "--created"), 0);
    ck_assert_str_eq(options.once, "");
    ck_assert(options.created);
}
END_TEST

/* Would catch a write behind the last address, and addresses that replace each other. */
START_TEST(addresses_add_up_to_a_limit)
{
    const char *words[WORDS_MAX] = {NULL};
    char texts[OPTIONS_ADDRESSES_MAX][40];

    for (unsigned int i = 0; i < OPTIONS_ADDRESSES_MAX; i++) {
        snprintf(texts[i], sizeof(texts[i]), "--web.listen-address=:%u", i + 1);
        words[i] = texts[i];
    }
    ck_assert_int_eq(parse(words), 0);
    ck_assert_uint_eq(options.listen_addresses, OPTIONS_ADDRESSES_MAX);
    for (unsigned int i = 0; i < OPTIONS_ADDRESSES_MAX; i++)
        ck_assert_str_eq(options.listen_address[i], strchr(texts[i], ':'));
    words[OPTIONS_ADDRESSES_MAX] = "--web.listen-address=:99";
    ck_assert_int_eq(parse(words), -EINVAL);
    ck_assert_str_eq(complained, "--web.listen-address=:99: more than 16 addresses");
}
END_TEST

/* Would catch a help that leaves out an option, or that is an error. */
START_TEST(help_and_version_are_answers)
{
    static const char *const texts[] = {
        "--config.file=FILE",
        "--once[=FILE]",
        "--[no-]created",
        "(default: uuid,domain)",
        "Usage: xen-stats-exporter",
        "Exit codes: 0 ended",
        "localhost:9603/metrics",
    };

    ck_assert_int_eq(PARSE("--created", "--help"), OPTIONS_SAID);
    for (size_t i = 0; i < option_rows_count; i++)
        ck_assert_msg(strstr(said, option_rows[i].name), "--help does not say --%s",
                      option_rows[i].name);
    for (int group = 0; group < OPTION_GROUPS; group++)
        ck_assert_ptr_nonnull(strstr(said, option_groups[group]));
    for (size_t i = 0; i < COUNT(texts); i++)
        ck_assert_msg(strstr(said, texts[i]), "--help does not say %s", texts[i]);
    ck_assert_str_eq(complained, "");
    for (const char *line = said; *line; line = strchr(line, '\n') + 1)
        ck_assert_msg(strchr(line, '\n') - line <= 100, "a line of --help is too long: %.120s",
                      line);

    ck_assert_int_eq(PARSE("--version"), OPTIONS_SAID);
    ck_assert_str_eq(said, "xen-stats-exporter " VERSION "\n");
}
END_TEST

static char listed[4096];

static void on_option(void *userdata, const char *name, const char *value, const char *said_by)
{
    size_t at = strlen(listed);

    snprintf(listed + at, sizeof(listed) - at, "%s=%s (%s)\n", name, value, said_by);
}

/* Would catch a list of what is in effect that leaves out, or repeats, what was replaced. */
START_TEST(what_counts_is_listed)
{
    ck_assert_int_eq(PARSE("--log.level=debug", "--log.level=error", "--web.listen-address=:1",
                           "--web.listen-address=:2"),
                     0);
    options_list(&options, on_option, NULL);
    ck_assert_ptr_nonnull(strstr(listed, "source=auto (default)\n"));
    ck_assert_ptr_nonnull(strstr(listed, "log.level=error (argument)\n"));
    ck_assert_ptr_null(strstr(listed, "log.level=debug"));
    ck_assert_ptr_null(strstr(listed, "log.level=info"));
    ck_assert_ptr_nonnull(strstr(listed, "web.listen-address=:1 (argument)\n"));
    ck_assert_ptr_nonnull(strstr(listed, "web.listen-address=:2 (argument)\n"));
}
END_TEST

static char differences[1024];

static void on_difference(void *userdata, const char *name, bool reloads)
{
    strcat(strcat(strcat(differences, name), reloads ? "+" : "-"), " ");
}

/* Would catch a reload that misses a change, or speaks of one that was none. */
START_TEST(differences_are_found)
{
    struct options before;

    ck_assert_int_eq(
        PARSE("--web.listen-address=:1", "--web.listen-address=:2", "--log.level=info", "--once=x"),
        0);
    before = options;
    options = OPTIONS_NULL;
    ck_assert_int_eq(PARSE("--once=x", "--web.listen-address=:1", "--web.listen-address=:2"), 0);
    options_compare(&before, &options, on_difference, NULL);
    ck_assert_str_eq(differences, "");
    ck_assert_int_eq(PARSE("--web.listen-address=:1", "--log.level=debug", "--no-collector.vcpu"),
                     0);
    options_compare(&before, &options, on_difference, NULL);
    ck_assert_str_eq(differences, "web.listen-address- collector.vcpu+ once- log.level+ ");
    options_deinit(&before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tests = tcase_create("options");

    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_test(tests, defaults);
    tcase_add_loop_test(tests, each_option_has_its_effect, 0, COUNT(good));
    tcase_add_test(tests, no_option_is_untested);
    tcase_add_loop_test(tests, bad_values_are_named, 0, COUNT(bad));
    tcase_add_loop_test(tests, bad_words_are_named, 0, COUNT(bad_words));
    tcase_add_test(tests, messages_are_one_line);
    tcase_add_test(tests, long_words_are_shortened);
    tcase_add_test(tests, the_last_value_counts);
    tcase_add_test(tests, once_may_have_a_file);
    tcase_add_test(tests, addresses_add_up_to_a_limit);
    tcase_add_test(tests, help_and_version_are_answers);
    tcase_add_test(tests, what_counts_is_listed);
    tcase_add_test(tests, differences_are_found);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
