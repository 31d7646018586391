/* SPDX-License-Identifier: Apache-2.0 */
/* Asks as little as possible; see hypercall_sample.h. */
#include "source/hypercall_sample.h"

#include <errno.h>
#include <string.h>

#include "domains/by_domid.h"
#include "domains/domain_set.h"
#include "util/monotonic.h"

/* More than the clocks of two pCPUs ever differ by. */
#define CLOCKS_DIFFER_NS NS_PER_S

/* A time of 146 years or more is not one. */
static bool is_time(uint64_t ns)
{
    return ns >> 62 == 0;
}

void hypercall_sample_deinit(struct hypercall_sample *sample)
{
    free(sample->domain);
    free(sample->vcpu);
    free(sample->pcpu);
    *sample = HYPERCALL_SAMPLE_NULL;
}

const struct hypercall_domain *hypercall_sample_find(const struct hypercall_sample *sample,
                                                     uint32_t domid)
{
    uint32_t at =
        by_domid_position(sample->domain, sample->domains, sizeof(*sample->domain), domid);

    return at < sample->domains && sample->domain[at].is.domid == domid ? &sample->domain[at]
                                                                        : NULL;
}

static int make_room(void *array, uint32_t *capacity, uint32_t wanted, size_t size)
{
    uint32_t larger = wanted + wanted / 4;
    void *grown;

    if (wanted <= *capacity)
        return 0;
    grown = reallocarray(*(void **)array, larger, size);
    if (!grown)
        return -ENOMEM;
    *(void **)array = grown;
    *capacity = larger;
    return 0;
}

/* Lists every domain. What is out of order would go round for ever, and is not Xen's answer. */
static int list_domains(struct hypervisor *hypervisor, struct hypercall_sample *sample)
{
    cleanup(cleanup_free) struct hypervisor_domain *found =
        calloc(HYPERVISOR_DOMAINS_AT_ONCE, sizeof(*found));
    uint32_t first = 0;
    int count;

    if (!found)
        return -ENOMEM;
    sample->domains = 0;
    do {
        count = hypervisor_ask(hypervisor, domains, first, HYPERVISOR_DOMAINS_AT_ONCE, found);
        if (count < 0)
            return count;
        if (make_room(&sample->domain, &sample->domains_capacity, sample->domains + (uint32_t)count,
                      sizeof(*sample->domain)) < 0)
            return -ENOMEM;
        for (int i = 0; i < count; i++) {
            if (found[i].domid < first || found[i].domid >= DOMAIN_SET_LIMIT)
                return -EBADMSG;
            first = found[i].domid + 1;
            sample->domain[sample->domains++] = (struct hypercall_domain){.is = found[i]};
        }
    } while ((uint32_t)count == HYPERVISOR_DOMAINS_AT_ONCE);
    return 0;
}

/*
 * Whether `now` is the domain that `before` was. The interface has no number of incarnations; but a
 * domain's CPU time does not fall (by more than clocks differ between pCPUs), and its UUID tells
 * its series apart, whoever has it.
 */
static bool is_same_domain(const struct hypervisor_domain *before,
                           const struct hypervisor_domain *now)
{
    return before->domid == now->domid && before->cpu_ns <= now->cpu_ns + CLOCKS_DIFFER_NS &&
           before->guest_type == now->guest_type && before->vcpus == now->vcpus &&
           memcmp(before->uuid, now->uuid, sizeof(now->uuid)) == 0;
}

/* Gives each domain its vCPUs, with what was known about them when it is the domain of before. */
static int match_domains(const struct hypercall_sample *before, struct hypercall_sample *sample)
{
    bool same_set = before->domains == sample->domains;

    sample->vcpus = 0;
    for (uint32_t i = 0; i < sample->domains; i++) {
        struct hypercall_domain *domain = &sample->domain[i];
        const struct hypercall_domain *was = hypercall_sample_find(before, domain->is.domid);
        bool same = was && is_same_domain(&was->is, &domain->is);

        if (make_room(&sample->vcpu, &sample->vcpus_capacity, sample->vcpus + domain->is.vcpus,
                      sizeof(*sample->vcpu)) < 0)
            return -ENOMEM;
        domain->first_vcpu = sample->vcpus;
        same_set = same_set && same;
        if (!same) {
            domain->incarnation = ++sample->incarnations;
        } else {
            struct hypervisor_domain is = domain->is;
            uint32_t first_vcpu = domain->first_vcpu;

            *domain = *was;
            domain->is = is;
            domain->first_vcpu = first_vcpu;
        }
        for (uint32_t vcpu = 0; vcpu < domain->is.vcpus; vcpu++)
            sample->vcpu[sample->vcpus++] =
                same ? before->vcpu[was->first_vcpu + vcpu] : (struct hypercall_vcpu){0};
    }
    sample->generation = before->generation + !same_set;
    return 0;
}

