/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon was told: the command line over the configuration file over the defaults, read
 * into a struct that nobody changes afterwards. The rows of options/table.c are all there is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors.h"
#include "service/log.h"
#include "source/source.h"

#define OPTIONS_DEFAULT_PORT  "9603"
#define OPTIONS_ADDRESSES_MAX 16U
/* The longest configuration file. */
#define OPTIONS_FILE_MAX (1024U * 1024U)
/* What an error message may need: it is one line, and names what it is about. */
#define OPTIONS_ERROR_MAX 1024U

enum options_source {
    OPTIONS_SOURCE_AUTO, /* whatever this Xen offers; never a simulation */
    OPTIONS_SOURCE_PAGES,
    OPTIONS_SOURCE_HYPERCALLS,
    OPTIONS_SOURCE_SIMULATED,
    OPTIONS_SOURCE_RECORDING,
};

/* The limits of the web server. */
struct options_web {
    uint32_t max_requests; /* scrapes in flight, over all addresses */
    uint32_t max_connections;
    uint32_t max_connections_per_address;
    uint32_t max_header_bytes;
    uint64_t header_timeout_ns; /* from the connection to the end of the request's header */
    uint64_t sample_timeout_ns; /* until the numbers must be there */
    uint64_t send_timeout_ns;   /* until the client must have taken the whole response */
    uint64_t idle_timeout_ns;   /* from one response to the next request */
};

/* Strings belong to it, as long as it lives. */
struct options {
    enum options_source source;
    const char *recording; /* of OPTIONS_SOURCE_RECORDING: the file */
    struct simulated_config simulated;
    const char *listen_address[OPTIONS_ADDRESSES_MAX];
    size_t listen_addresses; /* 0: the default addresses */
    bool systemd_socket;     /* serve the sockets that systemd passes */
    const char *telemetry_path;
    struct options_web web;
    unsigned int collectors;    /* COLLECTOR_BIT() of each that is on */
    unsigned int domain_labels; /* enum label_identity */
    bool created;               /* export when counters began */
    const char *once;           /* NULL: serve; "": standard output; else a file */
    const char *record;         /* NULL, or the file to record into */
    const char *config_file;    /* NULL, or the file that was read */
    enum log_level log_level;
    enum log_format log_format;

    struct option_text *texts; /* everything that was given, as text */
};

#define OPTIONS_NULL ((struct options){0})

void options_deinit(struct options *options);

/* Positive conditions. */
enum options_condition {
    OPTIONS_SAID = 1, /* --help or --version was answered: exit with 0 */
};

/*
 * Reads the arguments, and the configuration file that they name. A negative errno with a line in
 * `error` that names option or file, line and key, the value, and the way out: -EINVAL for what was
 * said wrong, else why the file could not be read. Gives the options, to be released.
 */
int options_parse(int argc, char *const argv[], struct options *ret_options, char *error,
                  size_t error_size) must_check;

/*
 * The same from a configuration file's text alone, called `name` in messages; any bytes are a
 * valid argument.
 */
int options_parse_config(const char *name, const void *text, size_t length,
                         struct options *ret_options, char *error, size_t error_size) must_check;

/* Calls `each` with everything that counts, the values of a list one by one, and who said it. */
void options_list(const struct options *options,
                  void (*each)(void *userdata, const char *name, const char *value,
                               const char *said_by),
                  void *userdata);

/*
 * What differs between what runs and what was read anew: calls `changed` with the name of each
 * option, and whether the running daemon can follow.
 */
void options_compare(const struct options *running, const struct options *fresh,
                     void (*changed)(void *userdata, const char *name, bool reloads),
                     void *userdata);
