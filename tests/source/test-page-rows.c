/* SPDX-License-Identifier: Apache-2.0 */
#include "source/page_rows.h"

#include <string.h>

#include "suite.h"

#define NOW 10000U

static uint64_t row[64];

static void set_up(void)
{
    memset(row, 0xff, sizeof(row));
}

static struct stats_vcpu some_vcpu(void)
{
    struct stats_vcpu record = {
        .record = {.flags = STATS_RECORD_VALID | STATS_VCPU_ONLINE},
        .state = STATS_RUNNABLE,
        .cpu = 3,
        .state_entry_time = 9000,
        .time = {100, 200, 300, 400},
        .counting_since = 50,
        .dispatches = 7,
        .migrations = 2,
        .wait_sum = 77,
    };

    for (unsigned int bucket = 0; bucket < STATS_WAIT_BUCKETS; bucket++)
        record.waits[bucket] = bucket + 1;
    return record;
}

/* Would catch time added to the wrong state, and buckets that are not cumulative. */
START_TEST(vcpu_times)
{
    struct stats_vcpu record = some_vcpu();

    ck_assert(page_row_of_vcpu(&record, NOW, row));
    ck_assert_uint_eq(row[VCPU_RUNNING_NS], 100);
    ck_assert_uint_eq(row[VCPU_RUNNABLE_NS], 200 + 1000);
    ck_assert_uint_eq(row[VCPU_BLOCKED_NS], 300);
    ck_assert_uint_eq(row[VCPU_OFFLINE_NS], 400);
    ck_assert_uint_eq(row[VCPU_PCPU], 3);
    ck_assert_uint_eq(row[VCPU_ONLINE], 1);
    ck_assert_uint_eq(row[VCPU_DISPATCHES], 7);
    ck_assert_uint_eq(row[VCPU_MIGRATIONS], 2);
    ck_assert_uint_eq(row[VCPU_WAIT_NS], 77);
    ck_assert_uint_eq(row[VCPU_WAITS], 1);
    ck_assert_uint_eq(row[VCPU_WAITS + 1], 3);
    ck_assert_uint_eq(row[VCPU_WAITS + 15], 136);

    /* Newer than the snapshot: as it is. */
    record.state_entry_time = NOW + 1;
    ck_assert(page_row_of_vcpu(&record, NOW, row));
    ck_assert_uint_eq(row[VCPU_RUNNABLE_NS], 200);
}
END_TEST

/* Would catch an older hypervisor's vCPU shown as offline, with waits that nobody counted. */
START_TEST(vcpu_of_an_older_hypervisor)
{
    struct stats_vcpu record = some_vcpu();
    struct page_vcpus vcpus = PAGE_VCPUS_NULL;

    memset((uint8_t *)&record + 64, 0xff, sizeof(record) - 64);
    record.record.flags = STATS_RECORD_VALID;
    ck_assert(page_row_of_vcpu(&record, NOW, row));
    ck_assert_uint_eq(row[VCPU_RUNNING_NS], 100);
    for (unsigned int field = VCPU_ONLINE; field < VCPU_FIELDS; field++)
        ck_assert_uint_eq(row[field], SNAPSHOT_ABSENT);
    page_vcpus_add(&vcpus, &record);
    ck_assert(!vcpus.known);
    ck_assert_uint_eq(page_columns_of_vcpu(64) >> VCPU_ONLINE, 0);
    ck_assert_uint_eq(page_columns_of_vcpu(sizeof(record)), (1ULL << VCPU_FIELDS) - 1);
    ck_assert_uint_eq(page_columns_of_domain(64, 64) & SNAPSHOT_COLUMN(DOMAIN_MEMORY), 0);
    ck_assert_uint_ne(page_columns_of_domain(200, 224) & SNAPSHOT_COLUMN(DOMAIN_MEMORY), 0);
}
END_TEST

