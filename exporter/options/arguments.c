/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the command line: --name=value, --name value, and for flags --name and --no-name. Words are
 * looked at one by one, names are never abbreviated.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options/parse.h"
#include "util/printable.h"

struct argument {
    const char *word; /* as it was given, for messages */
    const struct option_row *row;
    const char *value;
};

#define WORD_SHOWN 200U

static int refuse(const char *word, const char *what, char *error, size_t error_size)
{
    char shown[WORD_SHOWN];

    printable(word, strlen(word), shown, sizeof(shown));
    snprintf(error, error_size, "%s: %s", shown, what);
    return -EINVAL;
}

static int refuse_unknown(const char *word, size_t length, char *error, size_t error_size)
{
    const char *guess = strncmp(word, "--", 2) == 0 ? option_guess(word + 2, length - 2) : NULL;
    char what[200];

    snprintf(what, sizeof(what), "not an option of this program%s%s; --help lists the options",
             guess ? "; did you mean --" : "", guess ? guess : "");
    return refuse(word, what, error, error_size);
}

static int answer(const struct option_row *row)
{
    if (strcmp(row->name, "version") == 0)
        option_say_version();
    else
        option_say_help();
    return OPTIONS_SAID;
}

/* Finds the row and the value of the word at *at, which moves on behind what was read. */
static int read_argument(int argc, char *const argv[], int *at, struct argument *ret_argument,
                         char *error, size_t error_size)
{
    const char *word = argv[(*at)++], *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    const struct option_row *row = NULL;
    const char *value = equals ? equals + 1 : NULL;

    if (word[0] != '-')
        return refuse(word, "not an option; --help lists them", error, error_size);
    if (length > 2 && strncmp(word, "--", 2) == 0)
        row = option_find(word + 2, length - 2);
    if (row && !row->argument && value)
        return refuse(word, "takes no value; --help lists the options", error, error_size);
    if (row && row->shape == OPTION_FLAG)
        value = "true";
    if (!row && length > 5 && strncmp(word, "--no-", 5) == 0) {
        row = option_find(word + 5, length - 5);
        if (row && (row->shape != OPTION_FLAG || value))
            row = NULL;
        value = "false";
    }
    if (!row)
        return refuse_unknown(word, length, error, error_size);
    if (!value && row->shape == OPTION_OPTIONAL)
        value = row->fallback;
    if (!value && row->argument) {
        if (*at >= argc)
            return refuse(word, "needs a value; --help lists the options", error, error_size);
        value = argv[(*at)++];
    }
    *ret_argument = (struct argument){.word = word, .row = row, .value = value};
    return 0;
}

static int assign(struct options *options, const struct argument *argument, char *error,
                  size_t error_size)
{
    char why[OPTIONS_ERROR_MAX / 2], value[WORD_SHOWN];
    int r;

    r = options_assign(options, argument->row, OPTION_ARGUMENT, argument->value, why, sizeof(why));
    if (r < 0) {
        printable(argument->value, strlen(argument->value), value, sizeof(value));
        snprintf(error, error_size, "--%s=%s: %s", argument->row->name, value, why);
    }
    return r;
}

static int read_arguments(int argc, char *const argv[], struct argument *arguments,
                          size_t *ret_count, char *error, size_t error_size)
{
    size_t count = 0;

    for (int at = 1; at < argc; count++) {
        int r = read_argument(argc, argv, &at, &arguments[count], error, error_size);

        if (r < 0)
            return r;
        if (arguments[count].row->shape == OPTION_QUESTION)
            return answer(arguments[count].row);
    }
    *ret_count = count;
    return 0;
}

int options_assign_arguments(struct options *options, int argc, char *const argv[], char *error,
                             size_t error_size)
{
    cleanup(cleanup_free) struct argument *arguments = calloc((size_t)argc + 1, sizeof(*arguments));
    const char *file = NULL;
    size_t count = 0;
    int r;

    if (!arguments) {
        snprintf(error, error_size, "%s", strerror(ENOMEM));
        return -ENOMEM;
    }
    r = read_arguments(argc, argv, arguments, &count, error, error_size);
    if (r != 0)
        return r;

    for (size_t i = 0; i < count; i++)
        if (arguments[i].row->field == offsetof(struct options, config_file) &&
            arguments[i].row->command_line)
            file = arguments[i].value;
    if (file && *file)
        r = options_assign_file(options, file, error, error_size);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = assign(options, &arguments[i], error, error_size);
    return r;
}
