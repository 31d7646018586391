/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of Xen's statistics tables, as a reader sees it.
 *
 * The tables come from XENMEM_acquire_resource, type XENMEM_resource_stats_table, domid DOMID_XEN;
 * `id` says whose table it is.  xen-patches/ABI.md explains the rules; the hypervisor's own copy of
 * this layout is xen/include/public/stats.h in the series.  The two are held together by the
 * static asserts below and by a test that compares them field by field.
 *
 * In short:
 *  - A table is an array of 4 KiB frames.  Every frame opens with a struct stats_frame; the first
 *    frame's is followed by a directory: one struct stats_kind per kind of record.
 *  - Record i of a kind lives in frame first_frame + i / per_frame, at byte
 *    offset + (i % per_frame) * stride.  No record crosses a frame.
 *  - A table only ever grows: a newer hypervisor has more kinds, longer records (`size`), never
 *    moved fields.  A field exists when its offset plus 8 is at most the kind's `size`.
 *  - All values are little endian; times are nanoseconds of Xen's system time; a 64-bit value of
 *    all ones means "not available".
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define STATS_RESOURCE_TYPE  3       /* XENMEM_resource_stats_table */
#define STATS_DOMID_XEN      0x7ff2U /* DOMID_XEN: names the tables' owner; as id: the host's table */
#define STATS_DOMID_LIMIT    0x7ff0U  /* DOMID_FIRST_RESERVED: ordinary domids are below */
#define STATS_ID_DESCRIPTORS 0x10000U /* as id: the descriptors of every field */

#define STATS_FRAME_SIZE     4096U
#define STATS_MAGIC          0x42545358U /* "XSTB" */
#define STATS_VERSION        1U
#define STATS_NOT_AVAILABLE  UINT64_MAX
#define STATS_NO_LIMIT       UINT32_MAX /* of `max_pages`, as libxenctrl has it, too */

/* Where the directory and the records begin in the first frame. */
#define STATS_DIRECTORY_OFFSET 64U
#define STATS_DIRECTORY_MAX    14U

enum stats_frame_flags {
    STATS_FRAME_DEAD = 1U << 0, /* the target is gone: nothing here changes any more */
};

/* Opens every frame. Constant after the acquire, except for `flags`. */
struct stats_frame {
    uint32_t magic;
    uint32_t version;
    uint32_t target;     /* the `id` of the acquire */
    uint32_t frame;      /* index of this frame within its table */
    uint32_t nr_frames;  /* frames of the whole table */
    uint32_t flags;      /* enum stats_frame_flags */
    uint64_t generation; /* one number per domain incarnation, never reused until reboot */
    uint32_t nr_kinds;   /* directory entries in the first frame; 0 in the others */
    uint32_t kind_size;  /* bytes from one directory entry to the next */
    uint64_t reserved[3];
};

enum stats_kind_id {
    STATS_KIND_DOMAIN = 1,     /* domain table: one struct stats_domain */
    STATS_KIND_VCPU = 2,       /* domain table: max_vcpus times struct stats_vcpu */
    STATS_KIND_HOST = 16,      /* host table: one struct stats_host */
    STATS_KIND_CLOCK = 17,     /* host table: one struct stats_clock */
    STATS_KIND_BITMAP = 18,    /* host table: struct stats_bitmap, 4096 domids each */
    STATS_KIND_PCPU = 19,      /* host table: one struct stats_pcpu per possible CPU */
    STATS_KIND_NODE = 20,      /* host table: one struct stats_node per possible NUMA node */
    STATS_KIND_PERFC = 21,     /* host table: one struct stats_perfc per performance counter */
    STATS_KIND_DESCRIPTOR = 32 /* descriptor table: one struct stats_descriptor per field */
};

struct stats_kind {
    uint32_t kind;        /* enum stats_kind_id; unknown ones are skipped */
    uint32_t first_frame; /* frame of record 0 */
    uint32_t offset;      /* byte of record 0 within each of the kind's frames */
    uint32_t size;        /* bytes of a record that carry meaning */
    uint32_t stride;      /* bytes from one record to the next; divides the frame size */
    uint32_t per_frame;   /* records in each frame */
    uint32_t count;       /* records in all */
    uint32_t reserved;
};

enum stats_record_flags {
    STATS_RECORD_VALID = 1U << 0, /* seeded; without it the rest means nothing */
};

