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
    STATS_KIND_NODE = 20,      /* host table: one record per NUMA node */
    STATS_KIND_PERFC = 21,     /* host table: 64-bit totals of the performance counters */
    STATS_KIND_DESCRIPTOR = 32 /* descriptor table: one per field */
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

/* `seq` covers everything: all of it is written under the vCPU's schedule lock. */
struct stats_vcpu {
    struct stats_record record;
    uint32_t state; /* enum stats_runstate */
    uint32_t cpu;   /* pCPU it runs on, or ran on last */
    uint64_t state_entry_time;
    uint64_t time[STATS_RUNSTATES]; /* up to state_entry_time; the reader adds the rest */
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
_Static_assert(sizeof(struct stats_vcpu) == 64, "vCPU record");

STATS_ASSERT_OFFSET(stats_domain, handle, 16);
STATS_ASSERT_OFFSET(stats_domain, creation_time, 32);
STATS_ASSERT_OFFSET(stats_domain, generation, 40);
STATS_ASSERT_OFFSET(stats_domain, guest_type, 48);
STATS_ASSERT_OFFSET(stats_domain, max_vcpus, 52);
STATS_ASSERT_OFFSET(stats_domain, dying, 56);
_Static_assert(sizeof(struct stats_domain) == 64, "domain record");

STATS_ASSERT_OFFSET(stats_host, domains_created, 16);
STATS_ASSERT_OFFSET(stats_host, domains_destroyed, 24);
STATS_ASSERT_OFFSET(stats_host, pages, 32);
STATS_ASSERT_OFFSET(stats_host, pages_retired, 40);
STATS_ASSERT_OFFSET(stats_host, domids, 48);
STATS_ASSERT_OFFSET(stats_host, max_domain_pages, 56);
_Static_assert(sizeof(struct stats_host) == 64, "host record");

STATS_ASSERT_OFFSET(stats_clock, tsc, 16);
STATS_ASSERT_OFFSET(stats_clock, system_time, 24);
STATS_ASSERT_OFFSET(stats_clock, tsc_to_ns_mul, 32);
STATS_ASSERT_OFFSET(stats_clock, tsc_shift, 36);
_Static_assert(sizeof(struct stats_clock) == 48, "clock record");

_Static_assert(sizeof(struct stats_bitmap) == 512, "bitmap record");

#undef STATS_ASSERT_OFFSET
