/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who lives on the host: the domains, their vCPUs and the pCPUs, in the order in which a snapshot
 * lists them. One immutable block per change of that set, without pointers into anything else,
 * shared by reference between the sampler and every snapshot taken while it was valid.
 *
 * A row is a position in this order. The vCPUs of a domain are contiguous rows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

/* The longest name kept from xenstore, in bytes; what is exported is shorter still. */
#define TOPOLOGY_NAME_MAX 4096U

enum topology_guest_type {
    TOPOLOGY_GUEST_UNKNOWN = 0,
    TOPOLOGY_GUEST_PV,
    TOPOLOGY_GUEST_HVM,
    TOPOLOGY_GUEST_PVH,
    TOPOLOGY_GUEST_TYPES,
};

struct topology_domain {
    uint32_t domid;
    uint32_t guest_type;  /* enum topology_guest_type */
    uint64_t incarnation; /* differs between two domains that had the same domid */
    uint64_t created_ns;  /* Unix time of creation, nanoseconds; 0 when unknown */
    uint8_t uuid[16];
    uint32_t name_offset; /* into the string area */
    uint32_t name_length; /* bytes; 0 when xenstore does not know the domain (yet) */
    uint32_t first_vcpu;  /* row of vCPU 0 */
    uint32_t vcpus;
};

struct topology {
    unsigned int references; /* atomic; topology_ref(), topology_unref() */
    uint64_t generation;     /* grows with every change; never 0 */
    uint32_t domains;
    uint32_t vcpus; /* of all domains */
    uint32_t pcpus;
    uint32_t strings_size;
    const struct topology_domain *domain; /* `domains` of them, ascending domid */
    const uint32_t *vcpu_domain;          /* row of vCPU -> row of its domain */
    const char *strings;                  /* names: raw bytes as xenstore gave them, no NUL */
};

/*
 * What topology_new() builds from: one entry per domain. `name` may be NULL. Only borrowed.
 */
struct topology_entry {
    uint32_t domid;
    uint32_t guest_type;
    uint64_t incarnation;
    uint64_t created_ns;
    uint8_t uuid[16];
    const char *name;
    size_t name_length;
    uint32_t vcpus;
};

/*
 * Builds a topology of `count` entries, given in ascending order of domid.
 * Gives one reference. -ENOMEM, or -EOVERFLOW when the rows would not fit into 32 bits.
 */
int topology_new(uint64_t generation, const struct topology_entry *entries, size_t count,
                 uint32_t pcpus, struct topology **ret_topology) must_check;

/* Another reference to the same block; safe from any thread. NULL gives NULL. */
struct topology *topology_ref(struct topology *topology);

/* Drops a reference, frees with the last one. NULL is fine. Always returns NULL. */
struct topology *topology_unref(struct topology *topology);

DEFINE_CLEANUP(struct topology *, cleanup_topology, topology_unref)
