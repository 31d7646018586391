/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event, one line, on standard error: logfmt by hand, with priority prefixes when the journal
 * reads. Foreign bytes are escaped. Thread-safe; rate-limited per call site by log_limited().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum log_level {
    LOG_LEVEL_ERROR = 3, /* the numbers are syslog's */
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7,
};

enum log_format {
    LOG_FORMAT_AUTO, /* the journal's where it reads standard error, else logfmt */
    LOG_FORMAT_LOGFMT,
    LOG_FORMAT_JSON,
    LOG_FORMAT_JOURNAL,
};

/* Lines less important than this are not written. Default: LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* "error", "warning", "info" or "debug" to a level; false when it is none of these. */
bool log_level_parse(const char *text, enum log_level *ret_level);

/* Writes one line. Anything but printable ASCII in it comes out as \xNN. */
void log_emit(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

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
