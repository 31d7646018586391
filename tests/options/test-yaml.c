/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cases.h"
#include "options/table.h"
#include "suite.h"

static char complained[OPTIONS_ERROR_MAX];

static void tear_down(void)
{
    options_deinit(&options);
}

static int parse(const char *text)
{
    options_deinit(&options);
    complained[0] = '\0';
    return options_parse_config("x.yml", text, strlen(text), &options, complained,
                                sizeof(complained));
}

/* Numbers, flags and words stand as they are; what YAML would take for something else in quotes. */
static const char *quote(const struct option_row *row)
{
    return row->shape == OPTION_FLAG || row->kind == OPTION_NUMBER || row->kind == OPTION_TIME
               ? ""
               : "'";
}

/* Would catch an option that has no key, or another one's, or that cannot stand in a section. */
START_TEST(each_key_has_its_effect)
{
    const struct option_row *row = option_find(good[_i].name, strlen(good[_i].name));
    const char *q = quote(row), *dot = strchr(row->name, '.');
    char text[256];

    snprintf(text, sizeof(text), "# a comment\n%s: %s%s%s\n", row->name, q, good[_i].value, q);
    ck_assert_msg(parse(text) == 0, "%s", complained);
    ck_assert(has_effect(&good[_i]));
    if (!dot)
        return;
    snprintf(text, sizeof(text), "%.*s:\n  %s: %s%s%s\n", (int)(dot - row->name), row->name,
             dot + 1, q, good[_i].value, q);
    ck_assert_msg(parse(text) == 0, "%s", complained);
    ck_assert(has_effect(&good[_i]));
}
END_TEST

/* Would catch a bad value in a file that is taken for a good one, or not named. */
START_TEST(bad_values_are_named)
{
    const struct option_row *row = option_find(bad[_i].name, strlen(bad[_i].name));
    const char *value = bad[_i].value;
    char text[256], expected[512];

    /* Without quotes YAML drops spaces, and sees no value in an empty one. */
    if (row->kind == OPTION_NUMBER && (!*value || *value == ' '))
        return;
    snprintf(text, sizeof(text), "created: true\n\n%s: %s%s%s\n", row->name, quote(row), value,
             quote(row));
    ck_assert_int_eq(parse(text), -EINVAL);
    snprintf(expected, sizeof(expected), "x.yml:3: %s: '%s': %s", row->name, value,
             bad[_i].message);
    ck_assert_str_eq(complained, expected);
}
END_TEST

#define LISTED     "; --help lists the options"
#define NOT_A_MAP  "a configuration is a list of lines such as 'log.level: info'" LISTED
#define SECTION    "this is a section: its keys stand below it, indented" LISTED
#define DECORATED  "anchors, aliases and tags are not understood; write it out"
#define TRUE_FALSE "not true or false"
#define UNQUOTED   "is a text; write it without quotes"

