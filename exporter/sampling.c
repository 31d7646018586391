/* SPDX-License-Identifier: Apache-2.0 */
/* See sampling.h. */
#include "sampling.h"

#include <errno.h>
#include <string.h>

#include "domains/xenstore.h"
#include "source/open.h"

int sampling_init(const struct options *options, struct sampling *ret_sampling)
{
    struct sampling sampling = SAMPLING_NULL;
    int r;

    if (source_open(options, &sampling.source) < 0)
        return -ENXIO;
    if (sampling.source->id != SNAPSHOT_SOURCE_SIMULATED) {
        r = xenstore_new(&sampling.xenstore);
        if (r < 0)
            log_warning("xenstore is not followed: %s; domains are shown without names",
                        strerror(-r));
    }
    r = sampler_new(sampling.source, sampling.xenstore, &sampling.sampler);
    if (r < 0) {
        log_error("cannot start: %s", strerror(-r));
        xenstore_free(sampling.xenstore);
        return r;
    }
    r = sampler_scan(sampling.sampler);
    if (r < 0)
        log_warning("not every domain could be mapped: %s; trying again", strerror(-r));
    *ret_sampling = sampling;
    return 0;
}

void sampling_deinit(struct sampling *sampling)
{
    sampler_free(sampling->sampler);
    xenstore_free(sampling->xenstore);
    *sampling = SAMPLING_NULL;
}
