/* SPDX-License-Identifier: Apache-2.0 */
/* Grows by doubling; see buf.h. */
#include "util/buf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BUF_SMALLEST 256U

void buf_deinit(struct buf *buf)
{
    free(buf->data);
    *buf = BUF_NULL;
}

int buf_reserve(struct buf *buf, size_t extra)
{
    size_t needed, capacity = buf->capacity;
    char *data;

    if (buf->error)
        return buf->error;
    if (__builtin_add_overflow(buf->length, extra, &needed))
        return buf->error = -ENOMEM;
    if (needed <= capacity)
        return 0;

    if (__builtin_mul_overflow(capacity, 2U, &capacity) || capacity < needed)
        capacity = needed;
    if (capacity < BUF_SMALLEST)
        capacity = BUF_SMALLEST;

    data = realloc(buf->data, capacity);
    if (!data)
        return buf->error = -ENOMEM;

    buf->data = data;
    buf->capacity = capacity;
    return 0;
}

void buf_append(struct buf *buf, const void *data, size_t length)
{
    if (length == 0 || buf_reserve(buf, length))
        return;
    memcpy(buf->data + buf->length, data, length);
    buf->length += length;
}

void buf_append_text(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

void buf_append_byte(struct buf *buf, char byte)
{
    buf_append(buf, &byte, 1);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);

    if (length < 0) {
        buf->error = buf->error ? buf->error : -EINVAL;
        return;
    }
    if (buf_reserve(buf, (size_t)length + 1)) /* vsnprintf() writes a NUL behind the text */
        return;

    va_start(arguments, format);
    vsnprintf(buf->data + buf->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buf->length += (size_t)length;
}
