/* SPDX-License-Identifier: Apache-2.0 */
/* The source that asks by hypercalls: its thread, its patience, what ends up in a snapshot. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "sampler/request_local.h"
#include "sampler/sampler.h"
#include "scripted.h"
#include "source/source.h"
#include "source/stats_abi.h"
#include "suite.h"
#include "util/monotonic.h"
#include "util/pulse.h"

#define DEADLINE_MS 30000

static struct scripted xen;
static struct source *source;
static struct sampler *sampler;

static void set_up(void)
{
    scripted_init(&xen);
    scripted_add(&xen, 0, 2, 1000);
    scripted_add(&xen, 4, 1, 7000);
    ck_assert_int_eq(hypercalls_source_new(&xen.hypervisor, &source), 0);
    ck_assert_int_eq(sampler_new(source, NULL, &sampler), 0);
    ck_assert_int_eq(sampler_scan(sampler), 0);
}

static void tear_down(void)
{
    sampler = sampler_free(sampler);
    scripted_deinit(&xen);
}

/* Makes the scripted host hang, and go on. What it says is changed in between alone. */
static void hold(void)
{
    pthread_mutex_lock(&xen.gate);
}

static void release(void)
{
    pthread_mutex_unlock(&xen.gate);
}

static bool wait_for_numbers(uint64_t asked_ns)
{
    uint64_t end_ns = monotonic_ns() + DEADLINE_MS * NS_PER_MS;

    while (!sampler_prepare(sampler, asked_ns)) {
        struct pollfd fd = {.fd = sampler_fd(sampler), .events = POLLIN};

        if (monotonic_ns() > end_ns)
            return false;
        poll(&fd, 1, 50);
    }
    return true;
}

/* A snapshot of now: older numbers than those of the moment of asking do not do. */
static struct snapshot *take(void)
{
    struct snapshot *snapshot;

    ck_assert(wait_for_numbers(monotonic_ns() + SOURCE_SHARED_NS));
    ck_assert_int_eq(sampler_take(sampler, &snapshot), 0);
    return snapshot;
}

static uint64_t vcpu(const struct snapshot *snapshot, uint32_t row, unsigned int field)
{
    return snapshot_row(snapshot, SNAPSHOT_VCPU, row)[field];
}

/* Would catch a column in another's place, a source that gives itself another name. */
START_TEST(numbers_reach_the_snapshot)
{
    cleanup(cleanup_snapshot) struct snapshot *snapshot = take();

    ck_assert_uint_eq(snapshot->source, SNAPSHOT_SOURCE_HYPERCALLS);
    ck_assert_uint_eq(snapshot->topology->domains, 2);
    ck_assert_uint_eq(snapshot->topology->domain[1].domid, 4);
    ck_assert_uint_eq(vcpu(snapshot, 0, VCPU_RUNNING_NS), 1000);
    ck_assert_uint_eq(vcpu(snapshot, 1, VCPU_PCPU), 1);
    ck_assert_uint_eq(vcpu(snapshot, 2, VCPU_RUNNING_NS), 7000);
    ck_assert_uint_eq(snapshot_row(snapshot, SNAPSHOT_DOMAIN, 0)[DOMAIN_CPU_NS], 2000);
    ck_assert_uint_eq(snapshot_row(snapshot, SNAPSHOT_DOMAIN, 0)[DOMAIN_VCPUS_ONLINE], 2);
    /* What hypercalls do not tell is not offered. */
    ck_assert_uint_eq(vcpu(snapshot, 0, VCPU_RUNNABLE_NS), SNAPSHOT_ABSENT);
    ck_assert(!(snapshot->columns[SNAPSHOT_VCPU] & SNAPSHOT_COLUMN(VCPU_RUNNABLE_NS)));
    ck_assert_uint_gt(snapshot_row(snapshot, SNAPSHOT_SELF, 0)[SELF_HYPERCALLS], 5);
}
END_TEST

