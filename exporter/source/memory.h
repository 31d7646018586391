/* SPDX-License-Identifier: Apache-2.0 */
/* Memory in bytes, as a snapshot has it, from frames, as every source has it. */
#pragma once

#include <stdint.h>

#include "sampler/snapshot.h"
#include "source/stats_abi.h"

/* Absent when it does not fit, or was not there to begin with. */
static inline uint64_t memory_bytes(uint64_t frames)
{
    return __builtin_mul_overflow(frames, STATS_FRAME_SIZE, &frames) ? SNAPSHOT_ABSENT : frames;
}

/* The same for `max_pages`: absent, too, when there is no limit. */
static inline uint64_t memory_limit_bytes(uint64_t frames)
{
    return frames == STATS_NO_LIMIT ? SNAPSHOT_ABSENT : memory_bytes(frames);
}
