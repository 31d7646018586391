/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a newer hypervisor: a table of descriptors, and records longer than those known here.
 */
#include "source/more_fields.h"

#include <stdio.h>
#include <string.h>

#include "source/table_writer.h"
#include "suite.h"

#define FIELDS 90U

static struct table_writer writer, domain_writer;
static struct page_counters counters;
static struct more_fields more;
static uint32_t written;

static void set_up(void)
{
    ck_assert_int_eq(table_writer_init_descriptors(&writer, FIELDS), 0);
    ck_assert_int_eq(table_writer_init_domain(&domain_writer, 7, 1, 1), 0);
    counters = (struct page_counters){0};
    written = 0;
}

static void tear_down(void)
{
    more_fields_deinit(&more);
    table_writer_deinit(&writer);
    table_writer_deinit(&domain_writer);
}

/* A counter of eight bytes behind the vCPU's known fields, unless the test says otherwise. */
static struct stats_descriptor *describe(const char *name)
{
    struct stats_descriptor *descriptor = table_writer_descriptor(&writer, written);

    *descriptor = (struct stats_descriptor){
        .record = {.flags = STATS_RECORD_VALID, .index = written++},
        .kind = STATS_KIND_VCPU,
        .offset = sizeof(struct stats_vcpu),
        .size = 8,
        .count = 1,
        .type = STATS_TYPE_COUNTER,
        .scale = 1,
        .help = "Something.",
    };
    snprintf(descriptor->name, sizeof(descriptor->name), "%s", name);
    return descriptor;
}

static void look(void)
{
    struct page_table table;

    ck_assert_int_eq(
        page_table_init(&table, writer.base, writer.frames, STATS_ID_DESCRIPTORS, NULL), 0);
    ck_assert_int_eq(more_fields_init(&more, &table, &counters), 0);
}

/* Would catch fields known here that appear twice, and unknown ones in the wrong unit or order. */
START_TEST(found)
{
    struct stats_descriptor *descriptor;
    uint64_t row[TOPOLOGY_FIELDS_MAX], *record;
    struct page_table table;

    describe("dispatches")->offset = offsetof(struct stats_vcpu, dispatches); /* known */
    describe("steal")->unit = STATS_UNIT_SECONDS;
    descriptor = describe("exits");
    descriptor->count = 2;
    descriptor->offset += 8;
    descriptor->size = 4;
    descriptor->field_flags = STATS_FIELD_OPTIONAL;
    descriptor = describe("entries");
    descriptor->offset += 12;
    descriptor->size = 4;
    descriptor = describe("credit");
    descriptor->kind = STATS_KIND_DOMAIN;
    descriptor->offset = sizeof(struct stats_domain);
    descriptor->type = STATS_TYPE_GAUGE;
    descriptor->unit = STATS_UNIT_BYTES;
    descriptor->scale = 4096;
    describe("unknown_kind")->kind = 99;
    look();

    ck_assert_uint_eq(counters.invalid, 0);
    ck_assert_uint_eq(more.fields, 5);
    ck_assert_str_eq(more.field[0].name, "credit");
    ck_assert_uint_eq(more.field[0].of, TOPOLOGY_OF_DOMAIN);
    ck_assert(!more.field[0].counter);
    ck_assert_str_eq(more.field[1].name, "steal");
    ck_assert(more.field[1].counter);
    ck_assert_uint_eq(more.field[2].element, 0);
    ck_assert_uint_eq(more.field[3].element, 1);
    ck_assert_uint_eq(more.field[1].element, TOPOLOGY_NO_ELEMENT);

    /* The same field in nanoseconds: exponent 0 means whole seconds. */
    ck_assert_int_eq(page_table_init(&table, domain_writer.base, domain_writer.frames, 7, NULL), 0);
    table.kind[1].size = 240; /* as a newer hypervisor would say */
    record =
        (uint64_t *)((uint8_t *)table_writer_vcpu(&domain_writer, 0) + sizeof(struct stats_vcpu));
    record[0] = 3;
    record[1] = 5 | (uint64_t)UINT32_MAX << 32;
    memset(row, 0xff, sizeof(row));
    more_fields_read(&more, TOPOLOGY_OF_VCPU, &table, page_kind(&table, STATS_KIND_VCPU), 0, row);
    ck_assert_uint_eq(row[0], 3000000000U);
    ck_assert_uint_eq(row[1], 5);
    ck_assert_uint_eq(row[2], SNAPSHOT_ABSENT); /* not available */
    ck_assert_uint_eq(row[3], UINT32_MAX);      /* the same bits, which may be a number here */
    ck_assert_uint_eq(row[4], SNAPSHOT_ABSENT);

    /* A record that ends before the field. */
    table.kind[1].size = 224;
    memset(row, 0xff, sizeof(row));
    more_fields_read(&more, TOPOLOGY_OF_VCPU, &table, page_kind(&table, STATS_KIND_VCPU), 0, row);
    ck_assert_uint_eq(row[0], SNAPSHOT_ABSENT);
}
END_TEST

/* Would catch a hypervisor's nonsense that becomes a metric, or a read out of bounds. */
START_TEST(nonsense)
{
    static const char *const names[] = {"",           "Upper",   "9first",
                                        "with space", "quote\"", "new\nline"};
    struct stats_descriptor *descriptor;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        describe(names[i]);
    memset(describe("endless")->name, 'a', sizeof(descriptor->name));
    describe("wide")->size = 16;
    describe("none")->count = 0;
    describe("askew")->offset += 4;
    describe("far")->offset = 4096;
    describe("wraps")->offset = UINT32_MAX - 7;
    describe("many")->count = UINT32_MAX;
    describe("scale")->scale = 0;
    describe("exponent")->exponent = INT32_MIN;
    describe("huge")->exponent = 19;
    describe("unit")->unit = 4;
    look();
    ck_assert_uint_eq(more.fields, 0);
    ck_assert_uint_eq(counters.invalid, written);
}
END_TEST

/* Would catch help that breaks its line, kinds of fields that are no numbers, and a flood. */
START_TEST(bounds)
{
    char name[16];

    strcpy(describe("helped")->help, "Bad \\ \" \n \xff.");
    describe("histogram")->type = STATS_TYPE_HISTOGRAM;
    describe("moment")->type = STATS_TYPE_OPAQUE;
    describe("type")->type = 77;
    describe("grows")->field_flags = STATS_FIELD_RUNSTATE;
    describe("shift")->field_flags = STATS_FIELD_SIGNED;
    for (unsigned int i = 0; written < FIELDS; i++) {
        snprintf(name, sizeof(name), "f%u", i);
        describe(name);
    }
    look();
    ck_assert_uint_eq(counters.invalid, 0);
    ck_assert_uint_eq(more.fields, TOPOLOGY_FIELDS_MAX);
    ck_assert_str_eq(more.field[0].help, "Bad ? ? ? ?.");
    ck_assert_str_eq(more.field[1].name, "f0");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("more-fields");
    TCase *tests = tcase_create("more-fields");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, found);
    tcase_add_test(tests, nonsense);
    tcase_add_test(tests, bounds);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
