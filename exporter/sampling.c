/* SPDX-License-Identifier: Apache-2.0 */
/* See sampling.h. */
#include "sampling.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "domains/xenstore.h"
#include "source/open.h"
#include "util/monotonic.h"

static int open_recording(const struct options *options, struct sampling *sampling)
{
    const char *reason;
    int r;

    if (options->record) {
        log_error("--record=%s: a recording is played back, there is nothing to record",
                  options->record);
        return -EINVAL;
    }
    r = request_recording_new(options->recording, &sampling->recording, &reason);
    if (r < 0) {
        log_error("cannot play back %s: %s", options->recording, reason ? reason : strerror(-r));
        return -ENXIO;
    }
    log_info("playing back %u snapshots of %s", request_recording_snapshots(sampling->recording),
             options->recording);
    return 0;
}

static int begin_recording(const struct options *options, struct sampling *sampling)
{
    int r;

    if (!options->record)
        return 0;
    r = recorder_new(options->record, &sampling->recorder);
    if (r < 0)
        log_error("cannot record to %s: %s", options->record,
                  r == -EEXIST ? "it is not a file" : strerror(-r));
    return r;
}

static int open_host(const struct options *options, struct sampling *sampling)
{
    struct source *source;
    int r;

    if (source_open(options, &source) < 0)
        return -ENXIO;
    if (source->id != SNAPSHOT_SOURCE_SIMULATED) {
        r = xenstore_new(&sampling->xenstore);
        if (r < 0)
            log_warning("xenstore is not followed: %s; domains are shown without names",
                        strerror(-r));
    }
    r = sampler_new(source, sampling->xenstore, &sampling->sampler); /* takes it, whatever comes */
    if (r == 0)
        r = request_local_new(sampling->sampler, sampling->recorder, &sampling->requests);
    if (r < 0) {
        log_error("cannot start: %s", strerror(-r));
        return r;
    }
    sampling->source = source;
    if (sampler_scan(sampling->sampler) < 0)
        log_warning("not every domain could be mapped; trying again");
    return 0;
}

int sampling_init(const struct options *options, struct sampling *ret_sampling)
{
    struct sampling sampling = SAMPLING_NULL;
    int r;

    if (options->source == OPTIONS_SOURCE_RECORDING) {
        r = open_recording(options, &sampling);
    } else {
        r = begin_recording(options, &sampling);
        if (r == 0)
            r = open_host(options, &sampling);
    }
    if (r < 0) {
        sampling_deinit(&sampling);
        return r;
    }
    *ret_sampling = sampling;
    return 0;
}

void sampling_deinit(struct sampling *sampling)
{
    request_local_free(sampling->requests);
    request_recording_free(sampling->recording);
    sampler_free(sampling->sampler);
    xenstore_free(sampling->xenstore);
    recorder_free(sampling->recorder);
    *sampling = SAMPLING_NULL;
}

struct request_wall *sampling_wall(const struct sampling *sampling)
{
    return sampling->recording ? request_recording_wall(sampling->recording)
                               : request_local_wall(sampling->requests);
}

const char *sampling_source_name(const struct sampling *sampling)
{
    return snapshot_source_name(sampling->recording ? SNAPSHOT_SOURCE_RECORDING
                                                    : sampling->source->id);
}

uint32_t sampling_domains(const struct sampling *sampling)
{
    return sampling->recording ? request_recording_domains(sampling->recording)
                               : sampler_domains(sampling->sampler);
}

int sampling_scan(struct sampling *sampling)
{
    return sampling->sampler ? sampler_scan(sampling->sampler) : 0;
}

int sampling_take(struct sampling *sampling, struct snapshot **ret_snapshot)
{
    uint64_t asked_ns = monotonic_ns();
    int r;

    if (sampling->recording) {
        *ret_snapshot = request_recording_take(sampling->recording);
        return 0;
    }
    while (!sampler_prepare(sampling->sampler, asked_ns)) {
        struct pollfd fd = {.fd = sampler_fd(sampling->sampler), .events = POLLIN};

        poll(&fd, 1, SAMPLER_SCAN_MS);
    }
    r = sampler_take(sampling->sampler, ret_snapshot);
    if (r == 0 && sampling->recorder)
        recorder_add(sampling->recorder, *ret_snapshot);
    return r;
}
