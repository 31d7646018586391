/* SPDX-License-Identifier: Apache-2.0 */
/* What is written from the table of options, so that it cannot be out of date. */
#pragma once

#include "util/buf.h"

struct document {
    const char *path; /* within the source tree */
    void (*write)(struct buf *out);
};

extern const struct document documents[];
extern const size_t documents_count;
