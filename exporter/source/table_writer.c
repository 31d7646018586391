/* SPDX-License-Identifier: Apache-2.0 */
/* Lays out and writes statistics tables; see table_writer.h, stats_abi.h. */
#include "source/table_writer.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* Where the hypervisor puts things; a reader learns it from the directory alone. */
static const struct stats_kind domain_layout = {
    .kind = STATS_KIND_DOMAIN,
    .offset = 512,
    .size = sizeof(struct stats_domain),
    .stride = 512,
    .per_frame = 1,
    .count = 1,
};

static const struct stats_kind vcpu_layout = {
    .kind = STATS_KIND_VCPU,
    .offset = 1024,
    .size = sizeof(struct stats_vcpu),
    .stride = 256,
    .per_frame = 12,
};

static const struct stats_kind host_layout = {
    .kind = STATS_KIND_HOST,
    .offset = 512,
    .size = sizeof(struct stats_host),
    .stride = 512,
    .per_frame = 1,
    .count = 1,
};

static const struct stats_kind clock_layout = {
    .kind = STATS_KIND_CLOCK,
    .offset = 1024,
    .size = sizeof(struct stats_clock),
    .stride = 256,
    .per_frame = 1,
    .count = 1,
};

static const struct stats_kind bitmap_layout = {
    .kind = STATS_KIND_BITMAP,
    .first_frame = 1,
    .offset = 512,
    .size = sizeof(struct stats_bitmap),
    .stride = 512,
    .per_frame = 7,
    .count = 8,
};

static const struct stats_kind pcpu_layout = {
    .kind = STATS_KIND_PCPU,
    .first_frame = 3,
    .offset = 256,
    .size = sizeof(struct stats_pcpu),
    .stride = 256,
    .per_frame = 15,
};

/* These follow the pCPUs, wherever those end. */
static const struct stats_kind node_layout = {
    .kind = STATS_KIND_NODE,
    .offset = 128,
    .size = sizeof(struct stats_node),
    .stride = 128,
    .per_frame = 31,
};

static const struct stats_kind counter_layout = {
    .kind = STATS_KIND_PERFC,
    .offset = 128,
    .size = sizeof(struct stats_perfc),
    .stride = 128,
    .per_frame = 31,
};

static const struct stats_kind descriptor_layout = {
    .kind = STATS_KIND_DESCRIPTOR,
    .offset = 512,
    .size = sizeof(struct stats_descriptor),
    .stride = 256,
    .per_frame = 14,
};

static uint32_t frames_for(const struct stats_kind *kind)
{
    return kind->first_frame + (kind->count + kind->per_frame - 1) / kind->per_frame;
}

static void *record_at(const struct table_writer *writer, const struct stats_kind *kind,
                       uint32_t index)
{
    size_t frame = kind->first_frame + index / kind->per_frame;

    return writer->base + frame * STATS_FRAME_SIZE + kind->offset +
           (size_t)(index % kind->per_frame) * kind->stride;
}

