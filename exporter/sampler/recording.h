/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots as bytes, for a file: --record writes it (recorder.h), --source=recording:FILE plays it
 * back (request_recording.h). Pure. A file is a header and then snapshots, each complete in itself:
 * who lives on the host, and every value. Numbers are little-endian, structures are without gaps.
 *
 * What is read may come from anybody: each count and length meets a bound before it is used.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sampler/snapshot.h"
#include "util/buf.h"

/* Grows with every change of the format or of the columns of a snapshot. */
#define RECORDING_VERSION 1U

/* A file is at most so long, and has at most so many snapshots. */
#define RECORDING_BYTES_MAX     (64U << 20)
#define RECORDING_SNAPSHOTS_MAX 4096U

/* More vCPUs than any host has. */
#define RECORDING_VCPUS_MAX (1U << 20)

/* Appends what a file begins with. */
void recording_write_header(struct buf *out);

/* Appends one snapshot. -EOVERFLOW when it is beyond the bounds; then nothing was appended. */
int recording_write(struct buf *out, const struct snapshot *snapshot) must_check;

/*
 * Reads the header at the beginning of a file; gives its length. -EPROTO (another version), or
 * -EBADMSG; `ret_reason`, a static string, says what is wrong.
 */
int recording_read_header(const void *bytes, size_t length, size_t *ret_used,
                          const char **ret_reason) must_check;

/* Reads the next snapshot; gives a reference, and its length. -EBADMSG as above, or -ENOMEM. */
int recording_read(const void *bytes, size_t length, struct snapshot **ret_snapshot,
                   size_t *ret_used, const char **ret_reason) must_check;
