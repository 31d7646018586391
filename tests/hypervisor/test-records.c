/* SPDX-License-Identifier: Apache-2.0 */
/* What the records say, computed a second time here. */
#include "../suite.h"
#include "client.h"

#define FRAMES_MAX 8U

static const void *frames[FRAMES_MAX], *host[FRAMES_MAX];

/* The least that random numbers can be: the same in every run. */
static unsigned int random_below(unsigned int limit)
{
    static uint64_t state = 88172645463325252ULL;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned int)(state % limit);
}

START_TEST(test_runstate_times)
{
    struct domain *d = shim_create_domain_with_vcpus(0, 3);
    struct vcpu *v = d->vcpu[1];
    uint64_t time[4] = {0}, entered = (uint64_t)NOW(), created = entered;
    unsigned int state = RUNSTATE_offline, cpu = v->processor, count = 0;

    for (unsigned int i = 0; i < 3000; i++) {
        unsigned int next = random_below(4);
        struct xen_stats_vcpu record;

        /* Acquired only after it has lived for a while. */
        if (i == 100)
            count = map_table(0, frames, FRAMES_MAX);
        if (random_below(3) == 0)
            shim_move_vcpu(v, random_below(NR_CPUS));
        shim_pass_time(random_below(100000));
        shim_runstate_change(v, (int)next, NOW());
        if (next != state) {
            time[state] += (uint64_t)NOW() - entered;
            entered = (uint64_t)NOW();
            state = next;
            if (next == RUNSTATE_running || i < 100)
                cpu = v->processor;
        }
        if (i < 100) {
            cpu = v->processor;
            continue;
        }
        if (i == 100)
            cpu = read_vcpu(frames, 1).cpu;
        record = read_vcpu(frames, 1);
        ck_assert_mem_eq(record.time, time, sizeof(time));
        ck_assert_uint_eq(record.state, state);
        ck_assert_uint_eq(record.state_entry_time, entered);
        ck_assert_uint_eq(record.cpu, cpu);
        ck_assert_uint_eq(entered - (time[0] + time[1] + time[2] + time[3]), created);
    }
    /* The others have not moved. */
    ck_assert_uint_eq(read_vcpu(frames, 0).state_entry_time, created);
    ck_assert_uint_eq(read_vcpu(frames, 2).state_entry_time, created);
    unmap_table(frames, count);
    shim_kill_domain(d);
}
END_TEST

/* CPUs' clocks differ by a little: a change may come at a time before the last one. */
START_TEST(test_time_that_goes_back)
{
    struct domain *d = shim_create_domain_with_vcpus(0, 1);
    unsigned int count = map_table(0, frames, FRAMES_MAX);
    struct xen_stats_vcpu before, after;

    shim_pass_time(1000);
    shim_runstate_change(d->vcpu[0], RUNSTATE_running, NOW());
    before = read_vcpu(frames, 0);
    shim_runstate_change(d->vcpu[0], RUNSTATE_runnable, NOW() - 300);
    after = read_vcpu(frames, 0);
    ck_assert_uint_eq(after.state, RUNSTATE_runnable);
    ck_assert_uint_eq(after.state_entry_time, before.state_entry_time);
    ck_assert_mem_eq(after.time, before.time, sizeof(after.time));
    unmap_table(frames, count);
    shim_kill_domain(d);
}
END_TEST

START_TEST(test_seq_moves_with_changes_only)
{
    struct domain *d = shim_create_domain_with_vcpus(0, 1);
    unsigned int count = map_table(0, frames, FRAMES_MAX);
    uint32_t seq = read_vcpu(frames, 0).record.seq;

    shim_runstate_change(d->vcpu[0], RUNSTATE_offline, NOW() + 5);
    ck_assert_uint_eq(read_vcpu(frames, 0).record.seq, seq);
    shim_runstate_change(d->vcpu[0], RUNSTATE_running, NOW() + 5);
    ck_assert_uint_eq(read_vcpu(frames, 0).record.seq, seq + 2);
    unmap_table(frames, count);
    shim_kill_domain(d);
}
END_TEST

START_TEST(test_clock)
{
    unsigned int count = map_table(DOMID_XEN, host, FRAMES_MAX);
    const void *record = find_record(host, XEN_STATS_KIND_clock, 0);
    struct xen_stats_clock clock;

    for (unsigned int second = 0; second < 4; second++) {
        ck_assert(read_record(record, &clock, sizeof(clock), 1));
        ck_assert_uint_eq(clock.record.flags, XEN_STATS_RECORD_valid | XEN_STATS_CLOCK_tsc_usable);
        ck_assert_uint_eq(clock.system_time, (uint64_t)NOW());
        ck_assert_uint_eq(clock.tsc, 2 * (uint64_t)NOW());
        ck_assert_uint_eq(clock.tsc_to_ns_mul, 1U << 31);
        ck_assert_int_eq(clock.tsc_shift, 0);
        ck_assert_uint_eq(clock.reserved, 0);
        shim_pass_time(SECONDS(1));
    }

    /* The host was suspended, and is about to let domains run again. */
    shim_pass_time(SECONDS(1) / 2);
    stats_clock_refresh();
    ck_assert(read_record(record, &clock, sizeof(clock), 1));
    ck_assert_uint_eq(clock.system_time, (uint64_t)NOW());
    unmap_table(host, count);
}
END_TEST

/* Nothing goes on by itself before someone has asked for the host's table. */
START_TEST(test_no_timer_without_table)
{
    struct domain *d = shim_create_domain_with_vcpus(0, 1);
    unsigned int count = map_table(0, frames, FRAMES_MAX);

    ck_assert_uint_eq(shim_active_timers(), 0);
    stats_clock_refresh(); /* of a record that is not there */
    unmap_table(frames, count);
    shim_kill_domain(d);
    count = map_table(DOMID_XEN, host, FRAMES_MAX);
    ck_assert_uint_gt(shim_active_timers(), 0);
    unmap_table(host, count);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("records");
    TCase *tests = tcase_create("records");

    shim_boot();
    tcase_set_timeout(tests, 100);
    tcase_add_test(tests, test_runstate_times);
    tcase_add_test(tests, test_time_that_goes_back);
    tcase_add_test(tests, test_seq_moves_with_changes_only);
    tcase_add_test(tests, test_clock);
    tcase_add_test(tests, test_no_timer_without_table);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
