/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each fuzzer has: one function that is called with any bytes. A fuzzer ends with an abort
 * when a promise is broken; sanitizers look for the rest. Linked with libFuzzer it searches (./dev
 * fuzz), with replay.c it goes over a corpus and some thousand changes of it, always the same ones.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROMISE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The bytes as a string that ends where they end, so that reading on is noticed. To be freed. */
static inline char *fuzz_string(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    PROMISE(text);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* The same without the NUL. */
static inline uint8_t *fuzz_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    PROMISE(copy);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

/* Numbers off the beginning; 0 when there is nothing left. */
static inline uint64_t fuzz_take(const uint8_t **data, size_t *size, size_t bytes)
{
    uint64_t value = 0;
    size_t have = *size < bytes ? *size : bytes;

    if (have > 0)
        memcpy(&value, *data, have);
    *data += have;
    *size -= have;
    return value;
}
