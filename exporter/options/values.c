/* SPDX-License-Identifier: Apache-2.0 */
/* Reads values; see values.h. */
#include "options/values.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "exposition/labels.h"
#include "http/listen.h"

#define RECORDING "recording:"

static int refuse(char *why, size_t why_size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(char *why, size_t why_size, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why, why_size, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

static void *field_of(struct options *options, const struct option_row *row)
{
    return (char *)options + row->field;
}

OPTION_SETTER(set_flag)
{
    bool on = strcmp(text, "true") == 0;

    if (!on && strcmp(text, "false") != 0)
        return refuse(why, why_size, "not true or false");
    if (row->bit == 0)
        *(bool *)field_of(options, row) = on;
    else if (on)
        *(uint32_t *)field_of(options, row) |= row->bit;
    else
        *(uint32_t *)field_of(options, row) &= ~row->bit;
    return 0;
}

/* Digits at the beginning of `text`, and where they end. False: none, or more than 64 bits. */
static bool read_digits(const char *text, uint64_t *ret_number, const char **ret_end)
{
    uint64_t number = 0;
    const char *at = text;

    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(number, 10U, &number) ||
            __builtin_add_overflow(number, (unsigned int)(*at - '0'), &number))
            return false;
    *ret_number = number;
    *ret_end = at;
    return at != text;
}

static int read_number(const struct option_row *row, const char *text, uint64_t *ret_number,
                       char *why, size_t why_size)
{
    const char *end;
    uint64_t number;

    if (!read_digits(text, &number, &end) || *end || number < row->lowest || number > row->highest)
        return refuse(why, why_size, "not a whole number from %llu to %llu",
                      (unsigned long long)row->lowest, (unsigned long long)row->highest);
    *ret_number = number;
    return 0;
}

OPTION_SETTER(set_number)
{
    uint64_t number = 0;
    int r = read_number(row, text, &number, why, why_size);

    if (r == 0)
        *(uint32_t *)field_of(options, row) = (uint32_t)number;
    return r;
}

OPTION_SETTER(set_large_number)
{
    return read_number(row, text, field_of(options, row), why, why_size);
}

static const struct {
    const char *name;
    uint64_t ns;
} units[] = {
    {"ms", 1000000ULL},
    {"s", 1000000000ULL},
    {"m", 60 * 1000000000ULL},
    {"h", 3600 * 1000000000ULL},
};

/* Limits are whole seconds, or milliseconds below one. */
static void write_time(uint64_t ns, char text[24])
{
    if (ns % 1000000000ULL)
        snprintf(text, 24, "%llums", (unsigned long long)(ns / 1000000ULL));
    else
        snprintf(text, 24, "%llus", (unsigned long long)(ns / 1000000000ULL));
}

OPTION_SETTER(set_time)
{
    char lowest[24], highest[24];
    const char *end;
    uint64_t number;

    if (read_digits(text, &number, &end))
        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
            if (strcmp(units[i].name, end) == 0 &&
                !__builtin_mul_overflow(number, units[i].ns, &number) && number >= row->lowest &&
                number <= row->highest) {
                *(uint64_t *)field_of(options, row) = number;
                return 0;
            }
    write_time(row->lowest, lowest);
    write_time(row->highest, highest);
    return refuse(why, why_size, "not a time such as 500ms, 10s or 2m, from %s to %s", lowest,
                  highest);
}

/* "there are a, b and c" */
static int refuse_word(const struct option_row *row, const char *what, const char *further,
                       char *why, size_t why_size)
{
    char list[256];
    size_t at = 0, words = 0;

    while (words < OPTION_WORDS_MAX && row->words[words].word)
        words++;
    list[0] = '\0';
    for (size_t i = 0; i < words && at < sizeof(list); i++)
        at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s",
                               i == 0                       ? ""
                               : i + 1 == words && !further ? " and "
                                                            : ", ",
                               row->words[i].word);
    return refuse(why, why_size, "not a %s; there are %s%s%s", what, list, further ? " and " : "",
                  further ? further : "");
}

static const struct option_word *find_word(const struct option_row *row, const char *text)
{
    for (size_t i = 0; i < OPTION_WORDS_MAX && row->words[i].word; i++)
        if (strcmp(row->words[i].word, text) == 0)
            return &row->words[i];
    return NULL;
}

OPTION_SETTER(set_word)
{
    const struct option_word *word = find_word(row, text);
    const char *last = strrchr(row->name, '.');

    if (!word)
        return refuse_word(row, last ? last + 1 : row->name, NULL, why, why_size);
    *(unsigned int *)field_of(options, row) = word->value;
    return 0;
}

OPTION_SETTER(set_path)
{
    if (!*text)
        return refuse(why, why_size, "not the name of a file");
    *(const char **)field_of(options, row) = text;
    return 0;
}

OPTION_SETTER(set_output)
{
    if (!*text)
        return refuse(why, why_size, "not the name of a file; - is standard output");
    *(const char **)field_of(options, row) = strcmp(text, "-") == 0 ? "" : text;
    return 0;
}

OPTION_SETTER(set_source)
{
    const struct option_word *word = find_word(row, text);

    if (word) {
        options->source = word->value;
        options->recording = NULL;
        return 0;
    }
    if (strncmp(text, RECORDING, strlen(RECORDING)) != 0)
        return refuse_word(row, "source", RECORDING "FILE", why, why_size);
    if (!text[strlen(RECORDING)])
        return refuse(why, why_size, "no file; write " RECORDING "FILE, as --record=FILE wrote it");
    options->source = OPTIONS_SOURCE_RECORDING;
    options->recording = text + strlen(RECORDING);
    return 0;
}

OPTION_SETTER(set_listen_address)
{
    struct listen_address address;

    if (index == OPTIONS_ADDRESSES_MAX)
        return refuse(why, why_size, "more than %u addresses", OPTIONS_ADDRESSES_MAX);
    if (listen_address_parse(text, &address, why, why_size) < 0)
        return refuse(why, why_size,
                      "not an address to listen on, such as 127.0.0.1:9603, [::1]:9603, :9603 or "
                      "unix:/run/metrics.socket");
    options->listen_address[index] = text;
    options->listen_addresses = index + 1;
    return 0;
}

OPTION_SETTER(set_telemetry_path)
{
    const char *at;

    for (at = text; *at > ' ' && *at < 0x7f && !strchr("?#\"<>\\", *at); at++)
        ;
    if (text[0] != '/' || strlen(text) < 2 || *at)
        return refuse(why, why_size, "not a path such as /metrics");
    if (strncmp(text, "/-/", 3) == 0)
        return refuse(why, why_size,
                      "what is below /-/ is about the exporter's health; choose "
                      "a path such as /metrics");
    options->telemetry_path = text;
    return 0;
}

OPTION_SETTER(set_domain_labels)
{
    if (labels_parse_identity(text, &options->domain_labels) < 0)
        return refuse(why, why_size, "not a list of one or more of uuid, domain and domid");
    return 0;
}
