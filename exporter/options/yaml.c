/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the events of one document; see yaml.h. The state is a path of sections and, inside a
 * sequence, the row that it belongs to: nothing recurses, and depth is bounded.
 */
#include "options/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "util/printable.h"

#define KEY_MAX   96U /* of a whole path; the longest option has 32 bytes */
#define DEPTH_MAX 4U
#define LIST_MAX  512U
#define SHOWN_MAX 160U
#define LIST_DOCS "; --help lists the options"

/* Where in the file the next event is looked at. */
enum place {
    AT_START,    /* before the document */
    AT_KEY,      /* inside a section: a key, or its end */
    AT_VALUE,    /* behind a key */
    IN_SEQUENCE, /* inside the sequence of a row */
    AT_END,      /* behind the section that the document is */
};

struct reader {
    struct options *options;
    const char *name;
    char *error;
    size_t error_size;
    yaml_event_t event;
    bool event_set;

    enum place place;
    char path[KEY_MAX];               /* sections and key, with dots */
    size_t section_length[DEPTH_MAX]; /* of the path, at each depth */
    unsigned int depth;
    const struct option_row *row; /* of the key; NULL: a section, or nothing yet */
    size_t key_line;
    char list[LIST_MAX]; /* the words of an OPTION_JOINED so far */
    size_t items;
    struct {
        size_t key, section; /* the line where it stands; 0: nowhere yet */
    } given[];               /* by row; that of a section by the first row in it */
};

static int refuse(struct reader *reader, size_t line, const char *value, size_t value_length,
                  const char *what)
{
    char name[SHOWN_MAX], path[SHOWN_MAX], shown[SHOWN_MAX];

    printable(reader->name, strlen(reader->name), name, sizeof(name));
    printable(reader->path, strlen(reader->path), path, sizeof(path));
    if (value) {
        printable(value, value_length, shown, sizeof(shown));
        snprintf(reader->error, reader->error_size, "%s:%zu: %s: '%s': %s", name, line, path, shown,
                 what);
    } else if (*path) {
        snprintf(reader->error, reader->error_size, "%s:%zu: %s: %s", name, line, path, what);
    } else {
        snprintf(reader->error, reader->error_size, "%s:%zu: %s", name, line, what);
    }
    return -EINVAL;
}

static size_t line_of(const struct reader *reader)
{
    return reader->event.start_mark.line + 1;
}

/* Something that is not allowed where it stands. */
static int refuse_here(struct reader *reader, const char *what)
{
    return refuse(reader, line_of(reader), NULL, 0, what);
}

static int refuse_unknown(struct reader *reader)
{
    const char *guess = option_guess(reader->path, strlen(reader->path));
    char what[200];

    snprintf(what, sizeof(what), "no such key%s%s" LIST_DOCS, guess ? "; did you mean " : "",
             guess ? guess : "");
    return refuse(reader, reader->key_line, NULL, 0, what);
}

/* The first option whose name goes on behind `path` and a dot; NULL: that is no section. */
static const struct option_row *find_section(const char *path)
{
    size_t length = strlen(path);

    for (size_t i = 0; i < option_rows_count; i++)
        if (strncmp(option_rows[i].name, path, length) == 0 && option_rows[i].name[length] == '.')
            return &option_rows[i];
    return NULL;
}

static int note_given(struct reader *reader, size_t *given)
{
    char what[100];

    if (*given) {
        snprintf(what, sizeof(what), "stands here twice, first in line %zu; remove one", *given);
        return refuse(reader, reader->key_line, NULL, 0, what);
    }
    *given = reader->key_line;
    return 0;
}

