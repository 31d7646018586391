/* SPDX-License-Identifier: Apache-2.0 */
/* Several CPUs at once: acquires, deaths, mappings that come and go, and readers. What goes wrong
 * shows as a wrong value here, as a failed assertion of the shim, or as a report of the sanitizer.
 */
#include <sched.h>

#include "../suite.h"
#include "client.h"

#define FRAMES_MAX 64U
#define VCPUS      40U
#define DOMAINS    3U

static _Atomic bool is_over;
static _Atomic unsigned long accepted, retried, gone, refused;

static void expect_all_freed(void)
{
    const void *host[FRAMES_MAX];
    unsigned int count;

    /* One sweep does not look at everything if there is much. */
    for (unsigned int i = 0; i < 4; i++) {
        count = map_table(DOMID_XEN, host, FRAMES_MAX);
        unmap_table(host, count);
    }
    count = map_table(DOMID_XEN, host, FRAMES_MAX);
    ck_assert_uint_eq(read_host(host).pages_retired, 0);
    ck_assert_uint_eq(read_host(host).pages, count);
    ck_assert_uint_eq(shim_pages_in_use(), count);
    unmap_table(host, count);
}

static xen_pfn_t seen[4][2][FRAMES_MAX];

static void acquire_both(unsigned int number)
{
    ck_assert_int_eq(acquire_all(7, seen[number][0]), 0);
    ck_assert_int_eq(acquire_all(DOMID_XEN, seen[number][1]), 0);
}

START_TEST(test_racing_acquires)
{
    for (unsigned int round = 0; round < 50; round++) {
        struct domain *d = shim_create_domain_with_vcpus(7, VCPUS);

        run_threads(4, acquire_both);
        for (unsigned int i = 1; i < 4; i++)
            ck_assert_mem_eq(seen[i], seen[0], sizeof(seen[0]));
        ck_assert_uint_eq(shim_pages_in_use(),
                          (unsigned int)(table_size(7) + table_size(DOMID_XEN)));
        shim_kill_domain(d);
        expect_all_freed();
    }
}
END_TEST

/* A mapped frame stays what it is for as long as it is mapped. */
static void hold_frame(const void *frame)
{
    const struct xen_stats_frame *header = frame;
    uint32_t target = load32(&header->target), index = load32(&header->frame);
    uint64_t generation = load64(&header->generation);

    for (unsigned int i = 0; i < 3; i++) {
        expect(is_frame_of(frame, target, index, generation));
        expect(target == DOMID_XEN || target < DOMAINS);
        sched_yield();
    }
}

/* Also maps frames which it has known for long, and which may be anyone's by now, or nobody's. */
static void map_and_unmap(void)
{
    xen_pfn_t mfns[FRAMES_MAX];
    const void *held[FRAMES_MAX];
    unsigned int known = 0;

    for (unsigned int i = 0; !is_over; i++) {
        unsigned int id = i % DOMAINS, mapped = 0;
        int size = table_size(id);
        int rc = size < 0 ? size : acquire(id, 0, (unsigned int)size, mfns);

        ck_assert(rc == 0 || rc == -ESRCH);
        refused += rc != 0;
        if (!rc && known < (unsigned int)size)
            known = (unsigned int)size;
        for (unsigned int f = 0; f < known; f++) {
            held[mapped] = map_frame(mfns[f]);
            gone += !held[mapped];
            mapped += held[mapped] != NULL;
        }
        accepted += mapped;
        for (unsigned int f = 0; f < mapped; f++)
            hold_frame(held[f]);
        unmap_table(held, mapped);
    }
}

static void create_and_kill(unsigned int rounds)
{
    for (unsigned int i = 0; i < rounds; i++) {
        struct domain *d = shim_create_domain((domid_t)(i % DOMAINS), VCPUS);

        for (unsigned int v = 0; v < VCPUS; v++)
            shim_create_vcpu(d, v);
        /* Half of them live until someone has mapped something, the others not a moment. */
        for (unsigned long before = accepted, turns = 0;
             i % 2 && accepted == before && turns < 100000; turns++)
            sched_yield();
        shim_kill_domain(d);
    }
    is_over = true;
}

static void live_and_map(unsigned int number)
{
    if (number == 0)
        create_and_kill(400);
    else
        map_and_unmap();
}

