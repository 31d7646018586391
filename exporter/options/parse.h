/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts that read options; see options.h for what others see. */
#pragma once

#include "options/table.h"

/* Who said it: a later one replaces what an earlier one said. */
enum option_origin {
    OPTION_DEFAULT,
    OPTION_FILE,
    OPTION_ARGUMENT,
};

/*
 * Gives a row a value: copies the text, and has the row store it. -EINVAL or -ENOMEM with what is
 * wrong in `why`, without the option's name; then the options are good for nothing but
 * options_deinit().
 */
int options_assign(struct options *options, const struct option_row *row, enum option_origin origin,
                   const char *value, char *why, size_t why_size) must_check;

/* Reads a file of YAML over what is there. As options_parse(). */
int options_assign_file(struct options *options, const char *path, char *error, size_t error_size)
    must_check;

/* Reads the arguments, and first the file that they name. As options_parse(). */
int options_assign_arguments(struct options *options, int argc, char *const argv[], char *error,
                             size_t error_size) must_check;
