/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hypervisor that a test scripts: what there is, what vanishes between two calls, what fails,
 * what never returns. The real one is asked in the lab.
 */
#pragma once

#include <pthread.h>

#include "source/hypervisor.h"

#define SCRIPTED_DOMAINS 4096U
#define SCRIPTED_VCPUS   64U
#define SCRIPTED_PCPUS   16U

struct scripted_domain {
    struct hypervisor_domain is;
    struct hypervisor_vcpu vcpu[SCRIPTED_VCPUS];
    uint64_t missing; /* bit v: there is no such vCPU */
    struct hypervisor_scheduling scheduling;
    bool vanished; /* listed, but not there any more */
};

struct scripted {
    struct hypervisor hypervisor;
    struct scripted_domain *domain; /* ascending domid */
    uint32_t domains;
    struct hypervisor_host host;
    uint64_t idle_ns[SCRIPTED_PCPUS];
    struct hypervisor_pcpu pcpu[SCRIPTED_PCPUS];
    struct hypervisor_node node;

    int error;     /* what every call says; 0: an answer */
    bool disorder; /* the list comes back to front */
    unsigned int asked_domains, asked_vcpus, asked_host, asked_idle, asked_pcpus, asked_nodes,
        asked_scheduling;

    pthread_mutex_t gate; /* each call goes through it: a test that holds it makes calls hang */
};

void scripted_init(struct scripted *scripted);
void scripted_deinit(struct scripted *scripted);

/* Adds a domain with `vcpus` vCPUs, all online, which ran `ns` each. Borrowed. */
struct scripted_domain *scripted_add(struct scripted *scripted, uint32_t domid, uint32_t vcpus,
                                     uint64_t ns);
void scripted_remove(struct scripted *scripted, uint32_t domid);

/* Lets a vCPU run. */
void scripted_run(struct scripted_domain *domain, uint32_t vcpu, uint64_t ns);

/* Forgets what was asked so far. */
void scripted_count_anew(struct scripted *scripted);
