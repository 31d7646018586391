/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses a source by name and opens it. */
#pragma once

#include "options.h"
#include "source/source.h"

/*
 * Opens what the options ask for; `auto` takes what this Xen offers and never invents a host.
 * On failure one line on the log says what is missing and names the way out. A negative errno.
 */
int source_open(const struct options *options, struct source **ret_source) must_check;
