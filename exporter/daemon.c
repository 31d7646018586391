/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the daemon and takes it down again; see daemon.h. */
#include "daemon.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "domains/xenstore.h"
#include "exposition/exposition.h"
#include "http/server.h"
#include "sampler/request_local.h"
#include "sampler/sampler.h"
#include "service/loop.h"
#include "service/notify.h"
#include "source/open.h"
#include "util/monotonic.h"
#include "util/write_file.h"
#include "version.h"

/* How long --once waits for xenstore to name the domains. */
#define ONCE_NAMES_MS 2000

struct daemon {
    const struct options *options;
    struct loop *loop;
    struct xenstore *xenstore;
    struct sampler *sampler;
    struct request_local *requests;
    struct listen_address addresses[OPTIONS_ADDRESSES_MAX]; /* the server borrows them */
    struct http_server *server;
    const char *source_name;
    uint32_t status_domains; /* as the service manager was told last */
};

static struct exposition_options exposition_options(const struct options *options)
{
    return (struct exposition_options){
        .layout = {.identity = options->domain_labels, .version = VERSION},
    };
}

/* Opens the source and, for a real Xen, starts to follow xenstore. */
static enum daemon_exit build_sampler(struct daemon *daemon)
{
    struct source *source;
    int r;

    r = source_open(daemon->options, &source);
    if (r < 0)
        return DAEMON_NO_SOURCE;
    daemon->source_name = snapshot_source_name(source->id);

    if (source->id != SNAPSHOT_SOURCE_SIMULATED) {
        r = xenstore_new(&daemon->xenstore);
        if (r < 0)
            log_warning("xenstore is not followed: %s; domains are shown without names",
                        strerror(-r));
    }
    r = sampler_new(source, daemon->xenstore, &daemon->sampler);
    if (r == 0)
        r = sampler_scan(daemon->sampler);
    if (r < 0)
        log_warning("not every domain could be mapped: %s; trying again", strerror(-r));
    return daemon->sampler ? DAEMON_OK : DAEMON_FAILED;
}

static void scan(struct daemon *daemon)
{
    uint32_t domains;

    sampler_scan(daemon->sampler); /* what fails was logged, and is tried again */
    domains = sampler_domains(daemon->sampler);
    if (domains != daemon->status_domains) {
        daemon->status_domains = domains;
        notify_status(daemon->source_name, domains);
    }
}

static void on_xenstore(void *userdata)
{
    struct daemon *daemon = userdata;

    sampler_take_events(daemon->sampler);
    scan(daemon);
}

/* Numbers came; or those that wait for them have waited long enough. */
static void on_numbers(void *userdata)
{
    struct daemon *daemon = userdata;

    scan(daemon);
    request_local_answer(daemon->requests);
}

static void on_request(void *userdata)
{
    struct daemon *daemon = userdata;

    request_local_answer(daemon->requests);
}

static void on_end(void *userdata)
{
    struct daemon *daemon = userdata;

    notify_stopping();
    loop_stop(daemon->loop);
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
    return loop_add_signal(daemon->loop, SIGINT, on_end, daemon);
}

static int connect_loop(struct daemon *daemon)
{
    int r;

    r = loop_add_timer(daemon->loop, SAMPLER_SCAN_MS, on_numbers, daemon);
    if (r >= 0 && sampler_fd(daemon->sampler) >= 0)
        r = loop_add_fd(daemon->loop, sampler_fd(daemon->sampler), on_numbers, daemon);
    if (r < 0)
        return r;
    r = loop_add_fd(daemon->loop, request_local_fd(daemon->requests), on_request, daemon);
    if (r < 0 || !daemon->xenstore)
        return r;
    return loop_add_fd(daemon->loop, xenstore_fd(daemon->xenstore), on_xenstore, daemon);
}

/* The addresses asked for must all bind; of the default ones, [::1] may be missing. */
static int parse_addresses(const struct options *options,
                           struct listen_address addresses[OPTIONS_ADDRESSES_MAX],
                           size_t *ret_count, char *error, size_t error_size)
{
    static const char *const defaults[] = {"127.0.0.1:" OPTIONS_DEFAULT_PORT,
                                           "[::1]:" OPTIONS_DEFAULT_PORT};
    bool given = options->listen_addresses > 0;
    size_t count = given ? options->listen_addresses : 2;
    const char *const *texts = given ? options->listen_address : defaults;

    for (size_t i = 0; i < count; i++) {
        int r = listen_address_parse(texts[i], &addresses[i], error, error_size);

        if (r < 0)
            return r;
        addresses[i].optional = !given && i == 1;
    }
    *ret_count = count;
    return 0;
}

static enum daemon_exit build_server(struct daemon *daemon)
{
    struct http_server_config config = {HTTP_SERVER_DEFAULTS};
    char error[256];
    int r;

