/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maps the hypervisor's statistics tables through /dev/xen/privcmd. The only file that knows
 * libxenforeignmemory. After a table is mapped, reading it needs no system call at all.
 */
#include "source/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <xenforeignmemory.h>
#include <xentoollog.h>

#include "source/page.h"
#include "source/stats_abi.h"

struct xen_frames {
    struct frames frames;
    xenforeignmemory_handle *handle;
};

/* libxenforeignmemory would otherwise print to stderr; its errors are ours to report. */
static void ignore_message(struct xentoollog_logger *logger, xentoollog_level level, int errnoval,
                           const char *context, const char *format, va_list arguments)
{
}

static void ignore_progress(struct xentoollog_logger *logger, const char *context,
                            const char *doing_what, int percent, unsigned long done,
                            unsigned long total)
{
}

static void ignore_destroy(struct xentoollog_logger *logger)
{
}

static struct xentoollog_logger silent_logger = {
    .vmessage = ignore_message,
    .progress = ignore_progress,
    .destroy = ignore_destroy,
};

static int xen_frames_map(struct frames *frames, uint32_t id, struct frames_mapping *ret_mapping)
{
    struct xen_frames *xen = (struct xen_frames *)frames;
    xenforeignmemory_resource_handle *resource;
    void *base = NULL;
    size_t size = 0;

    if (xenforeignmemory_resource_size(xen->handle, STATS_DOMID_XEN, STATS_RESOURCE_TYPE, id,
                                       &size) < 0)
        return -errno;

    /*
     * Every Xen 4.17 without our series "knows" any resource type, with 4294967201 frames: an
     * errno that went through an unsigned (fixed upstream by commit 9b87082900).
     */
    if (size == 0 || size % STATS_FRAME_SIZE || size / STATS_FRAME_SIZE > PAGE_FRAMES_MAX)
        return -EOPNOTSUPP;

    resource = xenforeignmemory_map_resource(xen->handle, STATS_DOMID_XEN, STATS_RESOURCE_TYPE, id,
                                             0, size / STATS_FRAME_SIZE, &base, PROT_READ, 0);
    if (!resource)
        return -errno;

    *ret_mapping = (struct frames_mapping){
        .base = base,
        .count = (uint32_t)(size / STATS_FRAME_SIZE),
        .handle = resource,
    };
    return 0;
}

static void xen_frames_unmap(struct frames *frames, struct frames_mapping *mapping)
{
    struct xen_frames *xen = (struct xen_frames *)frames;

    xenforeignmemory_unmap_resource(xen->handle, mapping->handle);
    *mapping = (struct frames_mapping){0};
}

static const char *xen_frames_name(const struct frames_mapping *mapping)
{
    return NULL; /* xenstore knows */
}

static void xen_frames_free(struct frames *frames)
{
    struct xen_frames *xen = (struct xen_frames *)frames;

    xenforeignmemory_close(xen->handle);
    free(xen);
}

int xen_frames_new(struct frames **ret_frames)
{
    static const struct frames_ops ops = {
        .map = xen_frames_map,
        .unmap = xen_frames_unmap,
        .name = xen_frames_name,
        .free = xen_frames_free,
    };
    cleanup(cleanup_free) struct xen_frames *xen = calloc(1, sizeof(*xen));

    if (!xen)
        return -ENOMEM;
    xen->frames.ops = &ops;
    xen->handle = xenforeignmemory_open(&silent_logger, 0);
    if (!xen->handle)
        return -errno;

    *ret_frames = &steal(xen)->frames;
    return 0;
}
