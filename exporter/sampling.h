/* SPDX-License-Identifier: Apache-2.0 */
/* The side of the daemon that knows the host: source, xenstore and sampler, built as one. */
#pragma once

#include "options.h"
#include "sampler/sampler.h"

struct sampling {
    struct source *source;     /* the sampler's */
    struct xenstore *xenstore; /* NULL: not followed */
    struct sampler *sampler;
};

#define SAMPLING_NULL ((struct sampling){0})

/*
 * Opens the source and, for a real Xen, starts to follow xenstore; maps every domain that there is.
 * What cannot be mapped is logged and tried again later. A negative errno, logged; -ENXIO: there is
 * no source of numbers.
 */
int sampling_init(const struct options *options, struct sampling *ret_sampling) must_check;

void sampling_deinit(struct sampling *sampling);