/* Opens every record but the bitmap's. */
struct stats_record {
    uint32_t seq;   /* odd while the fields it covers are being written */
    uint32_t flags; /* enum stats_record_flags */
    uint32_t index; /* domid, vCPU, pCPU, ... */
    uint32_t reserved;
};

enum stats_runstate {
    STATS_RUNNING = 0,
    STATS_RUNNABLE = 1,
    STATS_BLOCKED = 2,
    STATS_OFFLINE = 3,
    STATS_RUNSTATES = 4
};

enum stats_vcpu_flags {
    STATS_VCPU_ONLINE = 1U << 1, /* the guest has it up */
};

/* Bucket b counts waits below STATS_WAIT_BASE << b ns, but the last, which counts the rest. */
#define STATS_WAIT_BUCKETS 16U
#define STATS_WAIT_BASE    4096U

/* `seq` covers everything: all of it is written under the vCPU's schedule lock. */
struct stats_vcpu {
    struct stats_record record;
    uint32_t state; /* enum stats_runstate */
    uint32_t cpu;   /* pCPU it runs on, or ran on last */
    uint64_t state_entry_time;
    uint64_t time[STATS_RUNSTATES]; /* up to state_entry_time; the reader adds the rest */
    /* Kept since the first acquire of the table only: */
    uint64_t counting_since;
    uint64_t dispatches;
    uint64_t migrations; /* of the dispatches: those on another pCPU than before */
    uint64_t wait_sum;   /* by how much time[STATS_RUNNABLE] has grown */
    uint64_t waits[STATS_WAIT_BUCKETS];
};

enum stats_guest_type {
    STATS_GUEST_PV = 1,
    STATS_GUEST_HVM = 2,
    STATS_GUEST_PVH = 3,
};

/* `seq` covers the handle alone; every other field is one 64-bit or 32-bit atomic write. */
struct stats_domain {
    struct stats_record record;
    uint8_t handle[16];     /* the UUID; zero until the toolstack sets it */
    uint64_t creation_time; /* system time at creation */
    uint64_t generation;    /* as in the frame header */
    uint32_t guest_type;    /* enum stats_guest_type */
    uint32_t max_vcpus;
    uint64_t dying; /* 0 alive, 1 dying (resources being freed), 2 dead */
    uint64_t pages; /* frames, this and the following: allocated, as the toolstack counts them */
    uint64_t max_pages;         /* or STATS_NO_LIMIT */
    uint64_t outstanding_pages; /* claimed, not allocated yet */
    uint64_t shared_pages;
    uint64_t paged_pages;
    uint64_t xenheap_pages;  /* the hypervisor's own, shared with the domain */
    uint64_t event_channels; /* in use */
    uint64_t max_event_channels;
    uint64_t grant_frames;
    uint64_t max_grant_frames;
    uint64_t maptrack_frames;
    uint64_t max_maptrack_frames;
    uint64_t paused;           /* 1 while the toolstack keeps it paused */
    uint64_t shutdown;         /* SHUTDOWN_*; not available while it runs */
    uint64_t cpupool;          /* not available: in none */
    uint64_t scheduler_weight; /* not available: its scheduler has none */
    uint64_t scheduler_cap;    /* percent of a pCPU, 0: none */
};

/*
 * `seq` covers the two counts together with the bitmap: while it is even and unchanged, created -
 * destroyed bits are set. Every field is also one 64-bit atomic write.
 */
struct stats_host {
    struct stats_record record;
    uint64_t domains_created;   /* since boot */
    uint64_t domains_destroyed; /* since boot: created - destroyed = bits set in the bitmap */
    uint64_t pages;             /* frames allocated to statistics tables, the host's included */
    uint64_t pages_retired;     /* of these: belonging to dead domains, not freed yet */
    uint64_t domids;            /* bits in the bitmap that mean something */
    uint64_t max_domain_pages;  /* new acquires are refused beyond this many frames */
    uint64_t boot_time;         /* Unix time in ns at system time 0 */
    uint64_t refreshed; /* system time at which all below was looked up; about every second */
    uint64_t total_pages;
    uint64_t free_pages;
    uint64_t outstanding_pages;
    uint64_t cpus_online;
    uint64_t cpus_present;
    uint64_t nodes_online;
    uint64_t cpu_khz;
};

enum stats_clock_flags {
    STATS_CLOCK_TSC_USABLE = 1U << 1, /* RDTSC in user space plus this pair gives system time */
};

