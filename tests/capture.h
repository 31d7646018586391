/* SPDX-License-Identifier: Apache-2.0 */
/* Catches what is written to a file descriptor such as standard error, for a while. */
#pragma once

#include <check.h>
#include <stdio.h>
#include <unistd.h>

struct capture {
    int fd, before;
    FILE *file;
};

static inline void capture_begin(struct capture *capture, int fd)
{
    fflush(NULL);
    capture->fd = fd;
    capture->before = dup(fd);
    capture->file = tmpfile();
    ck_assert_int_ge(capture->before, 0);
    ck_assert_ptr_nonnull(capture->file);
    ck_assert_int_ge(dup2(fileno(capture->file), fd), 0);
}

/* Ends it; `text` gets what was written, with a NUL behind it. Returns the length. */
static inline size_t capture_end(struct capture *capture, char *text, size_t size)
{
    ssize_t length;

    fflush(NULL);
    dup2(capture->before, capture->fd);
    close(capture->before);
    length = pread(fileno(capture->file), text, size - 1, 0);
    fclose(capture->file);
    ck_assert_int_ge(length, 0);
    text[length] = '\0';
    return (size_t)length;
}
