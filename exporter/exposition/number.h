/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimal numbers, written straight into a body. Exact: a time is an integer of nanoseconds and is
 * printed as seconds with nine decimals, never through floating point. Inline because a scrape
 * does this tens of thousands of times.
 */
#pragma once

#include <stdint.h>
#include <string.h>

/* The most bytes either function writes: 2^64 - 1 has 20 digits, as seconds one point more. */
#define NUMBER_MAX 21U

extern const char number_pairs[200]; /* "000102...99" */
extern const uint64_t number_powers_of_10[20];

static inline unsigned int number_digits(uint64_t value)
{
    /* 1233 / 4096 is just above log10(2): the guess is right or one too small. */
    unsigned int bits = 64U - (unsigned int)__builtin_clzll(value | 1);
    unsigned int guess = bits * 1233U >> 12;

    return guess + (guess == 0 || value >= number_powers_of_10[guess]);
}

/* Writes `value` without padding, returns the end. */
static inline char *number_put(char *out, uint64_t value)
{
    char *end = out + number_digits(value);
    char *at = end;

    while (value >= 100) {
        at -= 2;
        memcpy(at, number_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10)
        memcpy(at - 2, number_pairs + value * 2, 2);
    else
        at[-1] = (char)('0' + value);
    return end;
}

/* Writes nanoseconds as seconds: no padding before the point, nine digits after it. */
static inline char *number_put_seconds(char *out, uint64_t nanoseconds)
{
    uint32_t fraction = (uint32_t)(nanoseconds % 1000000000U);
    uint32_t high = fraction / 100000U, low = fraction % 100000U;

    out = number_put(out, nanoseconds / 1000000000U);
    out[0] = '.';
    memcpy(out + 1, number_pairs + high / 100U * 2, 2);
    memcpy(out + 3, number_pairs + high % 100U * 2, 2);
    out[5] = (char)('0' + low / 10000U);
    memcpy(out + 6, number_pairs + low / 100U % 100U * 2, 2);
    memcpy(out + 8, number_pairs + low % 100U * 2, 2);
    return out + 10;
}
