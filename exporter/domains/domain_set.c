/* SPDX-License-Identifier: Apache-2.0 */
/* Walks a set of domids; see domain_set.h. */
#include "domains/domain_set.h"

uint32_t domain_set_next(const struct domain_set *set, uint32_t from)
{
    while (from < DOMAIN_SET_LIMIT) {
        uint64_t rest = set->word[from / 64] >> (from % 64);

        if (rest) {
            from += (uint32_t)__builtin_ctzll(rest);
            return from < DOMAIN_SET_LIMIT ? from : DOMAIN_SET_LIMIT;
        }
        from = (from / 64 + 1) * 64;
    }
    return DOMAIN_SET_LIMIT;
}
