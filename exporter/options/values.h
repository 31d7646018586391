/* SPDX-License-Identifier: Apache-2.0 */
/* From the text of one value to a field of struct options: what rows name as their `set`. */
#pragma once

#include "options/table.h"

#define OPTION_SETTER(name)                                                                        \
    int name(struct options *options, const struct option_row *row, const char *text,              \
             size_t index, char *why, size_t why_size)

OPTION_SETTER(set_flag);           /* "true" or "false" into a bool or a bit */
OPTION_SETTER(set_number);         /* a whole number into 32 bits */
OPTION_SETTER(set_large_number);   /* a whole number into 64 bits */
OPTION_SETTER(set_time);           /* "500ms", "10s" into nanoseconds of 64 bits */
OPTION_SETTER(set_word);           /* one of the row's words into an unsigned int */
OPTION_SETTER(set_path);           /* a file name that is not empty */
OPTION_SETTER(set_source);         /* one of the row's words, or recording:FILE */
OPTION_SETTER(set_output);         /* a file name; "-" is standard output */
OPTION_SETTER(set_listen_address); /* an item of the list of addresses */
OPTION_SETTER(set_telemetry_path);
OPTION_SETTER(set_domain_labels);