/* Would catch nonsense that becomes numbers: a state there is none of, times of centuries. */
START_TEST(nonsense)
{
    struct stats_vcpu vcpus[4] = {some_vcpu(), some_vcpu(), some_vcpu(), some_vcpu()};
    struct stats_pcpu pcpu = {.record.flags = STATS_RECORD_VALID | STATS_PCPU_ONLINE};

    vcpus[0].state = 4;
    vcpus[1].state_entry_time = UINT64_MAX;
    vcpus[2].time[2] = 1ULL << 63; /* the bit by which Xen marks an update */
    for (unsigned int i = 0; i < 3; i++)
        ck_assert(!page_row_of_vcpu(&vcpus[i], NOW, row));
    ck_assert_uint_eq(row[VCPU_RUNNING_NS], SNAPSHOT_ABSENT);

    vcpus[3].waits[3] = UINT64_MAX - 2; /* more waits than can be */
    ck_assert(page_row_of_vcpu(&vcpus[3], NOW, row));
    ck_assert_uint_eq(row[VCPU_WAITS + 3], SNAPSHOT_ABSENT);
    ck_assert_uint_eq(row[VCPU_WAIT_NS], SNAPSHOT_ABSENT);

    pcpu.online_time = 1ULL << 62;
    ck_assert(!page_row_of_pcpu(&pcpu, NOW, row));
    pcpu.online_time = 0;
    pcpu.online_since = 1ULL << 63;
    ck_assert(!page_row_of_pcpu(&pcpu, NOW, row));
    pcpu.online_since = 0;
    pcpu.cstates = UINT32_MAX;
    ck_assert(page_row_of_pcpu(&pcpu, NOW, row));
}
END_TEST

/* Would catch idle and busy that do not add up to the time online, and an offline CPU that idles.
 */
START_TEST(pcpu_times)
{
    struct stats_pcpu record = {
        .record.flags = STATS_RECORD_VALID | STATS_PCPU_ONLINE,
        .state = STATS_RUNNING,
        .state_entry_time = 9900,
        .time = {5000, 900, 0, 3000},
        .online_time = 1000,
        .online_since = 4000,
        .context_switches = 12,
        .node = 1,
        .socket = UINT32_MAX,
        .core = 2,
        .cstates = 2,
        .frequency_khz = 2400000,
        .cstate_time = {1, 2, 3},
        .cstate_entries = {4, 5, 6},
    };

    ck_assert(page_row_of_pcpu(&record, NOW, row));
    ck_assert_uint_eq(row[PCPU_IDLE_NS], 5100);
    ck_assert_uint_eq(row[PCPU_BUSY_NS], 1000 + 6000 - 5100);
    ck_assert_uint_eq(row[PCPU_ONLINE], 1);
    ck_assert_uint_eq(row[PCPU_CONTEXT_SWITCHES], 12);
    ck_assert_uint_eq(row[PCPU_NODE], 1);
    ck_assert_uint_eq(row[PCPU_SOCKET], SNAPSHOT_ABSENT);
    ck_assert_uint_eq(row[PCPU_FREQUENCY_HZ], 2400000000U);
    ck_assert_uint_eq(row[PCPU_CSTATE_NS + 1], 2);
    ck_assert_uint_eq(row[PCPU_CSTATE_NS + 2], SNAPSHOT_ABSENT);
    ck_assert_uint_eq(row[PCPU_CSTATE_ENTRIES + 1], 5);

    set_up();
    record.record.flags = STATS_RECORD_VALID;
    record.state = STATS_OFFLINE;
    record.online_since = STATS_NOT_AVAILABLE;
    record.online_time = 7000;
    ck_assert(page_row_of_pcpu(&record, NOW, row));
    ck_assert_uint_eq(row[PCPU_IDLE_NS], 5000);
    ck_assert_uint_eq(row[PCPU_BUSY_NS], 2000);
    ck_assert_uint_eq(row[PCPU_ONLINE], 0);
}
END_TEST

