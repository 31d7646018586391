/* SPDX-License-Identifier: Apache-2.0 */
/* Acquiring tables: what is in them, what is refused, and running out of memory anywhere. */
#include "../suite.h"
#include "client.h"

#define FRAMES_MAX 1024U

static const void *frames[FRAMES_MAX], *host[FRAMES_MAX];
static xen_pfn_t mfns[FRAMES_MAX];

/* Only the host's table is left, and nothing is retired. */
static void expect_all_freed(void)
{
    unsigned int count = map_table(DOMID_XEN, host, FRAMES_MAX);
    struct xen_stats_host record = read_host(host);

    ck_assert_uint_eq(record.pages_retired, 0);
    ck_assert_uint_eq(record.pages, shim_pages_in_use());
    unmap_table(host, count);
}

START_TEST(test_bad_ids)
{
    static const unsigned int reserved[] = {DOMID_FIRST_RESERVED,
                                            DOMID_IO,
                                            DOMID_INVALID,
                                            DOMID_IDLE,
                                            0x8000,
                                            0xffff,
                                            XEN_STATS_ID_descriptors - 1,
                                            XEN_STATS_ID_descriptors + 1,
                                            0x7fffffff,
                                            UINT32_MAX};

    shim_create_domain_with_vcpus(5, 1);
    for (unsigned int i = 0; i < ARRAY_SIZE(reserved); i++) {
        ck_assert_int_eq(table_size(reserved[i]), -EINVAL);
        ck_assert_int_eq(acquire(reserved[i], 0, 1, mfns), -EINVAL);
    }
    ck_assert_int_eq(table_size(0), -ESRCH);
    ck_assert_int_eq(table_size(DOMID_FIRST_RESERVED - 1), -ESRCH);
    ck_assert_int_eq(acquire(6, 0, 1, mfns), -ESRCH);
    ck_assert_uint_eq(shim_pages_in_use(), 0);
    ck_assert_uint_eq(shim_allocations_in_use(), 0);
    shim_kill_domain(shim_find_domain(5));
}
END_TEST

START_TEST(test_frames_out_of_range)
{
    struct domain *d = shim_create_domain_with_vcpus(1, 3);
    unsigned int ids[] = {1, DOMID_XEN};

    for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
        unsigned int size = (unsigned int)table_size(ids[i]);

        ck_assert_int_eq(acquire(ids[i], size, 1, mfns), -EINVAL);
        ck_assert_int_eq(acquire(ids[i], size - 1, 2, mfns), -EINVAL);
        ck_assert_int_eq(acquire(ids[i], 0, size + 1, mfns), -EINVAL);
        /* The hypercall lets their sum be 32 bits wide. */
        ck_assert_int_eq(acquire(ids[i], UINT32_MAX - 1, 1, mfns), -EINVAL);
        ck_assert_int_eq(acquire(ids[i], UINT32_MAX - 32, 32, mfns), -EINVAL);
        ck_assert_int_eq(acquire(ids[i], 1U << 31, 1, mfns), -EINVAL);
    }
    ck_assert_uint_eq(shim_pages_in_use(), 0);
    shim_kill_domain(d);
}
END_TEST

START_TEST(test_switched_off)
{
    struct domain *d = shim_create_domain_with_vcpus(1, 1);

    ck_assert_int_eq(shim_param("stats-tables", "no"), 0);
    ck_assert_int_eq(table_size(1), -EOPNOTSUPP);
    ck_assert_int_eq(acquire(DOMID_XEN, 0, 1, mfns), -EOPNOTSUPP);
    ck_assert_int_eq(shim_param("stats-tables", "yes"), 0);
    ck_assert_int_eq(acquire(DOMID_XEN, 0, 1, mfns), 0);
    shim_kill_domain(d);
}
END_TEST

START_TEST(test_parameter)
{
    static const char *const bad[] = {"max=",  "max=0", "max=x", "max=1x", "max=4294967296",
                                      "maybe", "",      "no,",   "max=-1"};
    static const char *const good[] = {"1",       "off", "yes,max=7", "max=0x10", "max=4294967295",
                                       "max=5,no"};

    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
        ck_assert_msg(shim_param("stats-tables", bad[i]) == -EINVAL, "'%s' was accepted", bad[i]);
    for (unsigned int i = 0; i < ARRAY_SIZE(good); i++)
        ck_assert_msg(shim_param("stats-tables", good[i]) == 0, "'%s' was refused", good[i]);
}
END_TEST

