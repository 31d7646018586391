/* SPDX-License-Identifier: Apache-2.0 */
/* See hypercall_columns.h. */
#include "source/hypercall_columns.h"

#include "source/memory.h"
#include "source/source.h"

#define C(column) SNAPSHOT_COLUMN(column)

const uint64_t hypercalls_columns[SNAPSHOT_KINDS] = {
    [SNAPSHOT_HOST] = C(HOST_MEMORY) | C(HOST_MEMORY_FREE) | C(HOST_MEMORY_OUTSTANDING) |
                      C(HOST_PCPUS_ONLINE) | C(HOST_PCPUS_PRESENT) | C(HOST_NODES_ONLINE) |
                      C(HOST_CPU_HZ) |
                      /* counted from the domains */
                      C(HOST_DOMAINS_RUNNING) | C(HOST_DOMAINS_BLOCKED) | C(HOST_DOMAINS_PAUSED) |
                      C(HOST_DOMAINS_SHUTDOWN) | C(HOST_DOMAINS_CRASHED) | C(HOST_DOMAINS_DYING),
    [SNAPSHOT_DOMAIN] =
        C(DOMAIN_CPU_NS) | C(DOMAIN_VCPUS_MAX) | C(DOMAIN_VCPUS_ONLINE) | C(DOMAIN_RUNNING) |
        C(DOMAIN_BLOCKED) | C(DOMAIN_PAUSED) | C(DOMAIN_SHUTDOWN) | C(DOMAIN_CRASHED) |
        C(DOMAIN_DYING) | C(DOMAIN_SHUTDOWN_CODE) | C(DOMAIN_MEMORY) | C(DOMAIN_MEMORY_MAX) |
        C(DOMAIN_MEMORY_OUTSTANDING) | C(DOMAIN_MEMORY_SHARED) | C(DOMAIN_MEMORY_PAGED) |
        C(DOMAIN_CPUPOOL) | C(DOMAIN_SCHEDULER_WEIGHT) | C(DOMAIN_SCHEDULER_CAP),
    [SNAPSHOT_VCPU] = C(VCPU_RUNNING_NS) | C(VCPU_PCPU) | C(VCPU_ONLINE),
    [SNAPSHOT_PCPU] =
        C(PCPU_IDLE_NS) | C(PCPU_ONLINE) | C(PCPU_NODE) | C(PCPU_SOCKET) | C(PCPU_CORE),
    [SNAPSHOT_NODE] = C(NODE_MEMORY) | C(NODE_MEMORY_FREE),
    [SNAPSHOT_SELF] = C(SELF_HYPERCALLS) | C(SELF_SAMPLE_OK) | C(SELF_SAMPLE_NS) |
                      /* the sampler's, whatever the source */
                      C(SELF_XENSTORE_CONNECTED) | C(SELF_XENSTORE_RECONNECTS) |
                      C(SELF_XENSTORE_PROBES),
};

static uint64_t number_or_absent(uint32_t number)
{
    return number == HYPERVISOR_UNKNOWN ? SNAPSHOT_ABSENT : number;
}

static void put_pcpus(const struct hypercall_sample *sample, struct snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->topology->pcpus && i < sample->pcpus; i++) {
        const struct hypercall_pcpu *pcpu = &sample->pcpu[i];
        uint64_t *row = snapshot_row(snapshot, SNAPSHOT_PCPU, i);

        if (pcpu->is.core == HYPERVISOR_UNKNOWN && !pcpu->idle_ns)
            continue; /* a gap in the numbers: it never was there */
        row[PCPU_IDLE_NS] = pcpu->idle_ns;
        row[PCPU_ONLINE] = pcpu->online;
        row[PCPU_NODE] = number_or_absent(pcpu->is.node);
        row[PCPU_SOCKET] = number_or_absent(pcpu->is.socket);
        row[PCPU_CORE] = number_or_absent(pcpu->is.core);
    }
}