/* Would catch a domain that is said to do what none of its vCPUs does. */
START_TEST(domain_states)
{
    struct stats_domain record = {.pages = 3,
                                  .max_pages = UINT64_MAX / 4096 + 1,
                                  .shutdown = STATS_NOT_AVAILABLE,
                                  .cpupool = STATS_NOT_AVAILABLE};
    struct stats_vcpu online = some_vcpu(), offline = some_vcpu();
    struct page_vcpus vcpus = PAGE_VCPUS_NULL;

    online.state = STATS_BLOCKED;
    offline.record.flags = STATS_RECORD_VALID;
    offline.state = STATS_OFFLINE;
    page_vcpus_add(&vcpus, &online);
    page_vcpus_add(&vcpus, &offline);
    page_row_of_domain(&record, &vcpus, 4, row);
    ck_assert_uint_eq(row[DOMAIN_VCPUS_MAX], 4);
    ck_assert_uint_eq(row[DOMAIN_VCPUS_ONLINE], 1);
    ck_assert_uint_eq(row[DOMAIN_RUNNING], 0);
    ck_assert_uint_eq(row[DOMAIN_BLOCKED], 1);
    ck_assert_uint_eq(row[DOMAIN_SHUTDOWN], 0);
    ck_assert_uint_eq(row[DOMAIN_CRASHED], 0);
    ck_assert_uint_eq(row[DOMAIN_SHUTDOWN_CODE], SNAPSHOT_NO_SHUTDOWN);
    ck_assert_uint_eq(row[DOMAIN_MEMORY], 3 * 4096);
    ck_assert_uint_eq(row[DOMAIN_MEMORY_MAX], SNAPSHOT_ABSENT); /* it does not fit */
    ck_assert_uint_eq(row[DOMAIN_CPUPOOL], SNAPSHOT_ABSENT);

    online.state = STATS_RUNNING;
    page_vcpus_add(&vcpus, &online);
    record.shutdown = 3;
    record.dying = 1;
    record.max_pages = STATS_NO_LIMIT;
    page_row_of_domain(&record, &vcpus, 4, row);
    ck_assert_uint_eq(row[DOMAIN_RUNNING], 1);
    ck_assert_uint_eq(row[DOMAIN_BLOCKED], 0);
    ck_assert_uint_eq(row[DOMAIN_SHUTDOWN], 1);
    ck_assert_uint_eq(row[DOMAIN_CRASHED], 1);
    ck_assert_uint_eq(row[DOMAIN_SHUTDOWN_CODE], 3);
    ck_assert_uint_eq(row[DOMAIN_DYING], 1);
    ck_assert_uint_eq(row[DOMAIN_MEMORY_MAX], SNAPSHOT_ABSENT); /* not 16 TiB */
    record.max_pages = STATS_NO_LIMIT - 1;
    page_row_of_domain(&record, &vcpus, 4, row);
    ck_assert_uint_eq(row[DOMAIN_MEMORY_MAX], (STATS_NO_LIMIT - 1ULL) * 4096);
}
END_TEST

/* Would catch frames exported as bytes, kilohertz as hertz, and a gauge as a counter. */
START_TEST(host_and_its_parts)
{
    const struct stats_host host = {.pages = 2, .free_pages = 5, .cpu_khz = 7, .boot_time = 9};
    const struct stats_node node = {.total_pages = 4, .free_pages = 1};
    struct stats_perfc counter = {.value = 11, .type = STATS_PERFC_GAUGE};

    page_row_of_host(&host, row);
    ck_assert_uint_eq(row[HOST_STATS_PAGES], 8192);
    ck_assert_uint_eq(row[HOST_MEMORY_FREE], 5 * 4096);
    ck_assert_uint_eq(row[HOST_CPU_HZ], 7000);
    ck_assert_uint_eq(row[HOST_BOOT_NS], 9);
    page_row_of_node(&node, row);
    ck_assert_uint_eq(row[NODE_MEMORY], 4 * 4096);
    ck_assert_uint_eq(row[NODE_MEMORY_FREE], 4096);

    set_up();
    page_row_of_counter(&counter, row);
    ck_assert_uint_eq(row[COUNTER_GAUGE], 11);
    ck_assert_uint_eq(row[COUNTER_TOTAL], SNAPSHOT_ABSENT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("page-rows");
    TCase *tests = tcase_create("page-rows");

    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, vcpu_times);
    tcase_add_test(tests, vcpu_of_an_older_hypervisor);
    tcase_add_test(tests, nonsense);
    tcase_add_test(tests, pcpu_times);
    tcase_add_test(tests, domain_states);
    tcase_add_test(tests, host_and_its_parts);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
