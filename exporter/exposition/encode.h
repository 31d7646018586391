/* SPDX-License-Identifier: Apache-2.0 */
/* Content codings of a body (RFC 9110, section 8.4.1): as it is, or gzip, by libdeflate. */
#pragma once

#include <stddef.h>

#include "util/cleanup.h"

enum encoding {
    ENCODING_IDENTITY,
    ENCODING_GZIP,
    ENCODINGS,
};

struct encoder;

/* Holds all the memory that encoding needs. -ENOMEM. */
int encoder_new(struct encoder **ret_encoder) must_check;

/* Always returns NULL. */
struct encoder *encoder_free(struct encoder *encoder);

/* The most bytes that `length` bytes can become. */
size_t encoder_capacity(struct encoder *encoder, size_t length);

/* Compresses into `out`, which has encoder_capacity() bytes. Returns the length; cannot fail. */
size_t encoder_gzip(struct encoder *encoder, const char *text, size_t length, char *out);

DEFINE_CLEANUP(struct encoder *, cleanup_encoder, encoder_free)
