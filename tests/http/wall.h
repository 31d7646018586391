/* SPDX-License-Identifier: Apache-2.0 */
/* A wall for the HTTP side's tests that answers as told: at once, from another thread, late, or
 * with an error. */
#pragma once

#include <stdatomic.h>

#include "sampler/request.h"

enum wall_mode {
    WALL_AT_ONCE, /* before request_ask() returns */
    WALL_THREAD,  /* from another thread, soon */
    WALL_KEEP,    /* when wall_release() is called */
    WALL_REFUSE,  /* request_ask() fails with `error` */
    WALL_FAIL,    /* answered at once with `error` */
};

#define WALL_KEPT_MAX 1024

struct wall {
    struct request_wall wall;
    enum wall_mode mode;
    int error;
    struct snapshot *snapshot;
    atomic_int asked;
    atomic_int threads; /* that will answer */
    atomic_int kept_count;
    struct wall_kept {
        request_done_fn done;
        void *userdata;
    } kept[WALL_KEPT_MAX];
};

/* A wall whose snapshots show `domains` domains with two vCPUs each. */
void wall_init(struct wall *wall, uint32_t domains);
void wall_deinit(struct wall *wall);

/* Answers everything kept, with a snapshot. */
void wall_release(struct wall *wall);
