/* SPDX-License-Identifier: Apache-2.0 */
/* The texts; see pages.h. */
#include "http/pages.h"

#include <errno.h>

static const char plain[] = "text/plain; charset=utf-8";

const struct page_text pages[PAGES] = {
    [PAGE_LANDING] = {200, "text/html; charset=utf-8", NULL, "Content-Security-Policy",
                      "default-src 'none'; style-src 'unsafe-inline'"},
    [PAGE_HEALTHY] = {200, plain, "Healthy.\n"},
    [PAGE_READY] = {200, plain, "Ready.\n"},
    [PAGE_BAD_REQUEST] = {400, plain, "Bad request.\n"},
    [PAGE_NOT_FOUND] = {404, plain, "Not found.\n"},
    [PAGE_BAD_METHOD] = {405, plain, "Method not allowed.\n", "Allow", "GET, HEAD"},
    [PAGE_NO_BODY] = {413, plain, "Requests must not have a body.\n"},
    [PAGE_BUSY] = {503, plain, "Too many scrapes at the same time.\n", "Retry-After", "1"},
    [PAGE_STOPPING] = {503, plain, "The exporter is stopping.\n", "Retry-After", "5"},
    [PAGE_LATE] = {503, plain, "No sample could be had in time.\n", "Retry-After", "5"},
    [PAGE_FAILED] = {503, plain, "No sample could be had.\n", "Retry-After", "5"},
};

static void append_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            buf_append_text(out, "&amp;");
            break;
        case '<':
            buf_append_text(out, "&lt;");
            break;
        case '"':
            buf_append_text(out, "&quot;");
            break;
        default:
            buf_append_byte(out, *text);
        }
    }
}

void pages_landing(const char *telemetry_path, const char *version, struct buf *out)
{
    buf_append_text(
        out, "<!DOCTYPE html>\n"
             "<html lang=\"en\">\n"
             "<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width\">\n"
             "<title>xen-stats-exporter</title>\n"
             "<style>\n"
             "body { font: 1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 4rem auto;\n"
             "  padding: 0 1rem; color: #222; background: #fff; }\n"
             "h1 { font-size: 1.5rem; }\n"
             "a { color: #0550ae; }\n"
             "small { color: #666; }\n"
             "@media (prefers-color-scheme: dark) {\n"
             "  body { color: #ddd; background: #161616; } a { color: #79b8ff; } small { color: "
             "#999; }\n"
             "}\n"
             "</style>\n"
             "<h1>xen-stats-exporter</h1>\n"
             "<p>Statistics of the Xen domains on this host, for Prometheus.\n"
             "<ul>\n"
             "<li><a href=\"");
    append_escaped(out, telemetry_path);
    buf_append_text(out, "\">Metrics</a>\n"
                         "<li><a href=\"/-/healthy\">Healthy?</a>\n"
                         "<li><a href=\"/-/ready\">Ready?</a>\n"
                         "</ul>\n"
                         "<p><small>Version ");
    append_escaped(out, version);
    buf_append_text(out, "</small>\n</html>\n");
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