/* Whether asking again would give what is known already. */
static bool has_stood_still(const struct hypercall_domain *domain)
{
    return domain->asked && domain->asked_cpu_ns == domain->is.cpu_ns &&
           domain->asked_online == domain->is.vcpus_online;
}

/* One vCPU. 0, -ESRCH when it or its domain is not there, or what the hypervisor says. */
static int ask_vcpu(struct hypervisor *hypervisor, const struct hypercall_domain *domain,
                    uint32_t vcpu, struct hypercall_vcpu *row)
{
    struct hypervisor_vcpu is;
    int r;

    r = hypervisor_ask(hypervisor, vcpu, domain->is.domid, vcpu, &is);
    if (r < 0) {
        row->known = false;
        return r;
    }
    /* A reading that fell was taken while Xen updated the guest's copy: the last one still holds.
     */
    if (!is_time(is.running_ns) || (row->known && is.running_ns < row->is.running_ns))
        is.running_ns = row->is.running_ns;
    *row = (struct hypercall_vcpu){.is = is, .known = true};
    return 0;
}

/*
 * Asks the vCPUs of a domain. Those that were offline are left out once as many as the domain has
 * online were found, until their turn comes. -ESRCH: the domain is gone.
 */
static int ask_vcpus(struct hypervisor *hypervisor, struct hypercall_sample *sample,
                     struct hypercall_domain *domain)
{
    struct hypercall_vcpu *rows = sample->vcpu + domain->first_vcpu;
    bool everyone = !domain->asked || domain->asked_online != domain->is.vcpus_online ||
                    sample->round - domain->offline_round >= HYPERCALL_OFFLINE_ROUNDS;
    int r;

    for (uint32_t vcpu = 0; vcpu < domain->is.vcpus; vcpu++) {
        if (!everyone && rows[vcpu].known && !rows[vcpu].is.online)
            continue;
        r = ask_vcpu(hypervisor, domain, vcpu, &rows[vcpu]);
        if (r == -ESRCH && vcpu + 1 < domain->is.vcpus) {
            /* A gap in the numbers; or the domain is gone: its last vCPU would be there. */
            r = ask_vcpu(hypervisor, domain, domain->is.vcpus - 1, &rows[domain->is.vcpus - 1]);
        }
        if (r == -ESRCH)
            return r;
    }
    domain->asked = true;
    domain->asked_cpu_ns = domain->is.cpu_ns;
    domain->asked_online = domain->is.vcpus_online;
    if (everyone)
        domain->offline_round = sample->round;
    return 0;
}

/* Takes a domain that vanished after it was listed out of the sample again. */
static void remove_domain(struct hypercall_sample *sample, uint32_t at)
{
    sample->domains--;
    memmove(&sample->domain[at], &sample->domain[at + 1],
            (sample->domains - at) * sizeof(*sample->domain));
}

static void ask_domains(struct hypervisor *hypervisor, struct hypercall_sample *sample)
{
    for (uint32_t i = 0; i < sample->domains;) {
        struct hypercall_domain *domain = &sample->domain[i];

        if (!has_stood_still(domain) && ask_vcpus(hypervisor, sample, domain) == -ESRCH) {
            remove_domain(sample, i);
            sample->generation++;
            continue;
        }
        i++;
    }
}

/* An offline pCPU is idle for 0 ns, says Xen; a counter stays where it was. */
static int ask_idle(struct hypervisor *hypervisor, struct hypercall_sample *sample)
{
    cleanup(cleanup_free) uint64_t *ns = calloc(HYPERVISOR_PCPUS_MAX, sizeof(*ns));
    int count;

    if (!ns)
        return -ENOMEM;
    count = hypervisor_ask(hypervisor, idle, sample->host.pcpus, ns);
    for (int i = 0; i < count; i++) {
        struct hypercall_pcpu *pcpu = &sample->pcpu[i];

        pcpu->online = ns[i] != 0;
        if (is_time(ns[i]) && ns[i] > pcpu->idle_ns)
            pcpu->idle_ns = ns[i];
    }
    return count < 0 ? count : 0;
}

static int ask_places(struct hypervisor *hypervisor, struct hypercall_sample *sample)
{
    cleanup(cleanup_free) struct hypervisor_pcpu *places =
        calloc(HYPERVISOR_PCPUS_MAX, sizeof(*places));
    int count;

    if (!places)
        return -ENOMEM;
    count = hypervisor_ask(hypervisor, pcpus, sample->host.pcpus, places);
    if (count < 0)
        return count;
    for (int i = 0; i < count; i++)
        sample->pcpu[i].is = places[i];
    sample->pcpus = (uint32_t)count;
    sample->pcpus_ns = sample->began_ns;
    return 0;
}

