/* SPDX-License-Identifier: Apache-2.0 */
/* See strict.h. Each rule names its section. */
#include "http/strict.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "http/target.h"

/* RFC 9110, section 5.6.2. */
static bool is_token(const char *text, size_t length)
{
    static const char characters[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    for (size_t i = 0; i < length; i++)
        if (!text[i] || !strchr(characters, text[i]))
            return false;
    return length > 0;
}

/* RFC 9110, section 5.5: visible characters, white space, and bytes that are not ASCII. */
static bool is_value(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
            return false;
    return true;
}

/* White space behind a value is not part of it (RFC 9110, section 5.5). */
static struct strict_field trim(struct strict_field field)
{
    while (field.value_length > 0 && (field.value[field.value_length - 1] == ' ' ||
                                      field.value[field.value_length - 1] == '\t'))
        field.value_length--;
    return field;
}

static bool is_called(const struct strict_field *field, const char *name)
{
    return field->name_length == strlen(name) &&
           strncasecmp(field->name, name, field->name_length) == 0;
}

/* How many fields have that name; `ret_last` is one of them, trimmed. */
static size_t find(const struct strict_request *request, const char *name,
                   struct strict_field *ret_last)
{
    size_t found = 0;

    for (size_t i = 0; i < request->fields; i++)
        if (is_called(&request->field[i], name)) {
            *ret_last = trim(request->field[i]);
            found++;
        }
    return found;
}

static bool is(const struct strict_field *field, const char *value)
{
    return field->value_length == strlen(value) &&
           strncasecmp(field->value, value, field->value_length) == 0;
}

/*
 * RFC 9112, sections 2.2, 3 and 5: single spaces in the request line, CR and LF behind each line,
 * one line for each field, nothing left out.
 */
static bool is_gapless(const struct strict_request *request)
{
    uintptr_t at = (uintptr_t)request->method;

    at += strlen(request->method) + 1;
    if (at != (uintptr_t)request->target)
        return false;
    at += request->target_length + 1;
    if (at != (uintptr_t)request->version)
        return false;
    at += strlen(request->version) + 2;
    for (size_t i = 0; i < request->fields; i++) {
        const struct strict_field *field = &request->field[i];

        if (at != (uintptr_t)field->name || (uintptr_t)field->value < at + field->name_length + 1)
            return false;
        at = (uintptr_t)field->value + field->value_length + 2;
    }
    return at + 2 == (uintptr_t)request->method + request->header_size;
}

/*
 * The parser has written NULs over CR and LF; where it took something else for the end of a line,
 * that may still be there. In a request without gaps, so that all of this is within it.
 */
static bool has_clean_ends(const struct strict_request *request)
{
    const char *end = request->method + request->header_size;

    for (size_t i = 0; i < request->fields; i++)
        if (request->field[i].value[request->field[i].value_length + 1])
            return false;
    return !request->version[strlen(request->version) + 1] && !end[-2] && !end[-1];
}

static enum page check_fields(const struct strict_request *request)
{
    for (size_t i = 0; i < request->fields; i++) {
        const struct strict_field *field = &request->field[i];

        /* Section 5.1: this also refuses a space before the colon, and a folded first line. */
        if (!is_token(field->name, field->name_length) ||
            !is_value(field->value, field->value_length))
            return PAGE_BAD_REQUEST;
    }
    return PAGES;
}

/* RFC 9112, section 3.2: exactly one Host, and a valid one; HTTP/1.0 may do without. */
static enum page check_host(const struct strict_request *request)
{
    struct strict_field host;
    size_t hosts = find(request, "Host", &host);

    if (hosts == 0)
        return strcmp(request->version, "HTTP/1.0") == 0 ? PAGES : PAGE_BAD_REQUEST;
    return hosts == 1 && target_host_is_valid(host.value, host.value_length) ? PAGES
                                                                             : PAGE_BAD_REQUEST;
}

/* RFC 9112, sections 6.1 to 6.3: where a request ends must not be a matter of opinion. */
static enum page check_body(const struct strict_request *request)
{
    struct strict_field length, coding, expect;
    size_t lengths = find(request, "Content-Length", &length);
    size_t codings = find(request, "Transfer-Encoding", &coding);

    if (codings > 0) {
        static const char last[] = ", chunked";
        size_t tail = sizeof(last) - 1;

        if (codings > 1 || lengths > 0 || strcmp(request->version, "HTTP/1.0") == 0)
            return PAGE_BAD_REQUEST;
        if (is(&coding, "chunked"))
            return PAGE_NO_BODY;
        /* A coding that is not known is one thing, an end that cannot be found another. */
        return coding.value_length > tail &&
                       strncasecmp(coding.value + coding.value_length - tail, last, tail) == 0 &&
                       is_token(coding.value, coding.value_length - tail) &&
                       strncasecmp(coding.value, "chunked", 7) != 0
                   ? PAGE_UNKNOWN_CODING
                   : PAGE_BAD_REQUEST;
    }
    if (lengths > 1)
        return PAGE_BAD_REQUEST;
    if (lengths == 1) {
        if (length.value_length == 0)
            return PAGE_BAD_REQUEST;
        for (size_t i = 0; i < length.value_length; i++)
            if (length.value[i] < '0' || length.value[i] > '9')
                return PAGE_BAD_REQUEST;
        for (size_t i = 0; i < length.value_length; i++)
            if (length.value[i] != '0')
                return PAGE_NO_BODY;
    }
    /* RFC 9110, section 10.1.1: what one could expect has to do with a body. */
    return find(request, "Expect", &expect) > 0 ? PAGE_EXPECTATION : PAGES;
}

enum page strict_check(const struct strict_request *request)
{
    static enum page (*const checks[])(const struct strict_request *) = {check_fields, check_host,
                                                                         check_body};

    if (request->fields > STRICT_FIELDS_MAX || request->header_size > request->header_max)
        return PAGE_TOO_LARGE;
    if (!is_token(request->method, strlen(request->method)))
        return PAGE_BAD_REQUEST;
    if (!request->parser_is_strict && (!is_gapless(request) || !has_clean_ends(request)))
        return PAGE_BAD_REQUEST;
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        enum page page = checks[i](request);

        if (page != PAGES)
            return page;
    }
    return PAGES;
}

size_t strict_list(const struct strict_request *request, const char *name,
                   char ret_list[STRICT_LIST_MAX])
{
    size_t length = 0;

    for (size_t i = 0; i < request->fields && i < STRICT_FIELDS_MAX; i++) {
        struct strict_field field = trim(request->field[i]);
        size_t comma = length > 0 ? 2 : 0;

        if (!is_called(&field, name) || field.value_length > STRICT_LIST_MAX - length - comma)
            continue;
        memcpy(ret_list + length, ", ", comma);
        memcpy(ret_list + length + comma, field.value, field.value_length);
        length += comma + field.value_length;
    }
    return length;
}
