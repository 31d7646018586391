/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For every option: a good value with its effect, and a bad one with its message. The command line
 * and the configuration file are tested with the same cases.
 */
#pragma once

#include <check.h>
#include <string.h>

#include "exposition/labels.h"
#include "options.h"
#include "util/monotonic.h"

/* Option, value, and what must be true of the options then (and is not by default). */
#define GOOD_CASES(X)                                                                              \
    X("source", "pages", options.source == OPTIONS_SOURCE_PAGES)                                   \
    X("source", "hypercalls", options.source == OPTIONS_SOURCE_HYPERCALLS)                         \
    X("source", "simulated", options.source == OPTIONS_SOURCE_SIMULATED)                           \
    X("source", "recording:/a:b",                                                                  \
      options.source == OPTIONS_SOURCE_RECORDING && strcmp(options.recording, "/a:b") == 0)        \
    X("web.listen-address", "[::1]:2",                                                             \
      options.listen_addresses == 1 && strcmp(options.listen_address[0], "[::1]:2") == 0)          \
    X("web.systemd-socket", "true", options.systemd_socket)                                        \
    X("web.telemetry-path", "/x", strcmp(options.telemetry_path, "/x") == 0)                       \
    X("web.max-requests", "1", options.web.max_requests == 1)                                      \
    X("web.max-requests", "200", options.web.max_requests == 200)                                  \
    X("web.max-connections", "4096", options.web.max_connections == 4096)                          \
    X("web.max-connections-per-address", "7", options.web.max_connections_per_address == 7)        \
    X("web.max-header-bytes", "1024", options.web.max_header_bytes == 1024)                        \
    X("web.header-timeout", "100ms", options.web.header_timeout_ns == 100 * NS_PER_MS)             \
    X("web.sample-timeout", "10m", options.web.sample_timeout_ns == 600 * NS_PER_S)                \
    X("web.send-timeout", "7s", options.web.send_timeout_ns == 7 * NS_PER_S)                       \
    X("web.idle-timeout", "1h", options.web.idle_timeout_ns == 3600 * NS_PER_S)                    \
    X("collector.domain", "false", !(options.collectors & COLLECTOR_BIT(COLLECTOR_DOMAIN)))        \
    X("collector.vcpu", "false", !(options.collectors & COLLECTOR_BIT(COLLECTOR_VCPU)))            \
    X("collector.wait", "false", !(options.collectors & COLLECTOR_BIT(COLLECTOR_WAIT)))            \
    X("collector.vcpu-wait", "true", options.collectors &COLLECTOR_BIT(COLLECTOR_VCPU_WAIT))       \
    X("collector.pcpu", "false", !(options.collectors & COLLECTOR_BIT(COLLECTOR_PCPU)))            \
    X("collector.host", "false", !(options.collectors & COLLECTOR_BIT(COLLECTOR_HOST)))            \
    X("collector.perfcounters", "false",                                                           \
      !(options.collectors & COLLECTOR_BIT(COLLECTOR_PERFCOUNTERS)))                               \
    X("collector.process", "false", !(options.collectors & COLLECTOR_BIT(COLLECTOR_PROCESS)))      \
    X("domain-labels", "domid,domain", options.domain_labels == (LABEL_DOMID | LABEL_DOMAIN))      \
    X("created", "true", options.created)                                                          \
    X("once", "/tmp/x", options.once &&strcmp(options.once, "/tmp/x") == 0)                        \
    X("once", "-", options.once &&strcmp(options.once, "") == 0)                                   \
    X("record", "/tmp/y", options.record &&strcmp(options.record, "/tmp/y") == 0)                  \
    X("simulated.domains", "0", options.simulated.domains == 0)                                    \
    X("simulated.domains", "10000", options.simulated.domains == 10000)                            \
    X("simulated.vcpus", "1024", options.simulated.vcpus == 1024)                                  \
    X("simulated.pcpus", "4096", options.simulated.pcpus == 4096)                                  \
    X("simulated.churn", "60000", options.simulated.churn == 60000)                                \
    X("simulated.seed", "18446744073709551615", options.simulated.seed == UINT64_MAX)              \
    X("log.level", "error", options.log_level == LOG_LEVEL_ERROR)                                  \
    X("log.level", "warning", options.log_level == LOG_LEVEL_WARNING)                              \
    X("log.level", "debug", options.log_level == LOG_LEVEL_DEBUG)                                  \
    X("log.format", "logfmt", options.log_format == LOG_FORMAT_LOGFMT)                             \
    X("log.format", "json", options.log_format == LOG_FORMAT_JSON)                                 \
    X("log.format", "journal", options.log_format == LOG_FORMAT_JOURNAL)

#define NOT_A_SOURCE "not a source; there are auto, pages, hypercalls, simulated and recording:FILE"
#define NOT_AN_ADDRESS                                                                             \
    "not an address to listen on, such as 127.0.0.1:9603, [::1]:9603, :9603 or "                   \
    "unix:/run/metrics.socket"
