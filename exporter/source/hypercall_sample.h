/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One round of hypercalls: everything that they tell about the host, gathered with as few of them
 * as the interface allows. Each round starts from the one before, and asks only what may differ:
 *
 *  - the list of domains: one call for each 1,024 of them;
 *  - a call for each vCPU, but none for those of a domain that has not run since they were asked
 *    last (the list says how long a domain ran in all), and as a rule none for offline vCPUs;
 *  - host and pCPUs: one call each; where pCPUs are, again when their number changed; memory of
 *    nodes, now and then;
 *  - what the scheduler was told about a domain: when it is new, then of one domain each round.
 *
 * Plain data without threads: hypercalls.c has the thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/hypervisor.h"

/* How long what rarely changes is taken as still true. */
#define HYPERCALL_RARELY_NS (15ULL * 1000 * 1000 * 1000)

/* Offline vCPUs are asked along with the others once in so many rounds. */
#define HYPERCALL_OFFLINE_ROUNDS 16U

/* New domains whose scheduling is asked about in one round. */
#define HYPERCALL_SCHEDULING_MAX 64U

enum hypercall_round {
    HYPERCALL_LIST, /* which domains exist; numbers stay as they were */
    HYPERCALL_FULL,
};

struct hypercall_vcpu {
    struct hypervisor_vcpu is;
    bool known;
};

struct hypercall_domain {
    struct hypervisor_domain is; /* first, likewise */
    uint64_t incarnation;        /* differs between two domains that had the same domid */
    uint32_t first_vcpu;         /* is.vcpus of them from here on in `vcpu` */
    uint32_t offline_round;      /* when all vCPUs were asked */
    bool asked;                  /* the vCPUs were, when these were the domain's figures: */
    uint64_t asked_cpu_ns;
    uint32_t asked_online;
    struct hypervisor_scheduling scheduling;
    bool scheduling_asked;
    bool scheduling_known;
};

struct hypercall_pcpu {
    struct hypervisor_pcpu is;
    uint64_t idle_ns; /* never falls */
    bool online;
};

struct hypercall_sample {
    uint64_t began_ns, ended_ns; /* CLOCK_MONOTONIC */
    uint64_t full_ns;            /* when the round began that the numbers are from; 0: none yet */
    uint64_t calls;              /* hypercalls ever made */
    int error;                   /* 0, or why the round came to nothing: a negative errno */
    uint32_t round;              /* full rounds so far */
    uint64_t generation;         /* grows when a domain came, went, or got another vCPU */
    uint64_t incarnations;       /* given out so far */
    uint32_t scheduling_next;    /* the domid whose turn it is to be asked about its scheduling */

    struct hypercall_domain *domain; /* ascending domid */
    uint32_t domains, domains_capacity;
    struct hypercall_vcpu *vcpu;
    uint32_t vcpus, vcpus_capacity;

    struct hypervisor_host host;
    struct hypercall_pcpu *pcpu; /* room for HYPERVISOR_PCPUS_MAX */
    uint32_t pcpus;
    uint64_t pcpus_ns; /* when they were looked up */
    struct hypervisor_node node[HYPERVISOR_NODES_MAX];
    uint32_t nodes;
    uint64_t nodes_ns;
};

#define HYPERCALL_SAMPLE_NULL ((struct hypercall_sample){0})

void hypercall_sample_deinit(struct hypercall_sample *sample);

/*
 * Makes a round. `before` is the round before; `sample` is filled, whatever was in it. An error is
 * returned, and is in `sample` too, which then has the domains and numbers of `before`.
 */
int hypercall_sample_take(struct hypervisor *hypervisor, enum hypercall_round round,
                          const struct hypercall_sample *before, struct hypercall_sample *sample);

/* The domain with this domid, or NULL. */
const struct hypercall_domain *hypercall_sample_find(const struct hypercall_sample *sample,
                                                     uint32_t domid);
