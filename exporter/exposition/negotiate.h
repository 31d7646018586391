/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client wants, from its Accept and Accept-Encoding headers (RFC 9110, sections 12.5.1 and
 * 12.5.3). Total: any bytes are a valid argument and lead to an answer; what cannot be understood
 * counts as not said.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "exposition/catalogue.h"
#include "exposition/encode.h"

struct negotiated {
    enum exposition_format format;
    bool utf8_names; /* asked for escaping=allow-utf-8 */
};

/*
 * OpenMetrics where it is wanted more than text, or as much and by name; else text 0.0.4, also when
 * nothing on offer is acceptable: a person with a browser shall see something.
 */
struct negotiated negotiate_accept(const char *accept, size_t length);

/* gzip where it is wanted at least as much as no coding; else none, also where that is refused. */
enum encoding negotiate_encoding(const char *accept_encoding, size_t length);

/* The Content-Type of what was negotiated. */
const char *negotiated_content_type(struct negotiated negotiated);
