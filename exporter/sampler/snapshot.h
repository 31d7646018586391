/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wall: one plain block that holds everything a scrape can see, taken at one moment of Xen's
 * clock. On its far side are hypervisor pages and xenstore, on its near side is the network.
 *
 * A snapshot is a table per kind of thing: one row per thing, one 64-bit column per field. Columns
 * are the enums below; the exposition's catalogue names them. Times are nanoseconds, memory is
 * bytes, flags are 0 or 1. SNAPSHOT_ABSENT means: not available now, leave the sample out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sampler/topology.h"
#include "util/cleanup.h"

#define SNAPSHOT_ABSENT UINT64_MAX

/* The bit of a field in struct snapshot's `columns`. */
#define SNAPSHOT_COLUMN(field) (1ULL << (field))

enum snapshot_kind {
    SNAPSHOT_HOST,    /* one row */
    SNAPSHOT_DOMAIN,  /* a row per domain of the topology */
    SNAPSHOT_VCPU,    /* a row per vCPU of the topology */
    SNAPSHOT_PCPU,    /* a row per pCPU of the topology; one that is not there has no values */
    SNAPSHOT_NODE,    /* a row per NUMA node of the topology, likewise */
    SNAPSHOT_COUNTER, /* a row per performance counter of the topology */
    SNAPSHOT_SELF,    /* one row: the sampler's own figures */
    /* Fields that only the topology knows: rows as above, a column per topology_field. */
    SNAPSHOT_HOST_MORE,
    SNAPSHOT_DOMAIN_MORE,
    SNAPSHOT_VCPU_MORE,
    SNAPSHOT_PCPU_MORE,
    SNAPSHOT_KINDS,
};

enum snapshot_host_field {
    HOST_DOMAINS_CREATED,   /* since boot */
    HOST_DOMAINS_DESTROYED, /* since boot */
    HOST_DOMAINS_RUNNING,   /* domains in each state; see enum snapshot_domain_field */
    HOST_DOMAINS_BLOCKED,
    HOST_DOMAINS_PAUSED,
    HOST_DOMAINS_SHUTDOWN,
    HOST_DOMAINS_CRASHED,
    HOST_DOMAINS_DYING,
    HOST_STATS_PAGES,   /* bytes of hypervisor memory in statistics tables */
    HOST_STATS_RETIRED, /* of these: belonging to dead domains */
    HOST_STATS_LIMIT,   /* bytes beyond which tables of domains do not grow */
    HOST_BOOT_NS,       /* Unix time */
    HOST_MEMORY,        /* bytes */
    HOST_MEMORY_FREE,
    HOST_MEMORY_OUTSTANDING, /* claimed by domains, not allocated yet */
    HOST_PCPUS_ONLINE,
    HOST_PCPUS_PRESENT,
    HOST_NODES_ONLINE,
    HOST_CPU_HZ,
    HOST_FIELDS,
};

/* Limits of the buckets of a wait: less than 2^12, 2^13, ... 2^26 ns, and no limit. */
#define SNAPSHOT_WAIT_LIMITS  15U
#define SNAPSHOT_WAIT_BUCKETS (SNAPSHOT_WAIT_LIMITS + 1U)

enum snapshot_domain_field {
    DOMAIN_CPU_NS, /* running time of all its vCPUs */
    DOMAIN_VCPUS_MAX,
    DOMAIN_VCPUS_ONLINE,
    DOMAIN_RUNNING,       /* 1 while a vCPU has a pCPU */
    DOMAIN_BLOCKED,       /* 1 while each online vCPU waits for an event */
    DOMAIN_PAUSED,        /* 1 while the toolstack keeps it from running */
    DOMAIN_SHUTDOWN,      /* 1 once it has shut down, for whatever reason */
    DOMAIN_CRASHED,       /* 1 if that reason was a crash */
    DOMAIN_DYING,         /* 1 while its resources are being freed */
    DOMAIN_SHUTDOWN_CODE, /* SHUTDOWN_* of Xen's sched.h, or SNAPSHOT_NO_SHUTDOWN */
    DOMAIN_CREATED_NS,    /* Unix time */
    DOMAIN_MEMORY,        /* bytes, this and the following */
    DOMAIN_MEMORY_MAX,
    DOMAIN_MEMORY_OUTSTANDING,
    DOMAIN_MEMORY_SHARED,
    DOMAIN_MEMORY_PAGED,
    DOMAIN_MEMORY_XENHEAP, /* Xen's own pages that are shared with it */
    DOMAIN_EVENT_CHANNELS,
    DOMAIN_EVENT_CHANNELS_MAX,
    DOMAIN_GRANT_FRAMES,
    DOMAIN_GRANT_FRAMES_MAX,
    DOMAIN_MAPTRACK_FRAMES,
    DOMAIN_MAPTRACK_FRAMES_MAX,
    DOMAIN_CPUPOOL,
    DOMAIN_SCHEDULER_WEIGHT,
    DOMAIN_SCHEDULER_CAP, /* percent of a pCPU; 0: none */
    DOMAIN_WAIT_NS,       /* all waits of all vCPUs together */
    DOMAIN_WAITS,         /* SNAPSHOT_WAIT_BUCKETS columns: waits up to each limit; the last: all */
    DOMAIN_FIELDS = DOMAIN_WAITS + SNAPSHOT_WAIT_BUCKETS,
};

/* The shutdown code of a domain that has not shut down; Xen's own codes are small. */
#define SNAPSHOT_NO_SHUTDOWN 255U

