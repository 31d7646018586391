/* SPDX-License-Identifier: Apache-2.0 */
#include "exposition/labels.h"

#include <errno.h>
#include <string.h>

#include "suite.h"

#define BAD "\xef\xbf\xbd"

static void check_sanitised(const char *bytes, size_t length, const char *expected)
{
    char value[LABEL_VALUE_MAX];
    size_t written = labels_sanitise(bytes, length, value);

    ck_assert_uint_eq(written, strlen(expected));
    ck_assert_mem_eq(value, expected, written);
}

/* Would catch a byte that makes Prometheus refuse the whole scrape, or a terminal obey a guest. */
START_TEST(sanitise)
{
    static const struct {
        const char *bytes, *expected;
    } cases[] = {
        {"", ""},
        {"plain name", "plain name"},
        {"two\nlines", "two\nlines"},
        {"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\xbc", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\xbc"},
        {"\x80", BAD},                         /* continuation without a start */
        {"\xc0\xaf", BAD BAD},                 /* overlong */
        {"\xe0\x9f\xbf", BAD BAD BAD},         /* overlong */
        {"\xf0\x8f\xbf\xbf", BAD BAD BAD BAD}, /* overlong */
        {"\xed\xa0\x80", BAD BAD BAD},         /* surrogate */
        {"\xf4\x90\x80\x80", BAD BAD BAD BAD}, /* beyond U+10FFFF */
        {"\xf5z", BAD "z"},
        {"\xe2\x82", BAD BAD},      /* cut short */
        {"\xe2\x82z", BAD BAD "z"}, /* interrupted */
        {"\x1b[0m", BAD "[0m"},
        {"\t\r\x7f", BAD BAD BAD},
        {"\xc2\x9b", BAD BAD}, /* a control character of two bytes */
        {"\xc2\xa0", "\xc2\xa0"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_sanitised(cases[i].bytes, strlen(cases[i].bytes), cases[i].expected);
    check_sanitised("a\0b", 3, "a" BAD "b");
}
END_TEST

/* Would catch a cut in the middle of a character, and a write behind the value's end. */
START_TEST(cut)
{
    char name[4096], value[LABEL_VALUE_MAX];

    for (size_t lead = 0; lead < 8; lead++) {
        memset(name, 'x', lead);
        for (size_t at = lead; at + 4 <= sizeof(name); at += 4)
            memcpy(name + at, "\xf0\x9f\x90\xbc", 4);
        ck_assert_uint_eq(labels_sanitise(name, sizeof(name) - 8, value),
                          lead + (LABEL_VALUE_MAX - lead) / 4 * 4);
    }
    memset(name, 'x', sizeof(name));
    ck_assert_uint_eq(labels_sanitise(name, LABEL_VALUE_MAX - 1, value), LABEL_VALUE_MAX - 1);
    ck_assert_uint_eq(labels_sanitise(name, LABEL_VALUE_MAX, value), LABEL_VALUE_MAX);
    ck_assert_uint_eq(labels_sanitise(name, LABEL_VALUE_MAX + 1, value), LABEL_VALUE_MAX);
    memset(name, 0xff, sizeof(name));
    ck_assert_uint_eq(labels_sanitise(name, sizeof(name), value), LABEL_VALUE_MAX / 3 * 3);
}
END_TEST

/* Would catch a name that closes its label and goes on with a line of its own. */
START_TEST(escape)
{
    static const char expected[] = "a=\"q\\\"q\\\\\\n\"";
    struct buf out = BUF_NULL;

    labels_append(&out, "a", "q\"q\\\n", 5);
    ck_assert_int_eq(buf_error(&out), 0);
    ck_assert_uint_eq(out.length, strlen(expected));
    ck_assert_mem_eq(out.data, expected, out.length);
    buf_deinit(&out);
}
END_TEST

START_TEST(identity_option)
{
    unsigned int identity = 0;

    ck_assert_int_eq(labels_parse_identity("uuid,domain", &identity), 0);
    ck_assert_uint_eq(identity, LABEL_UUID | LABEL_DOMAIN);
    ck_assert_int_eq(labels_parse_identity("domid", &identity), 0);
    ck_assert_uint_eq(identity, LABEL_DOMID);
    ck_assert_int_eq(labels_parse_identity("", &identity), -EINVAL);
    ck_assert_int_eq(labels_parse_identity("uuid,", &identity), -EINVAL);
    ck_assert_int_eq(labels_parse_identity("uuid,uuid", &identity), -EINVAL);
    ck_assert_int_eq(labels_parse_identity("name", &identity), -EINVAL);
    ck_assert_int_eq(labels_parse_identity("uuidx", &identity), -EINVAL);
    ck_assert_uint_eq(identity, LABEL_DOMID);
}
END_TEST

static void check_row(const struct label_rows *rows, uint32_t row, const char *expected)
{
    ck_assert_uint_lt(row, rows->rows);
    ck_assert_uint_eq(rows->offset[row + 1] - rows->offset[row], strlen(expected));
    ck_assert_mem_eq(rows->text.data + rows->offset[row], expected, strlen(expected));
}

/* Would catch two domains sharing their series, or a stranger's arrival renaming the old series. */
START_TEST(twins)
{
    static char long_a[400], long_b[400];
    const struct topology_entry entries[] = {
        {.domid = 1,
         .name = "twin",
         .name_length = 4,
         .created_ns = 1,
         .incarnation = 30,
         .vcpus = 1},
        {.domid = 2,
         .name = "twin",
         .name_length = 4,
         .created_ns = 10,
         .incarnation = 10,
         .vcpus = 2},
        {.domid = 3, .name = "other", .name_length = 5, .incarnation = 20},
        {.domid = 4, .name = "twin", .name_length = 4, .created_ns = 5, .incarnation = 11},
        {.domid = 5, .name = long_a, .name_length = 400, .incarnation = 50},
        {.domid = 6, .name = long_b, .name_length = 400, .incarnation = 60},
    };
    struct label_rows domains = {0}, vcpus = {0}, infos = {0};
    struct topology *topology = NULL;

    memset(long_a, 'x', sizeof(long_a));
    memset(long_b, 'x', sizeof(long_b));
    long_b[399] = 'y'; /* beyond the cut: not told apart by what is exported */

    ck_assert_int_eq(topology_new(1, entries, 6, &(struct topology_host){.pcpus = 1}, &topology),
                     0);
    ck_assert_int_eq(labels_of_domains(topology, LABEL_DOMAIN, &domains), 0);
    check_row(&domains, 0, "domain=\"twin\",domid=\"1\"");
    check_row(&domains, 1, "domain=\"twin\"");
    check_row(&domains, 2, "domain=\"other\"");
    check_row(&domains, 3, "domain=\"twin\",domid=\"4\"");
    ck_assert_uint_eq(domains.offset[5] - domains.offset[4], strlen("domain=\"\"") + 256);
    ck_assert_uint_eq(domains.offset[6] - domains.offset[5],
                      strlen("domain=\"\",domid=\"6\"") + 256);

    ck_assert_int_eq(labels_of_vcpus(topology, &domains, &vcpus), 0);
    ck_assert_uint_eq(vcpus.rows, 3);
    check_row(&vcpus, 0, "domain=\"twin\",domid=\"1\",vcpu=\"0\"");
    check_row(&vcpus, 2, "domain=\"twin\",vcpu=\"1\"");

    ck_assert_int_eq(labels_of_domain_infos(topology, &infos), 0);
    check_row(&infos, 2,
              "uuid=\"00000000-0000-0000-0000-000000000000\",domain=\"other\",domid=\"3\","
              "guest_type=\"unknown\"");

    label_rows_deinit(&domains);
    label_rows_deinit(&vcpus);
    label_rows_deinit(&infos);
    topology_unref(topology);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("labels");
    TCase *tests = tcase_create("labels");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, sanitise);
    tcase_add_test(tests, cut);
    tcase_add_test(tests, escape);
    tcase_add_test(tests, identity_option);
    tcase_add_test(tests, twins);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
