/* SPDX-License-Identifier: Apache-2.0 */
/* See client.h. */
#include <sched.h>

#include "client.h"

/* Readers race with Xen by design, so ThreadSanitizer does not look at them, only at who writes. */
#define READS_SHARED __attribute__((no_sanitize("thread"), __noinline__))

void (*between_batches)(unsigned int done);

int table_size(unsigned int id)
{
    struct domain *d;
    int rc = stats_lock_target(id, &d);

    if (rc)
        return rc;
    rc = stats_max_frames(d, id);
    rcu_unlock_domain(d);
    return rc;
}

static int acquire_batch(unsigned int id, unsigned int frame, unsigned int count,
                         xen_pfn_t *ret_mfns)
{
    struct domain *d;
    int rc = stats_lock_target(id, &d);

    if (rc)
        return rc;
    if (!stats_max_frames(d, id))
        rc = -EINVAL;
    else
        rc = stats_acquire(d, id, frame, count, ret_mfns);
    rcu_unlock_domain(d);
    assert(rc < 0 || (rc > 0 && (unsigned int)rc <= count));
    return rc;
}

int acquire(unsigned int id, unsigned int frame, unsigned int count, xen_pfn_t *ret_mfns)
{
    unsigned int done = 0;

    while (done < count) {
        int rc = acquire_batch(id, frame + done, MIN(count - done, BATCH), ret_mfns + done);

        if (rc < 0)
            return rc;
        done += (unsigned int)rc;
        if (between_batches && done < count)
            between_batches(done);
    }
    return 0;
}

int acquire_all(unsigned int id, xen_pfn_t *ret_mfns)
{
    int size = table_size(id);

    return size < 0 ? size : acquire(id, 0, (unsigned int)size, ret_mfns);
}

const void *map_frame(xen_pfn_t mfn)
{
    struct page_info *page = mfn_to_page(_mfn(mfn));

    return get_page(page, dom_xen) ? page_to_virt(page) : NULL;
}

void unmap_frame(const void *frame)
{
    put_page(virt_to_page(frame));
}

unsigned int map_table(unsigned int id, const void **ret_frames, unsigned int max)
{
    static __thread xen_pfn_t mfns[1024];
    int size = table_size(id);

    assert(size > 0 && (unsigned int)size <= max && (unsigned int)size <= ARRAY_SIZE(mfns));
    assert(acquire_all(id, mfns) == 0);
    for (int i = 0; i < size; i++) {
        ret_frames[i] = map_frame(mfns[i]);
        assert(ret_frames[i]);
    }
    return (unsigned int)size;
}

void unmap_table(const void **frames, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        unmap_frame(frames[i]);
}

READS_SHARED uint32_t load32(const uint32_t *field)
{
    return *(const volatile uint32_t *)field;
}

READS_SHARED uint64_t load64(const uint64_t *field)
{
    return *(const volatile uint64_t *)field;
}

const struct xen_stats_kind *find_kind(const void *frame0, uint32_t kind)
{
    const struct xen_stats_frame *header = frame0;

    for (unsigned int i = 0; i < header->nr_kinds; i++) {
        const struct xen_stats_kind *entry =
            frame0 + XEN_STATS_DIRECTORY_OFFSET + i * header->kind_size;

        if (entry->kind == kind)
            return entry;
    }
    return NULL;
}

const void *find_record(const void **frames, uint32_t kind, unsigned int index)
{
    const struct xen_stats_kind *entry = find_kind(frames[0], kind);

    assert(entry && index < entry->count);
    return frames[entry->first_frame + index / entry->per_frame] + entry->offset +
           index % entry->per_frame * entry->stride;
}

READS_SHARED bool read_record(const void *record, void *ret_copy, size_t size, unsigned int tries)
{
    const struct xen_stats_record *head = record;
    const volatile uint64_t *from = record;
    uint64_t *to = ret_copy;

    while (tries--) {
        uint32_t seq = load32(&head->seq);

        /* Unlike in Xen, who writes may have to wait for a CPU meanwhile. */
        if (seq & 1) {
            sched_yield();
            continue;
        }
        smp_rmb();
        for (size_t i = 0; i < size / sizeof(*to); i++)
            to[i] = from[i];
        smp_rmb();
        if (load32(&head->seq) == seq)
            return true;
    }
    return false;
}

struct xen_stats_vcpu read_vcpu(const void **frames, unsigned int index)
{
    struct xen_stats_vcpu copy;

    assert(
        read_record(find_record(frames, XEN_STATS_KIND_vcpu, index), &copy, sizeof(copy), 1000000));
    return copy;
}

struct xen_stats_host read_host(const void **frames)
{
    struct xen_stats_host copy;

    assert(read_record(find_record(frames, XEN_STATS_KIND_host, 0), &copy, sizeof(copy), 1000000));
    return copy;
}

READS_SHARED bool is_frame_of(const void *frame, unsigned int id, unsigned int index,
                              uint64_t generation)
{
    const volatile struct xen_stats_frame *header = frame;

    return header->magic == XEN_STATS_MAGIC && header->version == XEN_STATS_VERSION &&
           header->target == id && header->frame == index && header->generation == generation &&
           header->kind_size == sizeof(struct xen_stats_kind) &&
           (index ? header->nr_kinds == 0 : header->nr_kinds > 0) &&
           !(header->flags & ~XEN_STATS_FRAME_dead);
}

struct thread {
    pthread_t id;
    unsigned int number;
    void (*function)(unsigned int number);
    pthread_barrier_t *start;
};

static void *thread_main(void *argument)
{
    struct thread *thread = argument;

    shim_set_processor_id(thread->number % NR_CPUS);
    pthread_barrier_wait(thread->start);
    thread->function(thread->number);
    return NULL;
}

void run_threads(unsigned int count, void (*function)(unsigned int number))
{
    struct thread threads[16];
    pthread_barrier_t start;

    assert(count <= ARRAY_SIZE(threads));
    pthread_barrier_init(&start, NULL, count);
    for (unsigned int i = 0; i < count; i++) {
        threads[i] = (struct thread){.number = i, .function = function, .start = &start};
        assert(pthread_create(&threads[i].id, NULL, thread_main, &threads[i]) == 0);
    }
    for (unsigned int i = 0; i < count; i++)
        assert(pthread_join(threads[i].id, NULL) == 0);
    pthread_barrier_destroy(&start);
}
