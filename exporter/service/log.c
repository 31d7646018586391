/* SPDX-License-Identifier: Apache-2.0 */
/* Writes log lines; see log.h. */
#include "service/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/monotonic.h"

#define LINE_MAX_BYTES 2048
#define LIMIT_MS       10000

static enum log_level lowest = LOG_LEVEL_INFO;

static const struct {
    const char *name;
    enum log_level level;
} levels[] = {
    {"error", LOG_LEVEL_ERROR},
    {"warning", LOG_LEVEL_WARNING},
    {"info", LOG_LEVEL_INFO},
    {"debug", LOG_LEVEL_DEBUG},
};

void log_set_level(enum log_level level)
{
    __atomic_store_n(&lowest, level, __ATOMIC_RELAXED);
}

bool log_level_parse(const char *text, enum log_level *ret_level)
{
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        if (strcmp(levels[i].name, text) == 0) {
            *ret_level = levels[i].level;
            return true;
        }
    return false;
}

/*
 * Whether standard error is the stream that the journal reads: it names device and inode, since the
 * variable is inherited further than the stream (systemd.exec(5)). sd-daemon(3) has the prefixes.
 */
static bool journal_reads(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat status;

    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

static size_t escape(char *to, size_t size, const char *from)
{
    size_t at = 0;

    for (; *from && at + 5 < size; from++) {
        unsigned char byte = (unsigned char)*from;

        if (byte >= 0x20 && byte < 0x7f)
            to[at++] = (char)byte;
        else
            at += (size_t)snprintf(to + at, size - at, "\\x%02x", byte);
    }
    return at;
}

void log_emit(enum log_level level, const char *format, ...)
{
    char message[LINE_MAX_BYTES / 2], line[LINE_MAX_BYTES];
    size_t at = 0;
    va_list arguments;

    if (level > __atomic_load_n(&lowest, __ATOMIC_RELAXED))
        return;

    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);

    if (journal_reads())
        at = (size_t)snprintf(line, sizeof(line), "<%d>", level);
    else
        for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
            if (levels[i].level == level)
                at = (size_t)snprintf(line, sizeof(line),
                                      "xen-stats-exporter: %s: ", levels[i].name);
    at += escape(line + at, sizeof(line) - at - 1, message);
    line[at++] = '\n';

    /* One write, so that lines of several threads do not mix. Nobody to tell when it fails. */
    if (write(STDERR_FILENO, line, at) < 0)
        return;
}

bool log_limited(struct log_limit *limit, uint64_t *ret_suppressed)
{
    uint64_t now_ms = monotonic_ns() / NS_PER_MS;

    if (now_ms < limit->next_ms) {
        limit->suppressed++;
        return false;
    }
    limit->next_ms = now_ms + LIMIT_MS;
    *ret_suppressed = limit->suppressed;
    limit->suppressed = 0;
    return true;
}