START_TEST(test_acquire_against_death)
{
    run_threads(4, live_and_map);
    printf("frames mapped %lu times, gone %lu times, domains gone %lu times\n", accepted, gone,
           refused);
    ck_assert_uint_gt(accepted, 0);
    ck_assert_uint_gt(refused, 0);
    expect_all_freed();
}
END_TEST

/* Nothing but references, on the frames of a domain that has died, against the sweep. */
static xen_pfn_t contended[FRAMES_MAX];
static int contended_count;

static void refer_or_sweep(unsigned int number)
{
    xen_pfn_t mfn;

    for (unsigned int i = 0; i < 2000; i++) {
        const void *frame;

        if (number == 0) {
            ck_assert_int_eq(acquire(DOMID_XEN, 0, 1, &mfn), 0);
            continue;
        }
        frame = map_frame(contended[i % (unsigned int)contended_count]);
        accepted += frame != NULL;
        gone += frame == NULL;
        if (!frame)
            continue;
        expect(load32(&((const struct xen_stats_frame *)frame)->magic) == XEN_STATS_MAGIC);
        unmap_frame(frame);
    }
}

START_TEST(test_references_against_sweep)
{
    for (unsigned int round = 0; round < 20; round++) {
        struct domain *d = shim_create_domain_with_vcpus(0, VCPUS);
        xen_pfn_t mfn;

        ck_assert_int_eq(acquire(DOMID_XEN, 0, 1, &mfn), 0);
        contended_count = table_size(0);
        ck_assert_int_eq(acquire_all(0, contended), 0);
        const void *held = map_frame(contended[0]);
        shim_kill_domain(d);
        unmap_frame(held);
        run_threads(3, refer_or_sweep);
        expect_all_freed();
    }
    printf("%lu references taken, %lu refused\n", accepted, gone);
}
END_TEST

/* vCPUs change state and move for as long as the domain can be found, dying or not. */
static void schedule(void)
{
    for (unsigned int i = 0; !is_over; i++) {
        struct domain *d = rcu_lock_domain_by_id((domid_t)(i % DOMAINS));
        struct vcpu *v;

        if (!d)
            continue;
        for (unsigned int turn = 0; turn < 20; turn++) {
            v = d->vcpu[(i + turn) % VCPUS];
            if (!v)
                break;
            shim_runstate_change(v, (int)(turn % 4), shim_now() + turn);
            shim_move_vcpu(v, (i * 3 + turn) % NR_CPUS);
        }
        rcu_unlock_domain(d);
    }
}

static void live_and_schedule(unsigned int number)
{
    if (number == 0)
        create_and_kill(300);
    else if (number == 1)
        map_and_unmap();
    else
        schedule();
}

START_TEST(test_runstates_against_death)
{
    run_threads(4, live_and_schedule);
    expect_all_freed();
}
END_TEST

static void acquire_while_created(unsigned int number)
{
    xen_pfn_t mfns[FRAMES_MAX];
    struct domain *d = shim_find_domain(7);

    if (number)
        ck_assert_int_eq(acquire_all(7, mfns), 0);
    else
        for (unsigned int v = 0; v < VCPUS; v++)
            shim_create_vcpu(d, v);
}

/* Whoever comes first, each vCPU ends up with a record. */
START_TEST(test_vcpu_creation_against_acquire)
{
    const void *frames[FRAMES_MAX];

    for (unsigned int round = 0; round < 100; round++) {
        struct domain *d = shim_create_domain(7, VCPUS);
        unsigned int count;

        run_threads(2, acquire_while_created);
        count = map_table(7, frames, FRAMES_MAX);
        shim_pass_time(1000);
        for (unsigned int v = 0; v < VCPUS; v++) {
            ck_assert_uint_eq(read_vcpu(frames, v).record.flags & XEN_STATS_RECORD_valid, 1);
            shim_runstate_change(d->vcpu[v], RUNSTATE_blocked, NOW());
            ck_assert_uint_eq(read_vcpu(frames, v).state, RUNSTATE_blocked);
        }
        unmap_table(frames, count);
        shim_kill_domain(d);
        expect_all_freed();
    }
}
END_TEST

static const void *read_frames[FRAMES_MAX];

