/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the manual page, the configuration file and the completions; see documents.h. */
#include "documents.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "options/table.h"

static const char *default_of(const struct option_row *row)
{
    return row->said_as ? row->said_as : row->fallback ? row->fallback : "";
}

/* Text for roff: a hyphen that is one, no escape, no request at the beginning of a line. */
static void append_roff(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '-')
            buf_append_text(out, "\\-");
        else if (*text == '\\')
            buf_append_text(out, "\\e");
        else
            buf_append_byte(out, *text);
    }
}

/* A row's help begins with a small letter, or with words that must stay as they are. */
static char first_letter(const struct option_row *row)
{
    return row->kind == OPTION_WORD ? row->help[0] : (char)toupper(row->help[0]);
}

static void append_manual_row(struct buf *out, const struct option_row *row)
{
    buf_append_text(out, ".TP\n.B \\-\\-");
    if (row->shape == OPTION_FLAG)
        buf_append_text(out, "[no\\-]");
    append_roff(out, row->name);
    if (row->shape == OPTION_OPTIONAL)
        buf_printf(out, "\\fR[\\fB=\\fI%s\\fR]", row->argument);
    else if (row->argument)
        buf_printf(out, "\\fR=\\fI%s", row->argument);
    buf_append_text(out, "\n");
    buf_printf(out, "\\&%c", first_letter(row));
    append_roff(out, row->help + 1);
    buf_append_text(out, ".\n");
    if (row->more) {
        append_roff(out, row->more);
        buf_append_text(out, "\n");
    }
    if (row->shape == OPTION_FLAG)
        buf_printf(out, "Default: %s.\n", strcmp(row->fallback, "true") == 0 ? "on" : "off");
    else if (*default_of(row)) {
        buf_append_text(out, "Default: ");
        append_roff(out, default_of(row));
        buf_append_text(out, ".\n");
    }
    if (row->reloads)
        buf_append_text(out, "SIGHUP makes a change effective.\n");
}

static const char manual_head[] =
    ".\\\" SPDX-License-Identifier: Apache-2.0\n"
    ".\\\" Written from the table of options: meson compile options-documents.\n"
    ".TH XEN\\-STATS\\-EXPORTER 8 \"\" xen\\-stats\\-exporter \"System administration\"\n"
    ".SH NAME\n"
    "xen\\-stats\\-exporter \\- serve statistics of Xen domains to Prometheus\n"
    ".SH SYNOPSIS\n"
    ".B xen\\-stats\\-exporter\n"
    ".RI [ OPTION ]...\n"
    ".SH DESCRIPTION\n"
    "A daemon for Dom0. It keeps the statistics pages of every Xen domain mapped, or asks the\n"
    "hypervisor by hypercalls where there are none, and serves the counters as OpenMetrics text\n"
    "on /metrics.\n"
    ".PP\n"
    "By default only this host can reach it. To let a remote Prometheus in, name the address that\n"
    "it reaches with\n"
    ".BR \\-\\-web.listen\\-address ,\n"
    "and have the firewall admit Prometheus alone: there is no password.\n"
    ".SH OPTIONS\n"
    "A value stands behind an equals sign or is the next word. Times are written 500ms, 10s, 2m\n"
    "or 1h.\n";

static const char manual_tail[] =
    ".SH CONFIGURATION FILE\n"
    "A file of YAML, named with\n"
    ".BR \\-\\-config.file .\n"
    "Each option but config.file, version and help is a key of the same name, written with dots\n"
    "or as nested sections; the command line goes before the file:\n"
    ".PP\n"
    ".nf\n"
    ".RS\n"
    "log.level: warning\n"
    "web:\n"
    "  listen\\-address:\n"
    "    \\- 192.0.2.10:9603\n"
    "    \\- 127.0.0.1:9603\n"
    "collector.perfcounters: false\n"
    "domain\\-labels: [uuid, domain]\n"
    ".RE\n"
    ".fi\n"
    ".PP\n"
    "An unknown key, one that stands twice, a value of the wrong kind: each is an error that\n"
    "names file, line, key and value, and nothing is started.\n"
    ".SH SIGNALS\n"
    ".TP\n"
    ".B SIGHUP\n"
    "Reads the command line and the configuration file anew. When something is wrong, the log "
    "says\n"
    "what, the configuration in use stays, and xen_exporter_config_last_reload_successful is 0.\n"
    "What changed but needs a restart is named in the log.\n"
    ".TP\n"
    ".BR SIGTERM \", \" SIGINT\n"
    "Stops, cutting off clients that are still there.\n"
    ".SH ENVIRONMENT\n"
    "Only what systemd passes is looked at: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID,\n"
    "LISTEN_FDS, LISTEN_PID and JOURNAL_STREAM.\n"
    ".SH EXIT STATUS\n"
    ".TP\n"
    ".B 0\n"
    "Ended as asked.\n"
    ".TP\n"
    ".B 1\n"
    "Failed; the log says why.\n"
    ".TP\n"
    ".B 2\n"
    "A bad option or configuration file: one line says which, and nothing was started.\n"
    ".TP\n"
    ".B 3\n"
    "No source of numbers: not a Dom0, or a Xen that cannot be read in the way asked for.\n"
    ".SH FILES\n"
    ".TP\n"
    ".I /etc/xen\\-stats\\-exporter/config.yml\n"
    "What the service reads; every line of it is a comment at first.\n"
    ".TP\n"
    ".I /etc/default/xen\\-stats\\-exporter\n"
    "OPTIONS for the command line of the service, if this file exists.\n"
    ".TP\n"
    ".I /dev/xen/privcmd\n"
    "The door to the hypervisor.\n"
    ".SH EXAMPLES\n"
    ".TP\n"
    ".B xen\\-stats\\-exporter \\-\\-source=simulated\n"
    "A host that exists only inside the program, to try it anywhere.\n"
    ".TP\n"
    ".B xen\\-stats\\-exporter \\-\\-once | grep runnable\n"
    "Which vCPUs waited for a CPU, and for how long, since they were created.\n"
    ".TP\n"
    ".B xen\\-stats\\-exporter \\-\\-once=/var/lib/prometheus/node\\-exporter/xen.prom\n"
    "For node_exporter's textfile collector, from a timer.\n"
    ".SH SEE ALSO\n"
    ".BR xl (1),\n"
    ".BR xentop (1),\n"
    ".BR systemd.service (5)\n";

