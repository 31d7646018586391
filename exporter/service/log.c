/* SPDX-License-Identifier: Apache-2.0 */
/* Decides what is written and where to; see log.h. log_line.h knows how it looks. */
#include "service/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "service/log_line.h"
#include "util/monotonic.h"

#define MESSAGE_MAX 1024
#define LIMIT_MS    10000

const char *log_journal_socket = "/run/systemd/journal/socket"; /* systemd-journald.socket(8) */

static enum log_level lowest = LOG_LEVEL_INFO;
static enum log_format how = LOG_FORMAT_AUTO;

void log_set_level(enum log_level level)
{
    __atomic_store_n(&lowest, level, __ATOMIC_RELAXED);
}

int log_set_format(enum log_format format)
{
    if (format == LOG_FORMAT_JOURNAL && access(log_journal_socket, W_OK) < 0)
        return -ENOENT;
    __atomic_store_n(&how, format, __ATOMIC_RELAXED);
    return 0;
}

/*
 * Whether standard error is the stream that the journal reads: it names device and inode, since the
 * variable is inherited further than the stream (systemd.exec(5)).
 */
static bool journal_reads(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat status;

    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

/* A journal that does not keep up must not stop us: then the line is lost. */
static bool send_to_journal(const struct log_line *line)
{
    cleanup(buf_deinit) struct buf text = BUF_NULL;
    cleanup(cleanup_close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un journal = {.sun_family = AF_UNIX};

    snprintf(journal.sun_path, sizeof(journal.sun_path), "%s", log_journal_socket);
    log_line_journal(line, &text);
    if (fd < 0 || buf_error(&text))
        return false;
    return sendto(fd, text.data, text.length, MSG_DONTWAIT | MSG_NOSIGNAL,
                  (const struct sockaddr *)&journal, sizeof(journal)) >= 0 ||
           errno == EAGAIN;
}

static void write_line(const struct log_line *line)
{
    cleanup(buf_deinit) struct buf text = BUF_NULL;
    enum log_format format = __atomic_load_n(&how, __ATOMIC_RELAXED);
    bool stream = format == LOG_FORMAT_AUTO && journal_reads();

    if ((stream || format == LOG_FORMAT_JOURNAL) && send_to_journal(line))
        return;
    if (stream)
        log_line_stream(line, &text);
    else if (format == LOG_FORMAT_JSON)
        log_line_json(line, &text);
    else
        log_line_logfmt(line, &text);

    /* One write, so that lines of several threads do not mix. Nobody to tell when it fails. */
    if (buf_error(&text) == 0 && write(STDERR_FILENO, text.data, text.length) < 0)
        return;
}

static void emit(enum log_level level, const struct log_field *fields, size_t count,
                 const char *format, va_list arguments) __attribute__((format(printf, 4, 0)));

static void emit(enum log_level level, const struct log_field *fields, size_t count,
                 const char *format, va_list arguments)
{
    char message[MESSAGE_MAX];

    if (level > __atomic_load_n(&lowest, __ATOMIC_RELAXED))
        return;
    vsnprintf(message, sizeof(message), format, arguments);
    write_line(&(struct log_line){
        .level = level,
        .unix_ns = unix_now_ns(),
        .message = message,
        .fields = fields,
        .count = count < LOG_FIELDS_MAX ? count : LOG_FIELDS_MAX,
    });
}

void log_emit(enum log_level level, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    emit(level, NULL, 0, format, arguments);
    va_end(arguments);
}

void log_event(enum log_level level, const struct log_field *fields, size_t count,
               const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    emit(level, fields, count, format, arguments);
    va_end(arguments);
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
