/* SPDX-License-Identifier: Apache-2.0 */
/* The long-lived objects: built in order, torn down in mirror order. */
#pragma once

#include "exposition/exposition.h"
#include "options.h"

/* The process's exit codes. */
enum daemon_exit {
    DAEMON_OK = 0,
    DAEMON_FAILED = 1,
    DAEMON_BAD_OPTION = 2,
    DAEMON_NO_SOURCE = 3, /* no statistics tables under this system */
};

/*
 * Serves until a signal ends it; SIGHUP has the arguments and their file read anew. Says on the log
 * what went wrong.
 */
enum daemon_exit daemon_serve(const struct options *options, int argc, char *const argv[]);

/* Writes the metrics once, to options->once, and returns. */
enum daemon_exit daemon_once(const struct options *options);

/* What of the options decides what is exported. */
struct exposition_options daemon_exposition_options(const struct options *options);
