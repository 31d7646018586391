/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables say of domains' possessions, of pCPUs that come and go, and of the host. */
#include "../suite.h"
#include "client.h"

#define FRAMES_MAX 64U

static const void *frames[FRAMES_MAX], *host[FRAMES_MAX];

static struct xen_stats_domain read_domain(const void **table)
{
    struct xen_stats_domain copy;

    ck_assert(
        read_record(find_record(table, XEN_STATS_KIND_domain, 0), &copy, sizeof(copy), 1000000));
    return copy;
}

static struct xen_stats_pcpu read_pcpu(unsigned int cpu)
{
    struct xen_stats_pcpu copy;

    ck_assert(
        read_record(find_record(host, XEN_STATS_KIND_pcpu, cpu), &copy, sizeof(copy), 1000000));
    return copy;
}

static struct cpupool pools[4] = {{5, {XEN_SCHEDULER_CREDIT}},
                                  {6, {XEN_SCHEDULER_CREDIT2}},
                                  {7, {XEN_SCHEDULER_CREDIT2}},
                                  {8, {XEN_SCHEDULER_CREDIT}}};
static struct cpupool null_pool = {9, {XEN_SCHEDULER_NULL}};

/* All of it different, and different for each base. */
static void give(struct domain *d, unsigned int base)
{
    shim_set_memory(d, base + 1000, 10, base + 2000, base + 3000);
    shim_set_evtchns(d, base + 4000, base + 5000);
    shim_set_grants(d, base + 6000, base + 7000);
    shim_set_maptrack(d, base + 8000, base + 9000);
    shim_set_cpupool(d, &pools[base % 4], base + 11000, base + 12000);
    shim_set_state(d, (int)base % 3, base % 2, base % 7, (int)base + 13000, (int)base + 14000);
}

static void check_given(const struct xen_stats_domain *record, unsigned int base)
{
    ck_assert_uint_eq(record->pages, base + 990);
    ck_assert_uint_eq(record->max_pages, base + 2000);
    ck_assert_uint_eq(record->outstanding_pages, base + 3000);
    ck_assert_uint_eq(record->event_channels, base + 4000);
    ck_assert_uint_eq(record->max_event_channels, base + 5000);
    ck_assert_uint_eq(record->grant_frames, base + 6000);
    ck_assert_uint_eq(record->max_grant_frames, base + 7000);
    ck_assert_uint_eq(record->maptrack_frames, base + 8000);
    ck_assert_uint_eq(record->max_maptrack_frames, base + 9000);
    ck_assert_uint_eq(record->cpupool, pools[base % 4].id);
    ck_assert_uint_eq(record->scheduler_weight, base + 11000);
    ck_assert_uint_eq(record->scheduler_cap, base + 12000);
    ck_assert_uint_eq(record->paused, base % 3 != 0);
    ck_assert_uint_eq(record->shutdown, base % 2 ? base % 7 : XEN_STATS_NOT_AVAILABLE);
    ck_assert_uint_eq(record->shared_pages, base + 13000);
    ck_assert_uint_eq(record->paged_pages, base + 14000);
}

START_TEST(test_possessions)
{
    struct domain *d = shim_create_domain_with_vcpus(7, 1);
    struct xen_stats_domain record, last;
    unsigned int count;

    d->xenheap_pages = 77;
    give(d, 3);
    count = map_table(7, frames, FRAMES_MAX);
    for (unsigned int base = 3; base < 30; base++) {
        if (base > 3)
            give(d, base);
        record = read_domain(frames);
        check_given(&record, base);
        ck_assert_uint_eq(record.xenheap_pages, 77);
    }
    /* Its memory is still given back when it is dead, which is not told any more. */
    shim_start_dying(d);
    give(d, 30);
    record = read_domain(frames);
    check_given(&record, 30);
    shim_finish_dying(d);
    last = read_domain(frames);
    give(d, 31);
    record = read_domain(frames);
    ck_assert_mem_eq(&record, &last, sizeof(record));
    check_given(&record, 30);
    shim_destroy_domain(d);
    unmap_table(frames, count);
}
END_TEST

