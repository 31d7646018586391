/* SPDX-License-Identifier: Apache-2.0 */
/* Names of domains, as guests and toolstacks may write them, and lists of labels. */
#include <stdbool.h>

#include "exposition/labels.h"
#include "fuzz/fuzz.h"

/* One character of valid UTF-8; its length, or 0. */
static size_t utf8(const uint8_t *text, size_t length)
{
    static const struct {
        uint8_t mask, first;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

    for (size_t more = 0; more < 4; more++) {
        uint32_t character = text[0] & (uint8_t)~forms[more].mask;
        bool valid = (text[0] & forms[more].mask) == forms[more].first && more < length;

        for (size_t i = 1; i <= more && valid; i++) {
            valid = (text[i] & 0xc0) == 0x80;
            character = character << 6 | (text[i] & 0x3f);
        }
        if (valid && character >= forms[more].least && character <= 0x10ffff &&
            (character < 0xd800 || character > 0xdfff))
            return more + 1;
    }
    return 0;
}

/* A parser reads back what was meant, and finds the end where it is. */
static void check_escaped(const struct buf *text, const char *value, size_t length)
{
    const char *at = text->data + 3, *end = text->data + text->length - 1;
    size_t read = 0;

    PROMISE(text->length >= 4 && memcmp(text->data, "n=\"", 3) == 0 && *end == '"');
    while (at < end) {
        char byte = *at++;

        PROMISE(byte != '"' && byte != '\n' && read < length);
        if (byte == '\\') {
            PROMISE(at < end);
            byte = *at == 'n' ? '\n' : *at;
            PROMISE(*at == 'n' || *at == '\\' || *at == '"');
            at++;
        }
        PROMISE(byte == value[read++]);
    }
    PROMISE(read == length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char value[LABEL_VALUE_MAX], again[LABEL_VALUE_MAX], *list = fuzz_string(data, size);
    struct buf text = BUF_NULL;
    unsigned int identity = 0;
    size_t length = labels_sanitise(data, size, value);

    PROMISE(length <= LABEL_VALUE_MAX);
    for (size_t at = 0, one; at < length; at += one) {
        one = utf8((const uint8_t *)value + at, length - at);
        PROMISE(one > 0);
        PROMISE((uint8_t)value[at] >= ' ' || value[at] == '\n');
        PROMISE(value[at] != 0x7f);
    }
    PROMISE(labels_sanitise(value, length, again) == length && memcmp(value, again, length) == 0);

    labels_append(&text, "n", value, length);
    PROMISE(buf_error(&text) == 0);
    check_escaped(&text, value, length);
    buf_deinit(&text);

    PROMISE(labels_parse_identity(list, &identity) != 0 ||
            (identity > 0 && identity <= (LABEL_UUID | LABEL_DOMAIN | LABEL_DOMID)));
    free(list);
    return 0;
}
