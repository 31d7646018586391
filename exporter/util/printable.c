/* SPDX-License-Identifier: Apache-2.0 */
/* Escapes; see printable.h. */
#include "util/printable.h"

#include <stdio.h>
#include <string.h>

#define DOTS "..."

size_t printable(const void *bytes, size_t length, char *ret_text, size_t size)
{
    const unsigned char *byte = bytes;
    size_t at = 0, cut = 0; /* where the dots would go: behind the last piece that leaves room */

    for (size_t i = 0; i < length; i++) {
        char piece[5];
        size_t needed;

        if (byte[i] >= 0x20 && byte[i] < 0x7f)
            needed = (size_t)snprintf(piece, sizeof(piece), "%c", byte[i]);
        else
            needed = (size_t)snprintf(piece, sizeof(piece), "\\x%02x", byte[i]);
        if (at + needed >= size) {
            strcpy(ret_text + cut, DOTS);
            return cut + strlen(DOTS);
        }
        memcpy(ret_text + at, piece, needed);
        at += needed;
        if (at + sizeof(DOTS) <= size)
            cut = at;
    }
    ret_text[at] = '\0';
    return at;
}
