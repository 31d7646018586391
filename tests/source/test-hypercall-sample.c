/* SPDX-License-Identifier: Apache-2.0 */
/* What one round of hypercalls asks, and what it makes of the answers. */
#include "source/hypercall_sample.h"

#include <errno.h>
#include <string.h>

#include "scripted.h"
#include "suite.h"

static struct scripted xen;
static struct hypercall_sample samples[2];
static unsigned int at; /* which of them is the newest */

static void set_up(void)
{
    scripted_init(&xen);
    samples[0] = samples[1] = HYPERCALL_SAMPLE_NULL;
    at = 0;
}

static void tear_down(void)
{
    hypercall_sample_deinit(&samples[0]);
    hypercall_sample_deinit(&samples[1]);
    scripted_deinit(&xen);
}

static int take(enum hypercall_round round)
{
    int r;

    scripted_count_anew(&xen);
    r = hypercall_sample_take(&xen.hypervisor, round, &samples[at], &samples[!at]);
    at = !at;
    return r;
}

static const struct hypercall_sample *now(void)
{
    return &samples[at];
}

static const struct hypercall_domain *domain(uint32_t domid)
{
    return hypercall_sample_find(now(), domid);
}

static const struct hypercall_vcpu *vcpu(uint32_t domid, uint32_t number)
{
    ck_assert_ptr_nonnull(domain(domid));
    ck_assert_uint_lt(number, domain(domid)->is.vcpus);
    return &now()->vcpu[domain(domid)->first_vcpu + number];
}

/* Would catch a call per domain, a call forgotten, a value in another's row. */
START_TEST(one_round_asks_once_for_each_vcpu)
{
    scripted_add(&xen, 0, 2, 1000);
    scripted_add(&xen, 7, 3, 5000);
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(xen.asked_domains, 1);
    ck_assert_uint_eq(xen.asked_vcpus, 5);
    ck_assert_uint_eq(xen.asked_host, 1);
    ck_assert_uint_eq(xen.asked_idle, 1);
    ck_assert_uint_eq(xen.asked_pcpus, 1);
    ck_assert_uint_eq(xen.asked_nodes, 1);
    ck_assert_uint_eq(xen.asked_scheduling, 2);
    ck_assert_uint_eq(now()->calls, 12);
    ck_assert_uint_eq(now()->domains, 2);
    ck_assert_uint_eq(vcpu(0, 1)->is.running_ns, 1000);
    ck_assert_uint_eq(vcpu(7, 2)->is.running_ns, 5000);
    ck_assert_uint_eq(vcpu(7, 2)->is.pcpu, 2);
    ck_assert_uint_eq(now()->host.free_pages, 400);
    ck_assert_uint_eq(now()->pcpus, 4);
    ck_assert_uint_eq(now()->pcpu[3].idle_ns, 400);
    ck_assert_uint_eq(now()->node[0].free, 400 * 4096);
}
END_TEST

/* Would catch vCPUs asked that cannot have changed, or one that ran and was not asked. */
START_TEST(who_did_not_run_is_not_asked)
{
    struct scripted_domain *busy;

    scripted_add(&xen, 1, 4, 1000);
    scripted_add(&xen, 2, 4, 1000);
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    busy = &xen.domain[1];
    scripted_run(busy, 3, 77);
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(xen.asked_vcpus, 4);
    ck_assert_uint_eq(xen.asked_pcpus, 0);
    ck_assert_uint_eq(xen.asked_nodes, 0);
    ck_assert_uint_eq(vcpu(2, 3)->is.running_ns, 1077);
    ck_assert_uint_eq(vcpu(1, 3)->is.running_ns, 1000);
    ck_assert(vcpu(1, 3)->known);
}
END_TEST

/* Would catch 126 calls for the offline vCPUs of a domain, or one that went offline not asked. */
START_TEST(offline_vcpus_are_asked_rarely)
{
    struct scripted_domain *many = scripted_add(&xen, 1, 64, 1000);
    unsigned int asked = 0;

    for (uint32_t v = 2; v < 64; v++)
        many->vcpu[v].online = false;
    many->is.vcpus_online = 2;
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(xen.asked_vcpus, 64);
    for (unsigned int round = 0; round < 2 * HYPERCALL_OFFLINE_ROUNDS; round++) {
        scripted_run(many, 0, 1);
        ck_assert_int_eq(take(HYPERCALL_FULL), 0);
        asked += xen.asked_vcpus;
    }
    ck_assert_uint_eq(asked, 2 * (2 * HYPERCALL_OFFLINE_ROUNDS) + 2 * 62);

    /* vCPU 1 ran once more, then went offline: its last nanosecond counts. */
    scripted_run(many, 1, 9);
    many->vcpu[1].online = false;
    many->is.vcpus_online = 1;
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(vcpu(1, 1)->is.running_ns, 1009);
    ck_assert(!vcpu(1, 1)->is.online);
}
END_TEST

