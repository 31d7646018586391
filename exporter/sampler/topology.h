/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who lives on the host: the domains, their vCPUs, pCPUs, nodes and performance counters, in the
 * order in which a snapshot lists them; and the fields beyond those known here. One immutable block
 * per change of that set, without pointers into anything else, shared by reference between the
 * sampler and every snapshot taken while it was valid.
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

/* A performance counter of the hypervisor. */
#define TOPOLOGY_COUNTER_NAME 64U
#define TOPOLOGY_NO_ELEMENT   UINT32_MAX
struct topology_counter {
    char name[TOPOLOGY_COUNTER_NAME]; /* ends with a NUL */
    uint32_t element;                 /* of an array of counters, or TOPOLOGY_NO_ELEMENT */
    bool gauge;                       /* goes down too */
};

/* What a field describes that only the hypervisor knows by name. */
enum topology_more {
    TOPOLOGY_OF_HOST,
    TOPOLOGY_OF_DOMAIN,
    TOPOLOGY_OF_VCPU,
    TOPOLOGY_OF_PCPU,
    TOPOLOGY_MORE,
};

enum topology_unit {
    TOPOLOGY_UNIT_NONE,
    TOPOLOGY_UNIT_SECONDS, /* values are nanoseconds */
    TOPOLOGY_UNIT_BYTES,
    TOPOLOGY_UNIT_HERTZ,
};

/* At most so many of each. */
#define TOPOLOGY_FIELDS_MAX 64U
#define TOPOLOGY_FIELD_NAME 48U
#define TOPOLOGY_FIELD_HELP 128U

/*
 * Such a field, or an element of one that is an array: a column of a snapshot. Names are made of
 * a-z, 0-9 and _, help of printable ASCII without backslash and quote; both end with a NUL.
 */
struct topology_field {
    uint32_t of;      /* enum topology_more */
    uint32_t unit;    /* enum topology_unit */
    uint32_t element; /* of an array, or TOPOLOGY_NO_ELEMENT; elements follow each other */
    bool counter;     /* never goes down */
    char name[TOPOLOGY_FIELD_NAME];
    char help[TOPOLOGY_FIELD_HELP];
};

struct topology {
    unsigned int references; /* atomic; topology_ref(), topology_unref() */
    uint64_t generation;     /* grows with every change; never 0 */
    uint32_t domains;
    uint32_t vcpus; /* of all domains */
    uint32_t pcpus; /* numbered from 0; not each of them need be there */
    uint32_t nodes; /* likewise */
    uint32_t counters;
    uint32_t fields;
    uint32_t more[TOPOLOGY_MORE]; /* of the fields: how many are of each kind */
    uint32_t strings_size;
    const struct topology_domain *domain; /* `domains` of them, ascending domid */
    const uint32_t *vcpu_domain;          /* row of vCPU -> row of its domain */
    const struct topology_counter *counter;
    const struct topology_field *field; /* ordered by `of` */
    const char *strings;                /* names: raw bytes as xenstore gave them, no NUL */
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

/* More than any host has of these. */
#define TOPOLOGY_PCPUS_MAX    4096U
#define TOPOLOGY_NODES_MAX    64U
#define TOPOLOGY_COUNTERS_MAX 4096U

/* What there is besides domains. Arrays are only borrowed; fields are ordered by `of`. */
struct topology_host {
    uint32_t pcpus;
    uint32_t nodes;
    uint32_t counters;
    uint32_t fields;
    const struct topology_counter *counter;
    const struct topology_field *field;
};

/*
 * Builds a topology of `count` entries, given in ascending order of domid, on a host.
 * Gives one reference. -ENOMEM, or -EOVERFLOW when there are more than the limits above, or the
 * rows would not fit into 32 bits.
 */
int topology_new(uint64_t generation, const struct topology_entry *entries, size_t count,
                 const struct topology_host *host, struct topology **ret_topology) must_check;

/* Another reference to the same block; safe from any thread. NULL gives NULL. */
struct topology *topology_ref(struct topology *topology);

/* Drops a reference, frees with the last one. NULL is fine. Always returns NULL. */
struct topology *topology_unref(struct topology *topology);

DEFINE_CLEANUP(struct topology *, cleanup_topology, topology_unref)
