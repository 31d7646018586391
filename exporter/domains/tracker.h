/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows from who exists and who is followed. Pure: no state, no events. Whatever was missed,
 * came late or came twice, the next comparison of the whole sets puts it right.
 */
#pragma once

#include "domains/domain_set.h"

struct tracker_plan {
    struct domain_set remove; /* to be let go, first */
    struct domain_set add;    /* to be followed then */
};

/*
 * `wanted`: the domains that exist, by the source's account. `known`: those that are followed.
 * `gone`: of these, those that are another domain than the one followed, or dead; where it is still
 * (or again) wanted, it is let go and followed anew.
 */
void tracker_compare(const struct domain_set *wanted, const struct domain_set *known,
                     const struct domain_set *gone, struct tracker_plan *ret_plan);
