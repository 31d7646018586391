/* SPDX-License-Identifier: Apache-2.0 */
/* --once: the metrics as a file, for the textfile collector or a look in passing. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "daemon.h"
#include "domains/xenstore.h"
#include "sampling.h"
#include "util/monotonic.h"
#include "util/write_file.h"

/* How long it waits for xenstore to name the domains. */
#define NAMES_MS 2000

/* A daemon gets names as events; without a loop they are waited for, but not for ever. */
static void wait_for_names(const struct sampling *sampling)
{
    uint64_t now = monotonic_ns() / NS_PER_MS, end = now + NAMES_MS;

    if (!sampling->xenstore)
        return;
    for (; now < end && sampler_nameless(sampling->sampler) > 0; now = monotonic_ns() / NS_PER_MS) {
        struct pollfd fd = {.fd = xenstore_fd(sampling->xenstore), .events = POLLIN};

        poll(&fd, 1, (int)(end - now));
        sampler_take_events(sampling->sampler);
    }
}

static int write_once(struct sampling *sampling, const struct options *options)
{
    struct exposition_options exposition = daemon_exposition_options(options);
    cleanup(cleanup_snapshot) struct snapshot *snapshot = NULL;
    cleanup(buf_deinit) struct buf text = BUF_NULL;
    int r;

    wait_for_names(sampling);
    r = sampling_take(sampling, &snapshot);
    if (r == 0)
        r = exposition_render_once(snapshot, FORMAT_TEXT, &exposition, &text);
    if (r == 0)
        r = write_file(options->once, text.data, text.length);
    return r;
}

enum daemon_exit daemon_once(const struct options *options)
{
    struct sampling sampling;
    int r;

    r = sampling_init(options, &sampling);
    if (r < 0)
        return r == -ENXIO ? DAEMON_NO_SOURCE : DAEMON_FAILED;
    r = write_once(&sampling, options);
    if (r < 0)
        log_error("cannot write the metrics to %s: %s",
                  *options->once ? options->once : "standard output", strerror(-r));
    sampling_deinit(&sampling);
    return r < 0 ? DAEMON_FAILED : DAEMON_OK;
}
