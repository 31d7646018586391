/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign bytes for one line of text that people read. Knows nobody. */
#pragma once

#include <stddef.h>

/*
 * Copies so that only printable ASCII is left: every other byte becomes \xNN.
 * What does not fit is cut off and ends in "...". Any bytes are a valid argument; `size` is at
 * least 8. Ends with a NUL. Returns the length written.
 */
size_t printable(const void *bytes, size_t length, char *ret_text, size_t size);