/* `seq` covers everything, `record.flags` too. Refreshed about once a second. */
struct stats_clock {
    struct stats_record record; /* flags: also enum stats_clock_flags */
    uint64_t tsc;               /* TSC at system_time */
    uint64_t system_time;
    uint32_t tsc_to_ns_mul; /* as in struct vcpu_time_info: */
    int32_t tsc_shift;      /*   ns = ((ticks << shift) * mul) >> 32 */
    uint64_t reserved;
};

/* Bit d of the whole (64-bit words, bit 0 lowest): domain d exists. Each word is written
 * atomically. */
#define STATS_BITMAP_WORDS 64U
struct stats_bitmap {
    uint64_t word[STATS_BITMAP_WORDS];
};

enum stats_pcpu_flags {
    STATS_PCPU_ONLINE = 1U << 1,
};

#define STATS_CSTATES 8U

/*
 * Valid once the pCPU was online. `seq` covers everything up to online_time, record.flags too: they
 * are those of its idle vCPU, so that time[STATS_RUNNING] is the time for which the pCPU was idle;
 * while it is offline its state is STATS_OFFLINE. The rest is written field by field.
 */
struct stats_pcpu {
    struct stats_record record; /* flags: also enum stats_pcpu_flags */
    uint32_t state;             /* enum stats_runstate */
    uint32_t reserved;
    uint64_t state_entry_time;
    uint64_t time[STATS_RUNSTATES];
    uint64_t online_since;     /* not available while it is offline */
    uint64_t online_time;      /* in earlier periods */
    uint64_t context_switches; /* since counting_since, the first acquire of the table */
    uint64_t counting_since;
    uint32_t node; /* all ones, this and the following: not known */
    uint32_t socket;
    uint32_t core;
    uint32_t cstates; /* elements of the arrays below that are used */
    uint64_t frequency_khz;
    uint64_t cstate_time[STATS_CSTATES]; /* ns */
    uint64_t cstate_entries[STATS_CSTATES];
};

/* Valid while the node is online. */
struct stats_node {
    struct stats_record record;
    uint64_t total_pages;
    uint64_t free_pages;
};

#define STATS_PERFC_COUNTER 1U
#define STATS_PERFC_GAUGE   2U
#define STATS_PERFC_SINGLE  UINT32_MAX

/* A performance counter, or an element of an array of them. All but the value is constant. */
struct stats_perfc {
    struct stats_record record;
    uint64_t value;   /* of a counter: all pCPUs, since the first acquire of the table */
    uint32_t type;    /* STATS_PERFC_COUNTER, STATS_PERFC_GAUGE */
    uint32_t element; /* or STATS_PERFC_SINGLE */
    char name[64];    /* ends with a NUL */
};

#define STATS_TYPE_COUNTER   1U
#define STATS_TYPE_GAUGE     2U
#define STATS_TYPE_STATE     3U /* one of several values */
#define STATS_TYPE_CONSTANT  4U
#define STATS_TYPE_HISTOGRAM 5U /* an array of counters */
#define STATS_TYPE_OPAQUE    6U /* no quantity, or a moment */

#define STATS_UNIT_NONE      0U
#define STATS_UNIT_SECONDS   1U
#define STATS_UNIT_BYTES     2U
#define STATS_UNIT_HERTZ     3U

#define STATS_FIELD_SEQ      (1U << 0) /* covered by the record's seq */
#define STATS_FIELD_RUNSTATE (1U << 1) /* element [state] grows with the clock */
#define STATS_FIELD_SIGNED   (1U << 2) /* and always available */
#define STATS_FIELD_OPTIONAL (1U << 3) /* 32 bits, of which all ones are not available */

/* Describes a field of the records of a kind. The whole table is constant. */
struct stats_descriptor {
    struct stats_record record;
    uint32_t kind;   /* enum stats_kind_id */
    uint32_t offset; /* within the record */
    uint32_t size;   /* bytes of an element */
    uint32_t count;  /* elements */
    uint32_t type;   /* STATS_TYPE_* */
    uint32_t unit;   /* STATS_UNIT_*, of value * scale * 10^exponent; of a histogram's base */
    int32_t exponent;
    uint32_t scale;
    uint32_t field_flags; /* STATS_FIELD_* */
    uint32_t reserved;
    uint64_t base;  /* bucket b of a histogram is about values below base * 2^b */
    char name[48];  /* a-z, 0-9 and _; ends with a NUL */
    char help[128]; /* ends with a NUL */
};

