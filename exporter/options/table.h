/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every option as data: command line, configuration file, --help, manual page, completion and the
 * commented configuration file are all made from these rows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"

enum option_group {
    OPTIONS_OF_SOURCE,
    OPTIONS_OF_WEB,
    OPTIONS_OF_METRICS,
    OPTIONS_OF_OUTPUT,
    OPTIONS_OF_SIMULATION,
    OPTIONS_OF_SERVICE,
    OPTION_GROUPS,
};

/* Headings, in the order of the groups. */
extern const char *const option_groups[OPTION_GROUPS];

enum option_shape {
    OPTION_VALUE,    /* one value */
    OPTION_OPTIONAL, /* a value that the command line may leave out: it is `fallback` then */
    OPTION_FLAG,     /* --x and --no-x; true and false in a file */
    OPTION_REPEATED, /* given several times on the command line, a sequence in a file */
    OPTION_JOINED,   /* words with commas on the command line, or a sequence in a file */
    OPTION_QUESTION, /* is answered, not stored; the command line only */
};

/* What a value may be, for whoever completes it or checks a file's types. */
enum option_kind {
    OPTION_TEXT,
    OPTION_NUMBER,
    OPTION_TIME,
    OPTION_WORD, /* one of `words` */
    OPTION_PATH, /* a file of this host */
};

#define OPTION_WORDS_MAX 6

struct option_word {
    const char *word;
    unsigned int value;
};

struct option_row {
    const char *name;     /* behind "--", and the key in a file */
    const char *argument; /* what stands for the value in --help; NULL: a flag or a question */
    const char *fallback; /* the default as it would be written, NULL when there is none */
    const char *said_as;  /* the default in words, where `fallback` does not say it */
    const char *help;     /* a sentence without its end, one line */
    const char *more;     /* further sentences for the manual page, or NULL */
    enum option_group group;
    enum option_shape shape;
    enum option_kind kind;
    bool reloads;      /* SIGHUP makes a change effective */
    bool command_line; /* has no key in a file: the file would be read for it */

    /*
     * Stores item `index` of the option's values. 0, or -EINVAL with what is wrong in `why`, as
     * in "not a path". `text` lives as long as the options.
     */
    int (*set)(struct options *options, const struct option_row *row, const char *text,
               size_t index, char *why, size_t why_size);

    size_t field;                               /* offset in struct options */
    uint64_t lowest, highest;                   /* of numbers and times, in what is stored */
    uint32_t bit;                               /* of a flag in a set; 0: the field is a bool */
    struct option_word words[OPTION_WORDS_MAX]; /* ends with a NULL, if not full */
};

extern const struct option_row option_rows[];
extern const size_t option_rows_count;

/* The row of an option; `name` needs no end of its own. NULL when there is none. */
const struct option_row *option_find(const char *name, size_t length);

/* The name that somebody probably meant, or NULL. */
const char *option_guess(const char *name, size_t length);

/* Prints what --help and --version say to standard output. */
void option_say_help(void);
void option_say_version(void);
