/* SPDX-License-Identifier: Apache-2.0 */
/* Makes, shares and clears snapshots; see snapshot.h. */
#include "sampler/snapshot.h"

#include <errno.h>
#include <string.h>

const char *snapshot_source_name(uint32_t source)
{
    static const char *const names[SNAPSHOT_SOURCES] = {
        [SNAPSHOT_SOURCE_PAGES] = "pages",
        [SNAPSHOT_SOURCE_HYPERCALLS] = "hypercalls",
        [SNAPSHOT_SOURCE_SIMULATED] = "simulated",
        [SNAPSHOT_SOURCE_RECORDING] = "recording",
    };

    return source < SNAPSHOT_SOURCES ? names[source] : "unknown";
}

uint32_t snapshot_fields(const struct topology *topology, enum snapshot_kind kind)
{
    static const uint32_t fields[SNAPSHOT_KINDS] = {
        [SNAPSHOT_HOST] = HOST_FIELDS, [SNAPSHOT_DOMAIN] = DOMAIN_FIELDS,
        [SNAPSHOT_VCPU] = VCPU_FIELDS, [SNAPSHOT_PCPU] = PCPU_FIELDS,
        [SNAPSHOT_NODE] = NODE_FIELDS, [SNAPSHOT_COUNTER] = COUNTER_FIELDS,
        [SNAPSHOT_SELF] = SELF_FIELDS,
    };

    switch (kind) {
    case SNAPSHOT_HOST_MORE:
        return topology->more[TOPOLOGY_OF_HOST];
    case SNAPSHOT_DOMAIN_MORE:
        return topology->more[TOPOLOGY_OF_DOMAIN];
    case SNAPSHOT_VCPU_MORE:
        return topology->more[TOPOLOGY_OF_VCPU];
    case SNAPSHOT_PCPU_MORE:
        return topology->more[TOPOLOGY_OF_PCPU];
    default:
        return fields[kind];
    }
}

uint32_t snapshot_rows(const struct topology *topology, enum snapshot_kind kind)
{
    switch (kind) {
    case SNAPSHOT_DOMAIN:
    case SNAPSHOT_DOMAIN_MORE:
        return topology->domains;
    case SNAPSHOT_VCPU:
    case SNAPSHOT_VCPU_MORE:
        return topology->vcpus;
    case SNAPSHOT_PCPU:
    case SNAPSHOT_PCPU_MORE:
        return topology->pcpus;
    case SNAPSHOT_NODE:
        return topology->nodes;
    case SNAPSHOT_COUNTER:
        return topology->counters;
    default:
        return 1;
    }
}

/* 64-bit values in all tables together; at most 2^31 rows of a kind, so it cannot overflow. */
static size_t snapshot_values(const struct topology *topology)
{
    size_t values = 0;

    for (unsigned int kind = 0; kind < SNAPSHOT_KINDS; kind++)
        values += (size_t)snapshot_rows(topology, kind) * snapshot_fields(topology, kind);
    return values;
}

int snapshot_new(struct topology *topology, struct snapshot **ret_snapshot)
{
    struct snapshot *snapshot;
    uint64_t *next;

    snapshot = malloc(sizeof(*snapshot) + snapshot_values(topology) * sizeof(uint64_t));
    if (!snapshot)
        return -ENOMEM;

    *snapshot = (struct snapshot){.references = 1, .topology = topology_ref(topology)};
    next = snapshot->values;
    for (unsigned int kind = 0; kind < SNAPSHOT_KINDS; kind++) {
        snapshot->table[kind] = next;
        snapshot->fields[kind] = snapshot_fields(topology, kind);
        next += (size_t)snapshot_rows(topology, kind) * snapshot->fields[kind];
    }
    snapshot_clear(snapshot);

    *ret_snapshot = snapshot;
    return 0;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
    if (snapshot)
        __atomic_add_fetch(&snapshot->references, 1, __ATOMIC_RELAXED);
    return snapshot;
}

struct snapshot *snapshot_unref(struct snapshot *snapshot)
{
    if (snapshot && __atomic_sub_fetch(&snapshot->references, 1, __ATOMIC_ACQ_REL) == 0) {
        topology_unref(snapshot->topology);
        free(snapshot);
    }
    return NULL;
}

bool snapshot_is_mine(const struct snapshot *snapshot)
{
    return __atomic_load_n(&snapshot->references, __ATOMIC_ACQUIRE) == 1;
}

void snapshot_clear(struct snapshot *snapshot)
{
    memset(snapshot->values, 0xff, snapshot_values(snapshot->topology) * sizeof(uint64_t));
}