#define STATS_ASSERT_OFFSET(type, field, at)                                                       \
    _Static_assert(offsetof(struct type, field) == (at), #type "." #field " is at " #at)

STATS_ASSERT_OFFSET(stats_frame, magic, 0);
STATS_ASSERT_OFFSET(stats_frame, version, 4);
STATS_ASSERT_OFFSET(stats_frame, target, 8);
STATS_ASSERT_OFFSET(stats_frame, frame, 12);
STATS_ASSERT_OFFSET(stats_frame, nr_frames, 16);
STATS_ASSERT_OFFSET(stats_frame, flags, 20);
STATS_ASSERT_OFFSET(stats_frame, generation, 24);
STATS_ASSERT_OFFSET(stats_frame, nr_kinds, 32);
STATS_ASSERT_OFFSET(stats_frame, kind_size, 36);
_Static_assert(sizeof(struct stats_frame) == STATS_DIRECTORY_OFFSET, "frame header");

STATS_ASSERT_OFFSET(stats_kind, kind, 0);
STATS_ASSERT_OFFSET(stats_kind, first_frame, 4);
STATS_ASSERT_OFFSET(stats_kind, offset, 8);
STATS_ASSERT_OFFSET(stats_kind, size, 12);
STATS_ASSERT_OFFSET(stats_kind, stride, 16);
STATS_ASSERT_OFFSET(stats_kind, per_frame, 20);
STATS_ASSERT_OFFSET(stats_kind, count, 24);
_Static_assert(sizeof(struct stats_kind) == 32, "directory entry");

STATS_ASSERT_OFFSET(stats_vcpu, record.seq, 0);
STATS_ASSERT_OFFSET(stats_vcpu, record.flags, 4);
STATS_ASSERT_OFFSET(stats_vcpu, record.index, 8);
STATS_ASSERT_OFFSET(stats_vcpu, state, 16);
STATS_ASSERT_OFFSET(stats_vcpu, cpu, 20);
STATS_ASSERT_OFFSET(stats_vcpu, state_entry_time, 24);
STATS_ASSERT_OFFSET(stats_vcpu, time, 32);
STATS_ASSERT_OFFSET(stats_vcpu, counting_since, 64);
STATS_ASSERT_OFFSET(stats_vcpu, dispatches, 72);
STATS_ASSERT_OFFSET(stats_vcpu, migrations, 80);
STATS_ASSERT_OFFSET(stats_vcpu, wait_sum, 88);
STATS_ASSERT_OFFSET(stats_vcpu, waits, 96);
_Static_assert(sizeof(struct stats_vcpu) == 224, "vCPU record");

STATS_ASSERT_OFFSET(stats_domain, handle, 16);
STATS_ASSERT_OFFSET(stats_domain, creation_time, 32);
STATS_ASSERT_OFFSET(stats_domain, generation, 40);
STATS_ASSERT_OFFSET(stats_domain, guest_type, 48);
STATS_ASSERT_OFFSET(stats_domain, max_vcpus, 52);
STATS_ASSERT_OFFSET(stats_domain, dying, 56);
STATS_ASSERT_OFFSET(stats_domain, pages, 64);
STATS_ASSERT_OFFSET(stats_domain, max_pages, 72);
STATS_ASSERT_OFFSET(stats_domain, outstanding_pages, 80);
STATS_ASSERT_OFFSET(stats_domain, shared_pages, 88);
STATS_ASSERT_OFFSET(stats_domain, paged_pages, 96);
STATS_ASSERT_OFFSET(stats_domain, xenheap_pages, 104);
STATS_ASSERT_OFFSET(stats_domain, event_channels, 112);
STATS_ASSERT_OFFSET(stats_domain, max_event_channels, 120);
STATS_ASSERT_OFFSET(stats_domain, grant_frames, 128);
STATS_ASSERT_OFFSET(stats_domain, max_grant_frames, 136);
STATS_ASSERT_OFFSET(stats_domain, maptrack_frames, 144);
STATS_ASSERT_OFFSET(stats_domain, max_maptrack_frames, 152);
STATS_ASSERT_OFFSET(stats_domain, paused, 160);
STATS_ASSERT_OFFSET(stats_domain, shutdown, 168);
STATS_ASSERT_OFFSET(stats_domain, cpupool, 176);
STATS_ASSERT_OFFSET(stats_domain, scheduler_weight, 184);
STATS_ASSERT_OFFSET(stats_domain, scheduler_cap, 192);
_Static_assert(sizeof(struct stats_domain) == 200, "domain record");

STATS_ASSERT_OFFSET(stats_host, domains_created, 16);
STATS_ASSERT_OFFSET(stats_host, domains_destroyed, 24);
STATS_ASSERT_OFFSET(stats_host, pages, 32);
STATS_ASSERT_OFFSET(stats_host, pages_retired, 40);
STATS_ASSERT_OFFSET(stats_host, domids, 48);
STATS_ASSERT_OFFSET(stats_host, max_domain_pages, 56);
STATS_ASSERT_OFFSET(stats_host, boot_time, 64);
STATS_ASSERT_OFFSET(stats_host, refreshed, 72);
STATS_ASSERT_OFFSET(stats_host, total_pages, 80);
STATS_ASSERT_OFFSET(stats_host, free_pages, 88);
STATS_ASSERT_OFFSET(stats_host, outstanding_pages, 96);
STATS_ASSERT_OFFSET(stats_host, cpus_online, 104);
STATS_ASSERT_OFFSET(stats_host, cpus_present, 112);
STATS_ASSERT_OFFSET(stats_host, nodes_online, 120);
STATS_ASSERT_OFFSET(stats_host, cpu_khz, 128);
_Static_assert(sizeof(struct stats_host) == 136, "host record");

STATS_ASSERT_OFFSET(stats_clock, tsc, 16);
STATS_ASSERT_OFFSET(stats_clock, system_time, 24);
STATS_ASSERT_OFFSET(stats_clock, tsc_to_ns_mul, 32);
STATS_ASSERT_OFFSET(stats_clock, tsc_shift, 36);
_Static_assert(sizeof(struct stats_clock) == 48, "clock record");

_Static_assert(sizeof(struct stats_bitmap) == 512, "bitmap record");

STATS_ASSERT_OFFSET(stats_pcpu, state, 16);
STATS_ASSERT_OFFSET(stats_pcpu, state_entry_time, 24);
STATS_ASSERT_OFFSET(stats_pcpu, time, 32);
STATS_ASSERT_OFFSET(stats_pcpu, online_since, 64);
STATS_ASSERT_OFFSET(stats_pcpu, online_time, 72);
STATS_ASSERT_OFFSET(stats_pcpu, context_switches, 80);
STATS_ASSERT_OFFSET(stats_pcpu, counting_since, 88);
STATS_ASSERT_OFFSET(stats_pcpu, node, 96);
STATS_ASSERT_OFFSET(stats_pcpu, socket, 100);
STATS_ASSERT_OFFSET(stats_pcpu, core, 104);
STATS_ASSERT_OFFSET(stats_pcpu, cstates, 108);
STATS_ASSERT_OFFSET(stats_pcpu, frequency_khz, 112);
STATS_ASSERT_OFFSET(stats_pcpu, cstate_time, 120);
STATS_ASSERT_OFFSET(stats_pcpu, cstate_entries, 184);
_Static_assert(sizeof(struct stats_pcpu) == 248, "pCPU record");

STATS_ASSERT_OFFSET(stats_node, total_pages, 16);
STATS_ASSERT_OFFSET(stats_node, free_pages, 24);
_Static_assert(sizeof(struct stats_node) == 32, "node record");

STATS_ASSERT_OFFSET(stats_perfc, value, 16);
STATS_ASSERT_OFFSET(stats_perfc, type, 24);
STATS_ASSERT_OFFSET(stats_perfc, element, 28);
STATS_ASSERT_OFFSET(stats_perfc, name, 32);
_Static_assert(sizeof(struct stats_perfc) == 96, "performance counter record");

STATS_ASSERT_OFFSET(stats_descriptor, kind, 16);
STATS_ASSERT_OFFSET(stats_descriptor, offset, 20);
STATS_ASSERT_OFFSET(stats_descriptor, size, 24);
STATS_ASSERT_OFFSET(stats_descriptor, count, 28);
STATS_ASSERT_OFFSET(stats_descriptor, type, 32);
STATS_ASSERT_OFFSET(stats_descriptor, unit, 36);
STATS_ASSERT_OFFSET(stats_descriptor, exponent, 40);
STATS_ASSERT_OFFSET(stats_descriptor, scale, 44);
STATS_ASSERT_OFFSET(stats_descriptor, field_flags, 48);
STATS_ASSERT_OFFSET(stats_descriptor, base, 56);
STATS_ASSERT_OFFSET(stats_descriptor, name, 64);
STATS_ASSERT_OFFSET(stats_descriptor, help, 112);
_Static_assert(sizeof(struct stats_descriptor) == 240, "descriptor");

#undef STATS_ASSERT_OFFSET
