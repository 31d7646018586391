/* SPDX-License-Identifier: Apache-2.0 */
/* Reads options from YAML: the only file that knows libyaml is yaml.c. */
#pragma once

#include "options/parse.h"

/*
 * Reads a text called `name` in messages over what is there. Keys are names of options, with dots
 * ("log.level: info") or as nested sections. Every key stands once; anchors, tags and several
 * documents are refused; an empty text is fine. Any bytes are a valid argument. -EINVAL, -ENOMEM
 * with a line in `error` that begins with "NAME:LINE: ".
 */
int options_assign_yaml(struct options *options, const char *name, const void *text, size_t length,
                        char *error, size_t error_size) must_check;
