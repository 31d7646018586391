/* SPDX-License-Identifier: Apache-2.0 */
/* The rows; see table.h. A new option is a new row and a field of struct options. */
#include "options/table.h"

#include <string.h>

#include "options/values.h"
#include "util/monotonic.h"

#define FIELD(name) .field = offsetof(struct options, name)

#define COLLECTOR_ROW(id, what, by_default, text)                                                  \
    {                                                                                              \
        .name = "collector." what,                                                                 \
        .fallback = by_default ? "true" : "false",                                                 \
        .help = text,                                                                              \
        .group = OPTIONS_OF_METRICS,                                                               \
        .shape = OPTION_FLAG,                                                                      \
        .reloads = true,                                                                           \
        .set = set_flag,                                                                           \
        FIELD(collectors),                                                                         \
        .bit = COLLECTOR_BIT(COLLECTOR_##id),                                                      \
    },

const char *const option_groups[OPTION_GROUPS] = {
    [OPTIONS_OF_SOURCE] = "Where the numbers come from",
    [OPTIONS_OF_WEB] = "Serving them",
    [OPTIONS_OF_METRICS] = "What is exported",
    [OPTIONS_OF_OUTPUT] = "Once, or for later",
    [OPTIONS_OF_SIMULATION] = "The simulated host",
    [OPTIONS_OF_SERVICE] = "Configuration and log",
};

const struct option_row option_rows[] = {
    {
        .name = "source",
        .argument = "WHICH",
        .fallback = "auto",
        .help = "auto, pages, hypercalls, simulated, or recording:FILE",
        .more = "pages are the statistics pages of a patched Xen; hypercalls is what a Xen without "
                "them can tell; auto takes the better of these two that works, and never invents a "
                "host; simulated is a host that exists only inside this program; recording:FILE "
                "plays back what --record wrote.",
        .group = OPTIONS_OF_SOURCE,
        .set = set_source,
        .kind = OPTION_WORD,
        .words = {{"auto", OPTIONS_SOURCE_AUTO},
                  {"pages", OPTIONS_SOURCE_PAGES},
                  {"hypercalls", OPTIONS_SOURCE_HYPERCALLS},
                  {"simulated", OPTIONS_SOURCE_SIMULATED}},
    },

    {
        .name = "web.listen-address",
        .argument = "ADDRESS",
        .said_as = "127.0.0.1:9603, [::1]:9603",
        .help = "IPV4:PORT, [IPV6]:PORT, :PORT, unix:/PATH; repeatable",
        .more = "An address that is given must be there: if it cannot be bound, nothing is "
                "started. To let a remote Prometheus in, name the address that it reaches, and put "
                "a firewall around it: there is no password.",
        .group = OPTIONS_OF_WEB,
        .shape = OPTION_REPEATED,
        .set = set_listen_address,
    },
    {
        .name = "web.systemd-socket",
        .fallback = "false",
        .help = "serve the sockets of the socket unit that started this",
        .more = "The default addresses are not served then; those of --web.listen-address are.",
        .group = OPTIONS_OF_WEB,
        .shape = OPTION_FLAG,
        .set = set_flag,
        FIELD(systemd_socket),
    },
    {
        .name = "web.telemetry-path",
        .argument = "PATH",
        .fallback = "/metrics",
        .help = "where the metrics are",
        .group = OPTIONS_OF_WEB,
        .set = set_telemetry_path,
    },
    {
        .name = "web.max-requests",
        .argument = "N",
        .fallback = "40",
        .help = "scrapes in flight at once; more get 503 and may try again",
        .group = OPTIONS_OF_WEB,
        .kind = OPTION_NUMBER,
        .set = set_number,
        .lowest = 1,
        .highest = 200,
        FIELD(web.max_requests),
    },
    {
        .name = "web.max-connections",
        .argument = "N",
        .fallback = "256",
        .help = "clients connected at once; more are turned away",
        .group = OPTIONS_OF_WEB,
        .kind = OPTION_NUMBER,
        .set = set_number,
        .lowest = 1,
        .highest = 4096,
        FIELD(web.max_connections),
    },
    {
        .name = "web.max-connections-per-address",
        .argument = "N",
        .fallback = "64",
        .help = "of these, how many from one IP address",
        .group = OPTIONS_OF_WEB,
        .kind = OPTION_NUMBER,
        .reloads = true,
        .set = set_number,
        .lowest = 1,
        .highest = 4096,
        FIELD(web.max_connections_per_address),
    },
    {
        .name = "web.max-header-bytes",
        .argument = "N",
        .fallback = "8192",
        .help = "the longest header of a request",
        .group = OPTIONS_OF_WEB,
        .kind = OPTION_NUMBER,
        .set = set_number,
        .lowest = 1024,
        .highest = 65536,
        FIELD(web.max_header_bytes),
    },
    {
        .name = "web.header-timeout",
        .argument = "TIME",
        .fallback = "10s",
        .help = "until a client's request must be there",
        .group = OPTIONS_OF_WEB,
        .kind = OPTION_TIME,
        .reloads = true,
        .set = set_time,
        .lowest = 100 * NS_PER_MS,
        .highest = 600 * NS_PER_S,
        FIELD(web.header_timeout_ns),
    },
    {
        .name = "web.sample-timeout",
        .argument = "TIME",
        .fallback = "5s",
        .help = "until the numbers of a scrape must be there",
        .group = OPTIONS_OF_WEB,
        .kind = OPTION_TIME,
        .reloads = true,
        .set = set_time,
        .lowest = 100 * NS_PER_MS,
        .highest = 600 * NS_PER_S,
        FIELD(web.sample_timeout_ns),
    },
    {
        .name = "web.send-timeout",
        .argument = "TIME",
        .fallback = "30s",
        .help = "until a client must have taken the whole response",
        .group = OPTIONS_OF_WEB,
        .kind = OPTION_TIME,
        .reloads = true,
        .set = set_time,
        .lowest = 100 * NS_PER_MS,
        .highest = 600 * NS_PER_S,
        FIELD(web.send_timeout_ns),
    },
    {
        .name = "web.idle-timeout",
        .argument = "TIME",
        .fallback = "2m",
        .help = "how long a connection may wait for its next request",
        .group = OPTIONS_OF_WEB,
        .kind = OPTION_TIME,
        .reloads = true,
        .set = set_time,
        .lowest = 100 * NS_PER_MS,
        .highest = 3600 * NS_PER_S,
        FIELD(web.idle_timeout_ns),
    },

    COLLECTORS_LIST(COLLECTOR_ROW){
        .name = "domain-labels",
        .argument = "LIST",
        .fallback = "uuid,domain",
        .help = "which of uuid, domain and domid a domain's series carry",
        .more = "Where the chosen labels do not tell two domains apart, all but the oldest of them "
                "also carry domid.",
        .group = OPTIONS_OF_METRICS,
        .shape = OPTION_JOINED,
        .reloads = true,
        .set = set_domain_labels,
    },
    {
        .name = "created",
        .fallback = "false",
        .help = "also say when each counter began (_created)",
        .group = OPTIONS_OF_METRICS,
        .shape = OPTION_FLAG,
        .reloads = true,
        .set = set_flag,
        FIELD(created),
    },

    {
        .name = "once",
        .argument = "FILE",
        .fallback = "-",
        .said_as = "",
        .help = "write the metrics once as text, to FILE or standard output, and exit",
        .more = "The file is replaced in one step, so that node_exporter's textfile collector "
                "never reads half of it.",
        .group = OPTIONS_OF_OUTPUT,
        .shape = OPTION_OPTIONAL,
        .kind = OPTION_PATH,
        .set = set_output,
        FIELD(once),
    },
    {
        .name = "record",
        .argument = "FILE",
        .help = "keep what every scrape saw, for --source=recording:FILE",
        .group = OPTIONS_OF_OUTPUT,
        .kind = OPTION_PATH,
        .set = set_path,
        FIELD(record),
    },

    {
        .name = "simulated.domains",
        .argument = "N",
        .fallback = "8",
        .help = "guests",
        .group = OPTIONS_OF_SIMULATION,
        .kind = OPTION_NUMBER,
        .set = set_number,
        .highest = 10000,
        FIELD(simulated.domains),
    },
    {
        .name = "simulated.vcpus",
        .argument = "N",
        .fallback = "2",
        .help = "vCPUs of each guest",
        .group = OPTIONS_OF_SIMULATION,
        .kind = OPTION_NUMBER,
        .set = set_number,
        .lowest = 1,
        .highest = 1024,
        FIELD(simulated.vcpus),
    },
    {
        .name = "simulated.pcpus",
        .argument = "N",
        .fallback = "4",
        .help = "pCPUs that they share",
        .group = OPTIONS_OF_SIMULATION,
        .kind = OPTION_NUMBER,
        .set = set_number,
        .lowest = 1,
        .highest = 4096,
        FIELD(simulated.pcpus),
    },
    {
        .name = "simulated.churn",
        .argument = "N",
        .fallback = "0",
        .help = "guests that die, and as many that are born, per minute",
        .group = OPTIONS_OF_SIMULATION,
        .kind = OPTION_NUMBER,
        .set = set_number,
        .highest = 60000,
        FIELD(simulated.churn),
    },
    {
        .name = "simulated.seed",
        .argument = "N",
        .fallback = "1",
        .help = "another number, another host",
        .group = OPTIONS_OF_SIMULATION,
        .kind = OPTION_NUMBER,
        .set = set_large_number,
        .highest = UINT64_MAX,
        FIELD(simulated.seed),
    },

    {
        .name = "config.file",
        .argument = "FILE",
        .help = "a file of options in YAML; the command line goes before it",
        .more = "Every other option is a key of the same name, written with dots or as nested "
                "sections. SIGHUP reads the file anew.",
        .group = OPTIONS_OF_SERVICE,
        .kind = OPTION_PATH,
        .command_line = true,
        .set = set_path,
        FIELD(config_file),
    },
    {
        .name = "log.level",
        .argument = "LEVEL",
        .fallback = "info",
        .help = "error, warning, info or debug",
        .group = OPTIONS_OF_SERVICE,
        .kind = OPTION_WORD,
        .reloads = true,
        .set = set_word,
        FIELD(log_level),
        .words = {{"error", LOG_LEVEL_ERROR},
                  {"warning", LOG_LEVEL_WARNING},
                  {"info", LOG_LEVEL_INFO},
                  {"debug", LOG_LEVEL_DEBUG}},
    },
    {
        .name = "log.format",
        .argument = "FORMAT",
        .fallback = "auto",
        .help = "logfmt, json, journal, or auto",
        .more = "auto is journal where systemd's journal reads standard error, and logfmt "
                "elsewhere. journal goes to the journal itself, with a field for each value.",
        .group = OPTIONS_OF_SERVICE,
        .kind = OPTION_WORD,
        .reloads = true,
        .set = set_word,
        FIELD(log_format),
        .words = {{"auto", LOG_FORMAT_AUTO},
                  {"logfmt", LOG_FORMAT_LOGFMT},
                  {"json", LOG_FORMAT_JSON},
                  {"journal", LOG_FORMAT_JOURNAL}},
    },
    {
        .name = "version",
        .help = "say which version this is",
        .group = OPTIONS_OF_SERVICE,
        .shape = OPTION_QUESTION,
        .command_line = true,
    },
    {
        .name = "help",
        .help = "say this",
        .group = OPTIONS_OF_SERVICE,
        .shape = OPTION_QUESTION,
        .command_line = true,
    },
};

const size_t option_rows_count = sizeof(option_rows) / sizeof(option_rows[0]);

const struct option_row *option_find(const char *name, size_t length)
{
    for (size_t i = 0; i < option_rows_count; i++)
        if (strlen(option_rows[i].name) == length && memcmp(option_rows[i].name, name, length) == 0)
            return &option_rows[i];
    return NULL;
}

/* Names of options are short; what is longer was not meant to be one. */
#define GUESS_MAX 40U

/* How many letters must be inserted, left out or replaced: Levenshtein's distance. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[GUESS_MAX + 1];

    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            size_t changed = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

            diagonal = row[j];
            row[j] = replaced < changed ? replaced : changed;
        }
    }
    return row[b_length];
}

const char *option_guess(const char *name, size_t length)
{
    const char *best = NULL;
    size_t nearest = 4; /* further away it would only confuse */

    for (size_t i = 0; i < option_rows_count && length <= GUESS_MAX; i++) {
        const char *candidate = option_rows[i].name, *dot = strchr(candidate, '.');
        size_t far = distance(name, length, candidate, strlen(candidate));

        /* Somebody who left out the section meant it all the same. */
        if (dot && strlen(dot + 1) == length && memcmp(dot + 1, name, length) == 0)
            far = 1;
        if (far < nearest && far < length) {
            nearest = far;
            best = candidate;
        }
    }
    return best;
}
