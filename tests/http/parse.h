/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the parts of a request in the way of a tolerant parser: lines end in LF, names at the
 * colon, texts at a NUL. So that checks can be tried on any bytes without a server.
 */
#pragma once

#include <stdbool.h>
#include <string.h>

#include "http/strict.h"

/* The end of a line: its text becomes a string. NULL when there is no line. */
static inline char *parse_line(char **at, char *end)
{
    char *line = *at, *feed = memchr(line, '\n', (size_t)(end - line));

    if (!feed)
        return NULL;
    *feed = '\0';
    if (feed > line && feed[-1] == '\r')
        feed[-1] = '\0';
    *at = feed + 1;
    return line;
}

/* Changes `text`. False when not even a tolerant parser finds a request in it. */
static inline bool parse_request(char *text, size_t length, struct strict_request *ret_request)
{
    struct strict_request request = {.method = text, .header_max = 8192};
    char *end = text + length, *line = parse_line(&text, end), *space;

    if (!line || !(space = strchr(line, ' ')))
        return false;
    *space++ = '\0';
    request.target = space + strspn(space, " ");
    space = strrchr(request.target, ' ');
    if (!space)
        return false;
    *space = '\0';
    request.target_length = strlen(request.target);
    request.version = space + 1;
    while ((line = parse_line(&text, end)) && *line) {
        char *colon = strchr(line, ':');
        char *value = colon ? colon + 1 + strspn(colon + 1, " \t") : NULL;

        if (!colon)
            return false;
        if (request.fields < STRICT_FIELDS_MAX)
            request.field[request.fields] =
                (struct strict_field){line, (size_t)(colon - line), value, strlen(value)};
        request.fields++;
    }
    request.header_size = (size_t)(text - request.method);
    *ret_request = request;
    return line != NULL;
}
