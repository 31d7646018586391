/* SPDX-License-Identifier: Apache-2.0 */
/* Writes text to a file so that a reader sees all of it or none. */
#pragma once

#include <stddef.h>

#include "util/cleanup.h"

/*
 * Replaces `path` by `length` bytes: a new file beside it, fsync, rename. An empty path is standard
 * output; a pipe or a device is written to. A negative errno; then `path` is as it was.
 */
int write_file(const char *path, const char *data, size_t length) must_check;