/* Every entry of the directory lies where frames have room for it, and overlaps no other. */
static void check_directory(const void **table, unsigned int nr_frames)
{
    static uint8_t used[8][XEN_STATS_FRAME_SIZE];
    const struct xen_stats_frame *header = table[0];

    ck_assert_uint_eq(header->nr_frames, nr_frames);
    ck_assert_uint_le(header->nr_kinds, XEN_STATS_DIRECTORY_MAX);
    memset(used, 0, sizeof(used));
    for (unsigned int i = 0; i < header->nr_kinds; i++) {
        const struct xen_stats_kind *k =
            table[0] + XEN_STATS_DIRECTORY_OFFSET + i * header->kind_size;

        ck_assert_uint_ne(k->kind, 0);
        ck_assert_ptr_eq(find_kind(table[0], k->kind), k);
        ck_assert_uint_ge(k->offset,
                          XEN_STATS_DIRECTORY_OFFSET + header->nr_kinds * header->kind_size);
        ck_assert_uint_ge(k->stride, 128);
        ck_assert_uint_eq(XEN_STATS_FRAME_SIZE % k->stride, 0);
        ck_assert_uint_eq(k->offset % 64, 0);
        ck_assert_uint_le(k->size, k->stride);
        ck_assert_uint_gt(k->per_frame, 0);
        ck_assert_uint_le(k->offset + k->per_frame * k->stride, XEN_STATS_FRAME_SIZE);
        ck_assert_uint_eq(k->reserved, 0);
        ck_assert_uint_gt(k->count, 0);
        ck_assert_uint_lt(k->first_frame + (k->count - 1) / k->per_frame, nr_frames);
        for (unsigned int r = 0; r < k->count; r++) {
            unsigned int frame = k->first_frame + r / k->per_frame;

            for (unsigned int byte = 0; frame < ARRAY_SIZE(used) && byte < k->size; byte++)
                ck_assert_msg(!used[frame][k->offset + r % k->per_frame * k->stride + byte]++,
                              "kind %u, record %u overlaps another", k->kind, r);
        }
    }
}

START_TEST(test_host_table)
{
    unsigned int count = map_table(DOMID_XEN, host, FRAMES_MAX);
    struct xen_stats_host record = read_host(host);

    for (unsigned int i = 0; i < count; i++) {
        ck_assert(is_frame_of(host[i], DOMID_XEN, i, 0));
        ck_assert_uint_eq(((const struct xen_stats_frame *)host[i])->nr_frames, count);
    }
    check_directory(host, count);
    ck_assert_uint_eq(record.record.flags & XEN_STATS_RECORD_valid, XEN_STATS_RECORD_valid);
    ck_assert_uint_eq(record.domids, DOMID_FIRST_RESERVED);
    ck_assert_uint_eq(record.max_domain_pages, total_pages / 256);
    ck_assert_uint_eq(record.pages, count);
    ck_assert_uint_eq(record.pages_retired, 0);
    /* Again, it is the same frames. */
    ck_assert_int_eq(acquire_all(DOMID_XEN, mfns), 0);
    for (unsigned int i = 0; i < count; i++)
        ck_assert_ptr_eq(page_to_virt(mfn_to_page(_mfn(mfns[i]))), host[i]);
    unmap_table(host, count);
}
END_TEST

START_TEST(test_domain_table)
{
    static const unsigned int sizes[] = {1, 2, 11, 12, 13, 24, 25, 100};

    for (unsigned int s = 0; s < ARRAY_SIZE(sizes); s++) {
        struct domain *d = shim_create_domain_with_vcpus(7, sizes[s]);
        unsigned int count = map_table(7, frames, FRAMES_MAX);
        struct xen_stats_domain record;

        for (unsigned int i = 0; i < count; i++)
            ck_assert(is_frame_of(frames[i], 7, i, s + 1));
        check_directory(frames, count);
        ck_assert(
            read_record(find_record(frames, XEN_STATS_KIND_domain, 0), &record, sizeof(record), 9));
        ck_assert_uint_eq(record.record.index, 7);
        ck_assert_uint_eq(record.max_vcpus, sizes[s]);
        ck_assert_uint_eq(record.generation, s + 1);
        ck_assert_uint_eq(record.guest_type, XEN_STATS_GUEST_pv);
        ck_assert_uint_eq(record.creation_time, (uint64_t)NOW());
        ck_assert_uint_eq(record.dying, XEN_STATS_DYING_alive);
        ck_assert_uint_eq(find_kind(frames[0], XEN_STATS_KIND_vcpu)->count, sizes[s]);
        for (unsigned int v = 0; v < sizes[s]; v++) {
            ck_assert_uint_eq(read_vcpu(frames, v).record.index, v);
            ck_assert_uint_eq(read_vcpu(frames, v).record.flags & XEN_STATS_RECORD_valid, 1);
        }
        unmap_table(frames, count);
        shim_kill_domain(d);
        expect_all_freed();
    }
}
END_TEST

