/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's own reader of statistics tables. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xenforeignmemory.h>

#include "tables.h"

static xenforeignmemory_handle *xen_memory(void)
{
    static xenforeignmemory_handle *handle;

    if (!handle)
        handle = xenforeignmemory_open(NULL, 0);
    return handle;
}

uint32_t table_target(const char *name)
{
    if (!strcmp(name, "host"))
        return STATS_DOMID_XEN;
    if (!strcmp(name, "descriptors"))
        return STATS_ID_DESCRIPTORS;
    return (uint32_t)strtoul(name, NULL, 0);
}

int table_map(uint32_t target, struct table *ret_table)
{
    xenforeignmemory_handle *xen = xen_memory();
    xenforeignmemory_resource_handle *resource;
    void *address = NULL;
    size_t size = 0;

    if (!xen ||
        xenforeignmemory_resource_size(xen, STATS_DOMID_XEN, STATS_RESOURCE_TYPE, target, &size))
        return -errno;
    if (size == 0 || size > (1U << 28))
        return -ERANGE;
    resource = xenforeignmemory_map_resource(xen, STATS_DOMID_XEN, STATS_RESOURCE_TYPE, target, 0,
                                             size / STATS_FRAME_SIZE, &address, PROT_READ, 0);
    if (!resource)
        return -errno;
    *ret_table = (struct table){target, address, (uint32_t)(size / STATS_FRAME_SIZE), resource};
    return 0;
}

void table_unmap(struct table *table)
{
    xenforeignmemory_unmap_resource(xen_memory(), table->resource);
    *table = (struct table){0};
}

const struct stats_kind *table_entry(const struct table *table, uint32_t entry)
{
    const struct stats_frame *head = (const void *)table->frames;

    return (const void *)(table->frames + STATS_DIRECTORY_OFFSET + (size_t)entry * head->kind_size);
}

const struct stats_kind *table_kind(const struct table *table, uint32_t kind)
{
    const struct stats_frame *head = (const void *)table->frames;

    for (uint32_t i = 0; i < head->nr_kinds; i++) {
        if (table_entry(table, i)->kind == kind)
            return table_entry(table, i);
    }
    return NULL;
}

const unsigned char *table_record(const struct table *table, const struct stats_kind *kind,
                                  uint32_t index)
{
    return table->frames +
           (size_t)(kind->first_frame + index / kind->per_frame) * STATS_FRAME_SIZE + kind->offset +
           (size_t)(index % kind->per_frame) * kind->stride;
}

/* Word by word: a memcpy() may read a byte twice, or in any order that pleases it. */
static void copy_words(const unsigned char *from, void *to, size_t size)
{
    const volatile uint64_t *words = (const void *)from;

    for (size_t i = 0; i < size / sizeof(uint64_t); i++)
        ((uint64_t *)to)[i] = words[i];
}

void record_copy(const unsigned char *record, void *copy, size_t size, uint64_t *retries)
{
    const volatile uint32_t *seq = (const void *)record;

    for (;;) {
        const uint32_t before = *seq;

        atomic_thread_fence(memory_order_acquire);
        copy_words(record, copy, size);
        atomic_thread_fence(memory_order_acquire);
        if (!(before & 1) && *seq == before)
            return;
        ++*retries;
    }
}
