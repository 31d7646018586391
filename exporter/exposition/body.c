/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps bodies and finds free ones; see body.h. */
#include "exposition/body.h"

#include <assert.h>
#include <errno.h>

static bool body_is_free(const struct body *body)
{
    return __atomic_load_n(&body->references, __ATOMIC_ACQUIRE) == 0;
}

void body_pool_deinit(struct body_pool *pool)
{
    for (size_t i = 0; i < BODIES_MAX; i++) {
        assert(body_is_free(&pool->body[i]));
        free(pool->body[i].data);
    }
    *pool = (struct body_pool){0};
}

/*
 * Leaves a little room for domains to come, so that not each new one costs an allocation, and
 * gives memory back when most of it is no longer needed.
 */
static int body_resize(struct body *body, size_t capacity)
{
    size_t wanted = capacity + capacity / 8;

    if (body->capacity >= capacity && body->capacity / 4 <= wanted)
        return 0;

    free(body->data);
    body->capacity = 0;
    body->data = malloc(wanted);
    if (!body->data)
        return -ENOMEM;
    body->capacity = wanted;
    return 0;
}

int body_pool_take(struct body_pool *pool, size_t capacity, struct body **ret_body)
{
    for (size_t i = 0; i < BODIES_MAX; i++) {
        struct body *body = &pool->body[i];
        int error;

        if (!body_is_free(body))
            continue;
        error = body_resize(body, capacity);
        if (error)
            return error;
        body->length = 0;
        *ret_body = body_ref(body);
        return 0;
    }
    return -EAGAIN;
}

struct body *body_ref(struct body *body)
{
    __atomic_add_fetch(&body->references, 1, __ATOMIC_RELAXED);
    return body;
}

bool body_is_shared(const struct body *body)
{
    return __atomic_load_n(&body->references, __ATOMIC_ACQUIRE) > 1;
}

struct body *body_unref(struct body *body)
{
    if (body)
        __atomic_sub_fetch(&body->references, 1, __ATOMIC_RELEASE);
    return NULL;
}
