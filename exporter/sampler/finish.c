/* SPDX-License-Identifier: Apache-2.0 */
/* Sums, and counters that stay where they were rather than fall; see finish.h. */
#include "sampler/finish.h"

#include <stddef.h>

/* What a domain's vCPUs add up to, and from which of their columns. */
static const struct {
    uint32_t domain, vcpu, columns;
} sums[] = {
    {DOMAIN_CPU_NS, VCPU_RUNNING_NS, 1},
    {DOMAIN_WAIT_NS, VCPU_WAIT_NS, 1},
    {DOMAIN_WAITS, VCPU_WAITS, SNAPSHOT_WAIT_BUCKETS},
};

static void never_less(uint64_t *value, uint64_t *last)
{
    if (*value == SNAPSHOT_ABSENT)
        return;
    if (*value < *last)
        *value = *last;
    *last = *value;
}

/* False: a vCPU that was read before is missing. */
static bool finish_vcpus(struct finish_vcpu *before, struct snapshot *snapshot,
                         const struct topology_domain *who)
{
    bool complete = true;

    for (uint32_t vcpu = 0; vcpu < who->vcpus; vcpu++) {
        uint64_t *now = snapshot_row(snapshot, SNAPSHOT_VCPU, who->first_vcpu + vcpu);

        if (now[VCPU_RUNNING_NS] == SNAPSHOT_ABSENT) {
            complete = complete && !before[vcpu].seen;
            continue;
        }
        before[vcpu].seen = true;
        for (uint32_t field = VCPU_RUNNING_NS; field <= VCPU_OFFLINE_NS; field++)
            never_less(&now[field], &before[vcpu].ns[field - VCPU_RUNNING_NS]);
    }
    return complete;
}

/* The sum over the vCPUs that have the column; absent when none has it. */
static uint64_t sum_over_vcpus(const struct snapshot *snapshot, const struct topology_domain *who,
                               uint32_t column)
{
    uint64_t sum = 0;
    bool any = who->vcpus == 0;

    for (uint32_t vcpu = 0; vcpu < who->vcpus; vcpu++) {
        uint64_t value = snapshot_row(snapshot, SNAPSHOT_VCPU, who->first_vcpu + vcpu)[column];

        if (value == SNAPSHOT_ABSENT)
            continue;
        any = true;
        if (__builtin_add_overflow(sum, value, &sum))
            return SNAPSHOT_ABSENT;
    }
    return any ? sum : SNAPSHOT_ABSENT;
}

void finish_domain(struct finish_vcpu *before, struct snapshot *snapshot, uint32_t row)
{
    const struct topology_domain *who = &snapshot->topology->domain[row];
    uint64_t *fields = snapshot_row(snapshot, SNAPSHOT_DOMAIN, row);

    if (!finish_vcpus(before, snapshot, who))
        return;
    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
        for (uint32_t column = 0; column < sums[i].columns; column++)
            if (fields[sums[i].domain + column] == SNAPSHOT_ABSENT &&
                (snapshot->columns[SNAPSHOT_DOMAIN] & SNAPSHOT_COLUMN(sums[i].domain + column)))
                fields[sums[i].domain + column] =
                    sum_over_vcpus(snapshot, who, sums[i].vcpu + column);
}

void finish_pcpus(struct finish_pcpu *before, struct snapshot *snapshot)
{
    for (uint32_t pcpu = 0; pcpu < snapshot->topology->pcpus; pcpu++) {
        uint64_t *now = snapshot_row(snapshot, SNAPSHOT_PCPU, pcpu);

        for (uint32_t field = PCPU_IDLE_NS; field <= PCPU_BUSY_NS; field++)
            never_less(&now[field], &before[pcpu].ns[field - PCPU_IDLE_NS]);
    }
}

/* Those that are in a state; absent when no domain's is known, although there are domains. */
static uint64_t count_domains(const struct snapshot *snapshot, uint32_t column)
{
    bool any = snapshot->topology->domains == 0;
    uint64_t count = 0;

    for (uint32_t row = 0; row < snapshot->topology->domains; row++) {
        uint64_t value = snapshot_row(snapshot, SNAPSHOT_DOMAIN, row)[column];

        any = any || value != SNAPSHOT_ABSENT;
        count += value == 1;
    }
    return any ? count : SNAPSHOT_ABSENT;
}

void finish_host(struct snapshot *snapshot)
{
    uint64_t *host = snapshot_row(snapshot, SNAPSHOT_HOST, 0);

    for (uint32_t state = 0; state <= DOMAIN_DYING - DOMAIN_RUNNING; state++) {
        uint64_t column = SNAPSHOT_COLUMN(DOMAIN_RUNNING + state);

        if (!(snapshot->columns[SNAPSHOT_DOMAIN] & column))
            continue;
        snapshot->columns[SNAPSHOT_HOST] |= SNAPSHOT_COLUMN(HOST_DOMAINS_RUNNING + state);
        host[HOST_DOMAINS_RUNNING + state] = count_domains(snapshot, DOMAIN_RUNNING + state);
    }
}
