/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts for the exposition's tests: a snapshot built by hand, with numbers that tell where each
 * value came from, and names as a hostile guest or toolstack might choose them. */
#pragma once

#include <stdint.h>

#include "sampler/snapshot.h"

/* A snapshot of `domains` domains with `vcpus` vCPUs each. Every column is offered. */
struct snapshot *host_new(uint32_t domains, uint32_t vcpus, int hostile);
