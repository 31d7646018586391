/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of responses. A body is held by every response that sends it and is written again only
 * when nobody holds it any more. There are at most BODIES_MAX of a kind, however many clients are
 * slow: the one that was written last, which many can share, and one more. The pool is used by one
 * thread; references are dropped from any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/cleanup.h"

#define BODIES_MAX 2U

struct body {
    unsigned int references; /* atomic; 0: free to be written again */
    size_t length;
    size_t capacity;
    char *data;
};

struct body_pool {
    struct body body[BODIES_MAX];
};

/* Frees the bytes. Nobody may hold a body any more. */
void body_pool_deinit(struct body_pool *pool);

/*
 * Finds a body that nobody holds and makes room for `capacity` bytes. Gives one reference; the
 * body is empty and, until others get references, the caller's to write.
 * -EAGAIN: all are held. -ENOMEM.
 */
int body_pool_take(struct body_pool *pool, size_t capacity, struct body **ret_body) must_check;

/* Another reference; safe from any thread. */
struct body *body_ref(struct body *body);

/* Whether somebody besides the caller holds it. */
bool body_is_shared(const struct body *body);

/* Drops a reference; safe from any thread. NULL is fine. Always returns NULL. */
struct body *body_unref(struct body *body);

DEFINE_CLEANUP(struct body *, cleanup_body, body_unref)
