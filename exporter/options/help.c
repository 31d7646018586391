/* SPDX-License-Identifier: Apache-2.0 */
/* What --help and --version say. */
#include <stdio.h>
#include <string.h>

#include "options/table.h"
#include "version.h"

static void say_row(const struct option_row *row)
{
    const char *fallback = row->said_as ? row->said_as : row->fallback;

    if (row->shape == OPTION_FLAG)
        printf("  --[no-]%s\n", row->name);
    else if (!row->argument)
        printf("  --%s\n", row->name);
    else if (row->shape == OPTION_OPTIONAL)
        printf("  --%s[=%s]\n", row->name, row->argument);
    else
        printf("  --%s=%s\n", row->name, row->argument);

    if (row->shape == OPTION_FLAG)
        fallback = strcmp(row->fallback, "true") == 0 ? "on" : "off";
    if (fallback && *fallback)
        printf("        %s (default: %s)\n", row->help, fallback);
    else
        printf("        %s\n", row->help);
}

void option_say_help(void)
{
    printf("Usage: xen-stats-exporter [OPTION]...\n"
           "Serves the statistics of every Xen domain as OpenMetrics text, for Prometheus and "
           "curl.\n");
    for (int group = 0; group < OPTION_GROUPS; group++) {
        printf("\n%s:\n", option_groups[group]);
        for (size_t i = 0; i < option_rows_count; i++)
            if ((int)option_rows[i].group == group)
                say_row(&option_rows[i]);
    }
    printf(
        "\n"
        "Try it without Xen:     xen-stats-exporter --source=simulated\n"
        "Then:                   curl -s localhost:" OPTIONS_DEFAULT_PORT "/metrics\n"
        "Look once, as text:     xen-stats-exporter --once\n"
        "Let a remote host in:   --web.listen-address=ADDRESS:" OPTIONS_DEFAULT_PORT
        ", and a firewall around it\n"
        "\n"
        "Exit codes: 0 ended as asked, 1 failed, 2 a bad option or file, 3 no source of numbers.\n"
        "The manual page, xen-stats-exporter(8), says more.\n");
}

void option_say_version(void)
{
    printf("xen-stats-exporter %s\n", VERSION);
}