static uint64_t clock_constant(const struct xen_stats_vcpu *record)
{
    return record->time[0] + record->time[1] + record->time[2] + record->time[3] -
           record->state_entry_time;
}

static uint64_t constant_before;

/* The length of a stay tells which state it was in: time[s] is a multiple of 10^s times 7. */
static void write_or_read_vcpu(unsigned int number)
{
    static const s_time_t lengths[4] = {7, 70, 700, 7000};
    const void *address = find_record(read_frames, XEN_STATS_KIND_vcpu, 0);
    struct vcpu *v = shim_find_domain(0)->vcpu[0];
    struct xen_stats_vcpu record;

    if (number == 0) {
        /* Until there was something to read, within limits. */
        for (unsigned int i = 0; i < 100000 || (i < 10000000 && accepted < 20000); i++)
            shim_runstate_change(v, (v->runstate.state + 1) % 4,
                                 (s_time_t)v->runstate.state_entry_time +
                                     lengths[v->runstate.state]);
        is_over = true;
        return;
    }
    while (!is_over) {
        if (!read_record(address, &record, sizeof(record), 1)) {
            retried++;
            continue;
        }
        accepted++;
        expect(clock_constant(&record) == constant_before);
        expect(record.record.seq % 2 == 0);
        for (unsigned int s = 0; s < 4; s++)
            expect(record.time[s] % (uint64_t)lengths[s] == 0);
        /* States come in turn: each was left as often as the one before, or once more. */
        for (unsigned int s = 0; s < 4; s++) {
            uint64_t left =
                record.time[(record.state + s) % 4] / (uint64_t)lengths[(record.state + s) % 4];
            uint64_t first = record.time[record.state] / (uint64_t)lengths[record.state];

            expect(left == first || left == first + 1);
        }
    }
}

START_TEST(test_no_torn_vcpu_record)
{
    struct domain *d = shim_create_domain_with_vcpus(0, 1);
    unsigned int count = map_table(0, read_frames, FRAMES_MAX);
    struct xen_stats_vcpu record = read_vcpu(read_frames, 0);

    constant_before = clock_constant(&record);
    run_threads(3, write_or_read_vcpu);
    printf("%lu records accepted, %lu retries\n", accepted, retried);
    ck_assert_uint_gt(accepted, 0);
    unmap_table(read_frames, count);
    shim_kill_domain(d);
}
END_TEST

static void write_or_read_bitmap(unsigned int number)
{
    const struct xen_stats_host *host = find_record(read_frames, XEN_STATS_KIND_host, 0);

    if (number == 0) {
        for (unsigned int i = 0; i < 3000 || (i < 300000 && accepted < 50); i++) {
            struct domain *d = shim_create_domain((domid_t)(i * 641 % 8000 * 4 + 1), 1);

            shim_kill_domain(d);
        }
        is_over = true;
        return;
    }
    while (!is_over) {
        uint32_t seq = load32(&host->record.seq);
        uint64_t exist;
        unsigned int bits = 0;

        smp_rmb();
        exist = load64(&host->domains_created) - load64(&host->domains_destroyed);
        for (unsigned int i = 0; i < DOMID_FIRST_RESERVED / 64; i++) {
            const struct xen_stats_bitmap *words = find_record(
                read_frames, XEN_STATS_KIND_bitmap, i / (unsigned int)ARRAY_SIZE(words->word));

            bits += (unsigned int)__builtin_popcountll(
                load64(&words->word[i % ARRAY_SIZE(words->word)]));
        }
        smp_rmb();
        if ((seq & 1) || load32(&host->record.seq) != seq) {
            retried++;
            continue;
        }
        accepted++;
        expect(bits == exist);
    }
}

START_TEST(test_bitmap_agrees_with_counts)
{
    unsigned int count = map_table(DOMID_XEN, read_frames, FRAMES_MAX);
    struct domain *others[3];

    for (unsigned int i = 0; i < 3; i++)
        others[i] = shim_create_domain_with_vcpus((domid_t)(i * 5000), 1);
    run_threads(2, write_or_read_bitmap);
    printf("%lu bitmaps accepted, %lu retries\n", accepted, retried);
    ck_assert_uint_gt(accepted, 0);
    for (unsigned int i = 0; i < 3; i++)
        shim_kill_domain(others[i]);
    unmap_table(read_frames, count);
}
END_TEST

