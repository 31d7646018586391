/* SPDX-License-Identifier: Apache-2.0 */
/* Builds and counts references to topologies; see topology.h. */
#include "sampler/topology.h"

#include <errno.h>
#include <string.h>

int topology_new(uint64_t generation, const struct topology_entry *entries, size_t count,
                 const struct topology_host *host, struct topology **ret_topology)
{
    uint32_t vcpus = 0, strings = 0, more[TOPOLOGY_MORE] = {0};
    struct topology_counter *counter;
    struct topology_domain *domain;
    struct topology_field *field;
    struct topology *topology;
    uint32_t *vcpu_domain;
    char *names;

    if (count > UINT16_MAX || host->pcpus > TOPOLOGY_PCPUS_MAX ||
        host->nodes > TOPOLOGY_NODES_MAX || host->counters > TOPOLOGY_COUNTERS_MAX ||
        host->fields > TOPOLOGY_MORE * TOPOLOGY_FIELDS_MAX)
        return -EOVERFLOW;

    for (size_t i = 0; i < count; i++) {
        if (entries[i].name_length > TOPOLOGY_NAME_MAX)
            return -EOVERFLOW;
        if (__builtin_add_overflow(vcpus, entries[i].vcpus, &vcpus) || vcpus > INT32_MAX)
            return -EOVERFLOW;
        strings += (uint32_t)entries[i].name_length; /* at most 2^16 * 2^12 */
    }
    for (uint32_t i = 0; i < host->fields; i++)
        if (++more[host->field[i].of] > TOPOLOGY_FIELDS_MAX)
            return -EOVERFLOW;

    /* One block: the header, then what needs 8, then 4, then 1 byte of alignment. */
    topology = calloc(
        1, sizeof(*topology) + count * sizeof(*domain) + (size_t)vcpus * sizeof(*vcpu_domain) +
               host->counters * sizeof(*counter) + host->fields * sizeof(*field) + strings + 1);
    if (!topology)
        return -ENOMEM;

    domain = (struct topology_domain *)(topology + 1);
    vcpu_domain = (uint32_t *)(domain + count);
    counter = (struct topology_counter *)(vcpu_domain + vcpus);
    field = (struct topology_field *)(counter + host->counters);
    names = (char *)(field + host->fields);

    *topology = (struct topology){
        .references = 1,
        .generation = generation,
        .domains = (uint32_t)count,
        .vcpus = vcpus,
        .pcpus = host->pcpus,
        .nodes = host->nodes,
        .counters = host->counters,
        .fields = host->fields,
        .strings_size = strings,
        .domain = domain,
        .vcpu_domain = vcpu_domain,
        .counter = counter,
        .field = field,
        .strings = names,
    };
    if (host->counters)
        memcpy(counter, host->counter, host->counters * sizeof(*counter));
    if (host->fields)
        memcpy(field, host->field, host->fields * sizeof(*field));
    memcpy(topology->more, more, sizeof(more));

    vcpus = strings = 0;
    for (size_t i = 0; i < count; i++) {
        const struct topology_entry *entry = &entries[i];

        domain[i] = (struct topology_domain){
            .domid = entry->domid,
            .guest_type = entry->guest_type,
            .incarnation = entry->incarnation,
            .created_ns = entry->created_ns,
            .name_offset = strings,
            .name_length = (uint32_t)entry->name_length,
            .first_vcpu = vcpus,
            .vcpus = entry->vcpus,
        };
        memcpy(domain[i].uuid, entry->uuid, sizeof(domain[i].uuid));
        if (entry->name_length)
            memcpy(names + strings, entry->name, entry->name_length);
        strings += (uint32_t)entry->name_length;
        for (uint32_t v = 0; v < entry->vcpus; v++)
            vcpu_domain[vcpus++] = (uint32_t)i;
    }

    *ret_topology = topology;
    return 0;
}

struct topology *topology_ref(struct topology *topology)
{
    if (topology)
        __atomic_add_fetch(&topology->references, 1, __ATOMIC_RELAXED);
    return topology;
}

struct topology *topology_unref(struct topology *topology)
{
    if (topology && __atomic_sub_fetch(&topology->references, 1, __ATOMIC_ACQ_REL) == 0)
        free(topology);
    return NULL;
}
