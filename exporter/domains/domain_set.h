/* SPDX-License-Identifier: Apache-2.0 */
/* A set of domids: one bit for each that Xen can give out. Plain data, 4 KiB. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DOMAIN_SET_WORDS 512U
#define DOMAIN_SET_LIMIT 0x7ff0U /* DOMID_FIRST_RESERVED */

struct domain_set {
    uint64_t word[DOMAIN_SET_WORDS];
};

static inline bool domain_set_has(const struct domain_set *set, uint32_t domid)
{
    return domid < DOMAIN_SET_LIMIT && (set->word[domid / 64] >> (domid % 64) & 1);
}

static inline void domain_set_add(struct domain_set *set, uint32_t domid)
{
    if (domid < DOMAIN_SET_LIMIT)
        set->word[domid / 64] |= 1ULL << (domid % 64);
}

static inline void domain_set_remove(struct domain_set *set, uint32_t domid)
{
    if (domid < DOMAIN_SET_LIMIT)
        set->word[domid / 64] &= ~(1ULL << (domid % 64));
}

/* The smallest domid that is in the set and at least `from`; DOMAIN_SET_LIMIT when there is none.
 */
uint32_t domain_set_next(const struct domain_set *set, uint32_t from);
