/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows xenstore: the names of domains, and hints that the set of domains may have changed.
 *
 * libxenstore's calls have no deadline: one that waits for a silent xenstored waits for ever. So it
 * lives in a thread of its own, which is told and asked through plain state under a mutex and an
 * eventfd; nobody here ever waits for xenstored. When it dies, the thread notices with its next
 * probe, reconnects with back-off, watches everything again and reads every name anew.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

/*
 * A probe this often tells whether xenstored is alive; nothing else is sent in the steady state.
 * Together with the next it makes 4 s, so that a dead or silent xenstored is noticed within 5.
 */
#define XENSTORE_PROBE_MS 3000
/* A call that takes longer than this counts as a lost connection. */
#define XENSTORE_SILENT_MS 1000

struct xenstore;

struct xenstore_event {
    enum {
        XENSTORE_DOMAINS_CHANGED = 1, /* look which domains exist */
        XENSTORE_NAME,                /* `domid` is called `name` now */
    } type;
    uint32_t domid;
    char *name; /* given to the caller, who frees it; NULL: it has no name (any more) */
    size_t name_length;
};

struct xenstore_figures {
    bool connected;
    uint64_t reconnects; /* connections made after the first */
    uint64_t probes;
};

/* Starts the thread; does not wait for a connection. -EOPNOTSUPP in a build without Xen. */
int xenstore_new(struct xenstore **ret_xenstore) must_check;

/* Ends the thread; one that is stuck inside libxenstore is left behind. Always returns NULL. */
struct xenstore *xenstore_free(struct xenstore *xenstore);

/* Readable while there are events. Borrowed. */
int xenstore_fd(const struct xenstore *xenstore);

/* Takes the next event: true and `ret_event`, or false when there is none. */
bool xenstore_next(struct xenstore *xenstore, struct xenstore_event *ret_event);

/* Starts or ends following the name of a domain. -ENOMEM. */
int xenstore_follow(struct xenstore *xenstore, uint32_t domid) must_check;
void xenstore_forget(struct xenstore *xenstore, uint32_t domid);

/*
 * Asks the thread for a sign of life, and whether it gave one since. A thread that waits for
 * xenstored is excused: that is xenstored's fault, and nothing is gained by starting anew.
 */
void xenstore_ask(struct xenstore *xenstore);
bool xenstore_answered(struct xenstore *xenstore);

void xenstore_figures(struct xenstore *xenstore, struct xenstore_figures *ret_figures);

DEFINE_CLEANUP(struct xenstore *, cleanup_xenstore, xenstore_free)
