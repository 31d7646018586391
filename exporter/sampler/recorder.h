/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes snapshots to a recording, for --record=FILE. The file, which only its owner can read,
 * takes its name when it is complete: when the recorder is freed, or has recorded all it may.
 */
#pragma once

#include "sampler/snapshot.h"
#include "util/cleanup.h"

struct recorder;

/*
 * Begins a recording beside `path`, which may be a file to be replaced. A negative errno: -EEXIST
 * when `path` is something else than a file.
 */
int recorder_new(const char *path, struct recorder **ret_recorder) must_check;

/* Adds a snapshot, unless the recording is full already. What goes wrong is logged, once. */
void recorder_add(struct recorder *recorder, const struct snapshot *snapshot);

/* Completes the file; one without a snapshot is not kept. Always returns NULL. */
struct recorder *recorder_free(struct recorder *recorder);

DEFINE_CLEANUP(struct recorder *, cleanup_recorder, recorder_free)
