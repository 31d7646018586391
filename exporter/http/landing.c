/* SPDX-License-Identifier: Apache-2.0 */
/* The page for people; see pages.h. It comes from here alone: no font, image or script. */
#include "http/pages.h"

static const char head[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<link rel=\"icon\" href=\"data:,\">\n"
    "<title>xen-stats-exporter</title>\n"
    "<style>\n"
    ":root { --ink: #1c2430; --dim: #5d6878; --line: #dde2e9; --paper: #fff; --page: #f4f6f9;\n"
    "  --link: #0b5cad; }\n"
    "@media (prefers-color-scheme: dark) { :root { --ink: #e3e7ed; --dim: #98a3b3; --line: "
    "#313a47;\n"
    "  --paper: #1b212a; --page: #12161c; --link: #7db7f5; } }\n"
    "body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; padding: 4rem 1rem;\n"
    "  color: var(--ink); background: var(--page); }\n"
    "main { max-width: 34rem; margin: 0 auto; padding: 1.75rem 2rem; background: var(--paper);\n"
    "  border: 1px solid var(--line); border-radius: .75rem; }\n"
    "h1 { font-size: 1.4rem; margin: 0; }\n"
    "p { margin: .25rem 0 1.5rem; color: var(--dim); }\n"
    "a { color: var(--link); font-weight: 600; text-decoration: none; }\n"
    "a:hover { text-decoration: underline; }\n"
    "ul { list-style: none; margin: 0; padding: 0; }\n"
    "li { display: flex; gap: 1rem; padding: .6rem 0; border-top: 1px solid var(--line); }\n"
    "li a { flex: 0 0 8rem; overflow-wrap: anywhere; }\n"
    "li span, dl { color: var(--dim); }\n"
    "dl { display: flex; flex-wrap: wrap; gap: .25rem 2rem; margin: 0; padding-top: 1rem;\n"
    "  border-top: 1px solid var(--line); font-size: .875rem; }\n"
    "dt { display: inline; } dd { display: inline; margin: 0 0 0 .4rem; color: var(--ink); }\n"
    "</style>\n"
    "</head>\n"
    "<body>\n"
    "<main>\n"
    "<h1>xen-stats-exporter</h1>\n"
    "<p>Statistics of the Xen domains on this host, for Prometheus.</p>\n"
    "<ul>\n";

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

/* What would end a path within a link, or is no character of one. */
static void append_link(struct buf *out, const char *path)
{
    for (; *path; path++) {
        unsigned char byte = (unsigned char)*path;

        if (byte <= ' ' || byte >= 0x7f || byte == '"' || byte == '<' || byte == '>' ||
            byte == '%' || byte == '?' || byte == '#')
            buf_printf(out, "%%%02X", byte);
        else
            append_escaped(out, (const char[]){*path, '\0'});
    }
}

static void append_entry(struct buf *out, const char *path, const char *name, const char *text)
{
    buf_append_text(out, "<li><a href=\"");
    append_link(out, path);
    buf_append_text(out, "\">");
    append_escaped(out, name);
    buf_append_text(out, "</a><span>");
    buf_append_text(out, text);
    buf_append_text(out, "</span></li>\n");
}

static void append_fact(struct buf *out, const char *name, const char *value)
{
    buf_append_text(out, "<div><dt>");
    buf_append_text(out, name);
    buf_append_text(out, "</dt><dd>");
    append_escaped(out, value);
    buf_append_text(out, "</dd></div>\n");
}

void pages_landing(const struct landing *landing, struct buf *out)
{
    buf_append_text(out, head);
    append_entry(out, landing->telemetry_path, "Metrics", "What Prometheus reads, as text");
    append_entry(out, "/-/healthy", "Healthy?", "Whether the exporter runs");
    append_entry(out, "/-/ready", "Ready?", "Whether it has seen every domain");
    buf_append_text(out, "</ul>\n<dl>\n");
    append_fact(out, "Version", landing->version);
    append_fact(out, "Source of the numbers", landing->source);
    buf_append_text(out, "</dl>\n</main>\n</body>\n</html>\n");
}