#define NOT_A_PATH "not a path such as /metrics"
#define NOT_A_LIST "not a list of one or more of uuid, domain and domid"
#define NUMBER     "not a whole number from "
#define TIME       "not a time such as 500ms, 10s or 2m, from "

/* Option, value, and what is said about it. Flags are not here: see FLAG_MESSAGE. */
#define BAD_CASES(X)                                                                               \
    X("source", "", NOT_A_SOURCE)                                                                  \
    X("source", "Pages", NOT_A_SOURCE)                                                             \
    X("source", "pages ", NOT_A_SOURCE)                                                            \
    X("source", "recording:", "no file; write recording:FILE, as --record=FILE wrote it")          \
    X("web.listen-address", "", NOT_AN_ADDRESS)                                                    \
    X("web.listen-address", "127.0.0.1", NOT_AN_ADDRESS)                                           \
    X("web.listen-address", "127.0.0.1:65536", NOT_AN_ADDRESS)                                     \
    X("web.telemetry-path", "", NOT_A_PATH)                                                        \
    X("web.telemetry-path", "/", NOT_A_PATH)                                                       \
    X("web.telemetry-path", "metrics", NOT_A_PATH)                                                 \
    X("web.telemetry-path", "/a b", NOT_A_PATH)                                                    \
    X("web.telemetry-path", "/a?b", NOT_A_PATH)                                                    \
    X("web.telemetry-path", "/a#b", NOT_A_PATH)                                                    \
    X("web.telemetry-path", "/-/ready",                                                            \
      "what is below /-/ is about the exporter's health; choose a path such as /metrics")          \
    X("web.max-requests", "0", NUMBER "1 to 200")                                                  \
    X("web.max-requests", "201", NUMBER "1 to 200")                                                \
    X("web.max-connections", "4097", NUMBER "1 to 4096")                                           \
    X("web.max-connections-per-address", "0", NUMBER "1 to 4096")                                  \
    X("web.max-header-bytes", "1023", NUMBER "1024 to 65536")                                      \
    X("web.header-timeout", "99ms", TIME "100ms to 600s")                                          \
    X("web.header-timeout", "10", TIME "100ms to 600s")                                            \
    X("web.header-timeout", "10 s", TIME "100ms to 600s")                                          \
    X("web.header-timeout", "s", TIME "100ms to 600s")                                             \
    X("web.header-timeout", "-1s", TIME "100ms to 600s")                                           \
    X("web.sample-timeout", "11m", TIME "100ms to 600s")                                           \
    X("web.send-timeout", "18446744073709551615h", TIME "100ms to 600s")                           \
    X("web.idle-timeout", "1d", TIME "100ms to 3600s")                                             \
    X("domain-labels", "", NOT_A_LIST)                                                             \
    X("domain-labels", "uuid,", NOT_A_LIST)                                                        \
    X("domain-labels", "name", NOT_A_LIST)                                                         \
    X("domain-labels", "uuid,uuid", NOT_A_LIST)                                                    \
    X("once", "", "not the name of a file; - is standard output")                                  \
    X("record", "", "not the name of a file")                                                      \
    X("simulated.domains", "", NUMBER "0 to 10000")                                                \
    X("simulated.domains", "-1", NUMBER "0 to 10000")                                              \
    X("simulated.domains", "10001", NUMBER "0 to 10000")                                           \
    X("simulated.domains", " 1", NUMBER "0 to 10000")                                              \
    X("simulated.domains", "+1", NUMBER "0 to 10000")                                              \
    X("simulated.domains", "0x1", NUMBER "0 to 10000")                                             \
    X("simulated.domains", "4294967297", NUMBER "0 to 10000")                                      \
    X("simulated.domains", "18446744073709551616", NUMBER "0 to 10000")                            \
    X("simulated.vcpus", "0", NUMBER "1 to 1024")                                                  \
    X("simulated.pcpus", "4097", NUMBER "1 to 4096")                                               \
    X("simulated.churn", "1.5", NUMBER "0 to 60000")                                               \
    X("simulated.seed", "18446744073709551616", NUMBER "0 to 18446744073709551615")                \
    X("log.level", "INFO", "not a level; there are error, warning, info and debug")                \
    X("log.format", "xml", "not a format; there are auto, logfmt, json and journal")

struct option_case {
    const char *name, *value, *message;
};

#define WITHOUT_EFFECT(name, value, effect) {name, value, NULL},
#define WITH_MESSAGE(name, value, message)  {name, value, message},

static const struct option_case good[] = {GOOD_CASES(WITHOUT_EFFECT)};
static const struct option_case bad[] = {BAD_CASES(WITH_MESSAGE)};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What was read last. */
static struct options options;

/* Whether a good case's option has its effect now. */
static inline bool has_effect(const struct option_case *the_case)
{
#define CHECK(its_name, its_value, effect)                                                         \
    if (strcmp(the_case->name, its_name) == 0 && strcmp(the_case->value, its_value) == 0)          \
        return effect;
    GOOD_CASES(CHECK)
#undef CHECK
    ck_abort_msg("no such case");
}