/* In no pool, as when it is about to go; and a scheduler that knows neither weight nor cap. */
START_TEST(test_no_cpupool_and_no_parameters)
{
    struct domain *d = shim_create_domain_with_vcpus(7, 1);
    unsigned int count = map_table(7, frames, FRAMES_MAX);

    ck_assert_uint_eq(read_domain(frames).cpupool, 0);
    ck_assert_uint_eq(read_domain(frames).scheduler_weight, XEN_STATS_NOT_AVAILABLE);
    ck_assert_uint_eq(read_domain(frames).scheduler_cap, XEN_STATS_NOT_AVAILABLE);
    shim_set_cpupool(d, &pools[1], 256, 50);
    ck_assert_uint_eq(read_domain(frames).cpupool, 6);
    ck_assert_uint_eq(read_domain(frames).scheduler_weight, 256);
    ck_assert_uint_eq(read_domain(frames).scheduler_cap, 50);
    shim_set_cpupool(d, &null_pool, 256, 50);
    ck_assert_uint_eq(read_domain(frames).cpupool, 9);
    ck_assert_uint_eq(read_domain(frames).scheduler_weight, XEN_STATS_NOT_AVAILABLE);
    ck_assert_uint_eq(read_domain(frames).scheduler_cap, XEN_STATS_NOT_AVAILABLE);
    shim_set_cpupool(d, NULL, 256, 50);
    ck_assert_uint_eq(read_domain(frames).cpupool, XEN_STATS_NOT_AVAILABLE);
    ck_assert_uint_eq(read_domain(frames).scheduler_weight, XEN_STATS_NOT_AVAILABLE);
    unmap_table(frames, count);
    shim_kill_domain(d);
}
END_TEST

/* A domain that is resumed takes back the code before, or after, it has stopped being shut down. */
START_TEST(test_resumed_meanwhile)
{
    struct domain *d = shim_create_domain_with_vcpus(7, 1);
    unsigned int count = map_table(7, frames, FRAMES_MAX);

    shim_set_state(d, 0, true, 2, 0, 0);
    ck_assert_uint_eq(read_domain(frames).shutdown, 2);
    shim_set_state(d, 0, true, SHUTDOWN_CODE_INVALID, 0, 0);
    ck_assert_uint_eq(read_domain(frames).shutdown, XEN_STATS_NOT_AVAILABLE);
    shim_set_state(d, 0, false, 2, 0, 0);
    ck_assert_uint_eq(read_domain(frames).shutdown, XEN_STATS_NOT_AVAILABLE);
    unmap_table(frames, count);
    shim_kill_domain(d);
}
END_TEST

static _Atomic bool is_over;

static void change_or_acquire(unsigned int number)
{
    struct domain *d = shim_find_domain(7);
    const void *table[FRAMES_MAX];

    if (number == 0) {
        unmap_table(table, map_table(7, table, FRAMES_MAX));
        return;
    }
    for (unsigned int base = 0; base < 50; base++) {
        shim_set_memory(d, base + 1000, 10, base + 2000, base + 3000);
        shim_set_evtchns(d, base + 4000, base + 5000);
        shim_set_grants(d, base + 6000, base + 7000);
        shim_set_maptrack(d, base + 8000, base + 9000);
        shim_set_cpupool(d, &pools[base % 4], base + 11000, base + 12000);
        shim_set_state(d, (int)base % 3, base % 2, base % 7, (int)base + 13000, (int)base + 14000);
    }
}

/* No change is lost to an acquire that happens meanwhile. */
START_TEST(test_changes_against_acquire)
{
    for (unsigned int round = 0; round < 50; round++) {
        struct domain *d = shim_create_domain_with_vcpus(7, 1);
        struct xen_stats_domain record;
        unsigned int count;

        run_threads(2, change_or_acquire);
        count = map_table(7, frames, FRAMES_MAX);
        record = read_domain(frames);
        check_given(&record, 49);
        unmap_table(frames, count);
        shim_kill_domain(d);
    }
}
END_TEST

static void pause_and_unpause(unsigned int number)
{
    struct domain *d = shim_find_domain(7);

    for (unsigned int i = 0; i < 2000; i++) {
        d->controller_pause_count++;
        stats_domain_state(d);
        d->controller_pause_count--;
        stats_domain_state(d);
    }
}

