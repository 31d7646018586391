/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only owner of mappings: follows which domains exist, keeps their tables attached, and takes
 * snapshots of them. Lives in one thread, the main loop's.
 */
#pragma once

#include <stdint.h>

#include "sampler/snapshot.h"
#include "source/source.h"
#include "util/cleanup.h"

struct sampler;
struct xenstore;

/* Domains that died unnoticed by any event are unmapped within this time. */
#define SAMPLER_SCAN_MS 250

/* Takes the source. `xenstore` is borrowed and may be NULL: then names come from the source. */
int sampler_new(struct source *source, struct xenstore *xenstore, struct sampler **ret_sampler)
    must_check;

/* Detaches everything. Always returns NULL. */
struct sampler *sampler_free(struct sampler *sampler);

/*
 * Brings what is attached in line with the domains that exist: looks at the bitmap when its counts
 * changed, at every dead mark always. Memory reads alone while nothing changed. 0, or the first
 * error that kept a domain from being attached: it was logged and will be tried again, the others
 * are attached all the same.
 */
int sampler_scan(struct sampler *sampler);

/* Hands over what xenstore has to say: new names, hints that domains came or went. */
void sampler_take_events(struct sampler *sampler);

/*
 * Where numbers must be fetched, sees to it that they are, for a request that came at `asked_ns`
 * (CLOCK_MONOTONIC). Never waits. True: sampler_take() can answer it, with numbers that are new
 * enough or, when these do not come, without. Otherwise ask again when sampler_fd() is readable,
 * and now and then.
 */
bool sampler_prepare(struct sampler *sampler, uint64_t asked_ns);

/* Readable when something was fetched; -1 when the source has no need of it. Borrowed. */
int sampler_fd(const struct sampler *sampler);

/*
 * Scans when the set of domains changed, then takes a snapshot of everything. Gives one reference;
 * a steady state allocates nothing as long as earlier snapshots were released. -ENOMEM, or what the
 * source says.
 */
int sampler_take(struct sampler *sampler, struct snapshot **ret_snapshot) must_check;

/* Domains attached now, and how many of them have no name yet. */
uint32_t sampler_domains(const struct sampler *sampler);
uint32_t sampler_nameless(const struct sampler *sampler);

DEFINE_CLEANUP(struct sampler *, cleanup_sampler, sampler_free)
