/* SPDX-License-Identifier: Apache-2.0 */
/* The pages source on tables that a test writes itself, record by record. */
#include <errno.h>
#include <string.h>

#include "sampler/sampler.h"
#include "source/clock.h"
#include "source/frames.h"
#include "source/table_writer.h"
#include "suite.h"

#define MS       1000000ULL
#define SYSTEM_T (5000000 * MS)
#define DOMIDS   16
#define PCPUS    3
#define COUNTERS 4

static struct {
    struct frames frames;
    struct table_writer host, descriptors;
    struct table_writer domain[DOMIDS];
    unsigned int maps[DOMIDS]; /* how often each was asked for */
} xen;

static struct source *source;

static int map(struct frames *frames, uint32_t id, struct frames_mapping *ret_mapping)
{
    struct table_writer *table = id == STATS_DOMID_XEN        ? &xen.host
                                 : id == STATS_ID_DESCRIPTORS ? &xen.descriptors
                                                              : &xen.domain[id];

    if (id < DOMIDS)
        xen.maps[id]++;
    if (!table->base)
        return -ESRCH;
    *ret_mapping = (struct frames_mapping){.base = table->base, .count = table->frames};
    return 0;
}

static void unmap(struct frames *frames, struct frames_mapping *mapping)
{
}

static const char *name(const struct frames_mapping *mapping)
{
    return NULL;
}

static void free_frames(struct frames *frames)
{
}

static void set_up(void)
{
    static const struct frames_ops ops = {
        .map = map, .unmap = unmap, .name = name, .free = free_frames};
    struct stats_clock *clock;
    const char *reason;

    memset(&xen, 0, sizeof(xen));
    xen.frames.ops = &ops;
    ck_assert_int_eq(table_writer_init_host(&xen.host, PCPUS, 1, COUNTERS), 0);
    table_writer_host(&xen.host)->record.flags = STATS_RECORD_VALID;
    clock = table_writer_clock(&xen.host);
    clock->record.flags = STATS_RECORD_VALID;
    clock->system_time = SYSTEM_T;
    ck_assert_int_eq(pages_source_new(&xen.frames, SNAPSHOT_SOURCE_PAGES, &source, &reason), 0);
}

static void tear_down(void)
{
    table_writer_deinit(&xen.host);
    for (uint32_t domid = 0; domid < DOMIDS; domid++)
        table_writer_deinit(&xen.domain[domid]);
}

/* A domain of one vCPU that has been in `state` since `since`. */
static void add_domain(uint32_t domid, enum stats_runstate state, uint64_t since)
{
    struct stats_domain *domain;
    struct stats_vcpu *vcpu;

    ck_assert_int_eq(table_writer_init_domain(&xen.domain[domid], domid, domid + 1, 1), 0);
    domain = table_writer_domain(&xen.domain[domid]);
    domain->record.flags = STATS_RECORD_VALID;
    vcpu = table_writer_vcpu(&xen.domain[domid], 0);
    vcpu->record.flags = STATS_RECORD_VALID;
    vcpu->state = state;
    vcpu->state_entry_time = since;
    table_writer_set_exists(&xen.host, domid, true);
    table_writer_host(&xen.host)->domains_created++;
}

/*
 * Would catch a first sample whose now is as old as the clock record, up to a second: Domain-0's
 * own vCPU was stamped when it was woken up to look.
 */
START_TEST(the_first_sample_is_not_late)
{
    struct sampler *sampler;
    struct snapshot *snapshot;

    add_domain(0, STATS_RUNNING, SYSTEM_T + 900 * MS);
    add_domain(3, STATS_RUNNING, SYSTEM_T);
    ck_assert_int_eq(sampler_new(source, NULL, &sampler), 0);
    ck_assert_int_eq(sampler_take(sampler, &snapshot), 0);
    ck_assert_uint_ge(snapshot_row(snapshot, SNAPSHOT_VCPU, 1)[VCPU_RUNNING_NS], 900 * MS);
    /* Not guessed either: it is the stamp's age plus what passed since it was read. */
    ck_assert_uint_le(snapshot_row(snapshot, SNAPSHOT_VCPU, 1)[VCPU_RUNNING_NS], 60000 * MS);
    snapshot_unref(snapshot);
    sampler_free(sampler);
}
END_TEST

