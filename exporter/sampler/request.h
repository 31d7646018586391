/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the near side asks the far side for a snapshot: asynchronously, with a deadline, getting a
 * snapshot or a named error. Who answers (the sampler of this process, one in another process, a
 * recording) is not visible here.
 */
#pragma once

#include <stdint.h>

#include "sampler/snapshot.h"

/*
 * Called exactly once for each accepted request, from any thread, possibly before request_ask()
 * returned. `error` 0 gives one reference to `snapshot`; otherwise it is a negative errno
 * (-ETIMEDOUT, -ESHUTDOWN, -ENOMEM, ...) and `snapshot` is NULL. Must not block.
 */
typedef void (*request_done_fn)(void *userdata, int error, struct snapshot *snapshot);

struct request_wall;

struct request_wall_ops {
    int (*ask)(struct request_wall *wall, uint64_t deadline_ns, request_done_fn done,
               void *userdata);
};

/* Embedded in whatever answers. */
struct request_wall {
    const struct request_wall_ops *ops;
};

/*
 * Asks for a snapshot, to be had before `deadline_ns` (CLOCK_MONOTONIC).
 * 0: accepted, `done` will be called. Negative errno: refused, `done` will not be called
 * (-EAGAIN: too many in flight, -ESHUTDOWN: stopping).
 */
static inline int request_ask(struct request_wall *wall, uint64_t deadline_ns, request_done_fn done,
                              void *userdata)
{
    return wall->ops->ask(wall, deadline_ns, done, userdata);
}
