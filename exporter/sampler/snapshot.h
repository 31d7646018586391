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
    SNAPSHOT_HOST,   /* one row */
    SNAPSHOT_DOMAIN, /* a row per domain of the topology */
    SNAPSHOT_VCPU,   /* a row per vCPU of the topology */
    SNAPSHOT_PCPU,   /* a row per pCPU of the topology */
    SNAPSHOT_SELF,   /* one row: the sampler's own figures */
    SNAPSHOT_KINDS,
};

enum snapshot_host_field {
    HOST_DOMAINS_CREATED,   /* since boot */
    HOST_DOMAINS_DESTROYED, /* since boot */
    HOST_STATS_PAGES,       /* bytes of hypervisor memory in statistics tables */
    HOST_STATS_RETIRED,     /* of these: belonging to dead domains */
    HOST_FIELDS,
};

enum snapshot_domain_field {
    DOMAIN_CPU_NS, /* running time of all its vCPUs */
    DOMAIN_VCPUS_MAX,
    DOMAIN_VCPUS_ONLINE,
    DOMAIN_DYING, /* 1 while its resources are being freed */
    DOMAIN_FIELDS,
};

enum snapshot_vcpu_field {
    VCPU_RUNNING_NS,
    VCPU_RUNNABLE_NS,
    VCPU_BLOCKED_NS,
    VCPU_OFFLINE_NS,
    VCPU_PCPU, /* the pCPU it runs on, or ran on last */
    VCPU_FIELDS,
};

enum snapshot_pcpu_field {
    PCPU_IDLE_NS,
    PCPU_FIELDS,
};

enum snapshot_self_field {
    SELF_MAPPED_FRAMES,      /* statistics frames mapped now */
    SELF_DOMAINS_MAPPED,     /* domains mapped since start */
    SELF_DOMAINS_UNMAPPED,   /* domains unmapped since start */
    SELF_TORN_READS,         /* records left out because they never stood still */
    SELF_INVALID_RECORDS,    /* records left out because they made no sense */
    SELF_READ_RETRIES,       /* times a record was read again */
    SELF_XENSTORE_CONNECTED, /* 1 while connected */
    SELF_XENSTORE_RECONNECTS,
    SELF_XENSTORE_PROBES, /* liveness probes sent */
    SELF_HYPERCALLS,      /* made to get the numbers, where they must be asked for */
    SELF_SAMPLE_NS,       /* how long taking this snapshot took */
    SELF_FIELDS,
};

/* Columns of each kind. */
extern const uint32_t snapshot_fields[SNAPSHOT_KINDS];

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
    uint64_t *table[SNAPSHOT_KINDS];  /* rows x snapshot_fields[kind]; inside the same allocation */
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

/* Rows of a kind: 1 for the host and self, else what the topology says. */
uint32_t snapshot_rows(const struct topology *topology, enum snapshot_kind kind);

/* The fields of one row; valid as long as the snapshot. */
static inline uint64_t *snapshot_row(const struct snapshot *snapshot, enum snapshot_kind kind,
                                     uint32_t row)
{
    return snapshot->table[kind] + (size_t)row * snapshot_fields[kind];
}

DEFINE_CLEANUP(struct snapshot *, cleanup_snapshot, snapshot_unref)