/* Would catch time that is added to the dead: from the death on their records stand still. */
START_TEST(the_dead_get_no_time)
{
    const struct topology_entry entry = {.domid = 3, .vcpus = 1, .incarnation = 4};
    struct topology *topology;
    struct snapshot *snapshot;
    void *attachment;

    add_domain(3, STATS_RUNNING, SYSTEM_T);
    ck_assert_int_eq(topology_new(1, &entry, 1, &(struct topology_host){0}, &topology), 0);
    ck_assert_int_eq(snapshot_new(topology, &snapshot), 0);
    ck_assert_int_eq(source->ops->attach(source, 3, &attachment), 0);

    ck_assert_int_eq(source->ops->begin(source, snapshot), 0);
    source->ops->read(source, attachment, snapshot, 0);
    ck_assert_uint_ne(snapshot_row(snapshot, SNAPSHOT_VCPU, 0)[VCPU_RUNNING_NS], SNAPSHOT_ABSENT);

    ck_assert_int_eq(source->ops->begin(source, snapshot), 0);
    table_writer_mark_dead(&xen.domain[3]);
    source->ops->read(source, attachment, snapshot, 0);
    ck_assert_uint_eq(snapshot_row(snapshot, SNAPSHOT_VCPU, 0)[VCPU_RUNNING_NS], SNAPSHOT_ABSENT);
    ck_assert_uint_eq(snapshot_row(snapshot, SNAPSHOT_DOMAIN, 0)[DOMAIN_VCPUS_MAX],
                      SNAPSHOT_ABSENT);

    source->ops->detach(source, attachment);
    snapshot_unref(snapshot);
    topology_unref(topology);
    source_free(source);
}
END_TEST

/* Would catch a zombie, whose bit is set and whose acquire fails, that is asked for at every scan.
 */
START_TEST(what_cannot_be_attached_is_not_asked_for_all_the_time)
{
    struct sampler *sampler;
    struct snapshot *snapshot;
    unsigned int before;

    add_domain(0, STATS_RUNNING, SYSTEM_T);
    table_writer_set_exists(&xen.host, 9, true);
    ck_assert_int_eq(sampler_new(source, NULL, &sampler), 0);
    for (unsigned int i = 0; i < 50; i++)
        sampler_scan(sampler);
    /* The first scan and, on a very slow machine, a few that came due. */
    ck_assert_uint_ge(xen.maps[9], 1);
    ck_assert_uint_le(xen.maps[9], 6);

    /* A scrape never asks again. */
    before = xen.maps[9];
    for (unsigned int i = 0; i < 50; i++) {
        ck_assert_int_eq(sampler_take(sampler, &snapshot), 0);
        snapshot_unref(snapshot);
    }
    ck_assert_uint_eq(xen.maps[9], before);
    ck_assert_uint_eq(sampler_domains(sampler), 1);
    sampler_free(sampler);
}
END_TEST

/* Would catch a bitmap from the middle of a creation that is taken for the whole truth. */
START_TEST(a_list_that_never_stood_still_is_looked_at_again)
{
    struct stats_host *host = table_writer_host(&xen.host);
    struct domain_set exist;

    add_domain(0, STATS_RUNNING, SYSTEM_T);
    table_write_begin(&host->record);
    ck_assert_int_eq(source->ops->list(source, &exist), 0);
    ck_assert(source->ops->changed(source));
    table_write_end(&host->record);
    ck_assert_int_eq(source->ops->list(source, &exist), 0);
    ck_assert(!source->ops->changed(source));
    ck_assert(domain_set_has(&exist, 0));
    source_free(source);
}
END_TEST

/* Would catch a record with absurd contents that is exported, or that takes others with it. */
START_TEST(nonsense_is_counted_and_left_out)
{
    struct sampler *sampler;
    struct snapshot *snapshot;

    add_domain(0, STATS_RUNNING, SYSTEM_T);
    add_domain(1, STATS_BLOCKED, SYSTEM_T);
    add_domain(2, STATS_BLOCKED, SYSTEM_T);
    table_writer_vcpu(&xen.domain[1], 0)->state = 4;
    table_writer_vcpu(&xen.domain[2], 0)->time[STATS_RUNNABLE] = 1ULL << 63;
    ck_assert_int_eq(sampler_new(source, NULL, &sampler), 0);
    ck_assert_int_eq(sampler_take(sampler, &snapshot), 0);
    ck_assert_uint_ne(snapshot_row(snapshot, SNAPSHOT_VCPU, 0)[VCPU_RUNNING_NS], SNAPSHOT_ABSENT);
    ck_assert_uint_eq(snapshot_row(snapshot, SNAPSHOT_VCPU, 1)[VCPU_RUNNING_NS], SNAPSHOT_ABSENT);
    ck_assert_uint_eq(snapshot_row(snapshot, SNAPSHOT_VCPU, 2)[VCPU_RUNNING_NS], SNAPSHOT_ABSENT);
    snapshot_unref(snapshot);
    /* The figures are those of the moment before the records were read. */
    ck_assert_int_eq(sampler_take(sampler, &snapshot), 0);
    ck_assert_uint_eq(snapshot_row(snapshot, SNAPSHOT_SELF, 0)[SELF_INVALID_RECORDS], 2);
    snapshot_unref(snapshot);
    sampler_free(sampler);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pages");
    TCase *tests = tcase_create("pages");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_first_sample_is_not_late);
    tcase_add_test(tests, the_dead_get_no_time);
    tcase_add_test(tests, what_cannot_be_attached_is_not_asked_for_all_the_time);
    tcase_add_test(tests, a_list_that_never_stood_still_is_looked_at_again);
    tcase_add_test(tests, nonsense_is_counted_and_left_out);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
