/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the host's table; see host_table.h. */
#include "source/host_table.h"

#include <errno.h>
#include <string.h>

#include "source/page_rows.h"

/* Creations and destructions take much longer than a reading of the bitmap. */
#define LIST_ATTEMPTS 100

static uint64_t host_field(const struct host_table *host, size_t offset)
{
    return page_read_field(&host->table, host->host, 0, offset);
}

bool host_table_changed(const struct host_table *host, const struct host_domains *listed)
{
    return !listed->stood_still ||
           host_field(host, offsetof(struct stats_host, domains_created)) != listed->created ||
           host_field(host, offsetof(struct stats_host, domains_destroyed)) != listed->destroyed;
}

int host_table_read_clock(const struct host_table *host, struct stats_clock *ret_clock,
                          struct page_counters *counters)
{
    return page_read(&host->table, host->clock, 0, ret_clock, sizeof(*ret_clock), counters);
}

static void read_bitmap(const struct host_table *host, struct domain_set *ret_domains)
{
    const struct stats_kind *kind = host->bitmap;

    *ret_domains = (struct domain_set){0};
    for (uint32_t i = 0; i < kind->count && i < DOMAIN_SET_WORDS / STATS_BITMAP_WORDS; i++) {
        struct stats_bitmap bitmap;

        page_read_bitmap(&host->table, kind, i, &bitmap);
        memcpy(&ret_domains->word[(size_t)i * STATS_BITMAP_WORDS], &bitmap, sizeof(bitmap));
    }
}

/* The host record's `seq` covers the counts and the bitmap together. */
void host_table_list(const struct host_table *host, struct domain_set *ret_domains,
                     struct host_domains *ret_listed, struct page_counters *counters)
{
    struct stats_host before = {0}, after;
    bool stood_still = false;

    for (unsigned int attempt = 0; attempt < LIST_ATTEMPTS && !stood_still; attempt++) {
        if (page_read(&host->table, host->host, 0, &before, sizeof(before), counters) != 0)
            continue;
        read_bitmap(host, ret_domains);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        stood_still =
            page_read(&host->table, host->host, 0, &after, sizeof(after), counters) == 0 &&
            before.record.seq == after.record.seq;
    }
    /* What never stood still is used all the same: it counts as changed at once. */
    *ret_listed = (struct host_domains){
        .created = before.domains_created,
        .destroyed = before.domains_destroyed,
        .stood_still = stood_still,
    };
}

/* The highest number of a record that was ever filled in, plus one. */
static uint32_t filled(const struct host_table *host, const struct stats_kind *kind, uint32_t limit)
{
    uint32_t count = kind ? (kind->count < limit ? kind->count : limit) : 0;

    while (count > 0 && !(page_read_field32(&host->table, kind, count - 1,
                                            offsetof(struct stats_record, flags)) &
                          STATS_RECORD_VALID))
        count--;
    return count;
}

void host_table_describe(const struct host_table *host, struct topology_host *ret_host)
{
    *ret_host = (struct topology_host){
        .pcpus = filled(host, host->pcpu, TOPOLOGY_PCPUS_MAX),
        .nodes = filled(host, host->node, TOPOLOGY_NODES_MAX),
        .counters = host->counters,
        .counter = host->counter,
    };
}

static void read_pcpus(const struct host_table *host, const struct more_fields *more,
                       struct snapshot *snapshot, struct page_counters *counters)
{
    for (uint32_t pcpu = 0; pcpu < snapshot->topology->pcpus; pcpu++) {
        struct stats_pcpu record;

        if (page_read(&host->table, host->pcpu, pcpu, &record, sizeof(record), counters) != 0)
            continue;
        if (!page_row_of_pcpu(&record, snapshot->now_ns,
                              snapshot_row(snapshot, SNAPSHOT_PCPU, pcpu)))
            counters->invalid++;
        if (more->fields)
            more_fields_read(more, TOPOLOGY_OF_PCPU, &host->table, host->pcpu, pcpu,
                             snapshot_row(snapshot, SNAPSHOT_PCPU_MORE, pcpu));
    }
}

static void read_nodes(const struct host_table *host, struct snapshot *snapshot,
                       struct page_counters *counters)
{
    for (uint32_t node = 0; node < snapshot->topology->nodes; node++) {
        struct stats_node record;

        if (page_read(&host->table, host->node, node, &record, sizeof(record), counters) == 0)
            page_row_of_node(&record, snapshot_row(snapshot, SNAPSHOT_NODE, node));
    }
}

static void read_counters(const struct host_table *host, struct snapshot *snapshot,
                          struct page_counters *counters)
{
    for (uint32_t i = 0; i < snapshot->topology->counters; i++) {
        struct stats_perfc record;

        if (page_read(&host->table, host->perfc, host->counter_record[i], &record, sizeof(record),
                      counters) == 0)
            page_row_of_counter(&record, snapshot_row(snapshot, SNAPSHOT_COUNTER, i));
    }
}

