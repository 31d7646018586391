/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted of vCPUs since someone looks, against counts of our own over a random life. */
#include "../suite.h"
#include "client.h"

#define FRAMES_MAX 8U

static const void *frames[FRAMES_MAX];

/* The least that random numbers can be: the same in every run. */
static uint64_t random_number(void)
{
    static uint64_t state = 88172645463325252ULL;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static unsigned int random_below(unsigned int limit)
{
    return (unsigned int)(random_number() % limit);
}

/* Lengths from nanoseconds to hours, as many of each power of two. */
static s_time_t random_length(void)
{
    return (s_time_t)(random_number() >> (22 + random_below(42)));
}

/* By the text of the header, and not as fast as possible. */
static unsigned int bucket_of(uint64_t wait)
{
    unsigned int bucket = 0;

    while (bucket < XEN_STATS_WAIT_BUCKETS - 1 && wait >= (uint64_t)XEN_STATS_WAIT_BASE << bucket)
        bucket++;
    return bucket;
}

struct life {
    uint64_t dispatches, migrations, wait_sum, waits[XEN_STATS_WAIT_BUCKETS];
    unsigned int cpu;
};

static void check_counts(const struct xen_stats_vcpu *record, const struct life *life)
{
    ck_assert_uint_eq(record->dispatches, life->dispatches);
    ck_assert_uint_eq(record->migrations, life->migrations);
    ck_assert_uint_eq(record->cpu, life->cpu);
    ck_assert_uint_eq(record->wait_sum, life->wait_sum);
    for (unsigned int b = 0; b < XEN_STATS_WAIT_BUCKETS; b++)
        ck_assert_uint_eq(record->waits[b], life->waits[b]);
}

START_TEST(test_random_life)
{
    struct domain *d = shim_create_domain_with_vcpus(0, 2);
    struct vcpu *v = d->vcpu[1];
    struct xen_stats_vcpu record, first;
    struct life life = {0};
    unsigned int count;

    /* A life before anyone looks, which does not count. */
    for (unsigned int i = 0; i < 100; i++) {
        shim_pass_time(random_length() >> 8);
        shim_runstate_change(v, (int)random_below(4), NOW());
        shim_move_vcpu(v, random_below(NR_CPUS));
    }
    count = map_table(0, frames, FRAMES_MAX);
    first = read_vcpu(frames, 1);
    ck_assert_uint_eq(first.counting_since, (uint64_t)NOW());
    life.cpu = first.cpu;
    check_counts(&first, &life);

    for (unsigned int i = 0; i < 20000; i++) {
        int before = v->runstate.state, after = (int)random_below(4);
        uint64_t entered = v->runstate.state_entry_time;
        /* Now and then the clock of another CPU, which is behind. */
        s_time_t length = random_below(50) ? random_length() : -(s_time_t)random_below(1000);

        if (random_below(3) == 0)
            shim_move_vcpu(v, random_below(NR_CPUS));
        shim_runstate_change(v, after, (s_time_t)entered + length);
        if (before != after) {
            uint64_t wait = length > 0 ? (uint64_t)length : 0;

            if (before == RUNSTATE_runnable) {
                life.waits[bucket_of(wait)]++;
                life.wait_sum += wait;
            }
            if (after == RUNSTATE_running) {
                life.dispatches++;
                life.migrations += life.cpu != v->processor;
                life.cpu = v->processor;
            }
        }
        if (i % 16)
            continue;
        record = read_vcpu(frames, 1);
        check_counts(&record, &life);
        ck_assert_uint_eq(record.counting_since, first.counting_since);
        ck_assert_mem_eq(record.time, v->runstate.time, sizeof(record.time));
    }
    /* The sum of the waits is what the time spent waiting has grown by. */
    record = read_vcpu(frames, 1);
    ck_assert_uint_eq(record.wait_sum,
                      record.time[RUNSTATE_runnable] - first.time[RUNSTATE_runnable]);
    unmap_table(frames, count);
    shim_kill_domain(d);
}
END_TEST

/* Exactly on the bounds, and next to them. */
START_TEST(test_bounds_of_buckets)
{
    struct domain *d = shim_create_domain_with_vcpus(0, 1);
    struct vcpu *v = d->vcpu[0];
    unsigned int count = map_table(0, frames, FRAMES_MAX);
    uint64_t expected[XEN_STATS_WAIT_BUCKETS] = {0};

    for (unsigned int power = 0; power < 50; power++) {
        for (int more = -1; more <= 1; more++) {
            s_time_t wait = (s_time_t)(1ULL << power) + more;

            shim_runstate_change(v, RUNSTATE_runnable, (s_time_t)v->runstate.state_entry_time + 3);
            shim_runstate_change(v, RUNSTATE_running,
                                 (s_time_t)v->runstate.state_entry_time + wait);
            expected[bucket_of((uint64_t)wait)]++;
            ck_assert_mem_eq(read_vcpu(frames, 0).waits, expected, sizeof(expected));
        }
    }
    ck_assert_uint_gt(expected[XEN_STATS_WAIT_BUCKETS - 1], 0);
    unmap_table(frames, count);
    shim_kill_domain(d);
}
END_TEST

/* Each frame counts from its own first acquire. */
START_TEST(test_counting_starts_with_the_frame)
{
    struct domain *d = shim_create_domain_with_vcpus(0, 40);
    xen_pfn_t mfns[FRAMES_MAX];
    unsigned int size = (unsigned int)table_size(0);

    for (unsigned int i = 0; i < size; i++) {
        ck_assert_int_eq(acquire(0, i, 1, &mfns[i]), 0);
        frames[i] = map_frame(mfns[i]);
        shim_pass_time(1000);
        for (unsigned int v = 0; v < 40; v++) {
            shim_runstate_change(d->vcpu[v], RUNSTATE_running, NOW());
            shim_runstate_change(d->vcpu[v], RUNSTATE_runnable, NOW());
        }
    }
    for (unsigned int v = 0; v < 40; v++) {
        unsigned int frame = v / find_kind(frames[0], XEN_STATS_KIND_vcpu)->per_frame;

        ck_assert_uint_eq(read_vcpu(frames, v).dispatches, size - frame);
        ck_assert_uint_eq(read_vcpu(frames, v).counting_since,
                          read_vcpu(frames, 0).counting_since + 1000 * frame);
    }
    unmap_table(frames, size);
    shim_kill_domain(d);
}
END_TEST

START_TEST(test_online)
{
    struct domain *d = shim_create_domain_with_vcpus(0, 2);
    struct vcpu *v = d->vcpu[1];
    unsigned int count;

    shim_vcpu_down(v);
    count = map_table(0, frames, FRAMES_MAX);
    ck_assert_uint_eq(read_vcpu(frames, 0).record.flags,
                      XEN_STATS_RECORD_valid | XEN_STATS_VCPU_online);
    for (unsigned int i = 0; i < 10; i++) {
        ck_assert_uint_eq(read_vcpu(frames, 1).record.flags, XEN_STATS_RECORD_valid);
        shim_vcpu_up(v);
        ck_assert_uint_eq(read_vcpu(frames, 1).record.flags,
                          XEN_STATS_RECORD_valid | XEN_STATS_VCPU_online);
        if (i % 2)
            shim_runstate_change(v, RUNSTATE_running, NOW());
        shim_vcpu_down(v);
    }
    unmap_table(frames, count);
    shim_kill_domain(d);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scheduling");
    TCase *tests = tcase_create("scheduling");

    shim_boot();
    tcase_set_timeout(tests, 100);
    tcase_add_test(tests, test_random_life);
    tcase_add_test(tests, test_bounds_of_buckets);
    tcase_add_test(tests, test_counting_starts_with_the_frame);
    tcase_add_test(tests, test_online);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
