/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as a test wants it; see scripted.h. */
#include "scripted.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "sampler/topology.h"

static struct scripted *enter(struct hypervisor *hypervisor, unsigned int *count)
{
    struct scripted *scripted = (struct scripted *)hypervisor;

    pthread_mutex_lock(&scripted->gate);
    (*count)++;
    return scripted;
}

static int leave(struct scripted *scripted, int result)
{
    int error = scripted->error;

    pthread_mutex_unlock(&scripted->gate);
    return error ? error : result;
}

static int ask_domains(struct hypervisor *hypervisor, uint32_t first, uint32_t limit,
                       struct hypervisor_domain *ret_domains)
{
    struct scripted *s = enter(hypervisor, &((struct scripted *)hypervisor)->asked_domains);
    uint32_t count = 0;

    ck_assert_uint_eq(limit, HYPERVISOR_DOMAINS_AT_ONCE);
    for (uint32_t i = 0; i < s->domains && count < limit; i++) {
        const struct scripted_domain *domain = &s->domain[s->disorder ? s->domains - 1 - i : i];

        if (domain->is.domid >= first)
            ret_domains[count++] = domain->is;
    }
    return leave(s, (int)count);
}

static int ask_vcpu(struct hypervisor *hypervisor, uint32_t domid, uint32_t vcpu,
                    struct hypervisor_vcpu *ret_vcpu)
{
    struct scripted *s = enter(hypervisor, &((struct scripted *)hypervisor)->asked_vcpus);

    for (uint32_t i = 0; i < s->domains; i++) {
        const struct scripted_domain *domain = &s->domain[i];

        if (domain->is.domid != domid || domain->vanished)
            continue;
        ck_assert_uint_lt(vcpu, SCRIPTED_VCPUS);
        if (domain->missing >> vcpu & 1)
            continue;
        *ret_vcpu = domain->vcpu[vcpu];
        return leave(s, 0);
    }
    return leave(s, -ESRCH);
}

/* A weight of 0 stands for a scheduler without any. */
static int ask_scheduling(struct hypervisor *hypervisor, uint32_t domid,
                          struct hypervisor_scheduling *ret_scheduling)
{
    struct scripted *s = enter(hypervisor, &((struct scripted *)hypervisor)->asked_scheduling);

    for (uint32_t i = 0; i < s->domains; i++)
        if (s->domain[i].is.domid == domid && !s->domain[i].vanished) {
            *ret_scheduling = s->domain[i].scheduling;
            return leave(s, ret_scheduling->weight ? 0 : -EOPNOTSUPP);
        }
    return leave(s, -ESRCH);
}

static int ask_host(struct hypervisor *hypervisor, struct hypervisor_host *ret_host)
{
    struct scripted *s = enter(hypervisor, &((struct scripted *)hypervisor)->asked_host);

    *ret_host = s->host;
    return leave(s, 0);
}

static int ask_idle(struct hypervisor *hypervisor, uint32_t limit, uint64_t *ret_ns)
{
    struct scripted *s = enter(hypervisor, &((struct scripted *)hypervisor)->asked_idle);

    ck_assert_uint_ge(limit, s->host.pcpus);
    memcpy(ret_ns, s->idle_ns, s->host.pcpus * sizeof(*ret_ns));
    return leave(s, (int)s->host.pcpus);
}

static int ask_pcpus(struct hypervisor *hypervisor, uint32_t limit,
                     struct hypervisor_pcpu *ret_pcpus)
{
    struct scripted *s = enter(hypervisor, &((struct scripted *)hypervisor)->asked_pcpus);

    ck_assert_uint_ge(limit, s->host.pcpus);
    memcpy(ret_pcpus, s->pcpu, s->host.pcpus * sizeof(*ret_pcpus));
    return leave(s, (int)s->host.pcpus);
}

static int ask_nodes(struct hypervisor *hypervisor, uint32_t limit,
                     struct hypervisor_node *ret_nodes)
{
    struct scripted *s = enter(hypervisor, &((struct scripted *)hypervisor)->asked_nodes);

    ret_nodes[0] = s->node;
    return leave(s, 1);
}

static void do_free(struct hypervisor *hypervisor)
{
}

void scripted_init(struct scripted *scripted)
{
    static const struct hypervisor_ops ops = {
        .domains = ask_domains,
        .vcpu = ask_vcpu,
        .scheduling = ask_scheduling,
        .host = ask_host,
        .idle = ask_idle,
        .pcpus = ask_pcpus,
        .nodes = ask_nodes,
        .free = do_free,
    };

    *scripted = (struct scripted){
        .hypervisor.ops = &ops,
        .host = {.pcpus_online = 4,
                 .pcpus = 4,
                 .nodes_online = 1,
                 .cpu_khz = 2000000,
                 .total_pages = 1000,
                 .free_pages = 400},
        .idle_ns = {100, 200, 300, 400},
        .node = {.total = 1000 * 4096, .free = 400 * 4096},
    };
    scripted->domain = calloc(SCRIPTED_DOMAINS, sizeof(*scripted->domain));
    ck_assert_ptr_nonnull(scripted->domain);
    pthread_mutex_init(&scripted->gate, NULL);
}

void scripted_deinit(struct scripted *scripted)
{
    free(scripted->domain);
    pthread_mutex_destroy(&scripted->gate);
}

struct scripted_domain *scripted_add(struct scripted *scripted, uint32_t domid, uint32_t vcpus,
                                     uint64_t ns)
{
    struct scripted_domain *domain;
    uint32_t at = 0;

    ck_assert_uint_lt(scripted->domains, SCRIPTED_DOMAINS);
    while (at < scripted->domains && scripted->domain[at].is.domid < domid)
        at++;
    domain = &scripted->domain[at];
    memmove(domain + 1, domain, (scripted->domains - at) * sizeof(*domain));
    scripted->domains++;
    *domain = (struct scripted_domain){
        .is = {.domid = domid,
               .guest_type = TOPOLOGY_GUEST_PV,
               .vcpus = vcpus,
               .vcpus_online = vcpus,
               .cpu_ns = vcpus * ns,
               .pages = 10,
               .max_pages = 20},
        .scheduling = {.weight = 256},
    };
    domain->is.uuid[0] = (uint8_t)domid;
    domain->is.uuid[15] = (uint8_t)(domid >> 8);
    for (uint32_t vcpu = 0; vcpu < vcpus; vcpu++)
        domain->vcpu[vcpu] =
            (struct hypervisor_vcpu){.running_ns = ns, .pcpu = vcpu % 4, .online = true};
    return domain;
}

void scripted_remove(struct scripted *scripted, uint32_t domid)
{
    uint32_t at = 0;

    while (scripted->domain[at].is.domid != domid)
        at++;
    scripted->domains--;
    memmove(&scripted->domain[at], &scripted->domain[at + 1],
            (scripted->domains - at) * sizeof(*scripted->domain));
}

void scripted_run(struct scripted_domain *domain, uint32_t vcpu, uint64_t ns)
{
    domain->vcpu[vcpu].running_ns += ns;
    domain->is.cpu_ns += ns;
}

void scripted_count_anew(struct scripted *scripted)
{
    scripted->asked_domains = scripted->asked_vcpus = scripted->asked_host = 0;
    scripted->asked_scheduling = scripted->asked_idle = scripted->asked_pcpus =
        scripted->asked_nodes = 0;
}