static void read_host(const struct host_table *host, const struct more_fields *more,
                      struct snapshot *snapshot, struct page_counters *counters)
{
    struct stats_host record;

    if (page_read(&host->table, host->host, 0, &record, sizeof(record), counters) == 0)
        page_row_of_host(&record, snapshot_row(snapshot, SNAPSHOT_HOST, 0));
    if (more->fields)
        more_fields_read(more, TOPOLOGY_OF_HOST, &host->table, host->host, 0,
                         snapshot_row(snapshot, SNAPSHOT_HOST_MORE, 0));
}

void host_table_read(const struct host_table *host, const struct more_fields *more,
                     struct snapshot *snapshot, struct page_counters *counters)
{
    read_host(host, more, snapshot, counters);
    read_pcpus(host, more, snapshot, counters);
    read_nodes(host, snapshot, counters);
    read_counters(host, snapshot, counters);
}

void host_table_columns(const struct host_table *host, uint64_t ret_columns[SNAPSHOT_KINDS])
{
    ret_columns[SNAPSHOT_HOST] = page_columns_of_host(host->host->size);
    ret_columns[SNAPSHOT_PCPU] = host->pcpu ? page_columns_of_pcpu(host->pcpu->size) : 0;
    ret_columns[SNAPSHOT_NODE] =
        host->node ? SNAPSHOT_COLUMN(NODE_MEMORY) | SNAPSHOT_COLUMN(NODE_MEMORY_FREE) : 0;
    ret_columns[SNAPSHOT_COUNTER] = 0;
    for (uint32_t i = 0; i < host->counters; i++)
        ret_columns[SNAPSHOT_COUNTER] |=
            SNAPSHOT_COLUMN(host->counter[i].gauge ? COUNTER_GAUGE : COUNTER_TOTAL);
}

/* Whether a counter of this name and element is shown already. */
static bool is_shown(const struct host_table *host, const struct topology_counter *counter)
{
    for (uint32_t i = 0; i < host->counters; i++)
        if (host->counter[i].element == counter->element &&
            strcmp(host->counter[i].name, counter->name) == 0)
            return true;
    return false;
}

/* Which performance counters there are never changes. What has no name of its own is left out. */
static int list_counters(struct host_table *host, struct page_counters *counters)
{
    uint32_t count = filled(host, host->perfc, TOPOLOGY_COUNTERS_MAX);

    host->counter = calloc(count + 1U, sizeof(*host->counter));
    host->counter_record = calloc(count + 1U, sizeof(*host->counter_record));
    if (!host->counter || !host->counter_record)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        struct topology_counter *counter = &host->counter[host->counters];
        struct stats_perfc record;

        if (page_read(&host->table, host->perfc, i, &record, sizeof(record), counters) != 0)
            continue;
        *counter = (struct topology_counter){.element = record.element,
                                             .gauge = record.type == STATS_PERFC_GAUGE};
        memcpy(counter->name, record.name, sizeof(counter->name));
        if (!memchr(counter->name, '\0', sizeof(counter->name)) || !counter->name[0] ||
            is_shown(host, counter)) {
            counters->invalid++;
            continue;
        }
        host->counter_record[host->counters++] = i;
    }
    return 0;
}

int host_table_init(struct host_table *ret_host, const void *base, uint32_t frames,
                    struct page_counters *counters, const char **ret_reason)
{
    struct host_table *host = ret_host; /* kinds point into it: it must not move */
    int r;

    *host = HOST_TABLE_NULL;
    r = page_table_init(&host->table, base, frames, STATS_DOMID_XEN, ret_reason);
    if (r != 0) {
        if (!*ret_reason)
            *ret_reason = "its statistics tables are of a version that is not known here";
        return r < 0 ? r : -EPROTO;
    }
    host->host = page_kind(&host->table, STATS_KIND_HOST);
    host->clock = page_kind(&host->table, STATS_KIND_CLOCK);
    host->bitmap = page_kind(&host->table, STATS_KIND_BITMAP);
    host->pcpu = page_kind(&host->table, STATS_KIND_PCPU);
    host->node = page_kind(&host->table, STATS_KIND_NODE);
    host->perfc = page_kind(&host->table, STATS_KIND_PERFC);
    if (!host->host || !host->host->count || !host->clock || !host->clock->count || !host->bitmap) {
        *ret_reason = "its host table lacks the host, clock or bitmap records";
        return -EBADMSG;
    }
    return list_counters(host, counters);
}

void host_table_deinit(struct host_table *host)
{
    free(host->counter);
    free(host->counter_record);
    *host = HOST_TABLE_NULL;
}