/* Would catch a domain shown half, or the one behind it left out. */
START_TEST(a_domain_that_vanishes_between_two_calls_is_left_out)
{
    uint64_t generation;

    scripted_add(&xen, 1, 4, 1000);
    scripted_add(&xen, 2, 4, 2000);
    scripted_add(&xen, 3, 1, 3000);
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    generation = now()->generation;
    scripted_run(&xen.domain[1], 0, 1);
    xen.domain[1].vanished = true;
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(xen.asked_vcpus, 2); /* the first, and the last to be sure */
    ck_assert_ptr_null(domain(2));
    ck_assert_uint_eq(vcpu(1, 3)->is.running_ns, 1000);
    ck_assert_uint_eq(vcpu(3, 0)->is.running_ns, 3000);
    ck_assert_uint_ne(now()->generation, generation);
}
END_TEST

/* Would catch a gap in the numbers of vCPUs taken for the end of the domain. */
START_TEST(a_missing_vcpu_is_not_a_missing_domain)
{
    struct scripted_domain *gap = scripted_add(&xen, 1, 4, 1000);

    gap->missing = 1U << 1;
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert(vcpu(1, 0)->known);
    ck_assert(!vcpu(1, 1)->known);
    ck_assert(vcpu(1, 2)->known);
    ck_assert(vcpu(1, 3)->known);
}
END_TEST

/* Would catch counters of one domain carried over to the next that gets its domid. */
START_TEST(another_domain_of_the_same_domid_is_another)
{
    uint64_t first;

    scripted_add(&xen, 5, 1, 9 * 1000000000ULL);
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    first = domain(5)->incarnation;
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(domain(5)->incarnation, first);

    /* A reboot into the same domid: the same UUID, a fresh clock. */
    scripted_remove(&xen, 5);
    scripted_add(&xen, 5, 1, 1000);
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_ne(domain(5)->incarnation, first);
    ck_assert_uint_eq(vcpu(5, 0)->is.running_ns, 1000);

    first = domain(5)->incarnation;
    xen.domain[0].is.uuid[3]++;
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_ne(domain(5)->incarnation, first);
}
END_TEST

/* Would catch a reading that falls for a moment, which rate() would take for a restart. */
START_TEST(a_reading_that_falls_is_held)
{
    struct scripted_domain *one = scripted_add(&xen, 5, 1, 1000000);
    uint64_t incarnation;

    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    incarnation = domain(5)->incarnation;
    one->vcpu[0].running_ns -= 300;
    one->is.cpu_ns -= 300;
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(vcpu(5, 0)->is.running_ns, 1000000);
    ck_assert_uint_eq(domain(5)->incarnation, incarnation);

    one->vcpu[0].running_ns = 1ULL << 62;
    one->is.cpu_ns++;
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(vcpu(5, 0)->is.running_ns, 1000000);
}
END_TEST

/* Would catch domains beyond the first 1,024 lost, or more calls than needed for them. */
START_TEST(more_domains_than_one_call_returns)
{
    for (uint32_t domid = 0; domid < 2500; domid++)
        scripted_add(&xen, domid, 1, domid);
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(now()->domains, 2500);
    ck_assert_uint_eq(xen.asked_domains, 3);
    ck_assert_uint_eq(vcpu(2499, 0)->is.running_ns, 2499);
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(xen.asked_domains, 3);
    ck_assert_uint_eq(xen.asked_vcpus, 0);
}
END_TEST

/* Would catch numbers asked for a mere look, or numbers that a look loses. */
START_TEST(a_look_lists_and_keeps_the_numbers)
{
    uint64_t generation, full_ns;

    scripted_add(&xen, 1, 2, 1000);
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    generation = now()->generation;
    full_ns = now()->full_ns;
    scripted_add(&xen, 2, 2, 50);
    scripted_run(&xen.domain[0], 0, 5);
    ck_assert_int_eq(take(HYPERCALL_LIST), 0);
    ck_assert_uint_eq(xen.asked_vcpus, 0);
    ck_assert_uint_eq(xen.asked_host, 0);
    ck_assert_uint_eq(now()->full_ns, full_ns);
    ck_assert_uint_gt(now()->generation, generation);
    ck_assert_uint_eq(vcpu(1, 0)->is.running_ns, 1000);
    ck_assert(!vcpu(2, 0)->known);

    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(vcpu(1, 0)->is.running_ns, 1005);
    ck_assert_uint_eq(vcpu(2, 1)->is.running_ns, 50);
}
END_TEST

/* Would catch a set that seems to change all the time, or a change that does not show. */
START_TEST(generation_follows_the_set)
{
    uint64_t generation;

    scripted_add(&xen, 1, 2, 1000);
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    generation = now()->generation;
    scripted_run(&xen.domain[0], 1, 5);
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(now()->generation, generation);
    scripted_remove(&xen, 1);
    scripted_add(&xen, 2, 2, 1000);
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_gt(now()->generation, generation);
    generation = now()->generation;
    xen.domain[0].is.vcpus = 3; /* it is still being built */
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_gt(now()->generation, generation);
}
END_TEST