static const struct {
    const char *text, *message;
} wrong[] = {
    {"nonsense: 1\n", "1: nonsense: no such key" LISTED},
    {"log.levle: info\n", "1: log.levle: no such key; did you mean log.level" LISTED},
    {"log:\n  levle: info\n", "2: log.levle: no such key; did you mean log.level" LISTED},
    {"web:\n  nonsense: 1\n", "2: web.nonsense: no such key" LISTED},
    {"web:\n  listen-address:\n    a: 1\n",
     "3: web.listen-address: takes a value, it is not a section"},
    {"'': 1\n", "1: : '': no such key" LISTED},
    {"config.file: x\n", "1: config.file: only for the command line"},
    {"config:\n  file: x\n", "2: config.file: only for the command line"},
    {"help: true\n", "1: help: only for the command line"},
    {"created: true\ncreated: true\n",
     "2: created: stands here twice, first in line 1; remove one"},
    {"log.level: info\nlog:\n  level: info\n",
     "3: log.level: stands here twice, first in line 1; remove one"},
    {"log:\n  level: info\nlog:\n  format: json\n",
     "3: log: stands here twice, first in line 1; remove one"},
    {"created: 1\n", "1: created: '1': " TRUE_FALSE},
    {"created: yes\n", "1: created: 'yes': " TRUE_FALSE},
    {"created: 'true'\n", "1: created: 'true': " UNQUOTED},
    {"simulated.vcpus: \"2\"\n", "1: simulated.vcpus: '2': " UNQUOTED},
    {"simulated.vcpus: [2]\n", "1: simulated.vcpus: takes one value, not a list of them"},
    {"created:\n", "1: created: has no value; give one, or remove the key"},
    {"record: ~\n", "1: record: has no value; give one, or remove the key"},
    {"record: null\n", "1: record: has no value; give one, or remove the key"},
    {"web: 1\n", "1: web: '1': " SECTION},
    {"web: [1]\n", "1: web: this is a section, not a list" LISTED},
    {"web:\n", "1: web: '': " SECTION},
    {"web.listen-address: []\n",
     "1: web.listen-address: the list is empty; fill it, or remove the key"},
    {"web.listen-address:\n- :1\n- nowhere\n", "3: web.listen-address: 'nowhere': " NOT_AN_ADDRESS},
    {"web.listen-address: [[':1']]\n",
     "1: web.listen-address: takes one value, not a list of them"},
    {"domain-labels: [uuid, ',']\n", "1: domain-labels: ',': not a word of this list"},
    {"domain-labels: [uuid, uuid]\n", "1: domain-labels: 'uuid,uuid': " NOT_A_LIST},
    {"record: \"a\\0b\"\n", "1: record: 'a\\x00b': has a NUL byte in it"},
    {"record: \"a\\nb\"\nsource: \"\\e[31m\"\n", "2: source: '\\x1b[31m': " NOT_A_SOURCE},
    {"record: &a x\n", "1: record: " DECORATED},
    {"record: *a\n", "1: record: " DECORATED},
    {"record: !!str x\n", "1: record: " DECORATED},
    {"&a {}\n", "1: " DECORATED},
    {"just words\n", "1: " NOT_A_MAP},
    {"- a\n", "1: " NOT_A_MAP},
    {"? [a]\n: b\n", "1: a key is one word" LISTED},
    {"? {a: b}\n: b\n", "1: a key is one word" LISTED},
    {"created: true\n---\ncreated: false\n", "2: a second document; a configuration is one"},
    {"created: true\n\tlog.level: info\n",
     "2: this is not YAML: found a tab character that violates indentation, while scanning a "
     "plain scalar"},
    {"record: b: c\n", "1: this is not YAML: mapping values are not allowed in this context"},
};

/* Would catch what is silently ignored or misread, and a message without file, line or key. */
START_TEST(what_is_wrong_is_named)
{
    char expected[512];

    ck_assert_int_eq(parse(wrong[_i].text), -EINVAL);
    snprintf(expected, sizeof(expected), "x.yml:%s", wrong[_i].message);
    ck_assert_str_eq(complained, expected);
    ck_assert_ptr_null(options.texts);
}
END_TEST

/* Would catch a file with comments alone, as it is installed, that is an error. */
START_TEST(nothing_is_fine)
{
    static const char *const texts[] = {"", "\n", "# nothing\n", "---\n", "{}\n", "---\n...\n"};

    for (size_t i = 0; i < COUNT(texts); i++) {
        ck_assert_msg(parse(texts[i]) == 0, "%s", complained);
        ck_assert_str_eq(options.telemetry_path, "/metrics");
    }
}
END_TEST

