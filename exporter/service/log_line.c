/* SPDX-License-Identifier: Apache-2.0 */
/* Writes lines down; see log_line.h. */
#include "service/log_line.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/monotonic.h"
#include "util/printable.h"

#define VALUE_MAX 1024U

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return "error";
    case LOG_LEVEL_WARNING:
        return "warning";
    case LOG_LEVEL_INFO:
        return "info";
    case LOG_LEVEL_DEBUG:
        return "debug";
    }
    return "unknown";
}

static void append_time(struct buf *out, uint64_t unix_ns)
{
    time_t seconds = (time_t)(unix_ns / NS_PER_S);
    struct tm when;
    char text[32];

    gmtime_r(&seconds, &when);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &when);
    buf_printf(out, "%s.%03uZ", text, (unsigned int)(unix_ns % NS_PER_S / NS_PER_MS));
}

/* In quotes; both formats escape quotes and backslashes alike, and more than ASCII is gone. */
static void append_quoted(struct buf *out, const char *value)
{
    char text[VALUE_MAX];
    size_t length = printable(value, strlen(value), text, sizeof(text));

    buf_append_byte(out, '"');
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"' || text[i] == '\\')
            buf_append_byte(out, '\\');
        buf_append_byte(out, text[i]);
    }
    buf_append_byte(out, '"');
}

/* logfmt leaves the quotes away where nothing could be misread. */
static void append_bare(struct buf *out, const char *value)
{
    const char *at;

    for (at = value; *at > ' ' && *at < 0x7f && *at != '"' && *at != '=' && *at != '\\'; at++)
        ;
    if (at != value && !*at && strlen(value) < VALUE_MAX)
        buf_append_text(out, value);
    else
        append_quoted(out, value);
}

void log_line_logfmt(const struct log_line *line, struct buf *out)
{
    buf_append_text(out, "ts=");
    append_time(out, line->unix_ns);
    buf_printf(out, " level=%s msg=", level_name(line->level));
    append_quoted(out, line->message);
    for (size_t i = 0; i < line->count; i++) {
        buf_printf(out, " %s=", line->fields[i].name);
        append_bare(out, line->fields[i].value);
    }
    buf_append_byte(out, '\n');
}

void log_line_json(const struct log_line *line, struct buf *out)
{
    buf_append_text(out, "{\"ts\":\"");
    append_time(out, line->unix_ns);
    buf_printf(out, "\",\"level\":\"%s\",\"msg\":", level_name(line->level));
    append_quoted(out, line->message);
    for (size_t i = 0; i < line->count; i++) {
        buf_printf(out, ",\"%s\":", line->fields[i].name);
        append_quoted(out, line->fields[i].value);
    }
    buf_append_text(out, "}\n");
}

/* What follows stands alone in its line, so nothing but the end of the line must be escaped. */
static void append_plain(struct buf *out, const char *value)
{
    char text[VALUE_MAX];

    buf_append(out, text, printable(value, strlen(value), text, sizeof(text)));
    buf_append_byte(out, '\n');
}

void log_line_stream(const struct log_line *line, struct buf *out)
{
    buf_printf(out, "<%d>", line->level);
    append_plain(out, line->message);
}

void log_line_journal(const struct log_line *line, struct buf *out)
{
    buf_append_text(out, "MESSAGE=");
    append_plain(out, line->message);
    buf_printf(out, "PRIORITY=%d\nSYSLOG_IDENTIFIER=xen-stats-exporter\n", line->level);
    for (size_t i = 0; i < line->count; i++) {
        buf_append_text(out, "XEN_EXPORTER_");
        for (const char *at = line->fields[i].name; *at; at++)
            buf_append_byte(out, *at >= 'a' && *at <= 'z' ? (char)(*at - 'a' + 'A') : *at);
        buf_append_byte(out, '=');
        append_plain(out, line->fields[i].value);
    }
}
