/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the command line; see options.h. Every option is one row of a table. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exposition/labels.h"
#include "version.h"

struct option_row {
    const char *name;
    const char *argument; /* NULL: takes none; in brackets: optional */
    const char *help;     /* lines after the first are indented by the printer */
    int (*set)(struct options *options, const struct option_row *row, const char *value);
    uint32_t lowest, highest; /* set_number */
    size_t field;             /* set_number: offset in struct options */
};

#define FIELD(name) offsetof(struct options, name)

static int complain(const struct option_row *row, const char *value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int complain(const struct option_row *row, const char *value, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "xen-stats-exporter: --%s=%s: ", row->name, value ? value : "");
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return -EINVAL;
}

static int parse_number(const struct option_row *row, const char *value, uint64_t lowest,
                        uint64_t highest, uint64_t *ret_number)
{
    unsigned long long number;
    char *end;

    errno = 0;
    number = strtoull(value, &end, 10);
    /* strtoull() takes spaces and a minus, and turns -1 into the largest number. */
    if (value[0] < '0' || value[0] > '9' || *end || errno || number < lowest || number > highest)
        return complain(row, value, "not a whole number from %llu to %llu",
                        (unsigned long long)lowest, (unsigned long long)highest);
    *ret_number = number;
    return 0;
}