/* Would catch a column that is offered and never filled, or filled and not offered. */
START_TEST(what_is_offered_is_given)
{
    cleanup(cleanup_snapshot) struct snapshot *snapshot = take();

    for (unsigned int kind = 0; kind < SNAPSHOT_SELF; kind++) {
        uint32_t rows = snapshot_rows(snapshot->topology, kind);

        ck_assert(rows > 0 || kind == SNAPSHOT_COUNTER);
        for (uint32_t row = 0; row < rows; row++)
            for (uint32_t field = 0; field < snapshot->fields[kind]; field++) {
                bool offered = snapshot->columns[kind] & SNAPSHOT_COLUMN(field),
                     given = snapshot_row(snapshot, kind, row)[field] != SNAPSHOT_ABSENT;

                ck_assert_msg(offered == given, "kind %u row %u field %u: offered %d, given %d",
                              kind, row, field, offered, given);
            }
        ck_assert_uint_eq(snapshot->columns[kind], hypercalls_columns[kind]);
    }
}
END_TEST

/* Would catch a unit forgotten, or the place of one pCPU shown for another's. */
START_TEST(units_and_places)
{
    cleanup(cleanup_snapshot) struct snapshot *snapshot = NULL;
    const uint64_t *domain, *host;

    hold();
    xen.domain[0].is.crashed = xen.domain[0].is.shutdown = true;
    xen.domain[0].is.shutdown_code = 3;
    xen.domain[0].is.cpupool = HYPERVISOR_UNKNOWN;
    xen.domain[1].is.max_pages = STATS_NO_LIMIT;
    xen.host.pcpus_online = 3;
    xen.idle_ns[1] = 0;
    xen.pcpu[2].core = 7;
    release();
    snapshot = take();
    domain = snapshot_row(snapshot, SNAPSHOT_DOMAIN, 0);
    host = snapshot_row(snapshot, SNAPSHOT_HOST, 0);
    ck_assert_uint_eq(domain[DOMAIN_MEMORY], 10 * 4096);
    ck_assert_uint_eq(domain[DOMAIN_MEMORY_MAX], 20 * 4096);
    ck_assert_uint_eq(snapshot_row(snapshot, SNAPSHOT_DOMAIN, 1)[DOMAIN_MEMORY_MAX],
                      SNAPSHOT_ABSENT); /* no limit, as libxenctrl says it of Dom0 */
    ck_assert_uint_eq(domain[DOMAIN_SHUTDOWN_CODE], 3);
    ck_assert_uint_eq(domain[DOMAIN_CRASHED], 1);
    ck_assert_uint_eq(domain[DOMAIN_CPUPOOL], SNAPSHOT_ABSENT);
    ck_assert_uint_eq(host[HOST_DOMAINS_CRASHED], 1);
    ck_assert_uint_eq(host[HOST_MEMORY], 1000 * 4096);
    ck_assert_uint_eq(host[HOST_CPU_HZ], 2000000000);
    ck_assert_uint_eq(host[HOST_PCPUS_ONLINE], 3);
    ck_assert_uint_eq(snapshot_row(snapshot, SNAPSHOT_PCPU, 1)[PCPU_ONLINE], 0);
    ck_assert_uint_eq(snapshot_row(snapshot, SNAPSHOT_PCPU, 1)[PCPU_IDLE_NS], 200);
    ck_assert_uint_eq(snapshot_row(snapshot, SNAPSHOT_PCPU, 2)[PCPU_CORE], 7);
}
END_TEST

/* Would catch numbers from before the question, and a host asked again for each of many. */
START_TEST(numbers_are_new_and_shared)
{
    cleanup(cleanup_snapshot) struct snapshot *snapshot = take();
    uint64_t asked_ns;
    unsigned int rounds;

    hold();
    scripted_run(&xen.domain[1], 0, 11);
    release();
    snapshot_unref(snapshot);
    snapshot = take();
    ck_assert_uint_eq(vcpu(snapshot, 2, VCPU_RUNNING_NS), 7011);

    asked_ns = monotonic_ns();
    ck_assert(wait_for_numbers(asked_ns));
    rounds = xen.asked_host;
    for (int i = 0; i < 100; i++)
        ck_assert(wait_for_numbers(asked_ns));
    ck_assert_uint_eq(xen.asked_host, rounds);
}
END_TEST

