/* SPDX-License-Identifier: Apache-2.0 */
#include "sampler/finish.h"

#include "suite.h"

static struct snapshot *snapshot;
static struct finish_vcpu before[2];
static struct finish_pcpu pcpu_before[1];

static void set_up(void)
{
    const struct topology_entry entries[] = {{.domid = 4, .vcpus = 2}};
    struct topology *topology;

    ck_assert_int_eq(topology_new(1, entries, 1, &(struct topology_host){.pcpus = 1}, &topology),
                     0);
    ck_assert_int_eq(snapshot_new(topology, &snapshot), 0);
    topology_unref(topology);
    snapshot->columns[SNAPSHOT_DOMAIN] = (1ULL << DOMAIN_FIELDS) - 1;
    for (unsigned int i = 0; i < 2; i++)
        before[i] = (struct finish_vcpu){0};
    pcpu_before[0] = (struct finish_pcpu){0};
}

static void tear_down(void)
{
    snapshot_unref(snapshot);
}

static uint64_t *vcpu(uint32_t row)
{
    return snapshot_row(snapshot, SNAPSHOT_VCPU, row);
}

static uint64_t *domain(void)
{
    return snapshot_row(snapshot, SNAPSHOT_DOMAIN, 0);
}

static void put(uint32_t row, uint64_t running, uint64_t waits)
{
    vcpu(row)[VCPU_RUNNING_NS] = running;
    vcpu(row)[VCPU_RUNNABLE_NS] = vcpu(row)[VCPU_BLOCKED_NS] = vcpu(row)[VCPU_OFFLINE_NS] = 0;
    vcpu(row)[VCPU_WAIT_NS] = 10 * waits;
    for (uint32_t bucket = 0; bucket < SNAPSHOT_WAIT_BUCKETS; bucket++)
        vcpu(row)[VCPU_WAITS + bucket] = waits;
}

/* Would catch a domain's sums that lack a vCPU or a bucket. */
START_TEST(sums)
{
    put(0, 100, 1);
    put(1, 23, 2);
    finish_domain(before, snapshot, 0);
    ck_assert_uint_eq(domain()[DOMAIN_CPU_NS], 123);
    ck_assert_uint_eq(domain()[DOMAIN_WAIT_NS], 30);
    ck_assert_uint_eq(domain()[DOMAIN_WAITS], 3);
    ck_assert_uint_eq(domain()[DOMAIN_FIELDS - 1], 3);
}
END_TEST

/* Would catch a sum that falls when one of its vCPUs cannot be read: rate() sees a restart. */
START_TEST(a_missing_vcpu)
{
    put(0, 100, 1);
    finish_domain(before, snapshot, 0); /* vCPU 1 was never there: it adds nothing */
    ck_assert_uint_eq(domain()[DOMAIN_CPU_NS], 100);

    snapshot_clear(snapshot);
    put(1, 50, 1);
    finish_domain(before, snapshot, 0);
    ck_assert_uint_eq(domain()[DOMAIN_CPU_NS], SNAPSHOT_ABSENT);
    ck_assert_uint_eq(domain()[DOMAIN_WAITS], SNAPSHOT_ABSENT);
}
END_TEST

/* Would catch a counter that steps back, and a source that knows no waits summed up to zero. */
START_TEST(never_backwards)
{
    put(0, 100, 1);
    put(1, 100, 1);
    finish_domain(before, snapshot, 0);
    snapshot_clear(snapshot);
    vcpu(0)[VCPU_RUNNING_NS] = 99;
    vcpu(1)[VCPU_RUNNING_NS] = 101;
    finish_domain(before, snapshot, 0);
    ck_assert_uint_eq(vcpu(0)[VCPU_RUNNING_NS], 100);
    ck_assert_uint_eq(domain()[DOMAIN_CPU_NS], 201);
    ck_assert_uint_eq(domain()[DOMAIN_WAIT_NS], SNAPSHOT_ABSENT);

    snapshot_row(snapshot, SNAPSHOT_PCPU, 0)[PCPU_IDLE_NS] = 10;
    finish_pcpus(pcpu_before, snapshot);
    snapshot_row(snapshot, SNAPSHOT_PCPU, 0)[PCPU_IDLE_NS] = 9;
    finish_pcpus(pcpu_before, snapshot);
    ck_assert_uint_eq(snapshot_row(snapshot, SNAPSHOT_PCPU, 0)[PCPU_IDLE_NS], 10);
}
END_TEST

/* Would catch states counted although the source does not know them. */
START_TEST(states)
{
    const uint64_t *host = snapshot_row(snapshot, SNAPSHOT_HOST, 0);

    domain()[DOMAIN_RUNNING] = 1;
    domain()[DOMAIN_PAUSED] = 0;
    snapshot->columns[SNAPSHOT_DOMAIN] =
        SNAPSHOT_COLUMN(DOMAIN_RUNNING) | SNAPSHOT_COLUMN(DOMAIN_PAUSED);
    finish_host(snapshot);
    ck_assert_uint_eq(host[HOST_DOMAINS_RUNNING], 1);
    ck_assert_uint_eq(host[HOST_DOMAINS_PAUSED], 0);
    ck_assert_uint_eq(host[HOST_DOMAINS_DYING], SNAPSHOT_ABSENT);
    ck_assert_uint_eq(snapshot->columns[SNAPSHOT_HOST],
                      SNAPSHOT_COLUMN(HOST_DOMAINS_RUNNING) | SNAPSHOT_COLUMN(HOST_DOMAINS_PAUSED));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("finish");
    TCase *tests = tcase_create("finish");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, sums);
    tcase_add_test(tests, a_missing_vcpu);
    tcase_add_test(tests, never_backwards);
    tcase_add_test(tests, states);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
