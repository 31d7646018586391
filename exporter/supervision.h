/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service manager hears of the daemon: when it is ready, a line for `systemctl status`,
 * and that each of its threads is alive. Used by the loop's thread alone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "service/watchdog.h"

struct http_server;
struct source;
struct xenstore;

/* How long after the start READY waits for domains that cannot be mapped. */
#define SUPERVISION_MAPPING_MS 5000

/* What the status line tells. */
struct supervision_facts {
    const char *source; /* its name */
    uint32_t domains;
    bool all_mapped;    /* the last scan mapped every domain that there is */
    bool xenstore_away; /* it is followed, but does not answer */
    bool reload_failed; /* the last one: an older configuration is in use */
};

#define SUPERVISION_STATUS_MAX 256U

struct supervision {
    struct watchdog watchdog;
    uint64_t started_ns;
    bool ready;
    const struct watchdog_thread *stuck; /* who stands still, as it was told; NULL: nobody */
    char status[SUPERVISION_STATUS_MAX];
};

/*
 * Begins to watch the threads behind these, which are borrowed; each may be NULL. Returns how often
 * supervision_check() wants to be called, in milliseconds; 0: never, nobody listens.
 */
uint64_t supervision_init(struct supervision *supervision, struct source *source,
                          struct xenstore *xenstore, struct http_server *server);

/*
 * Tells the service manager what changed. READY goes out with the first call that finds everything
 * mapped, or, when something cannot be mapped, after SUPERVISION_MAPPING_MS. Returns whether the
 * daemon is ready.
 */
bool supervision_update(struct supervision *supervision, const struct supervision_facts *facts);

/* Around a reload, which ends with what supervision_update() would say. */
void supervision_reload_begins(struct supervision *supervision);
void supervision_reload_ended(struct supervision *supervision,
                              const struct supervision_facts *facts);

/* Tells the service manager that the threads are alive, or, once for each, which one is not. */
void supervision_check(struct supervision *supervision);
