/* SPDX-License-Identifier: Apache-2.0 */
/* How a line of the log is written down in each format. Nothing here writes anywhere. */
#pragma once

#include "service/log.h"
#include "util/buf.h"

/* One event. `message` and the fields' values may be any bytes without NUL. */
struct log_line {
    enum log_level level;
    uint64_t unix_ns;
    const char *message;
    const struct log_field *fields;
    size_t count;
};

/* ts=2026-01-31T12:00:00.123Z level=info msg="..." name=value */
void log_line_logfmt(const struct log_line *line, struct buf *out);

/* {"ts":"2026-01-31T12:00:00.123Z","level":"info","msg":"...","name":"value"} */
void log_line_json(const struct log_line *line, struct buf *out);

/* What the journal takes on a stream: <6>message; sd-daemon(3). Fields have no place in it. */
void log_line_stream(const struct log_line *line, struct buf *out);

/* What the journal takes as a datagram: FIELD=value lines; systemd's "Native Journal Protocol". */
void log_line_journal(const struct log_line *line, struct buf *out);
