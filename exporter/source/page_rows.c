/* SPDX-License-Identifier: Apache-2.0 */
/* Turns records into rows; see page_rows.h. */
#include "source/page_rows.h"

#include <stddef.h>

#include "source/memory.h"

/* Xen's public/sched.h. */
#define SHUTDOWN_CRASH 3U

_Static_assert(SNAPSHOT_WAIT_BUCKETS == STATS_WAIT_BUCKETS, "buckets of waits");
_Static_assert(SNAPSHOT_CSTATES == STATS_CSTATES, "C-states");
_Static_assert(SNAPSHOT_ABSENT == STATS_NOT_AVAILABLE, "what is not available is absent");

/* The bits of columns `first` to `last`. */
static uint64_t columns(uint32_t first, uint32_t last)
{
    return (UINT64_MAX >> (63 - last)) & ~(SNAPSHOT_COLUMN(first) - 1);
}

uint64_t page_columns_of_host(uint32_t size)
{
    uint64_t bits = columns(HOST_DOMAINS_CREATED, HOST_DOMAINS_DESTROYED) |
                    columns(HOST_STATS_PAGES, HOST_STATS_LIMIT);

    if (size >= sizeof(struct stats_host))
        bits |= columns(HOST_BOOT_NS, HOST_CPU_HZ);
    return bits;
}

uint64_t page_columns_of_domain(uint32_t domain_size, uint32_t vcpu_size)
{
    uint64_t bits = SNAPSHOT_COLUMN(DOMAIN_CPU_NS) | SNAPSHOT_COLUMN(DOMAIN_VCPUS_MAX) |
                    SNAPSHOT_COLUMN(DOMAIN_DYING) | SNAPSHOT_COLUMN(DOMAIN_CREATED_NS);

    if (domain_size >= sizeof(struct stats_domain))
        bits |= columns(DOMAIN_PAUSED, DOMAIN_SHUTDOWN_CODE) |
                columns(DOMAIN_MEMORY, DOMAIN_SCHEDULER_CAP);
    if (vcpu_size >= sizeof(struct stats_vcpu))
        bits |= columns(DOMAIN_VCPUS_ONLINE, DOMAIN_BLOCKED) |
                columns(DOMAIN_WAIT_NS, DOMAIN_FIELDS - 1);
    return bits;
}

uint64_t page_columns_of_vcpu(uint32_t size)
{
    return size >= sizeof(struct stats_vcpu) ? columns(0, VCPU_FIELDS - 1)
                                             : columns(VCPU_RUNNING_NS, VCPU_PCPU);
}

uint64_t page_columns_of_pcpu(uint32_t size)
{
    return size >= sizeof(struct stats_pcpu) ? columns(0, PCPU_FIELDS - 1)
                                             : columns(PCPU_IDLE_NS, PCPU_ONLINE);
}

/* Absent when it does not fit, or was not there to begin with. */
static uint64_t times(uint64_t value, uint64_t factor)
{
    return __builtin_mul_overflow(value, factor, &value) ? SNAPSHOT_ABSENT : value;
}

static uint64_t or_absent(uint32_t value)
{
    return value == UINT32_MAX ? SNAPSHOT_ABSENT : value;
}

/* Adds the time since the record was written to the state that it is in. */
static bool bring_up_to(uint64_t now_ns, uint32_t state, uint64_t entry_ns,
                        const uint64_t time[STATS_RUNSTATES], uint64_t ret_time[STATS_RUNSTATES])
{
    if (state >= STATS_RUNSTATES || !page_is_time(entry_ns))
        return false;
    for (unsigned int i = 0; i < STATS_RUNSTATES; i++) {
        if (!page_is_time(time[i]))
            return false;
        ret_time[i] = time[i];
    }
    if (now_ns > entry_ns)
        ret_time[state] += now_ns - entry_ns;
    return true;
}

