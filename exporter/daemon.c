/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the daemon and takes it down again; see daemon.h. */
#include "daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "addresses.h"
#include "domains/xenstore.h"
#include "exposition/missing.h"
#include "exposition/process.h"
#include "http/server.h"
#include "reload.h"
#include "sampler/request_local.h"
#include "sampling.h"
#include "service/loop.h"
#include "service/notify.h"
#include "source/source.h"
#include "supervision.h"
#include "version.h"

struct daemon {
    const struct options *options; /* as at the start: others borrow from them */
    struct options reloaded;       /* as they were read last, or OPTIONS_NULL */
    bool reload_failed;
    int argc; /* to be read again */
    char *const *argv;

    struct loop *loop;
    struct sampling sampling;
    bool all_mapped;
    struct addresses addresses; /* the server borrows them */
    struct http_server *server;
    struct supervision supervision;
};

struct exposition_options daemon_exposition_options(const struct options *options)
{
    return (struct exposition_options){
        .layout = {.identity = options->domain_labels,
                   .collectors = options->collectors,
                   .created = options->created,
                   .version = VERSION},
    };
}

static struct supervision_facts facts_of(const struct daemon *daemon)
{
    struct xenstore_figures figures = {.connected = true};

    if (daemon->sampling.xenstore)
        xenstore_figures(daemon->sampling.xenstore, &figures);
    return (struct supervision_facts){
        .source = sampling_source_name(&daemon->sampling),
        .domains = sampling_domains(&daemon->sampling),
        .all_mapped = daemon->all_mapped,
        .xenstore_away = !figures.connected,
        .reload_failed = daemon->reload_failed,
    };
}

static void scan(struct daemon *daemon)
{
    struct supervision_facts facts;

    /* What fails was logged, and is tried again. */
    daemon->all_mapped = sampling_scan(&daemon->sampling) == 0;
    facts = facts_of(daemon);
    http_server_set_ready(daemon->server, supervision_update(&daemon->supervision, &facts));
}

static void on_xenstore(void *userdata)
{
    struct daemon *daemon = userdata;

    sampler_take_events(daemon->sampling.sampler);
    scan(daemon);
}

/* Numbers came; or those that wait for them have waited long enough. */
static void on_numbers(void *userdata)
{
    struct daemon *daemon = userdata;

    scan(daemon);
    if (daemon->sampling.requests)
        request_local_answer(daemon->sampling.requests);
}

static void on_request(void *userdata)
{
    struct daemon *daemon = userdata;

    request_local_answer(daemon->sampling.requests);
}

static void on_end(void *userdata)
{
    struct daemon *daemon = userdata;

    notify_stopping();
    loop_stop(daemon->loop);
}

static void set_limits(const struct options_web *web, struct http_server_config *config)
{
    config->max_scrapes = web->max_requests;
    config->max_connections = web->max_connections;
    config->max_connections_per_address = web->max_connections_per_address;
    config->max_header_bytes = web->max_header_bytes;
    config->header_timeout_ns = web->header_timeout_ns;
    config->sample_timeout_ns = web->sample_timeout_ns;
    config->send_timeout_ns = web->send_timeout_ns;
    config->idle_timeout_ns = web->idle_timeout_ns;
}

/* What a running web server can follow. */
static void apply(struct daemon *daemon, const struct options *options)
{
    struct exposition_options exposition = daemon_exposition_options(options);
    struct http_server_config limits = {0};

    http_server_set_exposition(daemon->server, &exposition);
    set_limits(&options->web, &limits);
    limits.max_connections = daemon->options->web.max_connections; /* needs a restart */
    http_server_set_limits(daemon->server, &limits);
}

static void on_reload(void *userdata)
{
    struct daemon *daemon = userdata;
    const struct options *current = daemon->reloaded.texts ? &daemon->reloaded : daemon->options;
    struct supervision_facts facts;
    struct options fresh;

    supervision_reload_begins(&daemon->supervision);
    daemon->reload_failed =
        reload_options(daemon->argc, daemon->argv, daemon->options, current, &fresh) != 0;
    if (!daemon->reload_failed) {
        apply(daemon, &fresh);
        options_deinit(&daemon->reloaded);
        daemon->reloaded = fresh;
    }
    facts = facts_of(daemon);
    supervision_reload_ended(&daemon->supervision, &facts);
}

static void on_watchdog(void *userdata)
{
    struct daemon *daemon = userdata;

    supervision_check(&daemon->supervision);
}

static int build_loop(struct daemon *daemon)
{
    int r;

    r = loop_new(&daemon->loop);
    if (r < 0)
        return r;
    r = loop_add_signal(daemon->loop, SIGTERM, on_end, daemon);
    if (r < 0)
        return r;
    r = loop_add_signal(daemon->loop, SIGINT, on_end, daemon);
    if (r < 0)
        return r;
    return loop_add_signal(daemon->loop, SIGHUP, on_reload, daemon);
}