/* Changed without a lock by several at once: what is published last is what is so in the end. */
START_TEST(test_racing_changes_of_state)
{
    struct domain *d = shim_create_domain_with_vcpus(7, 1);
    unsigned int count = map_table(7, frames, FRAMES_MAX);

    for (unsigned int round = 0; round < 10; round++) {
        run_threads(4, pause_and_unpause);
        ck_assert_uint_eq(read_domain(frames).paused, 0);
    }
    unmap_table(frames, count);
    shim_kill_domain(d);
}
END_TEST

static void change_or_die(unsigned int number)
{
    struct domain *d = shim_find_domain(7);

    if (number == 0) {
        shim_start_dying(d);
        shim_finish_dying(d);
        is_over = true;
        return;
    }
    for (unsigned int i = 0; i < 20 || (!is_over && i < 100000); i++)
        give(d, i % 1000);
}

/* A table that is freed is not written any more. */
START_TEST(test_changes_against_death)
{
    xen_pfn_t mfns[FRAMES_MAX];

    for (unsigned int round = 0; round < 100; round++) {
        struct domain *d = shim_create_domain_with_vcpus(7, 1);

        is_over = false;
        ck_assert_int_eq(acquire_all(7, mfns), 0);
        run_threads(3, change_or_die);
        shim_destroy_domain(d);
        ck_assert_int_eq(acquire(DOMID_XEN, 0, 1, mfns), 0);
    }
    ck_assert_uint_eq(shim_pages_in_use(), 1);
}
END_TEST

static uint64_t pcpu_constant(const struct xen_stats_pcpu *record)
{
    return record->time[0] + record->time[1] + record->time[2] + record->time[3] -
           record->state_entry_time;
}

/* Idle, busy and offline of each CPU, against a book that is kept here. */
START_TEST(test_pcpus_come_and_go)
{
    struct domain *d = shim_create_domain_with_vcpus(0, 1);
    struct vcpu *v = d->vcpu[0];
    uint64_t idle[2] = {0}, online[2] = {0}, switches[2] = {0}, before, constant[2] = {0};
    bool is_online[2] = {true, true}, is_idle[2] = {true, true};
    unsigned int count = 0;
    uint64_t seed = 12345;

    v->runstate.state = RUNSTATE_blocked;
    shim_cpu_up(0);
    shim_cpu_up(1);
    for (unsigned int i = 0; i < 4000; i++) {
        unsigned int cpu = i % 2, action;
        uint64_t passed;

        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        passed = seed >> 44;
        action = (unsigned int)(seed >> 33) % 8;
        before = (uint64_t)NOW();
        shim_pass_time((s_time_t)passed);
        for (unsigned int c = 0; c < 2; c++) {
            idle[c] += is_online[c] && is_idle[c] ? passed : 0;
            online[c] += is_online[c] ? passed : 0;
        }
        ck_assert_uint_eq(before + passed, (uint64_t)NOW());

        /* CPU 0 never goes; the only vCPU runs on one of them at a time. */
        if (action == 0 && cpu == 1 && is_online[1] && is_idle[1]) {
            shim_cpu_down(1);
            is_online[1] = false;
        } else if (action < 4 && !is_online[cpu]) {
            shim_cpu_up(cpu);
            is_online[cpu] = true;
        } else if (is_online[cpu] && is_idle[cpu] && is_idle[!cpu]) {
            shim_move_vcpu(v, cpu);
            shim_switch_context(cpu, idle_vcpu[cpu], RUNSTATE_runnable, v);
            is_idle[cpu] = false;
            switches[cpu] += count != 0;
        } else if (is_online[cpu] && !is_idle[cpu]) {
            shim_switch_context(cpu, v, RUNSTATE_blocked, idle_vcpu[cpu]);
            is_idle[cpu] = true;
            switches[cpu] += count != 0;
        }
        if (i < 100)
            continue;
        if (i == 100)
            count = map_table(DOMID_XEN, host, FRAMES_MAX);
        for (unsigned int c = 0; c < 2; c++) {
            struct xen_stats_pcpu record = read_pcpu(c);
            uint64_t now = (uint64_t)NOW(), since = now - record.state_entry_time;

            ck_assert_uint_eq(record.record.index, c);
            ck_assert_uint_eq(record.record.flags,
                              XEN_STATS_RECORD_valid | (is_online[c] ? XEN_STATS_PCPU_online : 0));
            ck_assert_uint_eq(record.state, !is_online[c] ? RUNSTATE_offline
                                            : is_idle[c]  ? RUNSTATE_running
                                                          : RUNSTATE_runnable);
            ck_assert_uint_eq(record.time[RUNSTATE_running] +
                                  (record.state == RUNSTATE_running ? since : 0),
                              idle[c]);
            ck_assert_uint_eq(record.online_time + (is_online[c] ? now - record.online_since : 0),
                              online[c]);
            ck_assert(is_online[c] == (record.online_since != XEN_STATS_NOT_AVAILABLE));
            ck_assert_uint_eq(record.context_switches, switches[c]);
            if (i == 100)
                constant[c] = pcpu_constant(&record);
            ck_assert_uint_eq(pcpu_constant(&record), constant[c]);
        }
    }
    unmap_table(host, count);
    shim_kill_domain(d);
}
END_TEST

