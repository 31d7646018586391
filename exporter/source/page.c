/* SPDX-License-Identifier: Apache-2.0 */
/* Checks and reads one mapped statistics table; see page.h and stats_abi.h. */
#include "source/page.h"

#include <errno.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#define cpu_relax() __builtin_ia32_pause()
#else
#define cpu_relax() __asm__ volatile("" ::: "memory")
#endif

static uint32_t load32(const void *at)
{
    return __atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED);
}

static uint64_t load64(const void *at)
{
    return __atomic_load_n((const uint64_t *)at, __ATOMIC_RELAXED);
}

/* A private copy of live memory; the length is a multiple of 8. */
static void copy_words(void *to, const void *from, size_t size)
{
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = load64((const uint8_t *)from + i);

        memcpy((uint8_t *)to + i, &word, 8);
    }
}

static const char *check_kind(const struct stats_kind *kind, uint32_t frames)
{
    uint64_t end;

    if (kind->stride < 8 || kind->stride > STATS_FRAME_SIZE || STATS_FRAME_SIZE % kind->stride)
        return "a stride that does not divide the frame";
    if (kind->size < 8 || kind->size > kind->stride || kind->size % 8)
        return "a record size that is not a multiple of 8 within its stride";
    if (kind->offset < sizeof(struct stats_frame) || kind->offset % 8)
        return "records over the frame header";
    if (kind->per_frame < 1 || kind->per_frame > STATS_FRAME_SIZE / kind->stride)
        return "more records to a frame than fit";
    end = (uint64_t)kind->offset + (uint64_t)kind->per_frame * kind->stride;
    if (end > STATS_FRAME_SIZE)
        return "records beyond the end of a frame";
    end = (uint64_t)kind->first_frame +
          ((uint64_t)kind->count + kind->per_frame - 1) / kind->per_frame;
    if (end > frames)
        return "records beyond the end of the table";
    return NULL;
}

/* The directory lies in the first frame, one entry after the other. */
static const char *read_directory(struct page_table *table, const struct stats_frame *first)
{
    uint64_t end = STATS_DIRECTORY_OFFSET + (uint64_t)first->nr_kinds * first->kind_size;

    if (first->nr_kinds > STATS_DIRECTORY_MAX)
        return "more kinds of record than the directory holds";
    if (first->kind_size < sizeof(struct stats_kind) || first->kind_size % 8 ||
        end > STATS_FRAME_SIZE)
        return "a directory beyond its frame";

    for (uint32_t i = 0; i < first->nr_kinds; i++) {
        const char *wrong;

        copy_words(&table->kind[i],
                   table->base + STATS_DIRECTORY_OFFSET + (size_t)i * first->kind_size,
                   sizeof(table->kind[i]));
        wrong = check_kind(&table->kind[i], table->frames);
        if (wrong)
            return wrong;
    }
    table->kinds = first->nr_kinds;
    return NULL;
}

int page_table_init(struct page_table *ret_table, const void *base, uint32_t frames,
                    uint32_t target, const char **ret_reason)
{
    struct page_table table = {.base = base, .frames = frames, .target = target};
    struct stats_frame first = {0};
    const char *wrong;

    if (ret_reason)
        *ret_reason = NULL;
    if (frames < 1 || frames > PAGE_FRAMES_MAX)
        return -EPROTO;

    for (uint32_t i = 0; i < frames; i++) {
        struct stats_frame frame;

        copy_words(&frame, table.base + (size_t)i * STATS_FRAME_SIZE, sizeof(frame));
        if (frame.magic != STATS_MAGIC || frame.version != STATS_VERSION)
            return -EPROTO;
        if (i == 0)
            first = frame;
        /* Between the acquire and the mapping a frame can be freed and used for another table. */
        if ((frame.flags & STATS_FRAME_DEAD) || frame.target != target || frame.frame != i ||
            frame.generation != first.generation)
            return PAGE_DEAD;
        if (frame.nr_frames != frames) {
            wrong = "a table of another length than was mapped";
            goto contradiction;
        }
    }

    table.generation = first.generation;
    wrong = read_directory(&table, &first);
    if (wrong)
        goto contradiction;

    *ret_table = table;
    return 0;

contradiction:
    if (ret_reason)
        *ret_reason = wrong;
    return -EBADMSG;
}

const struct stats_kind *page_kind(const struct page_table *table, uint32_t kind)
{
    for (uint32_t i = 0; i < table->kinds; i++)
        if (table->kind[i].kind == kind)
            return &table->kind[i];
    return NULL;
}

bool page_is_dead(const struct page_table *table)
{
    const struct stats_frame *frame = (const struct stats_frame *)table->base;

    return (load32(&frame->flags) & STATS_FRAME_DEAD) ||
           load64(&frame->generation) != table->generation;
}

static const uint8_t *record_at(const struct page_table *table, const struct stats_kind *kind,
                                uint32_t index)
{
    size_t frame = (size_t)kind->first_frame + index / kind->per_frame;

    return table->base + frame * STATS_FRAME_SIZE + kind->offset +
           (size_t)(index % kind->per_frame) * kind->stride;
}

int page_read(const struct page_table *table, const struct stats_kind *kind, uint32_t index,
              void *ret_record, size_t size, struct page_counters *counters)
{
    const uint8_t *live = record_at(table, kind, index);
    size_t have = size < kind->size ? size : kind->size;
    const struct stats_record *record = ret_record;

    for (unsigned int attempt = 0; attempt < PAGE_RETRIES_MAX; attempt++) {
        uint32_t seq = load32(live);

        if (!(seq & 1)) {
            /* Pairs with the writer's barrier between the fields and its second step of seq. */
            __atomic_thread_fence(__ATOMIC_ACQUIRE);
            copy_words(ret_record, live, have);
            /* Pairs with the writer's barrier between its first step of seq and the fields. */
            __atomic_thread_fence(__ATOMIC_ACQUIRE);
            if (load32(live) == seq) {
                memset((uint8_t *)ret_record + have, 0xff, size - have);
                return record->flags & STATS_RECORD_VALID ? 0 : PAGE_ABSENT;
            }
        }
        counters->retries++;
        cpu_relax();
    }
    counters->torn++;
    return PAGE_TORN;
}

void page_read_bitmap(const struct page_table *table, const struct stats_kind *kind, uint32_t index,
                      struct stats_bitmap *ret_bitmap)
{
    size_t have = kind->size < sizeof(*ret_bitmap) ? kind->size : sizeof(*ret_bitmap);

    memset(ret_bitmap, 0, sizeof(*ret_bitmap));
    copy_words(ret_bitmap, record_at(table, kind, index), have);
}

uint64_t page_read_field(const struct page_table *table, const struct stats_kind *kind,
                         uint32_t index, size_t offset)
{
    if (offset + 8 > kind->size)
        return STATS_NOT_AVAILABLE;
    return load64(record_at(table, kind, index) + offset);
}

uint64_t page_read_field32(const struct page_table *table, const struct stats_kind *kind,
                           uint32_t index, size_t offset)
{
    if (offset + 4 > kind->size)
        return STATS_NOT_AVAILABLE;
    return load32(record_at(table, kind, index) + offset);
}
