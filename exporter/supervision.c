/* SPDX-License-Identifier: Apache-2.0 */
/* Puts words to the daemon's state; see supervision.h. */
#include "supervision.h"

#include <stdio.h>
#include <string.h>

#include "domains/xenstore.h"
#include "http/server.h"
#include "service/log.h"
#include "service/notify.h"
#include "source/source.h"
#include "util/monotonic.h"
#include "util/pulse.h"

/* Of the time after which the service manager acts: how often we look, and what a thread gets. */
#define LOOKS    4
#define PATIENCE 2

static void ask_source(void *userdata)
{
    struct source *source = userdata;

    pulse_ask(source->pulse);
    if (source->ops->wake)
        source->ops->wake(source);
}

static bool source_answered(void *userdata)
{
    return pulse_answered(((const struct source *)userdata)->pulse);
}

static void ask_xenstore(void *userdata)
{
    xenstore_ask(userdata);
}

static bool xenstore_has_answered(void *userdata)
{
    return xenstore_answered(userdata);
}

static void ask_acceptor(void *userdata)
{
    http_server_ask(userdata, HTTP_THREAD_ACCEPTOR);
}

static bool acceptor_answered(void *userdata)
{
    return http_server_answered(userdata, HTTP_THREAD_ACCEPTOR);
}

static void ask_engine(void *userdata)
{
    http_server_ask(userdata, HTTP_THREAD_ENGINE);
}

static bool engine_answered(void *userdata)
{
    return http_server_answered(userdata, HTTP_THREAD_ENGINE);
}

uint64_t supervision_init(struct supervision *supervision, struct source *source,
                          struct xenstore *xenstore, struct http_server *server)
{
    const struct watchdog_thread threads[] = {
        {"source", ask_source, source_answered, source && source->pulse ? source : NULL},
        {"xenstore", ask_xenstore, xenstore_has_answered, xenstore},
        {"acceptor", ask_acceptor, acceptor_answered, server},
        {"web server", ask_engine, engine_answered, server},
    };
    uint64_t period_ns = notify_watchdog_ns();

    *supervision = (struct supervision){
        .watchdog = {.patience_ns = period_ns / PATIENCE},
        .started_ns = monotonic_ns(),
    };
    for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++)
        if (threads[i].userdata)
            watchdog_add(&supervision->watchdog, &threads[i]);
    return period_ns / LOOKS / NS_PER_MS;
}

static void write_status(const struct supervision_facts *facts, char *text, size_t size)
{
    snprintf(text, size, "Serving %u domain%s from %s%s%s%s", facts->domains,
             facts->domains == 1 ? "" : "s", facts->source,
             facts->all_mapped ? "" : "; some cannot be mapped, see the log",
             facts->xenstore_away ? "; xenstored does not answer, new names wait" : "",
             facts->reload_failed
                 ? "; the last reload failed, the configuration before it is in use"
                 : "");
}

bool supervision_update(struct supervision *supervision, const struct supervision_facts *facts)
{
    char status[SUPERVISION_STATUS_MAX];

    if (!supervision->ready && !facts->all_mapped &&
        monotonic_ns() - supervision->started_ns < SUPERVISION_MAPPING_MS * NS_PER_MS)
        return false;
    if (supervision->stuck)
        return supervision->ready; /* its status is more important */
    write_status(facts, status, sizeof(status));
    if (supervision->ready && strcmp(status, supervision->status) == 0)
        return true;
    memcpy(supervision->status, status, sizeof(status));
    if (supervision->ready)
        notify_status(status);
    else
        notify_ready(status);
    supervision->ready = true;
    return true;
}

void supervision_reload_begins(struct supervision *supervision)
{
    if (supervision->ready)
        notify_reloading();
}

void supervision_reload_ended(struct supervision *supervision,
                              const struct supervision_facts *facts)
{
    if (!supervision->ready)
        return;
    write_status(facts, supervision->status, sizeof(supervision->status));
    notify_ready(supervision->status);
}

void supervision_check(struct supervision *supervision)
{
    const struct watchdog_thread *late = watchdog_check(&supervision->watchdog, monotonic_ns());
    char status[SUPERVISION_STATUS_MAX];

    if (!late) {
        if (supervision->stuck)
            supervision->status[0] = '\0'; /* another one was told meanwhile */
        supervision->stuck = NULL;
        notify_alive();
    } else if (supervision->stuck != late) {
        supervision->stuck = late;
        log_event(LOG_LEVEL_ERROR, LOG_FIELDS({"thread", late->name}),
                  "the %s thread stands still; the service manager is asked for a restart",
                  late->name);
        snprintf(status, sizeof(status), "The %s thread stands still", late->name);
        notify_stuck(status);
    }
}
