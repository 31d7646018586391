/* SPDX-License-Identifier: Apache-2.0 */
/* See target.h. */
#include "http/target.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define DIGITS    "0123456789"
#define HEXDIGITS DIGITS "abcdefABCDEF"
#define LETTERS   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* RFC 3986: unreserved and sub-delims; a reg-name consists of these and percent-encoded bytes. */
#define NAME_CHARACTERS LETTERS DIGITS "-._~!$&'()*+,;="
#define PATH_CHARACTERS NAME_CHARACTERS ":@/"
/* Brackets must be encoded in a query, but people do write collect[]=. */
#define QUERY_CHARACTERS PATH_CHARACTERS "?[]"

static unsigned int hex_value(char digit)
{
    return (unsigned int)(strchr("0123456789abcdef", digit | ('A' <= digit ? 0x20 : 0)) -
                          (const char *)"0123456789abcdef");
}

/*
 * The length of what consists of `allowed` characters and of percent-encoded bytes. Control
 * characters may not be encoded either: a NUL would end the text for some and not for others.
 */
static size_t span(const char *text, size_t length, const char *allowed)
{
    size_t at = 0;

    while (at < length) {
        if (text[at] == '%' && length - at >= 3 && text[at + 1] && text[at + 2] &&
            strchr(HEXDIGITS, text[at + 1]) && strchr(HEXDIGITS, text[at + 2]) &&
            strchr("01", text[at + 1]) == NULL && strncasecmp(text + at, "%7f", 3) != 0)
            at += 3;
        else if (text[at] && strchr(allowed, text[at]))
            at++;
        else
            break;
    }
    return at;
}

bool target_host_is_valid(const char *text, size_t length)
{
    const char *end = text + length;
    char address[INET6_ADDRSTRLEN];
    unsigned char bytes[16];
    uint32_t port = 0;
    size_t host;

    if (length > 0 && text[0] == '[') {
        const char *bracket = memchr(text, ']', length);

        if (!bracket || (size_t)(bracket - text) - 1 >= sizeof(address))
            return false;
        host = (size_t)(bracket - text) + 1;
        memcpy(address, text + 1, host - 2);
        address[host - 2] = '\0';
        if (memchr(address, '\0', host - 2) || inet_pton(AF_INET6, address, bytes) != 1)
            return false;
    } else {
        host = span(text, length, NAME_CHARACTERS);
    }

    text += host;
    if (text == end)
        return true;
    if (*text++ != ':' || end - text > 5)
        return false;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9')
            return false;
        port = port * 10 + (uint32_t)(*text - '0');
    }
    return port <= UINT16_MAX;
}

/* The path, and a query that nobody looks at. */
static void parse_path(const char *text, struct target *target)
{
    size_t length = span(text, strlen(text), PATH_CHARACTERS), at = 0;
    const char *query = text + length;

    if (*query == '?')
        query += 1 + span(query + 1, strlen(query + 1), QUERY_CHARACTERS);
    if (*query)
        return;
    target->form = TARGET_PATH;
    for (size_t i = 0; i < length && at < TARGET_PATH_MAX; i++, at++) {
        bool encoded = text[i] == '%';

        target->path[at] =
            encoded ? (char)(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2])) : text[i];
        i += encoded ? 2 : 0;
        if (at + 1 == TARGET_PATH_MAX && i + 1 < length) {
            target->path[0] = '\0';
            return;
        }
    }
    target->path[at] = '\0';
}

/* After "http://": a host, and perhaps more. */
static void parse_absolute(const char *text, struct target *target)
{
    size_t host = strcspn(text, "/?");

    if (host == 0 || text[0] == ':' || !target_host_is_valid(text, host))
        return;
    parse_path(text + host, target);
    if (target->form == TARGET_PATH && text[host] != '/')
        strcpy(target->path, "/");
}

void target_parse(const char *text, struct target *ret_target)
{
    const char *colon = strrchr(text, ':');

    *ret_target = (struct target){.form = TARGET_INVALID};
    if (text[0] == '/')
        parse_path(text, ret_target);
    else if (strcmp(text, "*") == 0)
        ret_target->form = TARGET_ASTERISK;
    else if (strncasecmp(text, "http://", 7) == 0)
        parse_absolute(text + 7, ret_target);
    else if (strncasecmp(text, "https://", 8) == 0)
        parse_absolute(text + 8, ret_target);
    else if (colon && colon > text && colon[1] && target_host_is_valid(text, strlen(text)))
        ret_target->form = TARGET_AUTHORITY;
}