static int set_source(struct options *options, const struct option_row *row, const char *value)
{
    static const char *const sources[] = {
        [OPTIONS_SOURCE_AUTO] = "auto",
        [OPTIONS_SOURCE_PAGES] = "pages",
        [OPTIONS_SOURCE_SIMULATED] = "simulated",
    };

    for (unsigned int i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        if (strcmp(sources[i], value) == 0) {
            options->source = i;
            return 0;
        }
    return complain(row, value, "not a source; there are auto, pages and simulated");
}

/* A whole number within the row's limits, for the 32-bit field that the row names. */
static int set_number(struct options *options, const struct option_row *row, const char *value)
{
    uint64_t number = 0;
    int r = parse_number(row, value, row->lowest, row->highest, &number);

    if (r == 0)
        *(uint32_t *)((char *)options + row->field) = (uint32_t)number;
    return r;
}

static int set_seed(struct options *options, const struct option_row *row, const char *value)
{
    return parse_number(row, value, 0, UINT64_MAX, &options->simulated.seed);
}

static int set_listen_address(struct options *options, const struct option_row *row,
                              const char *value)
{
    if (options->listen_addresses == OPTIONS_ADDRESSES_MAX)
        return complain(row, value, "more than %u addresses", OPTIONS_ADDRESSES_MAX);
    if (!strrchr(value, ':'))
        return complain(row, value, "no port; write ADDRESS:PORT, [IPV6]:PORT or :PORT");
    options->listen_address[options->listen_addresses++] = value;
    return 0;
}

static int set_telemetry_path(struct options *options, const struct option_row *row,
                              const char *value)
{
    if (value[0] != '/' || strlen(value) < 2 || strpbrk(value, "?# \t\r\n"))
        return complain(row, value, "not a path such as /metrics");
    options->telemetry_path = value;
    return 0;
}

static int set_domain_labels(struct options *options, const struct option_row *row,
                             const char *value)
{
    if (labels_parse_identity(value, &options->domain_labels) < 0)
        return complain(row, value, "not a list of one or more of uuid, domain and domid");
    return 0;
}

static int set_once(struct options *options, const struct option_row *row, const char *value)
{
    options->once = value ? value : "";
    return 0;
}

static int set_log_level(struct options *options, const struct option_row *row, const char *value)
{
    if (!log_level_parse(value, &options->log_level))
        return complain(row, value, "not a level; there are error, warning, info and debug");
    return 0;
}

static int say_version(struct options *options, const struct option_row *row, const char *value)
{
    printf("xen-stats-exporter %s\n", VERSION);
    return OPTIONS_SAID;
}

static int say_help(struct options *options, const struct option_row *row, const char *value);

static const struct option_row rows[] = {
    {"source", "WHICH",
     "where the numbers come from: auto (default: the statistics pages of a\n"
     "patched Xen), pages, or simulated (a host that exists only in here)",
     set_source},
    {"web.listen-address", "ADDRESS:PORT",
     "where to serve; may be given several times. [::1]:9603 and :9603 work\n"
     "too; default: 127.0.0.1:9603 and [::1]:9603. Let a remote Prometheus in\n"
     "with the address it reaches, and a firewall around it",
     set_listen_address},
    {"web.telemetry-path", "PATH", "where the metrics are (default: /metrics)", set_telemetry_path},
    {"domain-labels", "LIST",
     "which of uuid, domain and domid each domain's series carry\n"
     "(default: uuid,domain)",
     set_domain_labels},
    {"once", "[FILE]", "write the metrics once as text, to FILE or standard output, and exit",
     set_once},
    {"simulated.domains", "N", "guests of the simulated host (default: 8)", set_number, 0, 10000,
     FIELD(simulated.domains)},
    {"simulated.vcpus", "N", "vCPUs of each (default: 2)", set_number, 1, 1024,
     FIELD(simulated.vcpus)},
    {"simulated.pcpus", "N", "pCPUs they share (default: 4)", set_number, 1, 4096,
     FIELD(simulated.pcpus)},
    {"simulated.churn", "N", "guests that die, and as many that are born, per minute (default: 0)",
     set_number, 0, 60000, FIELD(simulated.churn)},
    {"simulated.seed", "N", "another number, another host (default: 1)", set_seed},
    {"log.level", "LEVEL", "error, warning, info (default) or debug", set_log_level},
    {"version", NULL, "say which version this is", say_version},
    {"help", NULL, "say this", say_help},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static int say_help(struct options *options, const struct option_row *row, const char *value)
{
    printf(
        "Usage: xen-stats-exporter [OPTION]...\n"
        "Serves the statistics of every Xen domain as OpenMetrics text, for Prometheus and curl.\n"
        "\n");
    for (size_t i = 0; i < ROWS; i++) {
        const char *line = rows[i].help;

        if (!rows[i].argument)
            printf("  --%s\n", rows[i].name);
        else if (rows[i].argument[0] == '[')
            printf("  --%s[=%.*s]\n", rows[i].name, (int)strlen(rows[i].argument) - 2,
                   rows[i].argument + 1);
        else
            printf("  --%s=%s\n", rows[i].name, rows[i].argument);
        while (line) {
            const char *end = strchr(line, '\n');

            printf("        %.*s\n", end ? (int)(end - line) : (int)strlen(line), line);
            line = end ? end + 1 : NULL;
        }
    }
    printf("\n"
           "Try it without Xen:  xen-stats-exporter --source=simulated\n"
           "Then:                curl -s localhost:" OPTIONS_DEFAULT_PORT "/metrics\n"
           "\n"
           "Exit codes: 0 ended as asked, 1 failed, 2 a bad option, 3 no source of numbers.\n");
    return OPTIONS_SAID;
}

/* getopt_long() reads the same table. */
static void fill_getopt_table(struct option table[ROWS + 1])
{
    for (size_t i = 0; i < ROWS; i++)
        table[i] = (struct option){
            .name = rows[i].name,
            .has_arg = !rows[i].argument            ? no_argument
                       : rows[i].argument[0] == '[' ? optional_argument
                                                    : required_argument,
            .val = (int)i + 256, /* apart from every character */
        };
    table[ROWS] = (struct option){0};
}

/* What getopt_long() could make nothing of; `optopt` is its own account of it. */
static int refuse_word(const char *word, int why)
{
    const char letter[] = {'-', (char)optopt, '\0'};
    bool is_letter = optopt > 0 && optopt < 256; /* one of several in a word, perhaps */

    fprintf(stderr, "xen-stats-exporter: %s: %s; --help lists the options\n",
            is_letter ? letter : word,
            why == ':'      ? "needs a value"
            : optopt >= 256 ? "takes no value"
                            : "not an option of this program");
    return -EINVAL;
}

int options_parse(int argc, char *argv[], struct options *ret_options)
{
    struct options options = {
        .simulated = {.domains = 8, .vcpus = 2, .pcpus = 4, .churn = 0, .seed = 1},
        .telemetry_path = "/metrics",
        .domain_labels = LABEL_IDENTITY_DEFAULT,
        .log_level = LOG_LEVEL_INFO,
    };
    struct option table[ROWS + 1];
    int at, r;

    fill_getopt_table(table);
    opterr = 0;
    optind = 0; /* as if for the first time: tests parse more than once */
    while ((at = getopt_long(argc, argv, ":", table, NULL)) != -1) {
        if (at == ':' || at == '?')
            return refuse_word(argv[optind - 1], at);
        r = rows[at - 256].set(&options, &rows[at - 256], optarg);
        if (r != 0)
            return r;
    }
    if (optind < argc) {
        fprintf(stderr, "xen-stats-exporter: %s: not an option; --help lists them\n", argv[optind]);
        return -EINVAL;
    }
    *ret_options = options;
    return 0;
}
