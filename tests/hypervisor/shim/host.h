/* SPDX-License-Identifier: Apache-2.0 */
/* What there is to know about the host; tests set it. */
#pragma once

#include "basics.h"

struct shim_host {
    uint64_t free_pages, outstanding_pages, boot_time;
    unsigned int cpus_online, cpus_present, nodes_online;
    bool is_node_online[MAX_NUMNODES];
    uint64_t node_pages[MAX_NUMNODES], node_free_pages[MAX_NUMNODES];
};
extern struct shim_host shim_host;
extern unsigned long cpu_khz;

#define num_online_cpus()           shim_host.cpus_online
#define num_present_cpus()          shim_host.cpus_present
#define num_online_nodes()          shim_host.nodes_online
#define node_online(node)           shim_host.is_node_online[node]
#define node_spanned_pages(node)    shim_host.node_pages[node]
#define avail_node_heap_pages(node) shim_host.node_free_pages[node]
#define get_boot_time()             shim_host.boot_time

static inline void get_outstanding_claims(uint64_t *free_pages, uint64_t *outstanding_pages)
{
    *free_pages = shim_host.free_pages;
    *outstanding_pages = shim_host.outstanding_pages;
}
