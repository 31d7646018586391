/* SPDX-License-Identifier: Apache-2.0 */
/* The command line, read once into a struct that nobody changes afterwards. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/log.h"
#include "source/source.h"

#define OPTIONS_DEFAULT_PORT  "9603"
#define OPTIONS_ADDRESSES_MAX 16U

enum options_source {
    OPTIONS_SOURCE_AUTO, /* whatever this Xen offers; never a simulation */
    OPTIONS_SOURCE_PAGES,
    OPTIONS_SOURCE_SIMULATED,
};

struct options {
    enum options_source source;
    struct simulated_config simulated;
    const char *listen_address[OPTIONS_ADDRESSES_MAX]; /* borrowed from argv */
    size_t listen_addresses;                           /* 0: the default addresses */
    const char *telemetry_path;
    unsigned int domain_labels; /* enum label_identity */
    const char *once;           /* NULL: serve; "": standard output; else a file */
    enum log_level log_level;
};

/* Positive conditions. */
enum options_condition {
    OPTIONS_SAID = 1, /* --help or --version was answered: exit with 0 */
};

/*
 * Reads the arguments. -EINVAL after one line on standard error that names the option, its value
 * and the way out. Strings of `ret_options` are borrowed from `argv`.
 */
int options_parse(int argc, char *argv[], struct options *ret_options) must_check;
