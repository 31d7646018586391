/* SPDX-License-Identifier: Apache-2.0 */
#include "source/page.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "source/table_writer.h"
#include "suite.h"

static struct table_writer writer;
static struct page_table table;
static struct page_counters counters;

static struct stats_frame *frame(uint32_t index)
{
    return (struct stats_frame *)(writer.base + (size_t)index * STATS_FRAME_SIZE);
}

static struct stats_kind *entry(uint32_t index)
{
    return (struct stats_kind *)(writer.base + STATS_DIRECTORY_OFFSET) + index;
}

static int look(void)
{
    const char *reason;
    int r = page_table_init(&table, writer.base, writer.frames, 5, &reason);

    if (r == -EBADMSG)
        ck_assert_ptr_nonnull(reason);
    return r;
}

static void set_up(void)
{
    counters = (struct page_counters){0};
    ck_assert_int_eq(table_writer_init_domain(&writer, 5, 77, 30), 0);
    for (uint32_t i = 0; i < 30; i++) {
        struct stats_vcpu *vcpu = table_writer_vcpu(&writer, i);

        table_write_begin(&vcpu->record);
        vcpu->record.index = i;
        vcpu->record.flags = STATS_RECORD_VALID;
        vcpu->time[STATS_RUNNING] = 1000 + i;
        table_write_end(&vcpu->record);
    }
}

static void tear_down(void)
{
    table_writer_deinit(&writer);
}

/* Would catch a wrong frame or offset for a record beyond the first frame. */
START_TEST(every_record_is_found)
{
    const struct stats_kind *kind;

    ck_assert_int_eq(look(), 0);
    ck_assert_uint_eq(writer.frames, 3);
    ck_assert_uint_eq(table.generation, 77);
    kind = page_kind(&table, STATS_KIND_VCPU);
    ck_assert_ptr_nonnull(kind);
    ck_assert_uint_eq(kind->count, 30);
    for (uint32_t i = 0; i < 30; i++) {
        struct stats_vcpu vcpu;

        ck_assert_int_eq(page_read(&table, kind, i, &vcpu, sizeof(vcpu), &counters), 0);
        ck_assert_uint_eq(vcpu.record.index, i);
        ck_assert_uint_eq(vcpu.time[STATS_RUNNING], 1000 + i);
    }
    ck_assert_ptr_null(page_kind(&table, STATS_KIND_PERFC));
}
END_TEST

/* Would catch a table of another version, or no table at all, being read as ours. */
START_TEST(foreign_tables_are_refused)
{
    frame(2)->magic ^= 1;
    ck_assert_int_eq(look(), -EPROTO);
    frame(2)->magic ^= 1;
    frame(0)->version++;
    ck_assert_int_eq(look(), -EPROTO);
    frame(0)->version--;
    ck_assert_int_eq(look(), 0);
    ck_assert_int_eq(page_table_init(&table, writer.base, 0, 5, NULL), -EPROTO);
    ck_assert_int_eq(page_table_init(&table, writer.base, PAGE_FRAMES_MAX + 1, 5, NULL), -EPROTO);
}
END_TEST

/* Would catch a frame that was freed and used again between the acquire and the mapping. */
START_TEST(a_table_that_changed_hands_is_dead)
{
    frame(1)->generation++;
    ck_assert_int_eq(look(), PAGE_DEAD);
    frame(1)->generation--;
    frame(1)->target = 6;
    ck_assert_int_eq(look(), PAGE_DEAD);
    frame(1)->target = 5;
    frame(1)->frame = 2;
    ck_assert_int_eq(look(), PAGE_DEAD);
    frame(1)->frame = 1;
    ck_assert_int_eq(look(), 0);
    ck_assert(!page_is_dead(&table));
    table_writer_mark_dead(&writer);
    ck_assert(page_is_dead(&table));
    ck_assert_int_eq(look(), PAGE_DEAD);
}
END_TEST

/* Would catch a read outside the mapping: each row is one lie that a page can tell. */
static const struct {
    size_t at; /* of a 32-bit field of the vCPU records' directory entry */
    uint32_t lie;
} lies[] = {
    {offsetof(struct stats_kind, first_frame), 1},
    {offsetof(struct stats_kind, first_frame), UINT32_MAX},
    {offsetof(struct stats_kind, offset), 0},
    {offsetof(struct stats_kind, offset), 60},
    {offsetof(struct stats_kind, offset), 1032},
    {offsetof(struct stats_kind, offset), 1025},
    {offsetof(struct stats_kind, offset), UINT32_MAX - 7},
    {offsetof(struct stats_kind, size), 0},
    {offsetof(struct stats_kind, size), 264},
    {offsetof(struct stats_kind, size), 63},
    {offsetof(struct stats_kind, stride), 0},
    {offsetof(struct stats_kind, stride), 192},
    {offsetof(struct stats_kind, stride), 8192},
    {offsetof(struct stats_kind, per_frame), 0},
    {offsetof(struct stats_kind, per_frame), 13},
    {offsetof(struct stats_kind, per_frame), UINT32_MAX},
    {offsetof(struct stats_kind, count), 37},
    {offsetof(struct stats_kind, count), UINT32_MAX},
};

START_TEST(lying_directories_are_refused)
{
    uint32_t *field = (uint32_t *)((uint8_t *)entry(1) + lies[_i].at);
    uint32_t truth = *field;

    *field = lies[_i].lie;
    ck_assert_int_eq(look(), -EBADMSG);
    *field = truth;
    ck_assert_int_eq(look(), 0);
}
END_TEST

