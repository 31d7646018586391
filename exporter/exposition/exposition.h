/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns snapshots into bodies. Owns the layout of the current topology, the bodies and what is
 * needed to read this process's own figures. Called by the HTTP side, and by --once.
 */
#pragma once

#include "exposition/body.h"
#include "exposition/catalogue.h"
#include "exposition/encode.h"
#include "exposition/layout.h"
#include "sampler/snapshot.h"
#include "util/buf.h"
#include "util/monotonic.h"

struct exposition_options {
    struct layout_options layout;
};

struct exposition;

/* Borrows the options' strings until exposition_free(). -ENOMEM. */
int exposition_new(const struct exposition_options *options, struct exposition **ret_exposition)
    must_check;

/* No response may hold a body any more. Always returns NULL. */
struct exposition *exposition_free(struct exposition *exposition);

/* Other options from the next body on; borrows their strings in the same way. */
void exposition_set_options(struct exposition *exposition,
                            const struct exposition_options *options);

/* How old a body may be that is shared for want of room for another: of its snapshot, in ns. */
#define EXPOSITION_SHARED_MAX_NS (5 * NS_PER_S)

/* Positive conditions. */
enum exposition_condition {
    /*
     * Slow clients hold all bodies that there are for clients. What was given is the last one of
     * this kind, of an earlier snapshot: whoever is slow should be made to hurry.
     */
    EXPOSITION_SHORT = 1,
};

/*
 * Writes the body of a snapshot. Borrows the snapshot; gives one reference to the body. For one
 * thread at a time. Those who ask with one snapshot share one body. While the set of domains does
 * not change it allocates nothing, but for bodies that had not been needed for long.
 *
 * Of BODIES_MAX plain bodies, of both formats together, clients hold all but one: that is where the
 * text is written from which gzip is made, so that slow clients of the one cost nothing to clients
 * of the other. Compressed bodies, of which there are as many, can all be held by clients.
 *
 * 0, EXPOSITION_SHORT, or -EAGAIN: as EXPOSITION_SHORT, and there is no body to be shared that is
 * young enough. Who asks again when clients have been made to hurry gets one: of a format in which
 * this has happened, the other one leaves a body. -ENOMEM, -EOVERFLOW.
 */
int exposition_render(struct exposition *exposition, const struct snapshot *snapshot,
                      enum exposition_format format, enum encoding encoding, struct body **ret_body)
    must_check;

/* The same for a single body, appended to `out`. */
int exposition_render_once(const struct snapshot *snapshot, enum exposition_format format,
                           const struct exposition_options *options, struct buf *out) must_check;

DEFINE_CLEANUP(struct exposition *, cleanup_exposition, exposition_free)
