/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wall within one process: requests come from any thread, wait in a short queue, and are
 * answered by the thread that owns the sampler. Requests that wait together share one snapshot.
 */
#pragma once

#include "sampler/request.h"
#include "util/cleanup.h"

struct recorder;
struct request_local;
struct sampler;

/* More requests than this in flight are refused with -EAGAIN. */
#define REQUEST_LOCAL_MAX 256

/* Borrows the sampler, and the recorder, which may be NULL: it gets every snapshot that is given.
 */
int request_local_new(struct sampler *sampler, struct recorder *recorder,
                      struct request_local **ret_requests) must_check;

/* Answers what still waits with -ESHUTDOWN. Always returns NULL. */
struct request_local *request_local_free(struct request_local *requests);

/* What the near side asks; lives as long as `requests`. */
struct request_wall *request_local_wall(struct request_local *requests);

/* Readable while requests wait. Borrowed. */
int request_local_fd(const struct request_local *requests);

/*
 * Answers what waits, as far as the sampler has the numbers. Called by the thread that owns it:
 * when something waits, when numbers came, and several times a second.
 */
void request_local_answer(struct request_local *requests);

/* From now on every request is refused with -ESHUTDOWN, and what waits is answered so. */
void request_local_stop(struct request_local *requests);

DEFINE_CLEANUP(struct request_local *, cleanup_request_local, request_local_free)
