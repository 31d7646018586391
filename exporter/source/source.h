/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where numbers come from: statistics pages of a patched Xen or of the simulated host (pages.c), or
 * hypercalls (hypercalls.c). The sampler owns a source, is its only caller, and calls it from one
 * thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "domains/domain_set.h"
#include "sampler/snapshot.h"
#include "util/cleanup.h"

struct frames;
struct hypervisor;
struct pulse;
struct source;

/*
 * Where numbers must be fetched: those fetched for one request also serve one that came within this
 * time, so that many who ask do not load the host; and a request waits no longer than this for
 * them, then it is answered without.
 */
#define SOURCE_SHARED_NS   (100ULL * 1000 * 1000)
#define SOURCE_PATIENCE_NS (2ULL * 1000 * 1000 * 1000)

/* Positive conditions. */
enum source_condition {
    SOURCE_GONE = 1,   /* the domain died or was never there: a normal event */
    SOURCE_UNREADABLE, /* this record could not be read now; counted, left out of this snapshot */
};

/* A domain as the source sees it. `name` is NULL where only xenstore knows it. */
struct source_domain {
    uint32_t guest_type; /* enum topology_guest_type */
    uint32_t vcpus;
    uint64_t incarnation; /* differs between two domains that had the same domid */
    uint64_t created_ns;  /* Unix time; 0 when unknown */
    uint8_t uuid[16];
    const char *name; /* borrowed, as long as the attachment */
};

struct source_ops {
    /*
     * These are NULL where numbers are at hand at any time, in memory. prepare() has them fetched
     * for a request that came at `asked_ns` (CLOCK_MONOTONIC); true: they are there, or will not be
     * waited for any longer. look() has the domains listed anew. Neither waits; when something was
     * fetched, fd() is readable until one of them or changed() is called.
     */
    bool (*prepare)(struct source *source, uint64_t asked_ns);
    void (*look)(struct source *source);
    int (*fd)(const struct source *source);

    /* Whether the set of domains may have changed since the last list(). Memory reads only. */
    bool (*changed)(struct source *source);

    /* Which domains exist now. */
    int (*list)(struct source *source, struct domain_set *ret_domains);

    /* Starts following a domain: 0, SOURCE_GONE, or an error. Gives the attachment. */
    int (*attach)(struct source *source, uint32_t domid, void **ret_attachment);
    void (*detach)(struct source *source, void *attachment);

    /* Whether the domain of an attachment is gone, whoever has its domid now. */
    bool (*gone)(struct source *source, const void *attachment);

    /* Looks up what describes the domain; a UUID may change. 0 or SOURCE_UNREADABLE. */
    int (*describe)(struct source *source, void *attachment, struct source_domain *ret_domain);

    /* What there is besides domains; arrays are lent as long as the source lives. NULL: nothing. */
    void (*describe_host)(struct source *source, struct topology_host *ret_host);

    /* Opens a snapshot: its moment, its columns, the host's and the source's own figures. */
    int (*begin)(struct source *source, struct snapshot *snapshot);

    /* Fills the rows of the domain at `row`; rows that cannot be read stay SNAPSHOT_ABSENT. */
    void (*read)(struct source *source, void *attachment, struct snapshot *snapshot, uint32_t row);

    /* Has the thread behind `pulse` take a turn soon; NULL: it does so anyway. */
    void (*wake)(struct source *source);

    void (*free)(struct source *source);
};

/* Embedded in each source. */
struct source {
    const struct source_ops *ops;
    struct pulse *pulse; /* of its thread; NULL: it has none */
    enum snapshot_source id;
};

static inline struct source *source_free(struct source *source)
{
    if (source)
        source->ops->free(source);
    return NULL;
}

DEFINE_CLEANUP(struct source *, cleanup_source, source_free)

/*
 * A source that reads statistics pages; takes `frames` (also when it fails). `id` is what it calls
 * itself. `ret_reason`, a static string, explains an error in words.
 * What the provider says when the host's table cannot be mapped; -EPROTO: tables of another
 * version; -EBADMSG: tables that contradict themselves.
 */
int pages_source_new(struct frames *frames, enum snapshot_source id, struct source **ret_source,
                     const char **ret_reason) must_check;

/*
 * A source that asks by hypercalls, in a thread of its own; takes `hypervisor` (also when it
 * fails). -EACCES: the hypervisor is of another version than libxenctrl; -ETIMEDOUT: it does not
 * answer.
 */
int hypercalls_source_new(struct hypervisor *hypervisor, struct source **ret_source) must_check;

/* The columns that it gives. What is missing, only statistics tables tell. */
extern const uint64_t hypercalls_columns[SNAPSHOT_KINDS];

/* What a simulated host consists of. */
struct simulated_config {
    uint32_t domains; /* besides Domain-0 */
    uint32_t vcpus;   /* of each domain */
    uint32_t pcpus;
    uint32_t churn; /* domains destroyed, and as many created, per minute */
    uint64_t seed;
};

/* The frames of a simulated host, which starts to live at once, in a thread of its own. */
int simulated_frames_new(const struct simulated_config *config, struct frames **ret_frames)
    must_check;