static int take_key(struct reader *reader)
{
    size_t length = reader->event.data.scalar.length;
    const char *key = (const char *)reader->event.data.scalar.value;
    size_t before = reader->section_length[reader->depth];
    const struct option_row *section;

    reader->path[before] = '\0';
    reader->place = AT_VALUE;
    reader->key_line = line_of(reader);
    if (length == 0 || strlen(key) != length || before + length + 2 > sizeof(reader->path))
        return refuse(reader, reader->key_line, key, length, "no such key" LIST_DOCS);
    if (before)
        reader->path[before++] = '.';
    memcpy(reader->path + before, key, length + 1);

    reader->row = option_find(reader->path, strlen(reader->path));
    if (reader->row && reader->row->command_line)
        return refuse(reader, reader->key_line, NULL, 0, "only for the command line");
    if (reader->row)
        return note_given(reader, &reader->given[reader->row - option_rows].key);
    section = find_section(reader->path);
    if (!section)
        return refuse_unknown(reader);
    return note_given(reader, &reader->given[section - option_rows].section);
}

static int assign(struct reader *reader, const char *value, size_t length)
{
    char why[OPTIONS_ERROR_MAX / 2];
    int r;

    if (strlen(value) != length)
        return refuse(reader, line_of(reader), value, length, "has a NUL byte in it");
    r = options_assign(reader->options, reader->row, OPTION_FILE, value, why, sizeof(why));
    if (r < 0)
        (void)refuse(reader, line_of(reader), value, length, why);
    return r;
}

static int join(struct reader *reader, const char *word, size_t length)
{
    size_t at = strlen(reader->list);

    if (strlen(word) != length || length == 0 || strchr(word, ',') ||
        at + length + 2 > sizeof(reader->list))
        return refuse(reader, line_of(reader), word, length, "not a word of this list");
    snprintf(reader->list + at, sizeof(reader->list) - at, "%s%s", at ? "," : "", word);
    return 0;
}

static int take_scalar(struct reader *reader)
{
    const char *value = (const char *)reader->event.data.scalar.value;
    size_t length = reader->event.data.scalar.length;
    bool plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

    if (!reader->row)
        return refuse(reader, line_of(reader), value, length,
                      "this is a section: its keys stand below it, indented" LIST_DOCS);
    if (plain && (length == 0 || strcmp(value, "~") == 0 || strcmp(value, "null") == 0))
        return refuse_here(reader, "has no value; give one, or remove the key");
    if (!plain && (reader->row->shape == OPTION_FLAG || reader->row->kind == OPTION_NUMBER))
        return refuse(reader, line_of(reader), value, length, "is a text; write it without quotes");
    if (reader->place == IN_SEQUENCE && reader->row->shape == OPTION_JOINED)
        return join(reader, value, length);
    return assign(reader, value, length);
}

static int begin_sequence(struct reader *reader)
{
    if (reader->place == AT_KEY)
        return refuse_here(reader, "a key is one word" LIST_DOCS);
    if (!reader->row || reader->place != AT_VALUE ||
        (reader->row->shape != OPTION_REPEATED && reader->row->shape != OPTION_JOINED))
        return refuse_here(reader, reader->row ? "takes one value, not a list of them"
                                               : "this is a section, not a list" LIST_DOCS);
    reader->place = IN_SEQUENCE;
    reader->list[0] = '\0';
    reader->items = 0;
    return 0;
}

static int end_sequence(struct reader *reader)
{
    reader->place = AT_KEY;
    if (reader->items == 0)
        return refuse_here(reader, "the list is empty; fill it, or remove the key");
    if (reader->row->shape == OPTION_JOINED)
        return assign(reader, reader->list, strlen(reader->list));
    return 0;
}

static int begin_mapping(struct reader *reader)
{
    if (reader->place == AT_START) {
        reader->place = AT_KEY;
        return 0;
    }
    if (reader->place == AT_KEY)
        return refuse_here(reader, "a key is one word" LIST_DOCS);
    if (reader->row)
        return refuse_here(reader, "takes a value, it is not a section");
    if (reader->depth + 1 == DEPTH_MAX)
        return refuse_unknown(reader);
    reader->section_length[++reader->depth] = strlen(reader->path);
    reader->place = AT_KEY;
    return 0;
}

