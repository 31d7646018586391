/* SPDX-License-Identifier: Apache-2.0 */
/* Which metrics a source cannot give, for a line of the log. */
#pragma once

#include <stdint.h>

#include "sampler/snapshot.h"
#include "util/buf.h"

/*
 * Appends the names of what is missing from a source with these columns, with a comma between them:
 * a family, or, of one that is there in part, its missing samples: name{label="value"}. Metrics of
 * the exporter itself are left out.
 */
void missing_list(const uint64_t columns[SNAPSHOT_KINDS], struct buf *out);