/* Would catch a list of which only one item arrives. */
START_TEST(lists_are_read)
{
    ck_assert_int_eq(parse("web:\n  listen-address:\n    - 127.0.0.1:1\n    - '[::1]:2'\n"
                           "domain-labels: [domid, uuid]\n"),
                     0);
    ck_assert_uint_eq(options.listen_addresses, 2);
    ck_assert_str_eq(options.listen_address[0], "127.0.0.1:1");
    ck_assert_str_eq(options.listen_address[1], "[::1]:2");
    ck_assert_uint_eq(options.domain_labels, LABEL_DOMID | LABEL_UUID);
}
END_TEST

static void write_text(const char *path, const char *text, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, length), (ssize_t)length);
    close(fd);
}

static int parse_words(char *one, char *two, char *three)
{
    char *argv[] = {(char[]){"x"}, one, two, three, NULL};
    int argc = three ? 4 : two ? 3 : 2;

    options_deinit(&options);
    complained[0] = '\0';
    return options_parse(argc, argv, &options, complained, sizeof(complained));
}

/* Would catch a file that wins over the command line, wherever the option stands. */
START_TEST(the_command_line_goes_before_the_file)
{
    static const char text[] = "log.level: debug\nweb.listen-address: [':1', ':2']\n"
                               "created: true\nweb.telemetry-path: /file\n";
    char path[] = "/tmp/test-yaml-XXXXXX", word[64];

    close(mkstemp(path));
    write_text(path, text, strlen(text));
    snprintf(word, sizeof(word), "--config.file=%s", path);
    ck_assert_int_eq(
        parse_words((char[]){"--web.listen-address=:3"}, word, (char[]){"--no-created"}), 0);
    unlink(path);
    ck_assert_uint_eq(options.listen_addresses, 1);
    ck_assert_str_eq(options.listen_address[0], ":3");
    ck_assert(!options.created);
    ck_assert_str_eq(options.telemetry_path, "/file");
    ck_assert_int_eq(options.log_level, LOG_LEVEL_DEBUG);
    ck_assert_str_eq(options.config_file, path);
}
END_TEST

/* Would catch a file that is quietly done without. */
START_TEST(unreadable_files_are_named)
{
    ck_assert_int_eq(parse_words((char[]){"--config.file=/nowhere/x"}, NULL, NULL), -ENOENT);
    ck_assert_str_eq(complained, "/nowhere/x: cannot be read: No such file or directory; "
                                 "--config.file names the configuration");
    ck_assert_int_eq(parse_words((char[]){"--config.file=/"}, NULL, NULL), -EISDIR);
    ck_assert_int_eq(parse_words((char[]){"--config.file=/dev/zero"}, NULL, NULL), -EFBIG);
    ck_assert_int_eq(parse_words((char[]){"--config.file="}, NULL, NULL), -EINVAL);
    ck_assert_str_eq(complained, "--config.file=: not the name of a file");
}
END_TEST

/* Would catch a reader that recurses, or that takes for ever, on what nests without end. */
START_TEST(deep_nesting_is_refused)
{
    static char text[100000];

    memset(text, '[', sizeof(text) - 1);
    ck_assert_int_eq(parse(text), -EINVAL);
    memset(text, '{', sizeof(text) - 1);
    ck_assert_int_eq(parse(text), -EINVAL);
    for (size_t i = 0; i + 5 < sizeof(text); i += 5)
        memcpy(text + i, "web: ", 5);
    ck_assert_int_eq(parse(text), -EINVAL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options-yaml");
    TCase *tests = tcase_create("options-yaml");

    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_loop_test(tests, each_key_has_its_effect, 0, COUNT(good));
    tcase_add_loop_test(tests, bad_values_are_named, 0, COUNT(bad));
    tcase_add_loop_test(tests, what_is_wrong_is_named, 0, COUNT(wrong));
    tcase_add_test(tests, nothing_is_fine);
    tcase_add_test(tests, lists_are_read);
    tcase_add_test(tests, the_command_line_goes_before_the_file);
    tcase_add_test(tests, unreadable_files_are_named);
    tcase_add_test(tests, deep_nesting_is_refused);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
