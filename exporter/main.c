/* SPDX-License-Identifier: Apache-2.0 */
/* xen-stats-exporter: serves the statistics of Xen domains. Arguments, wiring, exit codes. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>

#include "daemon.h"
#include "options.h"
#include "service/log.h"

/*
 * Few threads allocate, and rarely: one arena serves them all. What depends on the set of domains
 * is large and goes away as a whole: it shall go back to the system, not wait in between.
 */
static void keep_memory_small(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 64 * 1024);
    mallopt(M_TRIM_THRESHOLD, 64 * 1024);
}

int main(int argc, char *argv[])
{
    struct options options;
    char error[OPTIONS_ERROR_MAX];
    enum daemon_exit result;
    int r;

    keep_memory_small();
    /* A peer that went away is an error of one write, not the end of everybody's scrapes. */
    signal(SIGPIPE, SIG_IGN);

    r = options_parse(argc, argv, &options, error, sizeof(error));
    if (r == OPTIONS_SAID)
        return DAEMON_OK;
    if (r < 0) {
        fprintf(stderr, "xen-stats-exporter: %s\n", error);
        return DAEMON_BAD_OPTION;
    }

    log_set_level(options.log_level);
    if (log_set_format(options.log_format) < 0) {
        fprintf(stderr,
                "xen-stats-exporter: --log.format=journal: no journal runs here; logfmt and "
                "json go to standard error\n");
        options_deinit(&options);
        return DAEMON_BAD_OPTION;
    }
    result = options.once ? daemon_once(&options) : daemon_serve(&options, argc, argv);
    options_deinit(&options);
    return result;
}
