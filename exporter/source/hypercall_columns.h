/* SPDX-License-Identifier: Apache-2.0 */
/* Puts what hypercalls told into the columns of a snapshot. Memory becomes bytes here. */
#pragma once

#include "sampler/snapshot.h"
#include "source/hypercall_sample.h"

/* The host, its pCPUs and its nodes. */
void hypercall_columns_host(const struct hypercall_sample *sample, struct snapshot *snapshot);

/* A domain of the sample, and its vCPUs, at `row`. */
void hypercall_columns_domain(const struct hypercall_sample *sample,
                              const struct hypercall_domain *domain, struct snapshot *snapshot,
                              uint32_t row);