static int connect_loop(struct daemon *daemon, uint64_t watchdog_ms)
{
    const struct sampling *sampling = &daemon->sampling;
    int numbers_fd = sampling->sampler ? sampler_fd(sampling->sampler) : -1;
    int r;

    r = loop_add_timer(daemon->loop, SAMPLER_SCAN_MS, on_numbers, daemon);
    if (r >= 0 && numbers_fd >= 0)
        r = loop_add_fd(daemon->loop, numbers_fd, on_numbers, daemon);
    if (r >= 0 && sampling->requests)
        r = loop_add_fd(daemon->loop, request_local_fd(sampling->requests), on_request, daemon);
    if (r >= 0 && sampling->xenstore)
        r = loop_add_fd(daemon->loop, xenstore_fd(sampling->xenstore), on_xenstore, daemon);
    if (r >= 0 && watchdog_ms > 0)
        r = loop_add_timer(daemon->loop, watchdog_ms, on_watchdog, daemon);
    return r;
}

static enum daemon_exit build_server(struct daemon *daemon)
{
    const struct options *options = daemon->options;
    struct http_server_config config = {
        .addresses = daemon->addresses.address,
        .addresses_count = daemon->addresses.count,
        .telemetry_path = options->telemetry_path,
        .source = sampling_source_name(&daemon->sampling),
        .wall = sampling_wall(&daemon->sampling),
        .exposition = daemon_exposition_options(options),
    };
    char error[256];

    set_limits(&options->web, &config);
    if (http_server_new(&config, &daemon->server, error, sizeof(error)) < 0) {
        log_error("%s", error);
        return DAEMON_FAILED;
    }
    addresses_say(&daemon->addresses, options, daemon->server);
    return DAEMON_OK;
}

static enum daemon_exit build(struct daemon *daemon)
{
    int r;

    /* Signals are blocked before the first thread is started, so that every thread inherits it. */
    r = build_loop(daemon);
    if (r < 0) {
        log_error("cannot start: %s", strerror(-r));
        return DAEMON_FAILED;
    }
    if (addresses_gather(daemon->options, &daemon->addresses) < 0)
        return DAEMON_BAD_OPTION;
    r = sampling_init(daemon->options, &daemon->sampling);
    if (r < 0)
        return r == -ENXIO ? DAEMON_NO_SOURCE : DAEMON_FAILED;
    return build_server(daemon);
}

static void log_option(void *userdata, const char *name, const char *value, const char *said_by)
{
    log_event(LOG_LEVEL_DEBUG, LOG_FIELDS({"option", name}, {"value", value}, {"said_by", said_by}),
              "option %s: %s", name, value);
}

/* What a Xen without statistics tables does not tell is said once. */
static void say_what_is_missing(const struct source *source)
{
    cleanup(buf_deinit) struct buf list = BUF_NULL;

    if (!source || source->id != SNAPSHOT_SOURCE_HYPERCALLS)
        return;
    missing_list(hypercalls_columns, &list);
    buf_append_byte(&list, '\0');
    if (buf_error(&list) == 0)
        log_info("hypercalls do not tell: %s", list.data);
}

/* Begins to answer: from here on there is somebody to tell. */
static enum daemon_exit serve(struct daemon *daemon)
{
    struct supervision_facts facts;
    uint64_t watchdog_ms;
    char domains[16];
    int r;

    options_list(daemon->options, log_option, NULL);
    process_note_reload(true);
    watchdog_ms = supervision_init(&daemon->supervision, daemon->sampling.source,
                                   daemon->sampling.xenstore, daemon->server);
    scan(daemon);
    facts = facts_of(daemon);
    snprintf(domains, sizeof(domains), "%u", facts.domains);
    log_event(LOG_LEVEL_INFO, LOG_FIELDS({"source", facts.source}, {"domains", domains}),
              "source: %s, domains: %s", facts.source, domains);
    say_what_is_missing(daemon->sampling.source);
    r = connect_loop(daemon, watchdog_ms);
    if (r >= 0)
        r = loop_run(daemon->loop);
    if (r < 0)
        log_error("the event loop failed: %s", strerror(-r));
    return r < 0 ? DAEMON_FAILED : DAEMON_OK;
}

static void tear_down(struct daemon *daemon)
{
    if (daemon->sampling.requests)
        request_local_stop(daemon->sampling.requests);
    http_server_free(daemon->server);
    sampling_deinit(&daemon->sampling);
    loop_free(daemon->loop);
    options_deinit(&daemon->reloaded);
}

enum daemon_exit daemon_serve(const struct options *options, int argc, char *const argv[])
{
    struct daemon daemon = {.options = options, .argc = argc, .argv = argv};
    enum daemon_exit result;

    result = build(&daemon);
    if (result == DAEMON_OK)
        result = serve(&daemon);
    tear_down(&daemon);
    return result;
}
