/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of responses. A body is held by every response that sends it and is written again only
 * when nobody holds it any more; until then, and until it is, what it shows can be sent again.
 * There are BODIES_MAX in a pool, however many clients are slow. Where one does, one is used: the
 * others take no memory until clients hold bodies. The pool is used by one thread; references are
 * dropped from any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

#define BODIES_MAX 3U

/* What a body shows. */
struct body_subject {
    unsigned int format;
    uint64_t edition; /* of the layout; 0: nothing */
    uint64_t now_ns;  /* the snapshot's moment */
    uint64_t unix_ns;
};

struct body {
    unsigned int references; /* atomic; 0: free to be written again */
    struct body_subject subject;
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
 * The first body that nobody holds, empty, with room for `capacity` bytes. Holds no reference: it
 * is the caller's to write until it gives one, or asks for another. -EAGAIN: all are held. -ENOMEM.
 */
int body_pool_take(struct body_pool *pool, size_t capacity, struct body **ret_body) must_check;

/* The body that shows this, or NULL. */
struct body *body_pool_find(struct body_pool *pool, const struct body_subject *subject);

/* Frees the bytes of bodies that nobody holds and that are older than `age_ns` at `now_ns`. */
void body_pool_trim(struct body_pool *pool, uint64_t now_ns, uint64_t age_ns);

/* Another reference; safe from any thread. */
struct body *body_ref(struct body *body);

/* Whether anybody holds it. */
bool body_is_held(const struct body *body);

/* Drops a reference; safe from any thread. NULL is fine. Always returns NULL. */
struct body *body_unref(struct body *body);

DEFINE_CLEANUP(struct body *, cleanup_body, body_unref)
