/* SPDX-License-Identifier: Apache-2.0 */
/* What clients say they accept. */
#include "exposition/negotiate.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct negotiated negotiated = negotiate_accept((const char *)data, size);

    PROMISE(negotiated.format < FORMATS);
    PROMISE(strstr(negotiated_content_type(negotiated), "version="));
    PROMISE(negotiate_encoding((const char *)data, size) < ENCODINGS);
    return 0;
}
