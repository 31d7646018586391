/* SPDX-License-Identifier: Apache-2.0 */
/* Looks a domain up in an array that ascends by domid. Knows nobody. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Where the domain is among `count` things of `size` bytes, or would be inserted. Each begins with
 * its domid, a uint32_t; no two have the same.
 */
static inline uint32_t by_domid_position(const void *things, uint32_t count, size_t size,
                                         uint32_t domid)
{
    uint32_t low = 0, high = count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        const uint32_t *is = (const void *)((const char *)things + middle * size);

        if (*is < domid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