/* Would catch domains that show up late, stay, or take the place of others. */
START_TEST(domains_come_and_go)
{
    cleanup(cleanup_snapshot) struct snapshot *snapshot = NULL;

    hold();
    scripted_remove(&xen, 4);
    scripted_add(&xen, 5, 3, 10);
    release();
    snapshot = take();
    ck_assert_uint_eq(snapshot->topology->domains, 2);
    ck_assert_uint_eq(snapshot->topology->domain[1].domid, 5);
    ck_assert_uint_eq(vcpu(snapshot, 4, VCPU_RUNNING_NS), 10);
}
END_TEST

/* Would catch a domain that is noticed only when somebody asks for numbers. */
START_TEST(a_look_finds_domains_without_numbers)
{
    uint64_t end_ns = monotonic_ns() + DEADLINE_MS * NS_PER_MS;

    hold();
    scripted_add(&xen, 6, 1, 10);
    xen.asked_vcpus = 0;
    release();
    source->ops->look(source);
    while (sampler_domains(sampler) != 3) {
        struct pollfd fd = {.fd = sampler_fd(sampler), .events = POLLIN};

        ck_assert_uint_lt(monotonic_ns(), end_ns);
        poll(&fd, 1, 50);
        ck_assert_int_eq(sampler_scan(sampler), 0);
    }
    ck_assert_uint_eq(xen.asked_vcpus, 0);
}
END_TEST

struct answer {
    unsigned int times;
    int error;
    struct snapshot *snapshot;
};

static void done(void *userdata, int error, struct snapshot *snapshot)
{
    struct answer *answer = userdata;

    answer->times++;
    answer->error = error;
    answer->snapshot = snapshot;
}

/* Would catch a scrape that hangs with a hypercall, and stale numbers shown as if they were new. */
START_TEST(a_hypercall_that_hangs_costs_its_numbers_alone)
{
    struct request_local *requests;
    struct answer answer = {0};
    uint64_t asked_ns;

    snapshot_unref(take());
    ck_assert_int_eq(request_local_new(sampler, NULL, &requests), 0);
    hold();
    /* The numbers of a moment ago may still be shared. */
    poll(NULL, 0, (int)(2 * SOURCE_SHARED_NS / NS_PER_MS));
    asked_ns = monotonic_ns();
    ck_assert_int_eq(
        request_ask(request_local_wall(requests), asked_ns + 60 * NS_PER_S, done, &answer), 0);
    request_local_answer(requests);
    ck_assert_uint_eq(answer.times, 0); /* it is worth waiting for them, for a while */
    while (!answer.times) {
        ck_assert_uint_lt(monotonic_ns(), asked_ns + DEADLINE_MS * NS_PER_MS);
        poll(NULL, 0, 50);
        ck_assert_int_eq(sampler_scan(sampler), 0);
        request_local_answer(requests);
    }
    ck_assert_int_eq(answer.error, 0);
    ck_assert_uint_eq(answer.snapshot->topology->domains, 2);
    ck_assert_uint_eq(vcpu(answer.snapshot, 2, VCPU_RUNNING_NS), SNAPSHOT_ABSENT);
    ck_assert_uint_eq(snapshot_row(answer.snapshot, SNAPSHOT_HOST, 0)[HOST_DOMAINS_RUNNING],
                      SNAPSHOT_ABSENT);
    ck_assert_uint_eq(snapshot_row(answer.snapshot, SNAPSHOT_SELF, 0)[SELF_SAMPLE_OK], 0);
    ck_assert_uint_ge(snapshot_row(answer.snapshot, SNAPSHOT_SELF, 0)[SELF_SAMPLE_NS],
                      SOURCE_PATIENCE_NS);
    snapshot_unref(answer.snapshot);

    /* The next one does not wait again. */
    answer = (struct answer){0};
    ck_assert_int_eq(
        request_ask(request_local_wall(requests), asked_ns + 60 * NS_PER_S, done, &answer), 0);
    request_local_answer(requests);
    ck_assert_uint_eq(answer.times, 1);
    snapshot_unref(answer.snapshot);

    /* It returns after all. */
    release();
    ck_assert_int_eq(
        poll(&(struct pollfd){.fd = sampler_fd(sampler), .events = POLLIN}, 1, DEADLINE_MS), 1);
    answer.snapshot = take();
    ck_assert_uint_eq(vcpu(answer.snapshot, 2, VCPU_RUNNING_NS), 7000);
    snapshot_unref(answer.snapshot);
    request_local_free(requests);
}
END_TEST