static int init(struct table_writer *writer, uint32_t target, uint64_t generation,
                const struct stats_kind *kinds, uint32_t nr_kinds)
{
    uint32_t frames = 1;
    void *base;

    for (uint32_t i = 0; i < nr_kinds; i++)
        if (frames_for(&kinds[i]) > frames)
            frames = frames_for(&kinds[i]);

    base = mmap(NULL, (size_t)frames * STATS_FRAME_SIZE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return -ENOMEM;
    *writer = (struct table_writer){.base = base, .frames = frames};

    for (uint32_t i = 0; i < frames; i++) {
        struct stats_frame *frame = (struct stats_frame *)(writer->base + i * STATS_FRAME_SIZE);

        *frame = (struct stats_frame){
            .magic = STATS_MAGIC,
            .version = STATS_VERSION,
            .target = target,
            .frame = i,
            .nr_frames = frames,
            .generation = generation,
            .nr_kinds = i == 0 ? nr_kinds : 0,
            .kind_size = sizeof(struct stats_kind),
        };
    }
    memcpy(writer->base + STATS_DIRECTORY_OFFSET, kinds, nr_kinds * sizeof(*kinds));
    return 0;
}

int table_writer_init_domain(struct table_writer *writer, uint32_t domid, uint64_t generation,
                             uint32_t vcpus)
{
    struct stats_kind kinds[] = {domain_layout, vcpu_layout};

    kinds[1].count = vcpus;
    return init(writer, domid, generation, kinds, 2);
}

int table_writer_init_host(struct table_writer *writer, uint32_t pcpus, uint32_t nodes,
                           uint32_t counters)
{
    struct stats_kind kinds[] = {host_layout, clock_layout, bitmap_layout,
                                 pcpu_layout, node_layout,  counter_layout};

    kinds[3].count = pcpus;
    kinds[4].first_frame = frames_for(&kinds[3]);
    kinds[4].count = nodes;
    kinds[5].first_frame = frames_for(&kinds[4]);
    kinds[5].count = counters;
    return init(writer, STATS_DOMID_XEN, 0, kinds, counters ? 6 : 5);
}

int table_writer_init_descriptors(struct table_writer *writer, uint32_t count)
{
    struct stats_kind kind = descriptor_layout;

    kind.count = count;
    return init(writer, STATS_ID_DESCRIPTORS, 0, &kind, 1);
}

void table_writer_deinit(struct table_writer *writer)
{
    if (writer->base)
        munmap(writer->base, (size_t)writer->frames * STATS_FRAME_SIZE);
    *writer = (struct table_writer){0};
}

void table_writer_mark_dead(struct table_writer *writer)
{
    for (uint32_t i = 0; i < writer->frames; i++) {
        struct stats_frame *frame =
            (struct stats_frame *)(writer->base + (size_t)i * STATS_FRAME_SIZE);

        TABLE_SET(frame->flags, STATS_FRAME_DEAD);
    }
}

struct stats_domain *table_writer_domain(const struct table_writer *writer)
{
    return record_at(writer, &domain_layout, 0);
}

struct stats_vcpu *table_writer_vcpu(const struct table_writer *writer, uint32_t vcpu)
{
    return record_at(writer, &vcpu_layout, vcpu);
}

struct stats_host *table_writer_host(const struct table_writer *writer)
{
    return record_at(writer, &host_layout, 0);
}

struct stats_clock *table_writer_clock(const struct table_writer *writer)
{
    return record_at(writer, &clock_layout, 0);
}

/* Kinds whose place depends on the counts of others are looked up in the directory. */
static void *find(const struct table_writer *writer, uint32_t kind, uint32_t index)
{
    const struct stats_kind *entry =
        (const struct stats_kind *)(writer->base + STATS_DIRECTORY_OFFSET);

    while (entry->kind != kind)
        entry++;
    return record_at(writer, entry, index);
}

struct stats_pcpu *table_writer_pcpu(const struct table_writer *writer, uint32_t pcpu)
{
    return find(writer, STATS_KIND_PCPU, pcpu);
}

struct stats_node *table_writer_node(const struct table_writer *writer, uint32_t node)
{
    return find(writer, STATS_KIND_NODE, node);
}

struct stats_perfc *table_writer_counter(const struct table_writer *writer, uint32_t counter)
{
    return find(writer, STATS_KIND_PERFC, counter);
}

struct stats_descriptor *table_writer_descriptor(const struct table_writer *writer, uint32_t index)
{
    return find(writer, STATS_KIND_DESCRIPTOR, index);
}

void table_writer_set_exists(const struct table_writer *writer, uint32_t domid, bool exists)
{
    struct stats_bitmap *bitmap = record_at(writer, &bitmap_layout, domid / 4096);
    uint64_t *word = &bitmap->word[domid % 4096 / 64];
    uint64_t bit = 1ULL << (domid % 64);

    TABLE_SET(*word, exists ? *word | bit : *word & ~bit);
}

void table_write_begin(struct stats_record *record)
{
    TABLE_SET(record->seq, record->seq + 1);
    /* A reader that sees a new field must see that seq is odd. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

void table_write_end(struct stats_record *record)
{
    /* A reader that sees the even seq must see every new field. */
    __atomic_store_n(&record->seq, record->seq + 1, __ATOMIC_RELEASE);
}
