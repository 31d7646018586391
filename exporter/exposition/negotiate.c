/* SPDX-License-Identifier: Apache-2.0 */
/* Reads Accept and Accept-Encoding; see negotiate.h. */
#include "exposition/negotiate.h"

#include <string.h>
#include <strings.h>

/* A part of the header; never NUL-terminated. */
struct span {
    const char *at;
    size_t length;
};

static bool span_is(struct span span, const char *text)
{
    return span.length == strlen(text) && strncasecmp(span.at, text, span.length) == 0;
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t';
}

static struct span trim(struct span span)
{
    while (span.length && is_space(span.at[0]))
        span = (struct span){span.at + 1, span.length - 1};
    while (span.length && is_space(span.at[span.length - 1]))
        span.length--;
    return span;
}

/*
 * Cuts off what stands before the next separator outside quotes. A quote that is never closed
 * reaches to the end.
 */
static struct span next_part(struct span *rest, char separator)
{
    struct span part = {rest->at, 0};
    bool quoted = false;

    while (part.length < rest->length) {
        char byte = rest->at[part.length];

        if (byte == separator && !quoted)
            break;
        if (byte == '"')
            quoted = !quoted;
        else if (byte == '\\' && quoted && part.length + 1 < rest->length)
            part.length++;
        part.length++;
    }

    if (part.length < rest->length)
        *rest = (struct span){rest->at + part.length + 1, rest->length - part.length - 1};
    else
        *rest = (struct span){rest->at + part.length, 0};
    return trim(part);
}

/* A weight in thousandths, or -1: RFC 9110 knows 0 to 1 with at most three decimals. */
static int parse_weight(struct span text)
{
    int weight, digit = 100;

    if (text.length < 1 || text.length > 5 || (text.at[0] != '0' && text.at[0] != '1'))
        return -1;
    weight = (text.at[0] - '0') * 1000;
    if (text.length > 1 && text.at[1] != '.')
        return -1;
    for (size_t i = 2; i < text.length; i++, digit /= 10) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return -1;
        weight += (text.at[i] - '0') * digit;
    }
    return weight <= 1000 ? weight : -1;
}

/* One element of the header: a media range with the parameters that matter. */
struct range {
    struct span type;
    struct span version; /* length 0: not said */
    struct span escaping;
    int weight;
};

static struct span unquote(struct span text)
{
    if (text.length >= 2 && text.at[0] == '"' && text.at[text.length - 1] == '"')
        return (struct span){text.at + 1, text.length - 2};
    return text;
}

static struct range parse_range(struct span element)
{
    struct range range = {.weight = 1000};

    range.type = next_part(&element, ';');
    while (element.length) {
        struct span value = next_part(&element, ';');
        struct span name = next_part(&value, '=');

        value = unquote(trim(value));
        if (span_is(name, "q"))
            range.weight = parse_weight(value);
        else if (span_is(name, "version"))
            range.version = value;
        else if (span_is(name, "escaping"))
            range.escaping = value;
    }
    return range;
}

/* What we have, and the ranges that name it, from vague to exact. */
static const struct offer {
    const char *range[3];
    const char *version;
} offers[FORMATS] = {
    [FORMAT_TEXT] = {{"*/*", "text/*", "text/plain"}, "0.0.4"},
    [FORMAT_OPENMETRICS] = {{"*/*", "application/*", "application/openmetrics-text"}, "1.0.0"},
};

#define EXACT 2

struct wish {
    int exactness; /* index of the best range so far; -1: none */
    int weight;
    bool utf8_names;
};

static void consider(const struct offer *offer, const struct range *range, struct wish *wish)
{
    if (range->weight < 0 || (range->version.length && !span_is(range->version, offer->version)))
        return;
    for (int exactness = EXACT; exactness >= 0 && exactness >= wish->exactness; exactness--) {
        if (!span_is(range->type, offer->range[exactness]))
            continue;
        if (exactness == wish->exactness && range->weight <= wish->weight)
            return;
        *wish = (struct wish){.exactness = exactness,
                              .weight = range->weight,
                              .utf8_names = span_is(range->escaping, "allow-utf-8")};
        return;
    }
}

struct negotiated negotiate_accept(const char *accept, size_t length)
{
    struct wish wish[FORMATS] = {{.exactness = -1}, {.exactness = -1}};
    const struct wish *text = &wish[FORMAT_TEXT], *openmetrics = &wish[FORMAT_OPENMETRICS];
    struct span rest = {accept, length};
    enum exposition_format format = FORMAT_TEXT;

    while (rest.length) {
        struct range range = parse_range(next_part(&rest, ','));

        for (int offer = 0; offer < FORMATS; offer++)
            consider(&offers[offer], &range, &wish[offer]);
    }

    if (openmetrics->weight > text->weight ||
        (openmetrics->weight > 0 && openmetrics->weight == text->weight &&
         openmetrics->exactness == EXACT))
        format = FORMAT_OPENMETRICS;
    return (struct negotiated){.format = format, .utf8_names = wish[format].utf8_names};
}

enum encoding negotiate_encoding(const char *accept_encoding, size_t length)
{
    int gzip = -1, identity = -1, any = -1;
    struct span rest = {accept_encoding, length};

    while (rest.length) {
        struct range range = parse_range(next_part(&rest, ','));

        if (range.weight < 0)
            continue;
        if (span_is(range.type, "gzip") || span_is(range.type, "x-gzip"))
            gzip = range.weight;
        else if (span_is(range.type, "identity"))
            identity = range.weight;
        else if (span_is(range.type, "*"))
            any = range.weight;
    }
    gzip = gzip < 0 ? any : gzip;
    return gzip > 0 && gzip >= identity ? ENCODING_GZIP : ENCODING_IDENTITY;
}

const char *negotiated_content_type(struct negotiated negotiated)
{
    static const char *const types[FORMATS][2] = {
        [FORMAT_TEXT] = {"text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
                         "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8"},
        [FORMAT_OPENMETRICS] = {"application/openmetrics-text; version=1.0.0; charset=utf-8; "
                                "escaping=underscores",
                                "application/openmetrics-text; version=1.0.0; charset=utf-8; "
                                "escaping=allow-utf-8"},
    };

    return types[negotiated.format][negotiated.utf8_names];
}
