/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses and opens a source; see open.h. */
#include "source/open.h"

#include <errno.h>
#include <string.h>

#include "source/frames.h"

#define WAY_OUT "; --source=simulated shows a host that exists only in this process"

static int open_simulated(const struct options *options, struct source **ret_source)
{
    struct frames *frames;
    const char *reason;
    int r;

    r = simulated_frames_new(&options->simulated, &frames);
    if (r == 0)
        r = pages_source_new(frames, SNAPSHOT_SOURCE_SIMULATED, ret_source, &reason);
    if (r < 0)
        log_error("cannot build the simulated host: %s", strerror(-r));
    return r;
}

/* Why the hypervisor's tables could not be opened at all, in the words of an administrator. */
static const char *explain(int error)
{
    switch (error) {
    case -EOPNOTSUPP:
        return "this program was built without Xen's libraries";
    case -ENOENT:
    case -ENODEV:
    case -ENXIO:
        return "there is no /dev/xen/privcmd, so this is not a Xen Dom0";
    case -EACCES:
    case -EPERM:
        return "/dev/xen/privcmd may not be opened by this user";
    default:
        return strerror(-error);
    }
}

/* Without the series DOMID_XEN is no domain to acquire_resource, and the type is unknown. */
static bool is_stock_xen(int error)
{
    return error == -EOPNOTSUPP || error == -ESRCH || error == -EINVAL || error == -ENOSYS;
}

static int open_pages(struct source **ret_source)
{
    struct frames *frames;
    const char *reason;
    int r;

    r = xen_frames_new(&frames);
    if (r < 0) {
        log_error("cannot read Xen's statistics tables: %s" WAY_OUT, explain(r));
        return r;
    }
    r = pages_source_new(frames, SNAPSHOT_SOURCE_PAGES, ret_source, &reason);
    if (is_stock_xen(r))
        log_error("cannot read Xen's statistics tables: this Xen has none (they come with the "
                  "patches in xen-patches/), was booted with stats-tables=no, or Dom0's kernel is "
                  "older than 5.12" WAY_OUT);
    else if (r < 0)
        log_error("cannot read Xen's statistics tables: %s (%s)" WAY_OUT,
                  reason ? reason : "out of memory", strerror(-r));
    return r;
}

int source_open(const struct options *options, struct source **ret_source)
{
    if (options->source == OPTIONS_SOURCE_SIMULATED)
        return open_simulated(options, ret_source);
    return open_pages(ret_source);
}