static void write_manual(struct buf *out)
{
    buf_append_text(out, manual_head);
    for (int group = 0; group < OPTION_GROUPS; group++) {
        buf_append_text(out, ".SS ");
        append_roff(out, option_groups[group]);
        buf_append_text(out, "\n");
        for (size_t i = 0; i < option_rows_count; i++)
            if ((int)option_rows[i].group == group)
                append_manual_row(out, &option_rows[i]);
    }
    buf_append_text(out, manual_tail);
}

/* As "# " comments of at most 100 columns. */
static void append_comment(struct buf *out, const char *text)
{
    size_t column = 0;

    while (*text) {
        size_t word = strcspn(text, " ");

        if (column == 0 || column + 1 + word > 100) {
            buf_append_text(out, column ? "\n#" : "#");
            column = 1;
        }
        buf_append_byte(out, ' ');
        buf_append(out, text, word);
        column += 1 + word;
        text += word + strspn(text + word, " ");
    }
}

static void append_configuration_row(struct buf *out, const struct option_row *row)
{
    char help[200];

    snprintf(help, sizeof(help), "%c%s.", first_letter(row), row->help + 1);
    append_comment(out, help);
    buf_append_text(out, "\n");
    if (row->more) {
        append_comment(out, row->more);
        buf_append_text(out, "\n");
    }
    if (row->shape == OPTION_REPEATED)
        buf_printf(
            out, "#%s: ['127.0.0.1:" OPTIONS_DEFAULT_PORT "', '[::1]:" OPTIONS_DEFAULT_PORT "']\n",
            row->name);
    else if (row->shape == OPTION_JOINED)
        buf_printf(out, "#%s: [%s]\n", row->name, row->fallback);
    else if (row->shape != OPTION_OPTIONAL && row->fallback)
        buf_printf(out, "#%s: %s\n", row->name, row->fallback);
    else
        buf_printf(out, "#%s: /var/lib/xen-stats-exporter/%s\n", row->name, row->name);
    buf_append_text(out, "\n");
}

static void write_configuration(struct buf *out)
{
    buf_append_text(
        out,
        "# SPDX-License-Identifier: Apache-2.0\n"
        "# What the xen-stats-exporter service does. Each option of the command line is a key\n"
        "# here; those that are commented out show what is in use anyway, or an example.\n"
        "# After a change: systemctl reload xen-stats-exporter. What cannot change while it\n"
        "# runs is named in the log; see also xen-stats-exporter(8).\n");
    for (int group = 0; group < OPTION_GROUPS; group++) {
        if (group == OPTIONS_OF_SIMULATION)
            continue; /* works, but is nothing for a service */
        buf_printf(out, "%s### %s\n\n", group ? "" : "\n", option_groups[group]);
        for (size_t i = 0; i < option_rows_count; i++)
            if ((int)option_rows[i].group == group && !option_rows[i].command_line &&
                option_rows[i].set && strcmp(option_rows[i].name, "once") != 0)
                append_configuration_row(out, &option_rows[i]);
    }
    out->length--; /* the last empty line */
}