/* Would catch a counter that falls to 0 with its pCPU, and a place that is not looked up again. */
START_TEST(pcpus_come_and_go)
{
    scripted_add(&xen, 0, 1, 1);
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    xen.idle_ns[3] = 0;
    xen.host.pcpus_online = 3;
    xen.pcpu[3] =
        (struct hypervisor_pcpu){HYPERVISOR_UNKNOWN, HYPERVISOR_UNKNOWN, HYPERVISOR_UNKNOWN};
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(now()->pcpu[3].idle_ns, 400);
    ck_assert_uint_eq(xen.asked_pcpus, 1);
    ck_assert_uint_eq(now()->pcpu[3].is.node, HYPERVISOR_UNKNOWN);

    xen.idle_ns[3] = 500;
    xen.host.pcpus_online = 4;
    xen.pcpu[3] = (struct hypervisor_pcpu){.core = 3};
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(now()->pcpu[3].idle_ns, 500);
    ck_assert_uint_eq(now()->pcpu[3].is.core, 3);
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(xen.asked_pcpus, 0);
}
END_TEST

/* Would catch a call per domain and round for what hardly ever changes, or a change never seen. */
START_TEST(scheduling_is_asked_in_turn)
{
    for (uint32_t domid = 0; domid < 100; domid++)
        scripted_add(&xen, domid, 1, 0);
    xen.domain[7].scheduling.weight = 0; /* the null scheduler */
    xen.domain[9].scheduling.cap = 50;
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(xen.asked_scheduling, HYPERCALL_SCHEDULING_MAX);
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(xen.asked_scheduling, 100 - HYPERCALL_SCHEDULING_MAX);
    ck_assert(!domain(7)->scheduling_known);
    ck_assert_uint_eq(domain(9)->scheduling.cap, 50);
    ck_assert_uint_eq(domain(99)->scheduling.weight, 256);

    for (uint32_t i = 0; i < 100; i++)
        xen.domain[i].scheduling = (struct hypervisor_scheduling){.weight = 512};
    for (int round = 0; round < 101; round++) {
        ck_assert_int_eq(take(HYPERCALL_FULL), 0);
        ck_assert_uint_le(xen.asked_scheduling, 1);
    }
    for (uint32_t domid = 0; domid < 100; domid++)
        ck_assert_uint_eq(domain(domid)->scheduling.weight, 512);
}
END_TEST

/* Would catch domains that seem to die because a call failed once. */
START_TEST(a_failure_leaves_what_was_known)
{
    uint64_t generation;

    scripted_add(&xen, 1, 2, 1000);
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    generation = now()->generation;
    xen.error = -EACCES;
    ck_assert_int_eq(take(HYPERCALL_FULL), -EACCES);
    ck_assert_int_eq(now()->error, -EACCES);
    ck_assert_uint_eq(now()->domains, 1);
    ck_assert_uint_eq(now()->generation, generation);
    ck_assert_uint_eq(vcpu(1, 1)->is.running_ns, 1000);
    xen.error = 0;
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_int_eq(now()->error, 0);
    ck_assert_uint_eq(now()->generation, generation);
}
END_TEST

/* Would catch an endless walk over a list that does not ascend. */
START_TEST(a_list_out_of_order_is_refused)
{
    scripted_add(&xen, 1, 1, 0);
    scripted_add(&xen, 2, 1, 0);
    xen.disorder = true;
    ck_assert_int_eq(take(HYPERCALL_FULL), -EBADMSG);
    xen.disorder = false;
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(now()->domains, 2);
}
END_TEST

/* Would catch a host without guests, or a domain without vCPUs, that cannot be read. */
START_TEST(nothing_is_fine_too)
{
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(now()->domains, 0);
    scripted_add(&xen, 3, 0, 0);
    ck_assert_int_eq(take(HYPERCALL_FULL), 0);
    ck_assert_uint_eq(domain(3)->is.vcpus, 0);
    ck_assert_uint_eq(xen.asked_vcpus, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hypercall-sample");
    TCase *tests = tcase_create("round");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, one_round_asks_once_for_each_vcpu);
    tcase_add_test(tests, who_did_not_run_is_not_asked);
    tcase_add_test(tests, offline_vcpus_are_asked_rarely);
    tcase_add_test(tests, a_domain_that_vanishes_between_two_calls_is_left_out);
    tcase_add_test(tests, a_missing_vcpu_is_not_a_missing_domain);
    tcase_add_test(tests, another_domain_of_the_same_domid_is_another);
    tcase_add_test(tests, a_reading_that_falls_is_held);
    tcase_add_test(tests, more_domains_than_one_call_returns);
    tcase_add_test(tests, a_look_lists_and_keeps_the_numbers);
    tcase_add_test(tests, generation_follows_the_set);
    tcase_add_test(tests, pcpus_come_and_go);
    tcase_add_test(tests, scheduling_is_asked_in_turn);
    tcase_add_test(tests, a_failure_leaves_what_was_known);
    tcase_add_test(tests, a_list_out_of_order_is_refused);
    tcase_add_test(tests, nothing_is_fine_too);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