static bool wait_for_pulse(int ms)
{
    for (; ms > 0 && !pulse_answered(source->pulse); ms -= 10)
        poll(NULL, 0, 10);
    return pulse_answered(source->pulse);
}

/* Would catch a thread that is taken for dead while it has nothing to do, or for alive in a hang.
 */
START_TEST(the_thread_gives_signs_of_life)
{
    for (int i = 0; i < 3; i++) {
        pulse_ask(source->pulse);
        source->ops->wake(source);
        ck_assert(wait_for_pulse(DEADLINE_MS));
    }
    hold();
    ck_assert(!sampler_prepare(sampler, monotonic_ns() + SOURCE_SHARED_NS));
    poll(NULL, 0, 50);
    pulse_ask(source->pulse);
    source->ops->wake(source);
    ck_assert(!wait_for_pulse(200));
    release();
    ck_assert(wait_for_pulse(DEADLINE_MS));
}
END_TEST

/* Would catch an end that waits for a hypercall. */
START_TEST(the_end_does_not_wait_for_a_hypercall)
{
    uint64_t began_ns;

    hold();
    ck_assert(!sampler_prepare(sampler, monotonic_ns() + SOURCE_SHARED_NS));
    poll(NULL, 0, 50);
    began_ns = monotonic_ns();
    sampler = sampler_free(sampler);
    ck_assert_uint_lt(monotonic_ns() - began_ns, 10 * NS_PER_S);
    release();
    poll(NULL, 0, 50); /* the thread that was left behind ends by itself */
}
END_TEST

/* Would catch a failure that is not told, or one that lasts. */
START_TEST(a_failure_costs_its_numbers_alone)
{
    cleanup(cleanup_snapshot) struct snapshot *snapshot = NULL;

    hold();
    xen.error = -EPERM;
    release();
    snapshot = take();
    ck_assert_uint_eq(snapshot->topology->domains, 2);
    ck_assert_uint_eq(vcpu(snapshot, 0, VCPU_RUNNING_NS), SNAPSHOT_ABSENT);
    hold();
    xen.error = 0;
    release();
    snapshot_unref(snapshot);
    snapshot = take();
    ck_assert_uint_eq(vcpu(snapshot, 0, VCPU_RUNNING_NS), 1000);
}
END_TEST

/* Would catch a start that pretends all is well on a Xen of another version. */
START_TEST(a_xen_that_refuses_is_an_error)
{
    struct scripted other;
    struct source *none = NULL;

    scripted_init(&other);
    other.error = -EACCES;
    ck_assert_int_eq(hypercalls_source_new(&other.hypervisor, &none), -EACCES);
    ck_assert_ptr_null(none);
    scripted_deinit(&other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hypercalls");
    TCase *tests = tcase_create("source");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, numbers_reach_the_snapshot);
    tcase_add_test(tests, what_is_offered_is_given);
    tcase_add_test(tests, units_and_places);
    tcase_add_test(tests, numbers_are_new_and_shared);
    tcase_add_test(tests, domains_come_and_go);
    tcase_add_test(tests, a_look_finds_domains_without_numbers);
    tcase_add_test(tests, a_hypercall_that_hangs_costs_its_numbers_alone);
    tcase_add_test(tests, the_thread_gives_signs_of_life);
    tcase_add_test(tests, the_end_does_not_wait_for_a_hypercall);
    tcase_add_test(tests, a_failure_costs_its_numbers_alone);
    tcase_add_test(tests, a_xen_that_refuses_is_an_error);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
