/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows from the numbers of a source, whichever it is: sums over vCPUs and domains; and that
 * no counter goes backwards while the thing that it counts exists, although the source's estimate
 * of now may have been ahead by microseconds.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sampler/snapshot.h"

/* The times of a vCPU as they were exported last. */
struct finish_vcpu {
    bool seen;
    uint64_t ns[VCPU_OFFLINE_NS - VCPU_RUNNING_NS + 1];
};

/* Those of a pCPU. */
struct finish_pcpu {
    uint64_t ns[PCPU_BUSY_NS - PCPU_IDLE_NS + 1];
};

/*
 * Finishes the domain at `row` and its vCPUs. `before` has an entry for each vCPU, zero at first.
 * A vCPU that was there before and cannot be read now makes its domain's sums unknown, since they
 * would go backwards; one that was never there adds nothing.
 */
void finish_domain(struct finish_vcpu *before, struct snapshot *snapshot, uint32_t row);

/* Finishes the pCPUs. `before` has an entry for each row, zero at first. */
void finish_pcpus(struct finish_pcpu *before, struct snapshot *snapshot);

/* Counts the domains in each state. After all domains. */
void finish_host(struct snapshot *snapshot);