enum snapshot_vcpu_field {
    VCPU_RUNNING_NS,
    VCPU_RUNNABLE_NS,
    VCPU_BLOCKED_NS,
    VCPU_OFFLINE_NS,
    VCPU_PCPU,   /* the pCPU it runs on, or ran on last */
    VCPU_ONLINE, /* 1 while the guest has it up */
    VCPU_DISPATCHES,
    VCPU_MIGRATIONS,
    VCPU_WAIT_NS, /* as of domains */
    VCPU_WAITS,
    VCPU_FIELDS = VCPU_WAITS + SNAPSHOT_WAIT_BUCKETS,
};

/* What a pCPU's C-states can be numbered. */
#define SNAPSHOT_CSTATES 8U

enum snapshot_pcpu_field {
    PCPU_IDLE_NS,
    PCPU_BUSY_NS, /* online and not idle */
    PCPU_ONLINE,
    PCPU_CONTEXT_SWITCHES,
    PCPU_NODE, /* where it is */
    PCPU_SOCKET,
    PCPU_CORE,
    PCPU_FREQUENCY_HZ,
    PCPU_CSTATE_NS,                                          /* SNAPSHOT_CSTATES columns */
    PCPU_CSTATE_ENTRIES = PCPU_CSTATE_NS + SNAPSHOT_CSTATES, /* likewise */
    PCPU_FIELDS = PCPU_CSTATE_ENTRIES + SNAPSHOT_CSTATES,
};

enum snapshot_node_field {
    NODE_MEMORY, /* bytes */
    NODE_MEMORY_FREE,
    NODE_FIELDS,
};

/* One of the two, as the topology says. */
enum snapshot_counter_field {
    COUNTER_TOTAL,
    COUNTER_GAUGE,
    COUNTER_FIELDS,
};

enum snapshot_self_field {
    SELF_MAPPED_FRAMES,      /* statistics frames mapped now */
    SELF_DOMAINS_MAPPED,     /* domains mapped since start */
    SELF_DOMAINS_UNMAPPED,   /* domains unmapped since start */
    SELF_UNMAP_DELAY_NS,     /* from a domain's death to its unmapping, at most: of the latest */
    SELF_UNMAP_DELAY_MAX_NS, /* and of the slowest since start */
    SELF_TORN_READS,         /* records left out because they never stood still */
    SELF_INVALID_RECORDS,    /* records left out because they made no sense */
    SELF_READ_RETRIES,       /* times a record was read again */
    SELF_XENSTORE_CONNECTED, /* 1 while connected */
    SELF_XENSTORE_RECONNECTS,
    SELF_XENSTORE_PROBES, /* liveness probes sent */
    SELF_HYPERCALLS,      /* made to get the numbers, where they must be asked for */
    SELF_SAMPLE_OK,       /* 1: the source gave its numbers */
    SELF_SAMPLE_NS,       /* how long taking this snapshot took */
    SELF_FIELDS,
};

/* Where the numbers come from; xen_exporter_source_info says it. */
enum snapshot_source {
    SNAPSHOT_SOURCE_PAGES,
    SNAPSHOT_SOURCE_HYPERCALLS,
    SNAPSHOT_SOURCE_SIMULATED,
    SNAPSHOT_SOURCE_RECORDING,
    SNAPSHOT_SOURCES,
};

/* "pages", "hypercalls", ...; "unknown" beyond the enum. A static string. */
const char *snapshot_source_name(uint32_t source);

struct snapshot {
    unsigned int references; /* atomic; snapshot_ref(), snapshot_unref() */
    uint32_t source;         /* enum snapshot_source */
    uint64_t now_ns; /* Xen's system time of this snapshot: every running state is added up to it */
    uint64_t unix_ns; /* the same moment as Unix time */
    struct topology *topology;
    uint64_t *table[SNAPSHOT_KINDS];  /* rows x fields[kind]; inside the same allocation */
    uint32_t fields[SNAPSHOT_KINDS];  /* columns of each kind; at most 64 */
    uint64_t columns[SNAPSHOT_KINDS]; /* bit f: this source can give field f at all */
    uint64_t values[];
};

/*
 * An empty snapshot for the given topology: every value SNAPSHOT_ABSENT, no columns offered.
 * Borrows the topology and keeps a reference of its own. Gives one reference. -ENOMEM.
 */
int snapshot_new(struct topology *topology, struct snapshot **ret_snapshot) must_check;

/* Another reference; safe from any thread. */
struct snapshot *snapshot_ref(struct snapshot *snapshot);

/* Drops a reference, frees with the last one. NULL is fine. Always returns NULL. */
struct snapshot *snapshot_unref(struct snapshot *snapshot);

/* Whether nobody else holds it: its owner may then fill it again instead of making a new one. */
bool snapshot_is_mine(const struct snapshot *snapshot);

/* Makes every value SNAPSHOT_ABSENT again. */
void snapshot_clear(struct snapshot *snapshot);

/* Columns of a kind: those of its enum, or as many as the topology says. */
uint32_t snapshot_fields(const struct topology *topology, enum snapshot_kind kind);

/* Rows of a kind: 1 for the host and self, else what the topology says. */
uint32_t snapshot_rows(const struct topology *topology, enum snapshot_kind kind);

/* The fields of one row; valid as long as the snapshot. */
static inline uint64_t *snapshot_row(const struct snapshot *snapshot, enum snapshot_kind kind,
                                     uint32_t row)
{
    return snapshot->table[kind] + (size_t)row * snapshot->fields[kind];
}

DEFINE_CLEANUP(struct snapshot *, cleanup_snapshot, snapshot_unref)