/* Buckets as histograms have them: each counts what the smaller ones do, too. */
static void put_waits(const struct stats_vcpu *record, uint64_t *row)
{
    uint64_t sum = 0;

    for (unsigned int bucket = 0; bucket < STATS_WAIT_BUCKETS; bucket++) {
        if (record->waits[bucket] == STATS_NOT_AVAILABLE ||
            __builtin_add_overflow(sum, record->waits[bucket], &sum))
            sum = SNAPSHOT_ABSENT;
        row[VCPU_WAITS + bucket] = sum;
        if (sum == SNAPSHOT_ABSENT)
            return;
    }
    row[VCPU_WAIT_NS] = record->wait_sum;
}

bool page_row_of_vcpu(const struct stats_vcpu *record, uint64_t now_ns, uint64_t *row)
{
    uint64_t time[STATS_RUNSTATES];

    if (!bring_up_to(now_ns, record->state, record->state_entry_time, record->time, time))
        return false;
    row[VCPU_RUNNING_NS] = time[STATS_RUNNING];
    row[VCPU_RUNNABLE_NS] = time[STATS_RUNNABLE];
    row[VCPU_BLOCKED_NS] = time[STATS_BLOCKED];
    row[VCPU_OFFLINE_NS] = time[STATS_OFFLINE];
    row[VCPU_PCPU] = record->cpu;
    if (record->counting_since == STATS_NOT_AVAILABLE)
        return true;
    row[VCPU_ONLINE] = !!(record->record.flags & STATS_VCPU_ONLINE);
    row[VCPU_DISPATCHES] = record->dispatches;
    row[VCPU_MIGRATIONS] = record->migrations;
    put_waits(record, row);
    return true;
}

bool page_row_of_pcpu(const struct stats_pcpu *record, uint64_t now_ns, uint64_t *row)
{
    bool online = record->record.flags & STATS_PCPU_ONLINE;
    uint64_t time[STATS_RUNSTATES], online_ns = record->online_time;

    if (!bring_up_to(now_ns, record->state, record->state_entry_time, record->time, time) ||
        !page_is_time(online_ns))
        return false;
    if (online && record->online_since != STATS_NOT_AVAILABLE) {
        if (!page_is_time(record->online_since))
            return false;
        if (now_ns > record->online_since)
            online_ns += now_ns - record->online_since;
    }
    row[PCPU_IDLE_NS] = time[STATS_RUNNING];
    row[PCPU_BUSY_NS] = online_ns > time[STATS_RUNNING] ? online_ns - time[STATS_RUNNING] : 0;
    row[PCPU_ONLINE] = online;
    row[PCPU_CONTEXT_SWITCHES] = record->context_switches;
    row[PCPU_NODE] = or_absent(record->node);
    row[PCPU_SOCKET] = or_absent(record->socket);
    row[PCPU_CORE] = or_absent(record->core);
    row[PCPU_FREQUENCY_HZ] = times(record->frequency_khz, 1000);
    for (uint32_t i = 0; i < record->cstates && i < STATS_CSTATES; i++) {
        row[PCPU_CSTATE_NS + i] = record->cstate_time[i];
        row[PCPU_CSTATE_ENTRIES + i] = record->cstate_entries[i];
    }
    return true;
}

void page_row_of_host(const struct stats_host *record, uint64_t *row)
{
    row[HOST_DOMAINS_CREATED] = record->domains_created;
    row[HOST_DOMAINS_DESTROYED] = record->domains_destroyed;
    row[HOST_STATS_PAGES] = memory_bytes(record->pages);
    row[HOST_STATS_RETIRED] = memory_bytes(record->pages_retired);
    row[HOST_STATS_LIMIT] = memory_bytes(record->max_domain_pages);
    row[HOST_BOOT_NS] = record->boot_time;
    row[HOST_MEMORY] = memory_bytes(record->total_pages);
    row[HOST_MEMORY_FREE] = memory_bytes(record->free_pages);
    row[HOST_MEMORY_OUTSTANDING] = memory_bytes(record->outstanding_pages);
    row[HOST_PCPUS_ONLINE] = record->cpus_online;
    row[HOST_PCPUS_PRESENT] = record->cpus_present;
    row[HOST_NODES_ONLINE] = record->nodes_online;
    row[HOST_CPU_HZ] = times(record->cpu_khz, 1000);
}

