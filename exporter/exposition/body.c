/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps bodies and finds free ones; see body.h. */
#include "exposition/body.h"

#include <assert.h>
#include <errno.h>

bool body_is_held(const struct body *body)
{
    return __atomic_load_n(&body->references, __ATOMIC_ACQUIRE) > 0;
}

/* Of a body that nobody holds. */
static void body_release(struct body *body)
{
    assert(!body_is_held(body));
    free(body->data);
    *body = (struct body){0};
}

void body_pool_deinit(struct body_pool *pool)
{
    for (size_t i = 0; i < BODIES_MAX; i++)
        body_release(&pool->body[i]);
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

    body_release(body);
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

        if (body_is_held(body))
            continue;
        error = body_resize(body, capacity);
        if (error)
            return error;
        body->subject = (struct body_subject){0};
        body->length = 0;
        *ret_body = body;
        return 0;
    }
    return -EAGAIN;
}

struct body *body_pool_find(struct body_pool *pool, const struct body_subject *subject)
{
    for (size_t i = 0; i < BODIES_MAX; i++) {
        const struct body_subject *shown = &pool->body[i].subject;

        if (shown->format == subject->format && shown->edition == subject->edition &&
            shown->now_ns == subject->now_ns && shown->unix_ns == subject->unix_ns)
            return &pool->body[i];
    }
    return NULL;
}

void body_pool_trim(struct body_pool *pool, uint64_t now_ns, uint64_t age_ns)
{
    for (size_t i = 0; i < BODIES_MAX; i++) {
        struct body *body = &pool->body[i];

        if (body->data && !body_is_held(body) && now_ns - body->subject.now_ns > age_ns)
            body_release(body);
    }
}

struct body *body_ref(struct body *body)
{
    __atomic_add_fetch(&body->references, 1, __ATOMIC_RELAXED);
    return body;
}

struct body *body_unref(struct body *body)
{
    if (body)
        __atomic_sub_fetch(&body->references, 1, __ATOMIC_RELEASE);
    return NULL;
}
