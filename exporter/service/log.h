/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event, one line: logfmt or JSON on standard error, or an entry of systemd's journal with a
 * field for each value. Foreign bytes are escaped. Thread-safe; rate-limited per call site by
 * log_limited().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level {
    LOG_LEVEL_ERROR = 3, /* the numbers are syslog's */
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7,
};

enum log_format {
    LOG_FORMAT_AUTO, /* the journal where it reads standard error, else logfmt */
    LOG_FORMAT_LOGFMT,
    LOG_FORMAT_JSON,
    LOG_FORMAT_JOURNAL,
};

/* A value that a program may look for; the message says it to people. */
struct log_field {
    const char *name; /* lower-case letters and _; in the journal XEN_EXPORTER_NAME */
    const char *value;
};

/* More fields than this are left out. */
#define LOG_FIELDS_MAX 8U

/* Lines less important than this are not written. Default: LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* Default: LOG_FORMAT_AUTO. -ENOENT: LOG_FORMAT_JOURNAL where no journal runs; nothing changes. */
int log_set_format(enum log_format format);

/* Where the journal listens for entries; tests have one of their own. */
extern const char *log_journal_socket;

/* Writes one line. Anything but printable ASCII in it comes out as \xNN. */
void log_emit(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with fields. */
void log_event(enum log_level level, const struct log_field *fields, size_t count,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

/* log_event(LOG_LEVEL_INFO, LOG_FIELDS({"address", text}), "serving %s", text) */
#define LOG_FIELDS(...)                                                                            \
    (const struct log_field[]){__VA_ARGS__},                                                       \
        sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field)

#define log_error(...)   log_emit(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_emit(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_emit(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_emit(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Lets one event through every 10 s; the rest is counted. Each belongs to one thread. */
struct log_limit {
    uint64_t next_ms;
    uint64_t suppressed;
};

/* Whether to write now; then `suppressed` says how many were not, and starts again at 0 after. */
bool log_limited(struct log_limit *limit, uint64_t *ret_suppressed);
