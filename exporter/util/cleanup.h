/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope-bound ownership: a local declared with cleanup(f) is released when its scope ends, and
 * steal() hands it over to somebody else on success. Knows nobody.
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#define cleanup(function) __attribute__((cleanup(function)))
#define must_check        __attribute__((warn_unused_result))

/* Takes the pointer out of an owning local: returns it and leaves NULL behind. */
#define steal(pointer)                                                                             \
    ({                                                                                             \
        __typeof__(pointer) *_from = &(pointer);                                                   \
        __typeof__(pointer) _taken = *_from;                                                       \
        *_from = NULL;                                                                             \
        _taken;                                                                                    \
    })

/* The same for a file descriptor: leaves -1 behind. */
static inline int steal_fd(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

static inline void cleanup_free(void *pointer)
{
    free(*(void **)pointer);
}

static inline void cleanup_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#define DEFINE_CLEANUP(type, function, release)                                                    \
    static inline void function(type *pointer)                                                     \
    {                                                                                              \
        if (*pointer)                                                                              \
            release(*pointer);                                                                     \
    }