void page_row_of_node(const struct stats_node *record, uint64_t *row)
{
    row[NODE_MEMORY] = memory_bytes(record->total_pages);
    row[NODE_MEMORY_FREE] = memory_bytes(record->free_pages);
}

void page_row_of_counter(const struct stats_perfc *record, uint64_t *row)
{
    row[record->type == STATS_PERFC_GAUGE ? COUNTER_GAUGE : COUNTER_TOTAL] = record->value;
}

void page_vcpus_add(struct page_vcpus *vcpus, const struct stats_vcpu *record)
{
    if (record->counting_since == STATS_NOT_AVAILABLE)
        vcpus->known = false;
    if (!(record->record.flags & STATS_VCPU_ONLINE))
        return;
    vcpus->online++;
    vcpus->running += record->state == STATS_RUNNING;
    vcpus->blocked += record->state == STATS_BLOCKED;
}

void page_row_of_domain(const struct stats_domain *record, const struct page_vcpus *vcpus,
                        uint32_t max_vcpus, uint64_t *row)
{
    row[DOMAIN_VCPUS_MAX] = max_vcpus;
    if (vcpus->known) {
        row[DOMAIN_VCPUS_ONLINE] = vcpus->online;
        row[DOMAIN_RUNNING] = vcpus->running > 0;
        row[DOMAIN_BLOCKED] = vcpus->online > 0 && vcpus->blocked == vcpus->online;
    }
    row[DOMAIN_DYING] = record->dying == STATS_NOT_AVAILABLE ? SNAPSHOT_ABSENT : record->dying != 0;
    if (record->paused == STATS_NOT_AVAILABLE)
        return;
    row[DOMAIN_PAUSED] = record->paused != 0;
    row[DOMAIN_SHUTDOWN] = record->shutdown != STATS_NOT_AVAILABLE;
    row[DOMAIN_CRASHED] = record->shutdown == SHUTDOWN_CRASH;
    row[DOMAIN_SHUTDOWN_CODE] =
        record->shutdown == STATS_NOT_AVAILABLE ? SNAPSHOT_NO_SHUTDOWN : record->shutdown;
    row[DOMAIN_MEMORY] = memory_bytes(record->pages);
    row[DOMAIN_MEMORY_MAX] = memory_limit_bytes(record->max_pages);
    row[DOMAIN_MEMORY_OUTSTANDING] = memory_bytes(record->outstanding_pages);
    row[DOMAIN_MEMORY_SHARED] = memory_bytes(record->shared_pages);
    row[DOMAIN_MEMORY_PAGED] = memory_bytes(record->paged_pages);
    row[DOMAIN_MEMORY_XENHEAP] = memory_bytes(record->xenheap_pages);
    row[DOMAIN_EVENT_CHANNELS] = record->event_channels;
    row[DOMAIN_EVENT_CHANNELS_MAX] = record->max_event_channels;
    row[DOMAIN_GRANT_FRAMES] = record->grant_frames;
    row[DOMAIN_GRANT_FRAMES_MAX] = record->max_grant_frames;
    row[DOMAIN_MAPTRACK_FRAMES] = record->maptrack_frames;
    row[DOMAIN_MAPTRACK_FRAMES_MAX] = record->max_maptrack_frames;
    row[DOMAIN_CPUPOOL] = record->cpupool;
    row[DOMAIN_SCHEDULER_WEIGHT] = record->scheduler_weight;
    row[DOMAIN_SCHEDULER_CAP] = record->scheduler_cap;
}
