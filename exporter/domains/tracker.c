/* SPDX-License-Identifier: Apache-2.0 */
/* Set arithmetic; see tracker.h. */
#include "domains/tracker.h"

void tracker_compare(const struct domain_set *wanted, const struct domain_set *known,
                     const struct domain_set *gone, struct tracker_plan *ret_plan)
{
    for (uint32_t i = 0; i < DOMAIN_SET_WORDS; i++) {
        uint64_t followed = known->word[i] & ~gone->word[i];

        ret_plan->remove.word[i] = known->word[i] & (gone->word[i] | ~wanted->word[i]);
        ret_plan->add.word[i] = wanted->word[i] & ~followed;
    }
}