/* The same for the frame header. */
START_TEST(lying_headers_are_refused)
{
    frame(0)->nr_kinds = STATS_DIRECTORY_MAX + 1;
    ck_assert_int_eq(look(), -EBADMSG);
    frame(0)->nr_kinds = 2;
    frame(0)->kind_size = 24;
    ck_assert_int_eq(look(), -EBADMSG);
    frame(0)->kind_size = 0x80000008;
    ck_assert_int_eq(look(), -EBADMSG);
    frame(0)->kind_size = sizeof(struct stats_kind);
    frame(2)->nr_frames = 4;
    ck_assert_int_eq(look(), -EBADMSG);
}
END_TEST

/* Would catch the live directory being read again after it was checked. */
START_TEST(later_lies_change_nothing)
{
    const struct stats_kind *kind;
    struct stats_vcpu vcpu;

    ck_assert_int_eq(look(), 0);
    kind = page_kind(&table, STATS_KIND_VCPU);
    memset(entry(0), 0xff, 2 * sizeof(struct stats_kind));
    ck_assert_int_eq(page_read(&table, kind, 29, &vcpu, sizeof(vcpu), &counters), 0);
    ck_assert_uint_eq(vcpu.time[STATS_RUNNING], 1029);
}
END_TEST

/* Would catch an older hypervisor's shorter record being read beyond its end. */
START_TEST(missing_fields_are_not_available)
{
    const struct stats_kind *kind;
    struct stats_vcpu vcpu;

    entry(1)->size = offsetof(struct stats_vcpu, time) + 8;
    ck_assert_int_eq(look(), 0);
    kind = page_kind(&table, STATS_KIND_VCPU);
    ck_assert_int_eq(page_read(&table, kind, 3, &vcpu, sizeof(vcpu), &counters), 0);
    ck_assert_uint_eq(vcpu.time[STATS_RUNNING], 1003);
    ck_assert_uint_eq(vcpu.time[STATS_RUNNABLE], STATS_NOT_AVAILABLE);
    ck_assert_uint_eq(page_read_field(&table, kind, 3, offsetof(struct stats_vcpu, time[1])),
                      STATS_NOT_AVAILABLE);
    ck_assert_uint_eq(page_read_field(&table, kind, 3, offsetof(struct stats_vcpu, time[0])), 1003);
}
END_TEST

/* Would catch a reader that waits for ever on a record that stays "being written". */
START_TEST(a_stuck_writer_does_not_hang_the_reader)
{
    const struct stats_kind *kind;
    struct stats_vcpu vcpu;

    ck_assert_int_eq(look(), 0);
    kind = page_kind(&table, STATS_KIND_VCPU);
    table_write_begin(&table_writer_vcpu(&writer, 4)->record);
    ck_assert_int_eq(page_read(&table, kind, 4, &vcpu, sizeof(vcpu), &counters), PAGE_TORN);
    ck_assert_uint_eq(counters.torn, 1);
    ck_assert_uint_eq(counters.retries, PAGE_RETRIES_MAX);

    table_writer_vcpu(&writer, 5)->record.flags = 0;
    ck_assert_int_eq(page_read(&table, kind, 5, &vcpu, sizeof(vcpu), &counters), PAGE_ABSENT);
    ck_assert_uint_eq(counters.torn, 1);
}
END_TEST

struct writing {
    struct stats_vcpu *vcpu;
    bool stop;
};

/* Keeps entry time and times equal, but only at the end of each write. */
static void *write_on(void *argument)
{
    struct writing *writing = argument;

    for (uint64_t value = 1; !__atomic_load_n(&writing->stop, __ATOMIC_RELAXED); value++) {
        table_write_begin(&writing->vcpu->record);
        TABLE_SET(writing->vcpu->state_entry_time, value);
        for (unsigned int state = 0; state < STATS_RUNSTATES; state++)
            TABLE_SET(writing->vcpu->time[state], value);
        table_write_end(&writing->vcpu->record);
        /* Room for a reader: a hypervisor does other things between two writes, too. */
        for (volatile int i = 0; i < 50; i++)
            ;
    }
    return NULL;
}

/* Would catch a torn record given out as whole. */
START_TEST(no_torn_record_passes)
{
    struct writing writing = {.vcpu = table_writer_vcpu(&writer, 0)};
    const struct stats_kind *kind;
    uint32_t whole = 0;
    pthread_t thread;

    writing.vcpu->state_entry_time = 0;
    writing.vcpu->time[STATS_RUNNING] = 0;
    ck_assert_int_eq(look(), 0);
    kind = page_kind(&table, STATS_KIND_VCPU);
    ck_assert_int_eq(pthread_create(&thread, NULL, write_on, &writing), 0);
    for (uint32_t i = 0; i < 300000; i++) {
        struct stats_vcpu vcpu;

        if (page_read(&table, kind, 0, &vcpu, sizeof(vcpu), &counters) != 0)
            continue;
        whole++;
        for (unsigned int state = 0; state < STATS_RUNSTATES; state++)
            ck_assert_uint_eq(vcpu.time[state], vcpu.state_entry_time);
    }
    __atomic_store_n(&writing.stop, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    ck_assert_uint_gt(whole, 100000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("page");
    TCase *tests = tcase_create("page");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, every_record_is_found);
    tcase_add_test(tests, foreign_tables_are_refused);
    tcase_add_test(tests, a_table_that_changed_hands_is_dead);
    tcase_add_loop_test(tests, lying_directories_are_refused, 0, sizeof(lies) / sizeof(lies[0]));
    tcase_add_test(tests, lying_headers_are_refused);
    tcase_add_test(tests, later_lies_change_nothing);
    tcase_add_test(tests, missing_fields_are_not_available);
    tcase_add_test(tests, a_stuck_writer_does_not_hang_the_reader);
    tcase_add_test(tests, no_torn_record_passes);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
