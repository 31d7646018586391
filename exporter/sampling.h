/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The far side of the wall, built as one: source, xenstore, sampler, and who answers requests. Or a
 * recording in place of all that.
 */
#pragma once

#include <stdint.h>

#include "options.h"
#include "sampler/recorder.h"
#include "sampler/request_local.h"
#include "sampler/request_recording.h"
#include "sampler/sampler.h"

struct sampling {
    struct source *source;          /* the sampler's */
    struct xenstore *xenstore;      /* NULL: not followed */
    struct sampler *sampler;        /* NULL: a recording is played back */
    struct recorder *recorder;      /* NULL: nothing is recorded */
    struct request_local *requests; /* the sampler's */
    struct request_recording *recording;
};

#define SAMPLING_NULL ((struct sampling){0})

/*
 * Opens the source and, for a real Xen, starts to follow xenstore; maps every domain that there is.
 * What cannot be mapped is logged and tried again later. A negative errno, logged; -ENXIO: there is
 * no source of numbers.
 */
int sampling_init(const struct options *options, struct sampling *ret_sampling) must_check;

/* In mirror order; requests that still wait are answered with -ESHUTDOWN. */
void sampling_deinit(struct sampling *sampling);

/* What the near side asks. */
struct request_wall *sampling_wall(const struct sampling *sampling);

/* For people: where the numbers come from, and how many domains there are now. */
const char *sampling_source_name(const struct sampling *sampling);
uint32_t sampling_domains(const struct sampling *sampling);

/* sampler_scan(), where there is a sampler. */
int sampling_scan(struct sampling *sampling);

/* Numbers of now, for who has no loop: waits until they are there, or will not come. */
int sampling_take(struct sampling *sampling, struct snapshot **ret_snapshot) must_check;
