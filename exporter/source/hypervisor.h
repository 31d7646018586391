/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hypercalls tell about a host, in plain types: libxenctrl's own stay in xen_hypercall.c, the
 * one that asks a real Xen. A function here is one hypercall, which is counted; the few that may
 * need two count the second themselves.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "util/cleanup.h"

/* Domains that one call returns at most. */
#define HYPERVISOR_DOMAINS_AT_ONCE 1024U

/* More than any Xen has; what says otherwise is cut. */
#define HYPERVISOR_PCPUS_MAX 4096U
#define HYPERVISOR_NODES_MAX 64U
#define HYPERVISOR_VCPUS_MAX 8192U /* of one domain */

#define HYPERVISOR_UNKNOWN   UINT32_MAX

struct hypervisor_domain {
    uint32_t domid;      /* first, for by_domid_position() */
    uint32_t guest_type; /* enum topology_guest_type */
    uint32_t vcpus;      /* the highest number in use + 1 */
    uint32_t vcpus_online;
    uint32_t shutdown_code; /* SHUTDOWN_*, where `shutdown` */
    uint32_t cpupool;       /* HYPERVISOR_UNKNOWN: none */
    bool running, blocked, paused, shutdown, crashed, dying;
    uint64_t cpu_ns;           /* running time of all vCPUs */
    uint64_t pages, max_pages; /* the latter may be STATS_NO_LIMIT */
    uint64_t outstanding_pages, shared_pages, paged_pages;
    uint8_t uuid[16];
};

struct hypervisor_vcpu {
    uint64_t running_ns;
    uint32_t pcpu; /* where it runs, or ran last */
    bool online;
};

struct hypervisor_host {
    uint32_t pcpus_online;
    uint32_t pcpus; /* the highest number a pCPU can have + 1 */
    uint32_t nodes_online;
    uint32_t cpu_khz;
    uint64_t total_pages, free_pages, outstanding_pages;
};

/* Where a pCPU is; HYPERVISOR_UNKNOWN where Xen does not know, or it is not there. */
struct hypervisor_pcpu {
    uint32_t core, socket, node;
};

/* Memory in bytes; UINT64_MAX: there is no such node. */
struct hypervisor_node {
    uint64_t total, free;
};

/* What the scheduler that has the domain was told about it. */
struct hypervisor_scheduling {
    uint32_t weight, cap; /* cap: percent of a pCPU; 0: none */
};

struct hypervisor;

struct hypervisor_ops {
    /* Domains from domid `first` on, ascending; returns how many, or a negative errno. */
    int (*domains)(struct hypervisor *hypervisor, uint32_t first, uint32_t limit,
                   struct hypervisor_domain *ret_domains);
    /* -ESRCH: no such vCPU, or no such domain (any more). */
    int (*vcpu)(struct hypervisor *hypervisor, uint32_t domid, uint32_t vcpu,
                struct hypervisor_vcpu *ret_vcpu);
    /* -EOPNOTSUPP: its scheduler knows neither; -ESRCH: no such domain. */
    int (*scheduling)(struct hypervisor *hypervisor, uint32_t domid,
                      struct hypervisor_scheduling *ret_scheduling);
    int (*host)(struct hypervisor *hypervisor, struct hypervisor_host *ret_host);
    /* Nanoseconds idle of each pCPU, 0 while offline; returns how many, or a negative errno. */
    int (*idle)(struct hypervisor *hypervisor, uint32_t limit, uint64_t *ret_ns);
    /* Where each pCPU is; returns how many pCPUs there are, or a negative errno. */
    int (*pcpus)(struct hypervisor *hypervisor, uint32_t limit, struct hypervisor_pcpu *ret_pcpus);
    int (*nodes)(struct hypervisor *hypervisor, uint32_t limit, struct hypervisor_node *ret_nodes);
    void (*free)(struct hypervisor *hypervisor);
};

/* Embedded in each implementation. Used by one thread at a time. */
struct hypervisor {
    const struct hypervisor_ops *ops;
    uint64_t calls; /* hypercalls made so far */
};

static inline struct hypervisor *hypervisor_free(struct hypervisor *hypervisor)
{
    if (hypervisor)
        hypervisor->ops->free(hypervisor);
    return NULL;
}

DEFINE_CLEANUP(struct hypervisor *, cleanup_hypervisor, hypervisor_free)

/* The call is counted before it is made: one that never returns was made all the same. */
#define hypervisor_ask(hypervisor, what, ...)                                                      \
    ((hypervisor)->calls++, (hypervisor)->ops->what((hypervisor), ##__VA_ARGS__))

/*
 * The Xen under this Dom0, through libxenctrl. -EOPNOTSUPP in a build without it, -ENOENT where
 * there is no Xen, -EACCES when /dev/xen/privcmd may not be opened.
 */
int xen_hypervisor_new(struct hypervisor **ret_hypervisor) must_check;
