/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Families that no table of ours has: fields of a newer hypervisor, which its descriptors name and
 * the topology lists. They look like those of the catalogue to whoever renders them.
 */
#pragma once

#include "exposition/catalogue.h"
#include "sampler/topology.h"

struct more_families {
    struct family *family; /* `families` of them; names, samples and values belong to it too */
    uint32_t families;
    struct family_sample *sample;
    struct more_text *text;
};

#define MORE_FAMILIES_NULL ((struct more_families){0})

/*
 * Makes the families of the topology's fields; help is borrowed from the topology. A field whose
 * name the catalogue, or a field before it, already has is left out. -ENOMEM.
 */
int more_families_init(struct more_families *ret_more, const struct topology *topology) must_check;
void more_families_deinit(struct more_families *more);
