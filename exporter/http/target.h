/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request targets (RFC 9112, section 3.2) and hosts (RFC 9110, section 7.2). Total functions: any
 * text is a valid argument; nothing is repaired.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The longest path that is compared with anything, decoded. */
#define TARGET_PATH_MAX 255U

enum target_form {
    TARGET_INVALID,   /* a character that does not belong there, or none of the forms */
    TARGET_PATH,      /* origin-form "/path?query" and absolute-form "http://host/path?query" */
    TARGET_ASTERISK,  /* "*", for OPTIONS */
    TARGET_AUTHORITY, /* "host:port", for CONNECT */
};

struct target {
    enum target_form form;
    char path[TARGET_PATH_MAX + 1]; /* percent-decoded; "" when it is longer than that */
};

void target_parse(const char *text, struct target *ret_target);

/* "host" or "host:port", where both may be empty. */
bool target_host_is_valid(const char *text, size_t length);