static void put_nodes(const struct hypercall_sample *sample, struct snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->topology->nodes && i < sample->nodes; i++) {
        snapshot_row(snapshot, SNAPSHOT_NODE, i)[NODE_MEMORY] = sample->node[i].total;
        snapshot_row(snapshot, SNAPSHOT_NODE, i)[NODE_MEMORY_FREE] = sample->node[i].free;
    }
}

void hypercall_columns_host(const struct hypercall_sample *sample, struct snapshot *snapshot)
{
    const struct hypervisor_host *is = &sample->host;
    uint64_t *host = snapshot_row(snapshot, SNAPSHOT_HOST, 0);

    host[HOST_MEMORY] = memory_bytes(is->total_pages);
    host[HOST_MEMORY_FREE] = memory_bytes(is->free_pages);
    host[HOST_MEMORY_OUTSTANDING] = memory_bytes(is->outstanding_pages);
    host[HOST_PCPUS_ONLINE] = is->pcpus_online;
    host[HOST_PCPUS_PRESENT] = 0;
    for (uint32_t i = 0; i < sample->pcpus; i++)
        host[HOST_PCPUS_PRESENT] += sample->pcpu[i].is.core != HYPERVISOR_UNKNOWN;
    host[HOST_NODES_ONLINE] = is->nodes_online;
    host[HOST_CPU_HZ] = is->cpu_khz * 1000ULL;

    put_pcpus(sample, snapshot);
    put_nodes(sample, snapshot);
}

static void put_vcpus(const struct hypercall_sample *sample, const struct hypercall_domain *domain,
                      struct snapshot *snapshot, const struct topology_domain *who)
{
    for (uint32_t i = 0; i < who->vcpus && i < domain->is.vcpus; i++) {
        const struct hypercall_vcpu *vcpu = &sample->vcpu[domain->first_vcpu + i];
        uint64_t *row = snapshot_row(snapshot, SNAPSHOT_VCPU, who->first_vcpu + i);

        if (!vcpu->known)
            continue;
        row[VCPU_RUNNING_NS] = vcpu->is.running_ns;
        row[VCPU_PCPU] = vcpu->is.pcpu;
        row[VCPU_ONLINE] = vcpu->is.online;
    }
}

/* DOMAIN_CPU_NS is left to be added up, so that it and the vCPUs never contradict each other. */
void hypercall_columns_domain(const struct hypercall_sample *sample,
                              const struct hypercall_domain *domain, struct snapshot *snapshot,
                              uint32_t row)
{
    const struct hypervisor_domain *is = &domain->is;
    uint64_t *fields = snapshot_row(snapshot, SNAPSHOT_DOMAIN, row);

    fields[DOMAIN_VCPUS_MAX] = is->vcpus;
    fields[DOMAIN_VCPUS_ONLINE] = is->vcpus_online;
    fields[DOMAIN_RUNNING] = is->running;
    fields[DOMAIN_BLOCKED] = is->blocked;
    fields[DOMAIN_PAUSED] = is->paused;
    fields[DOMAIN_SHUTDOWN] = is->shutdown;
    fields[DOMAIN_CRASHED] = is->crashed;
    fields[DOMAIN_DYING] = is->dying;
    fields[DOMAIN_SHUTDOWN_CODE] = is->shutdown ? is->shutdown_code : SNAPSHOT_NO_SHUTDOWN;
    fields[DOMAIN_MEMORY] = memory_bytes(is->pages);
    fields[DOMAIN_MEMORY_MAX] = memory_limit_bytes(is->max_pages);
    fields[DOMAIN_MEMORY_OUTSTANDING] = memory_bytes(is->outstanding_pages);
    fields[DOMAIN_MEMORY_SHARED] = memory_bytes(is->shared_pages);
    fields[DOMAIN_MEMORY_PAGED] = memory_bytes(is->paged_pages);
    fields[DOMAIN_CPUPOOL] = number_or_absent(is->cpupool);
    if (domain->scheduling_known) {
        fields[DOMAIN_SCHEDULER_WEIGHT] = domain->scheduling.weight;
        fields[DOMAIN_SCHEDULER_CAP] = domain->scheduling.cap;
    }
    put_vcpus(sample, domain, snapshot, &snapshot->topology->domain[row]);
}
