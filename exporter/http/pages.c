/* SPDX-License-Identifier: Apache-2.0 */
/* The texts; see pages.h. */
#include "http/pages.h"

#include <errno.h>
#include <string.h>

static const char plain[] = "text/plain; charset=utf-8";

const struct page_text pages[PAGES] = {
    /* The page loads nothing and is nobody's frame; its style is part of it. */
    [PAGE_LANDING] = {200,
                      "text/html; charset=utf-8",
                      NULL,
                      {"Content-Security-Policy",
                       "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
                       "form-action 'none'; frame-ancestors 'none'"}},
    [PAGE_HEALTHY] = {200, plain, "Healthy.\n"},
    [PAGE_READY] = {200, plain, "Ready.\n"},
    [PAGE_NOT_READY] = {503,
                        plain,
                        "Not ready: not all domains are mapped yet.\n",
                        {"Retry-After", "1"}},
    [PAGE_BAD_REQUEST] = {400, plain, "Bad request.\n", .closes = true},
    [PAGE_NOT_FOUND] = {404, plain, "Not found.\n"},
    [PAGE_BAD_METHOD] = {405, plain, "Method not allowed.\n", {"Allow", "GET, HEAD"}},
    [PAGE_NO_BODY] = {413, plain, "Requests must not have a body.\n", .closes = true},
    [PAGE_EXPECTATION] = {417, plain, "Nothing can be expected of this server.\n", .closes = true},
    [PAGE_TOO_LARGE] = {431, plain, "The header of the request is too large.\n", .closes = true},
    [PAGE_UNKNOWN_CODING] = {501, plain, "Not implemented.\n", .closes = true},
    [PAGE_NOT_IMPLEMENTED] = {501, plain, "Not implemented.\n"},
    [PAGE_BUSY] = {503, plain, "Too many scrapes at the same time.\n", {"Retry-After", "1"}},
    [PAGE_STOPPING] = {503, plain, "The exporter is stopping.\n", {"Retry-After", "5"}},
    [PAGE_LATE] = {503, plain, "No sample could be had in time.\n", {"Retry-After", "5"}},
    [PAGE_FAILED] = {503, plain, "No sample could be had.\n", {"Retry-After", "5"}},
};

const struct page_header page_headers[] = {
    {"X-Content-Type-Options", "nosniff"},           /* a name in a label is not a script */
    {"Cross-Origin-Resource-Policy", "same-origin"}, /* other sites' pages have no use for it */
    {"Cache-Control", "no-store"},                   /* a proxy's copy would be an old sample */
};
const size_t page_headers_count = sizeof(page_headers) / sizeof(page_headers[0]);

static const struct {
    const char *path;
    enum page page;
} routes[] = {
    {"/", PAGE_LANDING},
    {"/-/healthy", PAGE_HEALTHY},
    {"/-/ready", PAGE_READY},
};

enum page pages_at(const char *path)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (strcmp(path, routes[i].path) == 0)
            return routes[i].page;
    return PAGE_NOT_FOUND;
}

enum page pages_of_error(int error)
{
    switch (error) {
    case -EAGAIN:
        return PAGE_BUSY;
    case -ESHUTDOWN:
        return PAGE_STOPPING;
    case -ETIMEDOUT:
        return PAGE_LATE;
    default:
        return PAGE_FAILED;
    }
}
