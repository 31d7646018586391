/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "sampler/sampler.h"
#include "source/clock.h"
#include "suite.h"

#define MS 1000000ULL

static struct sampler *sampler;

static void start(struct simulated_config config)
{
    struct frames *frames;
    struct source *source;
    const char *reason;

    ck_assert_int_eq(simulated_frames_new(&config, &frames), 0);
    ck_assert_int_eq(pages_source_new(frames, SNAPSHOT_SOURCE_SIMULATED, &source, &reason), 0);
    ck_assert_int_eq(sampler_new(source, NULL, &sampler), 0);
    ck_assert_int_eq(sampler_scan(sampler), 0);
}

static void tear_down(void)
{
    sampler = sampler_free(sampler);
}

static struct snapshot *take(void)
{
    struct snapshot *snapshot = NULL;

    ck_assert_int_eq(sampler_take(sampler, &snapshot), 0);
    return snapshot;
}

static void pause_ms(uint64_t ms)
{
    struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000 * MS)};

    nanosleep(&time, NULL);
}

static uint64_t sum(const struct snapshot *snapshot, uint32_t vcpu)
{
    const uint64_t *row = snapshot_row(snapshot, SNAPSHOT_VCPU, vcpu);

    return row[VCPU_RUNNING_NS] + row[VCPU_RUNNABLE_NS] + row[VCPU_BLOCKED_NS] +
           row[VCPU_OFFLINE_NS];
}

