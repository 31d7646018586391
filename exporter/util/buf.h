/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte buffer that grows. The first failure sticks: appending to a failed buffer does nothing, so
 * a text is built without a check per piece and checked once, with buf_error(). Knows nobody.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "util/cleanup.h"

struct buf {
    char *data; /* not NUL-terminated */
    size_t length;
    size_t capacity;
    int error; /* 0, or the negative errno of the first failure */
};

#define BUF_NULL ((struct buf){0})

/* Frees the bytes and leaves BUF_NULL behind. */
void buf_deinit(struct buf *buf);

/* Makes room for `extra` more bytes, so that appending them cannot fail. -ENOMEM; sticks. */
int buf_reserve(struct buf *buf, size_t extra);

/* Appends; `data` may be NULL when `length` is 0 and must not lie inside the buffer. */
void buf_append(struct buf *buf, const void *data, size_t length);
void buf_append_text(struct buf *buf, const char *text);
void buf_append_byte(struct buf *buf, char byte);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* 0, or the negative errno of the first failure. */
static inline int must_check buf_error(const struct buf *buf)
{
    return buf->error;
}