static void ask_scheduling(struct hypervisor *hypervisor, struct hypercall_domain *domain)
{
    int r = hypervisor_ask(hypervisor, scheduling, domain->is.domid, &domain->scheduling);

    domain->scheduling_asked = true;
    domain->scheduling_known = r == 0;
}

/* New domains, a limited number each round; and one of the others, in turn. */
static void ask_schedulings(struct hypervisor *hypervisor, struct hypercall_sample *sample)
{
    struct hypercall_domain *next = NULL;
    uint32_t asked = 0;

    for (uint32_t i = 0; i < sample->domains; i++) {
        struct hypercall_domain *domain = &sample->domain[i];

        if (!domain->scheduling_asked) {
            if (asked++ < HYPERCALL_SCHEDULING_MAX)
                ask_scheduling(hypervisor, domain);
        } else if (!next && domain->is.domid >= sample->scheduling_next) {
            next = domain;
        }
    }
    if (next && !asked)
        ask_scheduling(hypervisor, next);
    sample->scheduling_next = next ? next->is.domid + 1 : 0;
}

static bool is_due(uint64_t since_ns, uint64_t now_ns)
{
    return since_ns == 0 || now_ns - since_ns >= HYPERCALL_RARELY_NS;
}

static int ask_host(struct hypervisor *hypervisor, const struct hypercall_sample *before,
                    struct hypercall_sample *sample)
{
    uint32_t online = before->host.pcpus_online;
    int r, count;

    r = hypervisor_ask(hypervisor, host, &sample->host);
    if (r < 0)
        return r;
    r = ask_idle(hypervisor, sample);
    if (r < 0)
        return r;

    /* Where a pCPU is may be another place after it came back, and its row may be a new one. */
    if (is_due(before->pcpus_ns, sample->began_ns) || sample->host.pcpus_online != online) {
        r = ask_places(hypervisor, sample);
        if (r < 0)
            return r;
    }
    if (is_due(before->nodes_ns, sample->began_ns)) {
        count = hypervisor_ask(hypervisor, nodes, HYPERVISOR_NODES_MAX, sample->node);
        if (count < 0)
            return count;
        sample->nodes = (uint32_t)count;
        sample->nodes_ns = sample->began_ns;
    }
    return 0;
}

/* Everything of `before` but its domains and vCPUs, which are matched one by one. */
static int start_from(const struct hypercall_sample *before, struct hypercall_sample *sample)
{
    struct hypercall_sample kept = *sample;

    if (!kept.pcpu)
        kept.pcpu = calloc(HYPERVISOR_PCPUS_MAX, sizeof(*kept.pcpu));
    *sample = *before;
    sample->domain = kept.domain;
    sample->domains_capacity = kept.domains_capacity;
    sample->vcpu = kept.vcpu;
    sample->vcpus_capacity = kept.vcpus_capacity;
    sample->pcpu = kept.pcpu;
    sample->domains = sample->vcpus = 0;
    if (!sample->pcpu)
        return -ENOMEM;
    if (before->pcpu)
        memcpy(sample->pcpu, before->pcpu, HYPERVISOR_PCPUS_MAX * sizeof(*sample->pcpu));
    return 0;
}

/* What could not be asked is as it was. */
static void fall_back_to(const struct hypercall_sample *before, struct hypercall_sample *sample)
{
    if (make_room(&sample->domain, &sample->domains_capacity, before->domains,
                  sizeof(*sample->domain)) < 0 ||
        make_room(&sample->vcpu, &sample->vcpus_capacity, before->vcpus, sizeof(*sample->vcpu)) <
            0) {
        sample->domains = sample->vcpus = 0;
        return;
    }
    sample->domains = before->domains;
    sample->vcpus = before->vcpus;
    if (before->domains)
        memcpy(sample->domain, before->domain, before->domains * sizeof(*sample->domain));
    if (before->vcpus)
        memcpy(sample->vcpu, before->vcpu, before->vcpus * sizeof(*sample->vcpu));
    sample->generation = before->generation;
}

int hypercall_sample_take(struct hypervisor *hypervisor, enum hypercall_round round,
                          const struct hypercall_sample *before, struct hypercall_sample *sample)
{
    int r;

    r = start_from(before, sample);
    sample->began_ns = monotonic_ns();
    if (r == 0)
        r = list_domains(hypervisor, sample);
    if (r == 0)
        r = match_domains(before, sample);
    if (r == 0 && round == HYPERCALL_FULL) {
        sample->round++;
        sample->full_ns = sample->began_ns;
        ask_domains(hypervisor, sample);
        ask_schedulings(hypervisor, sample);
        r = ask_host(hypervisor, before, sample);
    }
    if (r < 0)
        fall_back_to(before, sample);
    sample->error = r;
    sample->calls = hypervisor->calls;
    sample->ended_ns = monotonic_ns();
    return r;
}