static void end_mapping(struct reader *reader)
{
    if (reader->depth == 0)
        reader->place = AT_END;
    else
        reader->path[reader->section_length[--reader->depth]] = '\0';
}

/* Anchors and tags have no meaning here; silently ignoring them would give them a wrong one. */
static bool is_decorated(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor || event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor || event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor || event->data.mapping_start.tag;
    default:
        return event->type == YAML_ALIAS_EVENT;
    }
}

#define NOT_A_MAP "a configuration is a list of lines such as 'log.level: info'" LIST_DOCS

static int take_event(struct reader *reader)
{
    if (is_decorated(&reader->event))
        return refuse_here(reader, "anchors, aliases and tags are not understood; write it out");
    switch (reader->event.type) {
    case YAML_SCALAR_EVENT:
        if (reader->place == AT_KEY)
            return take_key(reader);
        if (reader->place == AT_START && reader->event.data.scalar.length == 0)
            return 0; /* a document with nothing in it */
        if (reader->place == AT_START)
            return refuse_here(reader, NOT_A_MAP);
        reader->items++;
        if (reader->place == AT_VALUE) {
            int r = take_scalar(reader);

            reader->place = AT_KEY;
            return r;
        }
        return take_scalar(reader);
    case YAML_SEQUENCE_START_EVENT:
        return reader->place == AT_START ? refuse_here(reader, NOT_A_MAP) : begin_sequence(reader);
    case YAML_SEQUENCE_END_EVENT:
        return end_sequence(reader);
    case YAML_MAPPING_START_EVENT:
        return begin_mapping(reader);
    case YAML_MAPPING_END_EVENT:
        end_mapping(reader);
        return 0;
    case YAML_DOCUMENT_START_EVENT:
        return reader->place == AT_END
                   ? refuse_here(reader, "a second document; a configuration is one")
                   : 0;
    case YAML_DOCUMENT_END_EVENT:
        reader->place = AT_END;
        reader->path[0] = '\0';
        return 0;
    default:
        return 0;
    }
}

static int refuse_syntax(struct reader *reader, const yaml_parser_t *parser)
{
    char what[256];

    reader->path[0] = '\0';
    if (parser->error == YAML_MEMORY_ERROR) {
        snprintf(reader->error, reader->error_size, "%s: %s", reader->name, strerror(ENOMEM));
        return -ENOMEM;
    }
    snprintf(what, sizeof(what), "this is not YAML: %s%s%s",
             parser->problem ? parser->problem : "it cannot be read", parser->context ? ", " : "",
             parser->context ? parser->context : "");
    return refuse(reader, parser->problem_mark.line + 1, NULL, 0, what);
}

static int read_events(struct reader *reader, yaml_parser_t *parser)
{
    bool done = false;
    int r = 0;

    while (r == 0 && !done) {
        if (!yaml_parser_parse(parser, &reader->event))
            return refuse_syntax(reader, parser);
        r = take_event(reader);
        done = reader->event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&reader->event);
    }
    return r;
}

int options_assign_yaml(struct options *options, const char *name, const void *text, size_t length,
                        char *error, size_t error_size)
{
    cleanup(cleanup_free) struct reader *reader =
        calloc(1, sizeof(*reader) + option_rows_count * sizeof(reader->given[0]));
    yaml_parser_t parser;
    int r;

    if (!reader || !yaml_parser_initialize(&parser)) {
        snprintf(error, error_size, "%s", strerror(ENOMEM));
        return -ENOMEM;
    }
    reader->options = options;
    reader->name = name;
    reader->error = error;
    reader->error_size = error_size;
    yaml_parser_set_input_string(&parser, text, length);
    r = read_events(reader, &parser);
    yaml_parser_delete(&parser);
    return r;
}
