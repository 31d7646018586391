/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wall with a recording behind it: each request gets the next snapshot of a file, then the last
 * one again and again. Counters so never fall, and what was once shown can be looked at again.
 */
#pragma once

#include "sampler/request.h"
#include "util/cleanup.h"

struct request_recording;

/*
 * Reads the whole file. A negative errno; `ret_reason`, a static string, says what is wrong with a
 * file that could be read.
 */
int request_recording_new(const char *path, struct request_recording **ret_recording,
                          const char **ret_reason) must_check;

/* Always returns NULL. */
struct request_recording *request_recording_free(struct request_recording *recording);

/* What the near side asks; lives as long as the recording. */
struct request_wall *request_recording_wall(struct request_recording *recording);

/* The next snapshot; gives a reference. */
struct snapshot *request_recording_take(struct request_recording *recording);

/* How many snapshots there are, and how many domains the first one has. */
uint32_t request_recording_snapshots(const struct request_recording *recording);
uint32_t request_recording_domains(const struct request_recording *recording);

DEFINE_CLEANUP(struct request_recording *, cleanup_request_recording, request_recording_free)