START_TEST(test_frames_one_by_one)
{
    struct domain *d = shim_create_domain_with_vcpus(7, 100);
    unsigned int size = (unsigned int)table_size(7), others;

    /* From the last on: the first is not special. */
    for (unsigned int i = size; i-- > 0;) {
        others = shim_pages_in_use();
        ck_assert_int_eq(acquire(7, i, 1, mfns), 0);
        ck_assert_uint_eq(shim_pages_in_use(), others + 1);
        frames[i] = map_frame(mfns[0]);
        ck_assert(is_frame_of(frames[i], 7, i, 1));
    }
    for (unsigned int v = 0; v < 100; v++)
        ck_assert_uint_eq(read_vcpu(frames, v).record.index, v);
    shim_kill_domain(d);
    unmap_table(frames, size);
    expect_all_freed();
}
END_TEST

START_TEST(test_host_frames_one_by_one)
{
    unsigned int size = (unsigned int)table_size(DOMID_XEN);
    /* The first and the last that there can be. */
    struct domain *d = shim_create_domain_with_vcpus(0x7fef, 1);
    struct domain *first = shim_create_domain_with_vcpus(0, 1);

    for (unsigned int i = size; i-- > 0;) {
        ck_assert_int_eq(acquire(DOMID_XEN, i, 1, mfns), 0);
        host[i] = map_frame(mfns[0]);
        ck_assert(is_frame_of(host[i], DOMID_XEN, i, 0));
        shim_kill_domain(shim_create_domain_with_vcpus((domid_t)(i * 4001 + 1), 1));
    }
    check_directory(host, size);
    ck_assert_uint_eq(read_host(host).domains_created, size + 2);
    ck_assert_uint_eq(read_host(host).domains_destroyed, size);
    for (unsigned int bit = 0; bit < DOMID_FIRST_RESERVED; bit++) {
        const struct xen_stats_bitmap *words =
            find_record(host, XEN_STATS_KIND_bitmap, bit / (64 * ARRAY_SIZE(words->word)));

        ck_assert_uint_eq(words->word[bit / 64 % ARRAY_SIZE(words->word)] >> bit % 64 & 1,
                          bit == 0x7fef || bit == 0);
    }
    shim_kill_domain(d);
    shim_kill_domain(first);
    unmap_table(host, size);
}
END_TEST

START_TEST(test_vcpus_that_come_later)
{
    struct domain *d = shim_create_domain(7, 30);
    unsigned int count = map_table(7, frames, FRAMES_MAX);

    for (unsigned int v = 0; v < 30; v++) {
        ck_assert_uint_eq(read_vcpu(frames, v).record.flags, 0);
        ck_assert_uint_eq(read_vcpu(frames, v).record.index, v);
    }
    for (unsigned int v = 0; v < 30; v++) {
        shim_pass_time(10);
        shim_create_vcpu(d, v);
        ck_assert_uint_eq(read_vcpu(frames, v).record.flags & XEN_STATS_RECORD_valid, 1);
        ck_assert_uint_eq(read_vcpu(frames, v).state_entry_time, (uint64_t)NOW());
        ck_assert_uint_eq(read_vcpu(frames, v).state, RUNSTATE_offline);
        if (v < 29)
            ck_assert_uint_eq(read_vcpu(frames, v + 1).record.flags, 0);
    }
    shim_kill_domain(d);
    unmap_table(frames, count);
    expect_all_freed();
}
END_TEST