/* A CPU that appears, or is gone, when someone asks for the first time. */
START_TEST(test_pcpus_and_first_acquire)
{
    unsigned int count;

    shim_cpu_up(0);
    shim_cpu_up(1);
    shim_pass_time(1000);
    shim_cpu_down(1);
    shim_pass_time(500);
    count = map_table(DOMID_XEN, host, FRAMES_MAX);
    ck_assert_uint_eq(find_kind(host[0], XEN_STATS_KIND_pcpu)->count, NR_CPUS);
    ck_assert_uint_eq(read_pcpu(0).record.flags, XEN_STATS_RECORD_valid | XEN_STATS_PCPU_online);
    ck_assert_uint_eq(read_pcpu(1).record.flags, XEN_STATS_RECORD_valid);
    ck_assert_uint_eq(read_pcpu(1).state, RUNSTATE_offline);
    ck_assert_uint_eq(read_pcpu(1).time[RUNSTATE_running], 1000);
    ck_assert_uint_eq(read_pcpu(1).online_time, 1000);
    ck_assert_uint_eq(read_pcpu(1).online_since, XEN_STATS_NOT_AVAILABLE);
    ck_assert_uint_eq(read_pcpu(2).record.flags, 0);
    ck_assert_uint_eq(read_pcpu(2).frequency_khz, XEN_STATS_NOT_AVAILABLE);
    /* Where it is, and what it does while idle, is told once a second; nothing new of one that is
     * offline. */
    shim_host.cpus_present = 2;
    shim_pass_time(SECONDS(1));
    ck_assert_uint_eq(read_pcpu(0).node, ~0U);
    ck_assert_uint_eq(read_pcpu(1).node, 1);
    ck_assert_uint_eq(read_pcpu(1).socket, 0);
    ck_assert_uint_eq(read_pcpu(1).core, 1);
    ck_assert_uint_eq(read_pcpu(2).core, ~0U);
    ck_assert_uint_eq(read_pcpu(0).frequency_khz, 1000000);
    ck_assert_uint_eq(read_pcpu(0).cstates, 2);
    ck_assert_uint_eq(read_pcpu(0).cstate_time[1], (uint64_t)NOW());
    ck_assert_uint_eq(read_pcpu(1).frequency_khz, XEN_STATS_NOT_AVAILABLE);
    ck_assert_uint_eq(read_pcpu(1).cstates, 0);
    shim_cpu_up(1);
    shim_pass_time(200);
    ck_assert_uint_eq(read_pcpu(1).online_since, (uint64_t)NOW() - 200);
    ck_assert_uint_eq(read_pcpu(1).time[RUNSTATE_running], 1000);
    shim_cpu_up(2);
    ck_assert_uint_eq(read_pcpu(2).record.flags, XEN_STATS_RECORD_valid | XEN_STATS_PCPU_online);
    ck_assert_uint_eq(read_pcpu(2).record.index, 2);
    ck_assert_uint_eq(read_pcpu(2).online_since, (uint64_t)NOW());
    unmap_table(host, count);
}
END_TEST

