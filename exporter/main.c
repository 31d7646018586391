/* SPDX-License-Identifier: Apache-2.0 */
/* xen-stats-exporter: serves the statistics of Xen domains. Arguments, wiring, exit codes. */
#include <signal.h>

#include "daemon.h"
#include "options.h"
#include "service/log.h"

int main(int argc, char *argv[])
{
    struct options options;
    int r;

    /* A peer that went away is an error of one write, not the end of everybody's scrapes. */
    signal(SIGPIPE, SIG_IGN);

    r = options_parse(argc, argv, &options);
    if (r != 0)
        return r == OPTIONS_SAID ? DAEMON_OK : DAEMON_BAD_OPTION;

    log_set_level(options.log_level);
    return options.once ? daemon_once(&options) : daemon_serve(&options);
}