    r = parse_addresses(daemon->options, daemon->addresses, &config.addresses_count, error,
                        sizeof(error));
    if (r < 0) {
        log_error("%s", error);
        return DAEMON_BAD_OPTION;
    }
    r = request_local_new(daemon->sampler, &daemon->requests);
    if (r == 0)
        r = connect_loop(daemon);
    if (r < 0) {
        log_error("cannot start: %s", strerror(-r));
        return DAEMON_FAILED;
    }

    config.addresses = daemon->addresses;
    config.telemetry_path = daemon->options->telemetry_path;
    config.source = daemon->source_name;
    config.wall = request_local_wall(daemon->requests);
    config.exposition = exposition_options(daemon->options);
    r = http_server_new(&config, &daemon->server, error, sizeof(error));
    if (r < 0) {
        log_error("%s", error);
        return DAEMON_FAILED;
    }
    for (size_t i = 0; i < config.addresses_count; i++) {
        if (http_server_listens(daemon->server, i))
            log_info("serving %s%s%s", http_server_port(daemon->server, i) ? "http://" : "",
                     daemon->addresses[i].text,
                     http_server_port(daemon->server, i) ? config.telemetry_path : "");
        else
            log_warning("not serving %s: it is in use, or there is no such address here",
                        daemon->addresses[i].text);
    }
    log_info("source: %s, domains: %u", daemon->source_name, sampler_domains(daemon->sampler));
    return DAEMON_OK;
}

static void tear_down(struct daemon *daemon)
{
    if (daemon->requests)
        request_local_stop(daemon->requests);
    http_server_free(daemon->server);
    request_local_free(daemon->requests);
    sampler_free(daemon->sampler);
    xenstore_free(daemon->xenstore);
    loop_free(daemon->loop);
}

enum daemon_exit daemon_serve(const struct options *options)
{
    struct daemon daemon = {.options = options};
    enum daemon_exit result;
    int r;

    /* Signals are blocked before the first thread is started, so that every thread inherits it. */
    r = build_loop(&daemon);
    if (r < 0) {
        log_error("cannot start: %s", strerror(-r));
        tear_down(&daemon);
        return DAEMON_FAILED;
    }

    result = build_sampler(&daemon);
    if (result == DAEMON_OK)
        result = build_server(&daemon);
    if (result == DAEMON_OK) {
        daemon.status_domains = sampler_domains(daemon.sampler);
        http_server_set_ready(daemon.server, true);
        notify_ready(daemon.source_name, daemon.status_domains);
        r = loop_run(daemon.loop);
        if (r < 0) {
            log_error("the event loop failed: %s", strerror(-r));
            result = DAEMON_FAILED;
        }
    }
    tear_down(&daemon);
    return result;
}

/* A daemon gets names as events; without a loop they are waited for, but not for ever. */
static void wait_for_names(struct daemon *daemon)
{
    uint64_t now = monotonic_ns() / NS_PER_MS, end = now + ONCE_NAMES_MS;

    if (!daemon->xenstore)
        return;
    for (; now < end && sampler_nameless(daemon->sampler) > 0; now = monotonic_ns() / NS_PER_MS) {
        struct pollfd fd = {.fd = xenstore_fd(daemon->xenstore), .events = POLLIN};

        poll(&fd, 1, (int)(end - now));
        sampler_take_events(daemon->sampler);
    }
}

/* Likewise for numbers that must be fetched; they come, or will not be waited for any longer. */
static void wait_for_numbers(struct daemon *daemon)
{
    uint64_t asked_ns = monotonic_ns();

    while (!sampler_prepare(daemon->sampler, asked_ns)) {
        struct pollfd fd = {.fd = sampler_fd(daemon->sampler), .events = POLLIN};

        poll(&fd, 1, SAMPLER_SCAN_MS);
    }
}

static int write_once(struct daemon *daemon)
{
    struct exposition_options exposition = exposition_options(daemon->options);
    cleanup(cleanup_snapshot) struct snapshot *snapshot = NULL;
    cleanup(buf_deinit) struct buf text = BUF_NULL;
    int r;

    wait_for_numbers(daemon);
    r = sampler_take(daemon->sampler, &snapshot);
    if (r == 0)
        r = exposition_render_once(snapshot, FORMAT_TEXT, &exposition, &text);
    if (r == 0)
        r = write_file(daemon->options->once, text.data, text.length);
    return r;
}

enum daemon_exit daemon_once(const struct options *options)
{
    struct daemon daemon = {.options = options};
    enum daemon_exit result;
    int r;

    result = build_sampler(&daemon);
    if (result == DAEMON_OK) {
        wait_for_names(&daemon);
        r = write_once(&daemon);
        if (r < 0) {
            log_error("cannot write the metrics to %s: %s",
                      *options->once ? options->once : "standard output", strerror(-r));
            result = DAEMON_FAILED;
        }
    }
    tear_down(&daemon);
    return result;
}