static void plug_or_acquire(unsigned int number)
{
    const void *table[FRAMES_MAX];

    if (number < 2)
        for (unsigned int i = 0; i < 200; i++) {
            unsigned int cpu = number * 3 + 1 + i % 3;

            shim_cpu_up(cpu);
            shim_cpu_down(cpu);
        }
    else
        for (unsigned int i = 0; i < 200; i++)
            unmap_table(table, map_table(DOMID_XEN, table, FRAMES_MAX));
}

START_TEST(test_hotplug_against_acquire)
{
    unsigned int count;

    shim_cpu_up(0);
    run_threads(3, plug_or_acquire);
    count = map_table(DOMID_XEN, host, FRAMES_MAX);
    for (unsigned int cpu = 1; cpu < 7; cpu++) {
        ck_assert_uint_eq(read_pcpu(cpu).record.flags, XEN_STATS_RECORD_valid);
        shim_cpu_up(cpu);
        ck_assert_uint_eq(read_pcpu(cpu).record.flags,
                          XEN_STATS_RECORD_valid | XEN_STATS_PCPU_online);
    }
    unmap_table(host, count);
}
END_TEST

static void set_host(unsigned int base)
{
    shim_host = (struct shim_host){
        .free_pages = base + 100,
        .outstanding_pages = base + 200,
        .boot_time = base + 300,
        .cpus_online = base + 4,
        .cpus_present = base + 5,
        .nodes_online = 2,
        .is_node_online = {true, false, base % 2 == 0},
        .node_pages = {base + 1000, 0, base + 2000},
        .node_free_pages = {base + 1, 0, base + 2},
    };
    total_pages = base + 5000;
    cpu_khz = base + 6000;
}

static void check_host(unsigned int base)
{
    struct xen_stats_host record = read_host(host);

    ck_assert_uint_eq(record.boot_time, base + 300);
    ck_assert_uint_eq(record.total_pages, base + 5000);
    ck_assert_uint_eq(record.free_pages, base + 100);
    ck_assert_uint_eq(record.outstanding_pages, base + 200);
    ck_assert_uint_eq(record.cpus_online, base + 4);
    ck_assert_uint_eq(record.cpus_present, base + 5);
    ck_assert_uint_eq(record.nodes_online, 2);
    ck_assert_uint_eq(record.cpu_khz, base + 6000);
    for (unsigned int node = 0; node < MAX_NUMNODES; node++) {
        const struct xen_stats_node *there = find_record(host, XEN_STATS_KIND_node, node);
        bool is_online = node == 0 || (node == 2 && base % 2 == 0);

        ck_assert_uint_eq(there->record.index, node);
        ck_assert_uint_eq(there->record.flags, is_online ? XEN_STATS_RECORD_valid : 0);
        if (is_online) {
            ck_assert_uint_eq(there->total_pages, base + (node ? 2000 : 1000));
            ck_assert_uint_eq(there->free_pages, base + (node ? 2 : 1));
        }
    }
}

START_TEST(test_host_is_refreshed)
{
    unsigned int count;

    set_host(0);
    count = map_table(DOMID_XEN, host, FRAMES_MAX);
    check_host(0);
    ck_assert_uint_eq(read_host(host).refreshed, (uint64_t)NOW());
    for (unsigned int second = 1; second < 10; second++) {
        set_host(second);
        shim_pass_time(SECONDS(1));
        check_host(second);
        ck_assert_uint_le((uint64_t)NOW() - read_host(host).refreshed, (uint64_t)SECONDS(1));
    }
    unmap_table(host, count);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("domains, pCPUs, host");
    TCase *tests = tcase_create("domains, pCPUs, host");

    shim_boot();
    tcase_set_timeout(tests, 100);
    tcase_add_test(tests, test_possessions);
    tcase_add_test(tests, test_no_cpupool_and_no_parameters);
    tcase_add_test(tests, test_resumed_meanwhile);
    tcase_add_test(tests, test_changes_against_acquire);
    tcase_add_test(tests, test_racing_changes_of_state);
    tcase_add_test(tests, test_changes_against_death);
    tcase_add_test(tests, test_pcpus_come_and_go);
    tcase_add_test(tests, test_pcpus_and_first_acquire);
    tcase_add_loop_test(tests, test_hotplug_against_acquire, 0, 5);
    tcase_add_test(tests, test_host_is_refreshed);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
