/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the frames of statistics tables come from: the hypervisor (xen_frames.c), or the simulated
 * host, which writes real pages (simulated.c).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct frames;
struct pulse;

/* One mapped table: `count` frames, readable, never writable. */
struct frames_mapping {
    const void *base;
    uint32_t count;
    void *handle; /* the provider's own */
};

struct frames_ops {
    /*
     * Maps the whole table of `id` (a domid, STATS_DOMID_XEN, ...).
     * -ENOENT or -ESRCH: no such domain (any more); -EOPNOTSUPP: this hypervisor has no such
     * tables; -ENOSPC, -ENOMEM: it has no room for another one; others as the kernel says.
     */
    int (*map)(struct frames *frames, uint32_t id, struct frames_mapping *ret_mapping);
    void (*unmap)(struct frames *frames, struct frames_mapping *mapping);
    /*
     * The name of a mapped domain where the provider knows it (then xenstore is not asked), else
     * NULL. Lives as long as the mapping.
     */
    const char *(*name)(const struct frames_mapping *mapping);
    void (*free)(struct frames *frames);
};

/* Embedded in each provider. */
struct frames {
    const struct frames_ops *ops;
    struct pulse *pulse; /* of the provider's thread, which needs no waking; NULL: it has none */
};

static inline struct frames *frames_free(struct frames *frames)
{
    if (frames)
        frames->ops->free(frames);
    return NULL;
}

DEFINE_CLEANUP(struct frames *, cleanup_frames, frames_free)

/*
 * Opens the hypervisor's own tables. -EOPNOTSUPP when this build or this kernel cannot,
 * -ENOENT when there is no Xen under this system, -EACCES when /dev/xen/privcmd may not be opened.
 */
int xen_frames_new(struct frames **ret_frames) must_check;
