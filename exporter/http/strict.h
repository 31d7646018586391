/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a request is one that every server and proxy reads alike (RFC 9110 and RFC 9112).
 * Anything that the standards let some accept and others refuse is refused. A parser that came
 * before has found the parts; that it was as strict is not assumed: what it passed over silently
 * (a NUL, a folded line, a second space, a line without CR) shows in the distances between the
 * parts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "http/pages.h"

/* More than any client sends, and little enough to be looked at for each request. */
#define STRICT_FIELDS_MAX 64U

/* The longest list that is looked at. */
#define STRICT_LIST_MAX 4096U

struct strict_field {
    const char *name;
    size_t name_length;
    const char *value; /* without white space before it */
    size_t value_length;
};

/* A request's header. All pointers are into the memory in which it was received. */
struct strict_request {
    const char *method;
    const char *target;
    size_t target_length;
    const char *version;
    size_t header_size; /* from the method to the end of the empty line */
    size_t header_max;
    /* It refuses by itself what would show in the distances, and leaves other traces. */
    bool parser_is_strict;
    size_t fields; /* may be more than there is room for */
    struct strict_field field[STRICT_FIELDS_MAX];
};

/* PAGES when there is nothing against it; else what it is answered with. */
enum page strict_check(const struct strict_request *request);

/*
 * The values of all fields of that name, as one list, in `ret_list`: RFC 9110, section 5.3. What
 * finds no room is left out. Returns the length.
 */
size_t strict_list(const struct strict_request *request, const char *name,
                   char ret_list[STRICT_LIST_MAX]);
