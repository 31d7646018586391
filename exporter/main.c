/* SPDX-License-Identifier: Apache-2.0 */
/* xen-stats-exporter: serves the statistics of Xen domains. Arguments, wiring, exit codes. */
#include <signal.h>
#include <stdio.h>

#include "daemon.h"
#include "options.h"
#include "service/log.h"

int main(int argc, char *argv[])
{
    struct options options;
    char error[OPTIONS_ERROR_MAX];
    enum daemon_exit result;
    int r;

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
