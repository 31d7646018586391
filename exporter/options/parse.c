/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts defaults, configuration file and command line over each other; see options.h. What is given
 * is kept as text, from which fields borrow, and by which two readings are compared.
 */
#include "options/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "options/yaml.h"
#include "util/printable.h"

struct option_text {
    struct option_text *next;
    const struct option_row *row;
    enum option_origin origin;
    char text[];
};

void options_deinit(struct options *options)
{
    while (options->texts) {
        struct option_text *text = options->texts;

        options->texts = text->next;
        free(text);
    }
    *options = OPTIONS_NULL;
}

static struct option_text *next_of(struct option_text *text, const struct option_row *row)
{
    while (text && text->row != row)
        text = text->next;
    return text;
}

/* Forgets what a new value of `origin` replaces; returns how many values it joins. */
static size_t make_way(struct options *options, const struct option_row *row,
                       enum option_origin origin)
{
    struct option_text **at = &options->texts;
    size_t stay = 0;

    while (*at) {
        struct option_text *text = *at;

        if (text->row != row) {
            at = &text->next;
        } else if (row->shape == OPTION_REPEATED && text->origin == origin) {
            at = &text->next;
            stay++;
        } else {
            *at = text->next;
            free(text);
        }
    }
    return stay;
}

int options_assign(struct options *options, const struct option_row *row, enum option_origin origin,
                   const char *value, char *why, size_t why_size)
{
    size_t index = make_way(options, row, origin), size = strlen(value) + 1;
    struct option_text *text = malloc(sizeof(*text) + size), **end = &options->texts;

    if (!text) {
        snprintf(why, why_size, "%s", strerror(ENOMEM));
        return -ENOMEM;
    }
    text->row = row;
    text->origin = origin;
    text->next = NULL;
    memcpy(text->text, value, size);
    while (*end)
        end = &(*end)->next;
    *end = text;
    return row->set(options, row, text->text, index, why, why_size);
}

static int assign_defaults(struct options *options, char *error, size_t error_size)
{
    char why[OPTIONS_ERROR_MAX / 2];

    for (size_t i = 0; i < option_rows_count; i++) {
        const struct option_row *row = &option_rows[i];
        int r;

        if (!row->fallback || row->shape == OPTION_OPTIONAL)
            continue;
        r = options_assign(options, row, OPTION_DEFAULT, row->fallback, why, sizeof(why));
        if (r < 0) {
            snprintf(error, error_size, "%s: %s", row->name, why);
            return r;
        }
    }
    return 0;
}

/* Reads a regular file, or a pipe, of at most OPTIONS_FILE_MAX bytes. */
static int read_file(const char *path, char **ret_text, size_t *ret_length)
{
    cleanup(cleanup_free) char *text = malloc(OPTIONS_FILE_MAX + 1);
    cleanup(cleanup_close) int fd = -1;
    size_t length = 0;

    if (!text)
        return -ENOMEM;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    while (length <= OPTIONS_FILE_MAX) {
        ssize_t got = read(fd, text + length, OPTIONS_FILE_MAX + 1 - length);

        if (got < 0 && errno != EINTR)
            return -errno;
        if (got == 0)
            break;
        length += got > 0 ? (size_t)got : 0;
    }
    if (length > OPTIONS_FILE_MAX)
        return -EFBIG;
    *ret_text = steal(text);
    *ret_length = length;
    return 0;
}

int options_assign_file(struct options *options, const char *path, char *error, size_t error_size)
{
    cleanup(cleanup_free) char *text = NULL;
    size_t length = 0;
    int r;

    r = read_file(path, &text, &length);
    if (r < 0) {
        char name[256];

        printable(path, strlen(path), name, sizeof(name));
        snprintf(error, error_size, "%s: cannot be read: %s; --config.file names the configuration",
                 name, r == -EFBIG ? "longer than 1 MiB" : strerror(-r));
        return r;
    }
    return options_assign_yaml(options, path, text, length, error, error_size);
}

int options_parse_config(const char *name, const void *text, size_t length,
                         struct options *ret_options, char *error, size_t error_size)
{
    struct options options = OPTIONS_NULL;
    int r;

    r = assign_defaults(&options, error, error_size);
    if (r == 0)
        r = options_assign_yaml(&options, name, text, length, error, error_size);
    if (r < 0) {
        options_deinit(&options);
        return r;
    }
    *ret_options = options;
    return 0;
}

int options_parse(int argc, char *const argv[], struct options *ret_options, char *error,
                  size_t error_size)
{
    struct options options = OPTIONS_NULL;
    int r;

    r = assign_defaults(&options, error, error_size);
    if (r == 0)
        r = options_assign_arguments(&options, argc, argv, error, error_size);
    if (r != 0) {
        options_deinit(&options);
        return r;
    }
    *ret_options = options;
    return 0;
}

void options_list(const struct options *options,
                  void (*each)(void *userdata, const char *name, const char *value,
                               const char *said_by),
                  void *userdata)
{
    static const char *const origins[] = {
        [OPTION_DEFAULT] = "default",
        [OPTION_FILE] = "file",
        [OPTION_ARGUMENT] = "argument",
    };

    for (const struct option_text *text = options->texts; text; text = text->next)
        each(userdata, text->row->name, text->text, origins[text->origin]);
}

static bool same(const struct options *a, const struct options *b, const struct option_row *row)
{
    struct option_text *in_a = next_of(a->texts, row), *in_b = next_of(b->texts, row);

    while (in_a && in_b && strcmp(in_a->text, in_b->text) == 0) {
        in_a = next_of(in_a->next, row);
        in_b = next_of(in_b->next, row);
    }
    return !in_a && !in_b;
}

void options_compare(const struct options *running, const struct options *fresh,
                     void (*changed)(void *userdata, const char *name, bool reloads),
                     void *userdata)
{
    for (size_t i = 0; i < option_rows_count; i++)
        if (option_rows[i].shape != OPTION_QUESTION && !same(running, fresh, &option_rows[i]))
            changed(userdata, option_rows[i].name, option_rows[i].reloads);
}
