/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses and opens a source; see open.h. */
#include "source/open.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "source/frames.h"
#include "source/hypervisor.h"

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

/* Why /dev/xen/privcmd could not be opened at all, in the words of an administrator. */
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

/* Opens the statistics tables; what is wrong is left in `ret_why` for a line of the log. */
static int open_pages(struct source **ret_source, char *ret_why, size_t size)
{
    struct frames *frames;
    const char *reason;
    int r;

    r = xen_frames_new(&frames);
    if (r < 0) {
        snprintf(ret_why, size, "%s", explain(r));
        return r;
    }
    r = pages_source_new(frames, SNAPSHOT_SOURCE_PAGES, ret_source, &reason);
    if (is_stock_xen(r))
        snprintf(ret_why, size,
                 "this Xen has none (they come with the patches in xen-patches/), was booted with "
                 "stats-tables=no, or Dom0's kernel is older than 5.12");
    else if (r < 0)
        snprintf(ret_why, size, "%s (%s)", reason ? reason : "out of memory", strerror(-r));
    return r;
}

/* The same for hypercalls. */
static int open_hypercalls(struct source **ret_source, char *ret_why, size_t size)
{
    struct hypervisor *hypervisor;
    int r;

    r = xen_hypervisor_new(&hypervisor);
    if (r < 0) {
        snprintf(ret_why, size, "%s",
                 r == -EOPNOTSUPP ? "this program was built without libxenctrl" : explain(r));
        return r;
    }
    r = hypercalls_source_new(hypervisor, ret_source);
    /* Xen refuses an interface version that is not its own in the same way as flask does a domain.
     */
    if (r == -EACCES)
        snprintf(ret_why, size,
                 "this program's libxenctrl was made for another version of Xen than the one that "
                 "runs, or its security policy forbids it");
    else if (r == -ETIMEDOUT)
        snprintf(ret_why, size, "Xen does not answer");
    else if (r < 0)
        snprintf(ret_why, size, "%s", strerror(-r));
    return r;
}

/*
 * Whatever this Xen offers. Where there is no Xen at all, or none for this user, the second way is
 * as closed as the first.
 */
static int open_either(struct source **ret_source)
{
    char no_pages[256], no_hypercalls[256];
    int r;

    r = open_pages(ret_source, no_pages, sizeof(no_pages));
    if (r == 0)
        return 0;
    r = open_hypercalls(ret_source, no_hypercalls, sizeof(no_hypercalls));
    if (r == 0) {
        log_warning("using hypercalls instead of statistics tables: %s", no_pages);
        return 0;
    }
    if (strcmp(no_pages, no_hypercalls) == 0)
        log_error("cannot read Xen: %s" WAY_OUT, no_pages);
    else
        log_error("cannot read Xen: neither its statistics tables (--source=pages): %s; nor by "
                  "hypercalls (--source=hypercalls): %s" WAY_OUT,
                  no_pages, no_hypercalls);
    return r;
}

int source_open(const struct options *options, struct source **ret_source)
{
    char why[256];
    int r;

    switch (options->source) {
    case OPTIONS_SOURCE_PAGES:
        r = open_pages(ret_source, why, sizeof(why));
        if (r < 0)
            log_error("cannot read Xen's statistics tables: %s; --source=hypercalls does without "
                      "them" WAY_OUT,
                      why);
        return r;
    case OPTIONS_SOURCE_HYPERCALLS:
        r = open_hypercalls(ret_source, why, sizeof(why));
        if (r < 0)
            log_error("cannot read Xen by hypercalls: %s" WAY_OUT, why);
        return r;
    case OPTIONS_SOURCE_SIMULATED:
        return open_simulated(options, ret_source);
    default:
        return open_either(ret_source);
    }
}