static uint64_t apart(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* Would catch a state that time is not added to: the four together grow by what passed. */
START_TEST(time_is_conserved)
{
    struct snapshot *first, *second;

    start((struct simulated_config){.domains = 12, .vcpus = 3, .pcpus = 4, .seed = 42});
    first = take();
    ck_assert_uint_eq(first->topology->domains, 13);
    ck_assert_uint_eq(first->topology->vcpus, 39);
    pause_ms(300);
    second = take();

    for (uint32_t vcpu = 0; vcpu < 39; vcpu++)
        /* A vCPU that changed state while the snapshot was taken is as of its change. */
        ck_assert_uint_le(
            apart(sum(second, vcpu) - sum(first, vcpu), second->now_ns - first->now_ns), 50 * MS);
    snapshot_unref(first);
    snapshot_unref(second);
}
END_TEST

/* Would catch a pCPU that is neither idle nor busy, or both; and a wait that no bucket counts. */
START_TEST(pcpus_and_waits_add_up)
{
    struct snapshot *first, *second;

    start(
        (struct simulated_config){.domains = 12, .vcpus = 3, .pcpus = 4, .churn = 60, .seed = 42});
    first = take();
    pause_ms(4000); /* long enough for CPUs to come and go */
    second = take();
    for (uint32_t pcpu = 0; pcpu < 4; pcpu++) {
        const uint64_t *now = snapshot_row(second, SNAPSHOT_PCPU, pcpu);
        const uint64_t *then = snapshot_row(first, SNAPSHOT_PCPU, pcpu);
        uint64_t online =
            now[PCPU_IDLE_NS] + now[PCPU_BUSY_NS] - then[PCPU_IDLE_NS] - then[PCPU_BUSY_NS];

        ck_assert_uint_le(online, second->now_ns - first->now_ns + 50 * MS);
        if (pcpu < 3) /* only the last one comes and goes */
            ck_assert_uint_ge(online + 50 * MS, second->now_ns - first->now_ns);
        ck_assert_uint_gt(now[PCPU_CONTEXT_SWITCHES], then[PCPU_CONTEXT_SWITCHES]);
    }
    for (uint32_t vcpu = 0; vcpu < second->topology->vcpus; vcpu++) {
        const uint64_t *row = snapshot_row(second, SNAPSHOT_VCPU, vcpu);

        if (row[VCPU_RUNNING_NS] == SNAPSHOT_ABSENT)
            continue;
        /* Each dispatch ends a wait; who waits now is not counted yet. */
        ck_assert_uint_ge(row[VCPU_WAITS + SNAPSHOT_WAIT_LIMITS], row[VCPU_DISPATCHES]);
        ck_assert_uint_le(row[VCPU_WAIT_NS], row[VCPU_RUNNABLE_NS]);
        ck_assert_uint_le(row[VCPU_MIGRATIONS], row[VCPU_DISPATCHES]);
    }
    ck_assert_uint_gt(snapshot_row(second, SNAPSHOT_COUNTER, 1)[COUNTER_TOTAL],
                      snapshot_row(first, SNAPSHOT_COUNTER, 1)[COUNTER_TOTAL]);
    ck_assert_uint_eq(second->topology->nodes, 2);
    snapshot_unref(first);
    snapshot_unref(second);
}
END_TEST

/* Would catch more vCPUs running than there are pCPUs, and a busy host that shows no waiting. */
START_TEST(pcpus_are_shared)
{
    uint64_t running = 0, runnable = 0, passed;
    struct snapshot *first, *second;

    /* Domids 1, 7, 13 and 19 never sleep: 8 vCPUs that want 2 pCPUs. */
    start((struct simulated_config){.domains = 20, .vcpus = 2, .pcpus = 2, .seed = 7});
    first = take();
    pause_ms(500);
    second = take();
    passed = second->now_ns - first->now_ns;
    for (uint32_t vcpu = 0; vcpu < first->topology->vcpus; vcpu++) {
        const uint64_t *now = snapshot_row(second, SNAPSHOT_VCPU, vcpu);
        const uint64_t *then = snapshot_row(first, SNAPSHOT_VCPU, vcpu);

        running += now[VCPU_RUNNING_NS] - then[VCPU_RUNNING_NS];
        runnable += now[VCPU_RUNNABLE_NS] - then[VCPU_RUNNABLE_NS];
        ck_assert_uint_lt(now[VCPU_PCPU], 2);
    }
    ck_assert_uint_le(running, 2 * passed + 100 * MS);
    ck_assert_uint_gt(running, passed);
    ck_assert_uint_gt(runnable, passed);
    snapshot_unref(first);
    snapshot_unref(second);
}
END_TEST

/* Would catch a running vCPU whose time stands still until it is descheduled. */
START_TEST(a_vcpu_that_never_sleeps_grows)
{
    struct snapshot *first, *second;
    uint64_t grown;

    /* One busy guest, alone: its vCPU is dispatched once and its record never written again. */
    start((struct simulated_config){.domains = 1, .vcpus = 1, .pcpus = 4, .seed = 3});
    pause_ms(50);
    first = take();
    pause_ms(200);
    second = take();
    grown = snapshot_row(second, SNAPSHOT_VCPU, 1)[VCPU_RUNNING_NS] -
            snapshot_row(first, SNAPSHOT_VCPU, 1)[VCPU_RUNNING_NS];
    ck_assert_uint_eq(grown, second->now_ns - first->now_ns);
    ck_assert_uint_ge(grown, 200 * MS);
    ck_assert_uint_eq(snapshot_row(second, SNAPSHOT_DOMAIN, 1)[DOMAIN_CPU_NS],
                      snapshot_row(second, SNAPSHOT_VCPU, 1)[VCPU_RUNNING_NS]);
    snapshot_unref(first);
    snapshot_unref(second);
}
END_TEST

/* Would catch counters that step back within one incarnation: rate() takes that for a restart. */
START_TEST(counters_never_go_backwards)
{
    struct snapshot *before = NULL, *now;

    start((struct simulated_config){.domains = 6, .vcpus = 4, .pcpus = 3, .seed = 11});
    for (unsigned int round = 0; round < 400; round++) {
        now = take();
        for (uint32_t vcpu = 0; before && vcpu < now->topology->vcpus; vcpu++)
            for (uint32_t field = VCPU_RUNNING_NS; field <= VCPU_OFFLINE_NS; field++)
                ck_assert_uint_ge(snapshot_row(now, SNAPSHOT_VCPU, vcpu)[field],
                                  snapshot_row(before, SNAPSHOT_VCPU, vcpu)[field]);
        snapshot_unref(before);
        before = now;
        pause_ms(1);
    }
    snapshot_unref(before);
}
END_TEST

/* What a snapshot shows of a host on which domains come and go. */
struct seen {
    uint64_t created, destroyed, retired_pages;
    uint32_t domains;
};

static struct seen see(void)
{
    struct snapshot *snapshot = take();
    const uint64_t *host = snapshot_row(snapshot, SNAPSHOT_HOST, 0);
    const uint64_t *self = snapshot_row(snapshot, SNAPSHOT_SELF, 0);
    struct seen seen = {.created = host[HOST_DOMAINS_CREATED],
                        .destroyed = host[HOST_DOMAINS_DESTROYED],
                        .retired_pages = host[HOST_STATS_RETIRED] / 4096,
                        .domains = snapshot->topology->domains};

    ck_assert_uint_eq(self[SELF_DOMAINS_MAPPED] - self[SELF_DOMAINS_UNMAPPED], seen.domains);
    for (uint32_t i = 1; i < seen.domains; i++)
        ck_assert_uint_gt(snapshot->topology->domain[i].domid,
                          snapshot->topology->domain[i - 1].domid);
    snapshot_unref(snapshot);
    return seen;
}

/*
 * Would catch domains that are missed or kept, and pages of the dead that stay mapped. Who came or
 * went while a snapshot was taken, which may take its time, may be missing there.
 */
START_TEST(churn_is_followed)
{
    struct seen before, now, after;

    start(
        (struct simulated_config){.domains = 20, .vcpus = 2, .pcpus = 4, .churn = 6000, .seed = 5});
    before = see();
    now = see();
    for (unsigned int round = 0; round < 200 && now.created < 21 + 150; round++) {
        pause_ms(20);
        after = see();
        ck_assert_uint_ge(now.domains + (after.destroyed - before.destroyed), 19);
        ck_assert_uint_le(now.domains, 22 + (after.created - before.created));
        ck_assert_uint_le(now.retired_pages, 2 + (now.destroyed - before.destroyed));
        before = now;
        now = after;
    }
    ck_assert_uint_ge(now.created, 21 + 150);
}
END_TEST

/* Would catch an allocation per scrape, and a snapshot filled again while somebody reads it. */
START_TEST(snapshots_are_used_again_when_free)
{
    struct snapshot *first, *second, *third;

    start((struct simulated_config){.domains = 2, .vcpus = 1, .pcpus = 1, .seed = 1});
    first = take();
    second = take();
    ck_assert_ptr_ne(first, second);
    snapshot_unref(first);
    third = take();
    ck_assert_ptr_eq(first, third);
    snapshot_unref(second);
    snapshot_unref(third);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("simulated");
    TCase *tests = tcase_create("simulated");

    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, time_is_conserved);
    tcase_add_test(tests, pcpus_and_waits_add_up);
    tcase_add_test(tests, pcpus_are_shared);
    tcase_add_test(tests, a_vcpu_that_never_sleeps_grows);
    tcase_add_test(tests, counters_never_go_backwards);
    tcase_add_test(tests, churn_is_followed);
    tcase_add_test(tests, snapshots_are_used_again_when_free);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