/* Domains that come into being on several CPUs at once, while someone asks for the first time. */
static uint64_t generations[3][20];

static void create_or_ask_first(unsigned int number)
{
    xen_pfn_t mfns[FRAMES_MAX];

    if (number == 3) {
        ck_assert_int_eq(acquire_all(DOMID_XEN, mfns), 0);
        return;
    }
    if (number == 4) {
        for (unsigned int i = 0; i < 1000; i++)
            shim_unlink_and_link(shim_find_domain(30000));
        return;
    }
    for (unsigned int i = 0; i < 20; i++) {
        domid_t id = (domid_t)(number * 9000 + i * 60);
        struct domain *d = shim_create_domain_with_vcpus(id, 1);
        const void *frame;

        ck_assert_int_eq(acquire(id, 0, 1, mfns), 0);
        frame = map_frame(mfns[0]);
        generations[number][i] = ((const struct xen_stats_frame *)frame)->generation;
        unmap_frame(frame);
        if (i % 2)
            shim_kill_domain(d);
    }
}

START_TEST(test_first_acquire_against_creation)
{
    bool is_taken[62] = {false};
    struct domain *flickers = shim_create_domain_with_vcpus(30000, 1);
    unsigned int count, bits = 0;

    run_threads(5, create_or_ask_first);
    count = map_table(DOMID_XEN, read_frames, FRAMES_MAX);
    ck_assert_uint_eq(read_host(read_frames).domains_created, 60 + 1001);
    ck_assert_uint_eq(read_host(read_frames).domains_destroyed, 30 + 1000);
    for (unsigned int i = 0; i < 3 * 20; i++) {
        uint64_t generation = generations[i / 20][i % 20];
        domid_t id = (domid_t)(i / 20 * 9000 + i % 20 * 60);
        const struct xen_stats_bitmap *words = find_record(
            read_frames, XEN_STATS_KIND_bitmap, id / (64 * (unsigned int)ARRAY_SIZE(words->word)));
        unsigned int exists = words->word[id / 64 % ARRAY_SIZE(words->word)] >> id % 64 & 1;

        ck_assert(generation >= 2 && generation <= 61 && !is_taken[generation]);
        is_taken[generation] = true;
        ck_assert_uint_eq(exists, i % 20 % 2 == 0);
        bits += exists;
        if (exists)
            shim_kill_domain(shim_find_domain(id));
    }
    ck_assert_uint_eq(bits, 30);
    shim_kill_domain(flickers);
    unmap_table(read_frames, count);
    expect_all_freed();
}
END_TEST

static void write_or_read_handle(unsigned int number)
{
    const void *address = find_record(read_frames, XEN_STATS_KIND_domain, 0);
    struct xen_stats_domain record;
    uint8_t handle[16];

    if (number == 0) {
        for (unsigned int i = 0; i < 20000; i++) {
            memset(handle, (int)(i & 0xff), sizeof(handle));
            shim_set_handle(shim_find_domain(0), handle);
        }
        is_over = true;
        return;
    }
    while (!is_over) {
        if (!read_record(address, &record, sizeof(record), 1))
            continue;
        for (unsigned int i = 1; i < 16; i++)
            expect(record.handle[i] == record.handle[0]);
    }
}

START_TEST(test_no_torn_handle)
{
    struct domain *d = shim_create_domain_with_vcpus(0, 1);
    unsigned int count = map_table(0, read_frames, FRAMES_MAX);

    run_threads(2, write_or_read_handle);
    unmap_table(read_frames, count);
    shim_kill_domain(d);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("races");
    TCase *tests = tcase_create("races");

    shim_boot();
    tcase_set_timeout(tests, 250);
    tcase_add_test(tests, test_racing_acquires);
    tcase_add_test(tests, test_acquire_against_death);
    tcase_add_test(tests, test_references_against_sweep);
    tcase_add_test(tests, test_runstates_against_death);
    tcase_add_test(tests, test_vcpu_creation_against_acquire);
    tcase_add_test(tests, test_no_torn_vcpu_record);
    tcase_add_test(tests, test_bitmap_agrees_with_counts);
    tcase_add_test(tests, test_no_torn_handle);
    tcase_add_loop_test(tests, test_first_acquire_against_creation, 0, 10);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
