/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every answer whose text is known beforehand, as data: the pages for people and for monitors, and
 * the errors. None of them contains a byte of the request.
 */
#pragma once

#include "util/buf.h"

enum page {
    PAGE_LANDING,
    PAGE_HEALTHY,
    PAGE_READY,
    PAGE_BAD_REQUEST,
    PAGE_NOT_FOUND,
    PAGE_BAD_METHOD,
    PAGE_NO_BODY,
    PAGE_BUSY,
    PAGE_STOPPING,
    PAGE_LATE,
    PAGE_FAILED,
    PAGES,
};

struct page_text {
    unsigned int status;
    const char *type;
    const char *text;   /* of the landing page: NULL, see pages_landing() */
    const char *header; /* one more header, or NULL */
    const char *header_value;
};

extern const struct page_text pages[PAGES];

/* Appends the landing page with a link to where the metrics are. */
void pages_landing(const char *telemetry_path, const char *version, struct buf *out);

/* The page that tells a client why it gets no metrics, by negative errno. */
enum page pages_of_error(int error);