/* Words that a value may be, separated by spaces; false where it may be anything. */
static bool append_words(struct buf *out, const struct option_row *row)
{
    if (row->kind != OPTION_WORD)
        return false;
    for (size_t i = 0; i < OPTION_WORDS_MAX && row->words[i].word; i++)
        buf_printf(out, "%s%s", i ? " " : "", row->words[i].word);
    return true;
}

static void write_bash(struct buf *out)
{
    buf_append_text(
        out, "# SPDX-License-Identifier: Apache-2.0\n"
             "# Completion for bash, written from the table of options.\n"
             "# shellcheck shell=bash disable=SC2207 # what compgen says is words without spaces\n"
             "\n"
             "_xen_stats_exporter() {\n"
             "    local word=${COMP_WORDS[COMP_CWORD]} option value\n"
             "    COMPREPLY=()\n"
             "    # Readline may have split at the equals sign.\n"
             "    if [[ $word == '=' ]]; then\n"
             "        option=${COMP_WORDS[COMP_CWORD - 1]} value=\n"
             "    elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == '=' ]]; then\n"
             "        option=${COMP_WORDS[COMP_CWORD - 2]} value=$word\n"
             "    elif [[ $word == --*=* ]]; then\n"
             "        option=${word%%=*} value=${word#*=}\n"
             "    else\n"
             "        option=${COMP_WORDS[COMP_CWORD - 1]} value=$word\n"
             "    fi\n"
             "    case $option in\n");
    for (size_t i = 0; i < option_rows_count; i++) {
        const struct option_row *row = &option_rows[i];
        size_t before = out->length;

        if (!row->argument || row->shape == OPTION_OPTIONAL)
            continue;
        buf_printf(out, "    --%s)\n", row->name);
        if (row->kind == OPTION_PATH) {
            buf_append_text(out, "        COMPREPLY=($(compgen -f -- \"$value\"))\n");
        } else {
            buf_append_text(out, "        COMPREPLY=($(compgen -W '");
            if (!append_words(out, row)) {
                out->length = before;
                continue;
            }
            buf_append_text(out, "' -- \"$value\"))\n");
        }
        buf_append_text(out, "        return\n        ;;\n");
    }
    buf_append_text(out, "    esac\n    COMPREPLY=($(compgen -W '");
    for (size_t i = 0; i < option_rows_count; i++) {
        const struct option_row *row = &option_rows[i];

        buf_printf(out, "%s--%s", i ? "\n        " : "\n        ", row->name);
        if (row->argument && row->shape != OPTION_OPTIONAL)
            buf_append_byte(out, '=');
        if (row->shape == OPTION_FLAG)
            buf_printf(out, " --no-%s", row->name);
    }
    buf_append_text(out, "' -- \"$word\"))\n"
                         "    [[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace\n"
                         "}\n"
                         "complete -F _xen_stats_exporter xen-stats-exporter\n");
}

/* Within single quotes and brackets of _arguments. */
static void append_zsh(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            buf_append_text(out, "'\\''");
        else if (*text == '[' || *text == ']' || *text == ':')
            buf_printf(out, "\\%c", *text);
        else
            buf_append_byte(out, *text);
    }
}

static void append_zsh_row(struct buf *out, const struct option_row *row, const char *no)
{
    const char *many = row->shape == OPTION_REPEATED ? "*" : "";

    buf_printf(out, " \\\n    '%s--%s%s%s[", many, no, row->name,
               !row->argument                  ? ""
               : row->shape == OPTION_OPTIONAL ? "=-"
                                               : "=");
    append_zsh(out, *no ? "not: " : "");
    append_zsh(out, row->help);
    buf_append_byte(out, ']');
    if (row->argument) {
        buf_printf(out, "%s%s:", row->shape == OPTION_OPTIONAL ? "::" : ":", row->argument);
        if (row->kind == OPTION_PATH) {
            buf_append_text(out, "_files");
        } else if (row->kind == OPTION_WORD) {
            buf_append_byte(out, '(');
            append_words(out, row);
            buf_append_byte(out, ')');
        }
    }
    buf_append_byte(out, '\'');
}

static void write_zsh(struct buf *out)
{
    buf_append_text(out, "#compdef xen-stats-exporter\n"
                         "# SPDX-License-Identifier: Apache-2.0\n"
                         "# Completion for zsh, written from the table of options.\n"
                         "_arguments");
    for (size_t i = 0; i < option_rows_count; i++) {
        append_zsh_row(out, &option_rows[i], "");
        if (option_rows[i].shape == OPTION_FLAG)
            append_zsh_row(out, &option_rows[i], "no-");
    }
    buf_append_text(out, "\n");
}

const struct document documents[] = {
    {"docs/xen-stats-exporter.8", write_manual},
    {"config/xen-stats-exporter.yml", write_configuration},
    {"config/completion/xen-stats-exporter.bash", write_bash},
    {"config/completion/_xen-stats-exporter", write_zsh},
};

const size_t documents_count = sizeof(documents) / sizeof(documents[0]);
