/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every answer whose text is known beforehand, as data: the pages for people and for monitors, and
 * the errors; which path leads to which. None of them contains a byte of a request.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

enum page {
    PAGE_LANDING,
    PAGE_HEALTHY,
    PAGE_READY,
    PAGE_NOT_READY,
    PAGE_BAD_REQUEST,
    PAGE_NOT_FOUND,
    PAGE_BAD_METHOD,
    PAGE_NO_BODY,
    PAGE_EXPECTATION,
    PAGE_TOO_LARGE,
    PAGE_UNKNOWN_CODING,
    PAGE_NOT_IMPLEMENTED,
    PAGE_BUSY,
    PAGE_STOPPING,
    PAGE_LATE,
    PAGE_FAILED,
    PAGES,
};

struct page_header {
    const char *name;
    const char *value;
};

struct page_text {
    unsigned int status;
    const char *type;
    const char *text;          /* of the landing page: NULL, see pages_landing() */
    struct page_header header; /* one more, or NULL */
    bool closes;               /* what follows such a request is not trusted */
};

extern const struct page_text pages[PAGES];

/* What every response has, the metrics too. */
extern const struct page_header page_headers[];
extern const size_t page_headers_count;

/* The page at a path; PAGE_NOT_FOUND. */
enum page pages_at(const char *path);

/* The page that tells a client why it gets no metrics, by negative errno. */
enum page pages_of_error(int error);

struct landing {
    const char *telemetry_path;
    const char *version;
    const char *source; /* where the numbers come from */
};

/* Appends the landing page. */
void pages_landing(const struct landing *landing, struct buf *out);
