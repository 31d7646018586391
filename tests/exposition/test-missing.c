/* SPDX-License-Identifier: Apache-2.0 */
#include "exposition/missing.h"

#include <string.h>

#include "exposition/catalogue.h"
#include "source/source.h"
#include "suite.h"

static char *list(const uint64_t columns[SNAPSHOT_KINDS])
{
    struct buf out = BUF_NULL;

    missing_list(columns, &out);
    buf_append_byte(&out, '\0');
    ck_assert_int_eq(buf_error(&out), 0);
    return out.data;
}

/* Would catch a metric said to be missing that is there. */
START_TEST(who_gives_everything_lacks_nothing)
{
    uint64_t columns[SNAPSHOT_KINDS];
    char *text;

    memset(columns, 0xff, sizeof(columns));
    text = list(columns);
    ck_assert_str_eq(text, "");
    free(text);
}
END_TEST

/* Would catch a metric that is missing and not said to be, and the exporter's own in the list. */
START_TEST(who_gives_nothing_lacks_everything)
{
    static const uint64_t none[SNAPSHOT_KINDS];
    char *text = list(none), *at = text;
    size_t commas = 0, families = 0;

    for (; *at; at++)
        commas += *at == ',';
    for (size_t i = 0; i < catalogue_families; i++)
        families += catalogue[i].kind != CATALOGUE_SELF && catalogue[i].kind != CATALOGUE_PROCESS &&
                    catalogue[i].sample[0].column != COLUMN_NONE;
    ck_assert_uint_eq(commas + 1, families);
    ck_assert_ptr_null(strstr(text, "xen_exporter"));
    ck_assert_ptr_null(strstr(text, "xen_domain_info"));
    free(text);
}
END_TEST

/* Would catch the states of a vCPU that hypercalls do not tell passed over in silence. */
START_TEST(hypercalls_lack_what_only_tables_tell)
{
    static const char *const missing[] = {
        "xen_vcpu_runstate_seconds_total{state=\"runnable\"}",
        "xen_vcpu_runstate_seconds_total{state=\"offline\"}",
        "xen_domain_schedule_wait_seconds",
        "xen_domain_start_time_seconds",
        "xen_host_domain_creations_total",
        "xen_perfcounter_total",
    };
    char *text = list(hypercalls_columns);

    for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
        ck_assert_msg(strstr(text, missing[i]), "%s is not in: %s", missing[i], text);
    ck_assert_ptr_null(strstr(text, "running"));
    ck_assert_ptr_null(strstr(text, "xen_domain_memory_bytes"));
    ck_assert_ptr_null(strstr(text, "xen_host_domains"));
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("missing");
    TCase *tests = tcase_create("missing");

    tcase_add_test(tests, who_gives_everything_lacks_nothing);
    tcase_add_test(tests, who_gives_nothing_lacks_everything);
    tcase_add_test(tests, hypercalls_lack_what_only_tables_tell);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
