/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the options anew while the daemon runs. */
#pragma once

#include "options.h"

/*
 * Reads the command line and the configuration file again, and puts what it says about the log into
 * effect. Names in the log each option that changed since `current`, and each one that differs from
 * `started` but needs a restart. Notes the outcome for the metrics. Gives the fresh options; a
 * negative errno, logged, when they are wrong: then nothing changes.
 */
int reload_options(int argc, char *const argv[], const struct options *started,
                   const struct options *current, struct options *ret_fresh) must_check;