START_TEST(test_handle)
{
    static const uint8_t handle[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    static const uint8_t another[16] = {99, 98};
    struct domain *d = shim_create_domain_with_vcpus(7, 1);
    struct xen_stats_domain record;
    unsigned int count;
    uint32_t seq;

    shim_set_handle(d, handle);
    count = map_table(7, frames, FRAMES_MAX);
    ck_assert(
        read_record(find_record(frames, XEN_STATS_KIND_domain, 0), &record, sizeof(record), 1));
    ck_assert_mem_eq(record.handle, handle, 16);
    seq = record.record.seq;
    shim_set_handle(d, another);
    ck_assert(
        read_record(find_record(frames, XEN_STATS_KIND_domain, 0), &record, sizeof(record), 1));
    ck_assert_mem_eq(record.handle, another, 16);
    ck_assert_uint_eq(record.record.seq, seq + 2);
    shim_kill_domain(d);
    unmap_table(frames, count);
    expect_all_freed();
}
END_TEST

START_TEST(test_8192_vcpus)
{
    struct domain *d = shim_create_domain_with_vcpus(7, 8192);
    unsigned int count = map_table(7, frames, FRAMES_MAX);

    ck_assert_uint_gt(count, 20 * BATCH);
    for (unsigned int v = 0; v < 8192; v++) {
        struct xen_stats_vcpu record = read_vcpu(frames, v);

        ck_assert_uint_eq(record.record.index, v);
        ck_assert_uint_eq(record.record.flags & XEN_STATS_RECORD_valid, 1);
        ck_assert_uint_eq(record.cpu, v % NR_CPUS);
    }
    shim_pass_time(1000);
    shim_runstate_change(d->vcpu[8191], RUNSTATE_blocked, NOW());
    ck_assert_uint_eq(read_vcpu(frames, 8191).state, RUNSTATE_blocked);
    ck_assert_uint_eq(read_vcpu(frames, 8190).state, RUNSTATE_offline);
    unmap_table(frames, count);
    shim_kill_domain(d);
    expect_all_freed();
}
END_TEST

/* The domid is taken over by another domain while a hypercall is preempted. */
static void replace_domain(unsigned int done)
{
    if (done != BATCH)
        return;
    struct domain *d = shim_find_domain(7);

    shim_kill_domain(d);
    shim_create_domain_with_vcpus(7, 1000);
}

START_TEST(test_continuation_meets_another_generation)
{
    unsigned int size;

    shim_create_domain_with_vcpus(7, 1000);
    size = (unsigned int)table_size(7);
    ck_assert_uint_gt(size, BATCH);
    between_batches = replace_domain;
    ck_assert_int_eq(acquire_all(7, mfns), 0);
    between_batches = NULL;

    /* Those of the first step were freed by the second, as nobody had mapped them by then, or
     * reused. */
    for (unsigned int i = 0; i < size; i++) {
        const void *frame = map_frame(mfns[i]);

        ck_assert(i < BATCH || is_frame_of(frame, 7, i, 2));
        ck_assert(!frame || !is_frame_of(frame, 7, i, 1));
        if (frame)
            unmap_frame(frame);
    }
    struct domain *d = shim_find_domain(7);

    shim_kill_domain(d);
    expect_all_freed();
}
END_TEST

static void kill_domain_between(unsigned int done)
{
    struct domain *d = shim_find_domain(7);

    shim_start_dying(d);
    shim_finish_dying(d);
}

START_TEST(test_continuation_meets_death)
{
    struct domain *d = shim_create_domain_with_vcpus(7, 1000);

    between_batches = kill_domain_between;
    ck_assert_int_eq(acquire_all(7, mfns), -ESRCH);
    between_batches = NULL;
    shim_destroy_domain(d);
    expect_all_freed();
}
END_TEST

/* The domain dies between the acquire and the mapping, for which there is no reference yet. */
START_TEST(test_acquired_and_not_yet_mapped)
{
    struct domain *d = shim_create_domain_with_vcpus(7, 2), *target, *other;
    const void *frame;

    ck_assert_int_eq(stats_lock_target(7, &target), 0);
    ck_assert_int_eq(stats_acquire(target, 7, 0, 1, mfns), 1);
    shim_start_dying(d);
    shim_finish_dying(d);
    /* Others sweep, and take what they find. */
    other = shim_create_domain_with_vcpus(8, 1);
    ck_assert_int_eq(acquire(8, 0, 1, mfns + 1), 0);
    ck_assert_int_ne(mfns[0], mfns[1]);
    frame = map_frame(mfns[0]);
    ck_assert_ptr_nonnull(frame);
    ck_assert_uint_eq(((const struct xen_stats_frame *)frame)->target, 7);
    rcu_unlock_domain(target);
    shim_destroy_domain(d);
    unmap_frame(frame);
    shim_kill_domain(other);
    expect_all_freed();
}
END_TEST

START_TEST(test_dying_and_dead)
{
    struct domain *d = shim_create_domain_with_vcpus(7, 2);
    const struct xen_stats_domain *record;
    unsigned int count;

    shim_start_dying(d);
    count = map_table(7, frames, FRAMES_MAX);
    record = find_record(frames, XEN_STATS_KIND_domain, 0);
    ck_assert_uint_eq(record->dying, XEN_STATS_DYING_dying);
    shim_finish_dying(d);
    ck_assert_int_eq(acquire(7, 0, 1, mfns), -ESRCH);
    ck_assert_uint_eq(record->dying, XEN_STATS_DYING_dead);
    for (unsigned int i = 0; i < count; i++)
        ck_assert_uint_eq(((const struct xen_stats_frame *)frames[i])->flags, XEN_STATS_FRAME_dead);

    /* Its vCPUs may still change state, which is seen by nobody. */
    shim_pass_time(100);
    struct xen_stats_vcpu last = read_vcpu(frames, 1);
    shim_runstate_change(d->vcpu[1], RUNSTATE_blocked, NOW());
    struct xen_stats_vcpu now = read_vcpu(frames, 1);
    ck_assert_mem_eq(&last, &now, sizeof(now));

    shim_destroy_domain(d);
    unmap_table(frames, count);
    expect_all_freed();

    d = shim_create_domain_with_vcpus(7, 1);
    count = map_table(7, frames, FRAMES_MAX);
    record = find_record(frames, XEN_STATS_KIND_domain, 0);
    ck_assert_uint_eq(record->dying, XEN_STATS_DYING_alive);
    ck_assert_uint_eq(((const struct xen_stats_frame *)frames[0])->flags, 0);
    shim_start_dying(d);
    ck_assert_uint_eq(record->dying, XEN_STATS_DYING_dying);
    shim_finish_dying(d);
    shim_destroy_domain(d);
    unmap_table(frames, count);
    expect_all_freed();
}
END_TEST

START_TEST(test_limit)
{
    struct domain *d[8];
    unsigned int count = 0, host_pages = (unsigned int)table_size(DOMID_XEN), full;
    const unsigned int limit = host_pages + 3;
    char value[32];
    const void *held;

    snprintf(value, sizeof(value), "max=%u", limit);
    ck_assert_int_eq(shim_param("stats-tables", value), 0);
    ck_assert_uint_eq(map_table(DOMID_XEN, host, FRAMES_MAX), host_pages);
    ck_assert_uint_eq(read_host(host).max_domain_pages, limit);
    ck_assert_uint_eq(read_host(host).pages, host_pages);
    for (unsigned int i = 0; i < ARRAY_SIZE(d); i++)
        d[i] = shim_create_domain_with_vcpus((domid_t)i, 1);
    while (count < ARRAY_SIZE(d) && acquire(count, 0, 1, mfns + count) == 0)
        count++;
    ck_assert_uint_eq(count, 3);
    ck_assert_uint_eq(read_host(host).pages, limit);
    full = shim_pages_in_use();
    ck_assert_uint_eq(full, limit);
    ck_assert_int_eq(acquire(count, 0, 1, mfns), -ENOSPC);
    /* What is there already can still be had, and a dead domain's frames count until nobody has
     * them. */
    ck_assert_int_eq(acquire(0, 0, 1, mfns), 0);
    held = map_frame(mfns[0]);
    shim_kill_domain(d[0]);
    ck_assert_uint_eq(read_host(host).pages_retired, 1);
    ck_assert_int_eq(acquire(count, 0, 1, mfns), -ENOSPC);
    unmap_frame(held);
    ck_assert_int_eq(acquire(count, 0, 1, mfns), 0);
    ck_assert_uint_eq(read_host(host).pages_retired, 0);
    ck_assert_uint_eq(shim_pages_in_use(), full);
    for (unsigned int i = 1; i < ARRAY_SIZE(d); i++)
        shim_kill_domain(d[i]);
    unmap_table(host, host_pages);
    expect_all_freed();
}
END_TEST

/* Some things still happen to a domain whose table has been freed already. */
START_TEST(test_life_after_death)
{
    static const uint8_t handle[16] = {1};
    struct domain *d = shim_create_domain(7, 2);
    xen_pfn_t others;

    shim_create_vcpu(d, 0);
    ck_assert_int_eq(acquire(7, 0, 1, mfns), 0);
    shim_start_dying(d);
    shim_finish_dying(d);
    shim_wait_for_readers(d);
    ck_assert_uint_eq(shim_pages_in_use(), 0);
    shim_set_handle(d, handle);
    shim_runstate_change(d->vcpu[0], RUNSTATE_running, NOW() + 5);
    shim_create_vcpu(d, 1);
    shim_start_dying(d);

    /* Nor is any of it found in what comes to be in its place. */
    shim_create_domain_with_vcpus(8, 1);
    ck_assert_int_eq(acquire(8, 0, 1, &others), 0);
    ck_assert_uint_eq(others, mfns[0]);
    shim_set_handle(d, handle);
    frames[0] = map_frame(others);
    for (unsigned int i = 0; i < 16; i++)
        ck_assert_uint_eq(((const struct xen_stats_domain *)find_record(frames, 1, 0))->handle[i],
                          0);
    unmap_frame(frames[0]);
    d->is_dying = DOMDYING_dead;
    shim_destroy_domain(d);
    shim_kill_domain(shim_find_domain(8));
    expect_all_freed();
}
END_TEST

/* A sweep has its limits, and the next one goes on where it was. */
START_TEST(test_sweeping_much)
{
    static const void *held[3][FRAMES_MAX];
    unsigned int size = 0, left;
    const void *small;

    for (unsigned int i = 0; i < 3; i++) {
        struct domain *d = shim_create_domain_with_vcpus((domid_t)(10 + i), 8192);

        size = map_table(10 + i, held[i], FRAMES_MAX);
        shim_kill_domain(d);
    }
    ck_assert_uint_gt(2 * size, 1024);
    struct domain *d = shim_create_domain_with_vcpus(20, 1);
    ck_assert_int_eq(acquire_all(20, mfns), 0);
    small = map_frame(mfns[0]);
    shim_kill_domain(d);
    ck_assert_int_eq(acquire_all(DOMID_XEN, mfns), 0);
    left = shim_pages_in_use();
    unmap_frame(small);

    /* Those that stay mapped, thousands of them, do not keep the last one from being found. */
    for (unsigned int i = 0; i < 3; i++)
        ck_assert_int_eq(acquire(DOMID_XEN, 0, 1, mfns), 0);
    ck_assert_uint_eq(shim_pages_in_use(), left - 1);

    for (unsigned int i = 0; i < 3; i++)
        unmap_table(held[i], size);
    ck_assert_int_eq(acquire(DOMID_XEN, 0, 1, mfns), 0);
    ck_assert_uint_ge(shim_pages_in_use(), left - 1 - 2 * size);
    ck_assert_uint_le(shim_pages_in_use(), left - 1 - size);
    ck_assert_int_eq(acquire(DOMID_XEN, 0, 1, mfns), 0);
    ck_assert_int_eq(acquire(DOMID_XEN, 0, 1, mfns), 0);
    expect_all_freed();
}
END_TEST

/* The host's table can always be had, so that what takes up the memory can be seen. */
START_TEST(test_limit_does_not_concern_the_host)
{
    struct domain *d = shim_create_domain_with_vcpus(1, 1);

    ck_assert_int_eq(shim_param("stats-tables", "max=1"), 0);
    ck_assert_int_eq(acquire(1, 0, 1, mfns), 0);
    ck_assert_int_eq(acquire_all(DOMID_XEN, mfns), 0);
    shim_kill_domain(d);
    expect_all_freed();
}
END_TEST

START_TEST(test_default_limit)
{
    total_pages = 1000;
    ck_assert_uint_eq(map_table(DOMID_XEN, host, FRAMES_MAX), (unsigned int)table_size(DOMID_XEN));
    ck_assert_uint_eq(read_host(host).max_domain_pages, 1024);
    unmap_table(host, (unsigned int)table_size(DOMID_XEN));
}
END_TEST

/* Allocation _i fails, and nothing else; then all is well, on top of what there is already. */
static bool fail_once(unsigned int id, unsigned int nth)
{
    bool failed;
    int rc;

    shim_fail_allocation(nth);
    rc = acquire_all(id, mfns);
    failed = shim_allocation_failed();
    ck_assert_int_eq(rc, failed ? -ENOMEM : 0);
    shim_fail_allocation(0);
    return failed;
}

START_TEST(test_out_of_memory_domain)
{
    struct domain *d = shim_create_domain_with_vcpus(7, 40);
    unsigned int count;

    /* More allocations than it takes: the last ones must find that nothing failed. */
    ck_assert_int_eq(fail_once(7, (unsigned int)_i), _i <= 1 + table_size(7));
    count = map_table(7, frames, FRAMES_MAX);
    check_directory(frames, count);
    for (unsigned int v = 0; v < 40; v++) {
        ck_assert_uint_eq(read_vcpu(frames, v).record.flags & XEN_STATS_RECORD_valid, 1);
        ck_assert_uint_eq(read_vcpu(frames, v).record.index, v);
    }
    unmap_table(frames, count);
    shim_kill_domain(d);
    expect_all_freed();
}
END_TEST

/* Out of memory at once, and the domain dies without another attempt. */
START_TEST(test_out_of_memory_and_death)
{
    struct domain *d = shim_create_domain_with_vcpus(7, 40);

    fail_once(7, (unsigned int)_i);
    shim_kill_domain(d);
    expect_all_freed();
}
END_TEST

START_TEST(test_out_of_memory_host)
{
    struct domain *d = shim_create_domain_with_vcpus(3, 1);
    unsigned int count;

    fail_once(DOMID_XEN, (unsigned int)_i);
    shim_pass_time(SECONDS(3));
    count = map_table(DOMID_XEN, host, FRAMES_MAX);
    check_directory(host, count);
    ck_assert_uint_eq(read_host(host).domains_created, 1);
    ck_assert_uint_eq(read_host(host).pages, shim_pages_in_use());
    shim_kill_domain(d);
    ck_assert_uint_eq(read_host(host).domains_destroyed, 1);
    unmap_table(host, count);
    expect_all_freed();
}
END_TEST

START_TEST(test_out_of_memory_descriptors)
{
    unsigned int count;

    fail_once(XEN_STATS_ID_descriptors, (unsigned int)_i);
    count = map_table(XEN_STATS_ID_descriptors, frames, FRAMES_MAX);
    check_directory(frames, count);
    unmap_table(frames, count);
    expect_all_freed();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tables");
    TCase *tests = tcase_create("tables");

    shim_boot();
    tcase_set_timeout(tests, 100);
    tcase_add_test(tests, test_bad_ids);
    tcase_add_test(tests, test_frames_out_of_range);
    tcase_add_test(tests, test_switched_off);
    tcase_add_test(tests, test_parameter);
    tcase_add_test(tests, test_host_table);
    tcase_add_test(tests, test_domain_table);
    tcase_add_test(tests, test_frames_one_by_one);
    tcase_add_test(tests, test_host_frames_one_by_one);
    tcase_add_test(tests, test_vcpus_that_come_later);
    tcase_add_test(tests, test_handle);
    tcase_add_test(tests, test_8192_vcpus);
    tcase_add_test(tests, test_continuation_meets_another_generation);
    tcase_add_test(tests, test_continuation_meets_death);
    tcase_add_test(tests, test_acquired_and_not_yet_mapped);
    tcase_add_test(tests, test_dying_and_dead);
    tcase_add_test(tests, test_life_after_death);
    tcase_add_test(tests, test_sweeping_much);
    tcase_add_test(tests, test_limit);
    tcase_add_test(tests, test_limit_does_not_concern_the_host);
    tcase_add_test(tests, test_default_limit);
    tcase_add_loop_test(tests, test_out_of_memory_domain, 1, 9);
    tcase_add_loop_test(tests, test_out_of_memory_and_death, 1, 9);
    tcase_add_loop_test(tests, test_out_of_memory_host, 1, 40);
    tcase_add_loop_test(tests, test_out_of_memory_descriptors, 1, 15);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
