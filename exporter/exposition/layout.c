/* SPDX-License-Identifier: Apache-2.0 */
/* Lays the text out, then copies it around the numbers; see layout.h. */
#include "exposition/layout.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "exposition/number.h"

/* Pieces are copied in blocks of this size: text has as much slack behind it, and so has a body. */
#define BLOCK LABELS_SLACK

struct piece {
    uint32_t offset; /* into the layout's text */
    uint32_t length;
};

/* One sample of each row of a family: the text before and behind the row's labels. */
struct line {
    struct piece head;
    struct piece tail;
    uint32_t column;
};

struct section {
    const struct family *family;
    const struct line *line; /* family->samples of them */
    struct piece metadata[FORMATS];
    uint64_t columns; /* those its samples come from; 0: it needs none */
};

struct layout {
    struct topology *topology;
    uint32_t source;
    struct label_rows rows[LABEL_SETS];
    struct section *section; /* one per family of the catalogue */
    struct line *lines;
    struct buf text;
    size_t capacity[FORMATS];
};

static const char end_of_openmetrics[] = "# EOF\n";

static int write_rows(struct layout *layout, const struct layout_options *options)
{
    unsigned int identity = options->identity ? options->identity : LABEL_IDENTITY_DEFAULT;
    const struct topology *topology = layout->topology;
    struct label_rows *rows = layout->rows;
    int error;

    error = labels_of_one(NULL, NULL, &rows[LABELS_NONE]);
    if (!error)
        error = labels_of_domains(topology, identity, &rows[LABELS_DOMAIN]);
    if (!error)
        error = labels_of_domain_infos(topology, &rows[LABELS_DOMAIN_INFO]);
    if (!error)
        error = labels_of_vcpus(topology, &rows[LABELS_DOMAIN], &rows[LABELS_VCPU]);
    if (!error)
        error = labels_of_pcpus(topology, &rows[LABELS_PCPU]);
    if (!error)
        error = labels_of_one("source", snapshot_source_name(layout->source), &rows[LABELS_SOURCE]);
    if (!error)
        error = labels_of_one("version", options->version, &rows[LABELS_VERSION]);
    return error;
}

/* The piece from `start` to the end of the text. */
static struct piece piece_since(const struct buf *text, size_t start)
{
    return (struct piece){.offset = (uint32_t)start, .length = (uint32_t)(text->length - start)};
}

/*
 * OpenMetrics names the family, text 0.0.4 the samples; OpenMetrics wants TYPE, UNIT, HELP in this
 * order, text 0.0.4 does not know UNIT.
 */
static struct piece write_metadata(struct buf *text, const struct family *family,
                                   enum exposition_format format)
{
    const struct family_type_name *type = &family_type_names[family->type];
    const char *suffix = format == FORMAT_TEXT ? type->suffix : "";
    size_t start = text->length;

    buf_printf(text, "# TYPE %s%s %s\n", family->name, suffix, type->name[format]);
    if (family->unit && format == FORMAT_OPENMETRICS)
        buf_printf(text, "# UNIT %s %s\n", family->name, family->unit);
    buf_printf(text, "# HELP %s%s %s\n", family->name, suffix, family->help);
    return piece_since(text, start);
}

static struct line write_line(struct buf *text, const struct family *family,
                              const struct family_sample *sample)
{
    struct line line = {.column = sample->column};
    bool row_labels = family->labels != LABELS_NONE;
    bool braces = row_labels || sample->label;
    size_t start = text->length;

    buf_printf(text, "%s%s%s", family->name, family_type_names[family->type].suffix,
               braces ? "{" : "");
    line.head = piece_since(text, start);

    start = text->length;
    if (sample->label) {
        buf_append_text(text, row_labels ? "," : "");
        labels_append(text, sample->label, sample->value, strlen(sample->value));
    }
    buf_append_text(text, braces ? "} " : " ");
    line.tail = piece_since(text, start);
    return line;
}

static int write_sections(struct layout *layout)
{
    struct line *line;
    size_t lines = 0;

    for (size_t i = 0; i < catalogue_families; i++)
        lines += catalogue[i].samples;
    layout->section = calloc(catalogue_families, sizeof(*layout->section));
    layout->lines = line = calloc(lines, sizeof(*layout->lines));
    if (!layout->section || !layout->lines)
        return -ENOMEM;

    for (size_t i = 0; i < catalogue_families; i++) {
        struct section *section = &layout->section[i];
        const struct family *family = &catalogue[i];

        section->family = family;
        section->line = line;
        for (int format = 0; format < FORMATS; format++)
            section->metadata[format] = write_metadata(&layout->text, family, format);
        for (uint32_t sample = 0; sample < family->samples; sample++) {
            *line++ = write_line(&layout->text, family, &family->sample[sample]);
            if (family->sample[sample].column != COLUMN_NONE)
                section->columns |= UINT64_C(1) << family->sample[sample].column;
        }
    }
    buf_reserve(&layout->text, BLOCK);
    return buf_error(&layout->text);
}

/* Fits into 64 bits: at most 2^31 rows, and a head, row and tail of under 2^32 bytes together. */
static size_t section_capacity(const struct layout *layout, const struct section *section)
{
    const struct label_rows *rows = &layout->rows[section->family->labels];
    size_t capacity = 0;

    for (uint32_t i = 0; i < section->family->samples; i++) {
        const struct line *line = &section->line[i];

        capacity += (line->head.length + line->tail.length + NUMBER_MAX + 1U) * (size_t)rows->rows;
        capacity += rows->text.length;
    }
    return capacity;
}

static void measure(struct layout *layout)
{
    for (int format = 0; format < FORMATS; format++) {
        layout->capacity[format] = sizeof(end_of_openmetrics) + BLOCK;
        for (size_t i = 0; i < catalogue_families; i++)
            layout->capacity[format] += layout->section[i].metadata[format].length +
                                        section_capacity(layout, &layout->section[i]);
    }
}

int layout_new(const struct layout_options *options, const struct snapshot *snapshot,
               struct layout **ret_layout)
{
    cleanup(cleanup_layout) struct layout *layout = calloc(1, sizeof(*layout));
    int error;

    if (!layout)
        return -ENOMEM;
    layout->topology = topology_ref(snapshot->topology);
    layout->source = snapshot->source;

    error = write_rows(layout, options);
    if (error)
        return error;
    error = write_sections(layout);
    if (error)
        return error;
    measure(layout);

    *ret_layout = steal(layout);
    return 0;
}

struct layout *layout_free(struct layout *layout)
{
    if (!layout)
        return NULL;
    for (int set = 0; set < LABEL_SETS; set++)
        label_rows_deinit(&layout->rows[set]);
    buf_deinit(&layout->text);
    free(layout->section);
    free(layout->lines);
    topology_unref(layout->topology);
    free(layout);
    return NULL;
}

bool layout_fits(const struct layout *layout, const struct snapshot *snapshot)
{
    /* The layout holds a reference: while it lives, no other topology can have this address. */
    return layout->topology == snapshot->topology && layout->source == snapshot->source;
}

size_t layout_capacity(const struct layout *layout, enum exposition_format format)
{
    return layout->capacity[format];
}

/*
 * Copies whole blocks, so it reads and writes up to BLOCK - 1 bytes behind `length`; what it wrote
 * there, the next piece overwrites. Pieces are short: a call of memcpy() would cost more.
 */
static inline char *put(char *out, const char *text, size_t length)
{
    for (size_t at = 0; at < length; at += BLOCK)
        memcpy(out + at, text + at, BLOCK);
    return out + length;
}

static inline char *put_piece(char *out, const struct layout *layout, struct piece piece)
{
    return put(out, layout->text.data + piece.offset, piece.length);
}

static char *render_section(const struct layout *layout, const struct section *section,
                            const uint64_t *row, uint32_t stride, char *out)
{
    const struct family *family = section->family;
    const struct label_rows *rows = &layout->rows[family->labels];

    for (uint32_t r = 0; r < rows->rows; r++, row += stride)
        for (uint32_t i = 0; i < family->samples; i++) {
            const struct line *line = &section->line[i];
            uint64_t value = line->column == COLUMN_NONE ? 1 : row[line->column];

            if (value == SNAPSHOT_ABSENT)
                continue;
            out = put_piece(out, layout, line->head);
            out =
                put(out, rows->text.data + rows->offset[r], rows->offset[r + 1] - rows->offset[r]);
            out = put_piece(out, layout, line->tail);
            out = family->scale == SCALE_SECONDS ? number_put_seconds(out, value)
                                                 : number_put(out, value);
            *out++ = '\n';
        }
    return out;
}

size_t layout_render(const struct layout *layout, const struct snapshot *snapshot,
                     const uint64_t process[PROCESS_FIELDS], enum exposition_format format,
                     char *out)
{
    char *start = out;

    assert(layout_fits(layout, snapshot));

    for (size_t i = 0; i < catalogue_families; i++) {
        const struct section *section = &layout->section[i];
        enum catalogue_kind kind = section->family->kind;
        bool ours = kind == CATALOGUE_PROCESS;

        /* Metadata stands or falls with what the source offers, never with a value. */
        if (!ours && section->columns && !(section->columns & snapshot->columns[kind]))
            continue;
        out = put_piece(out, layout, section->metadata[format]);
        out = render_section(layout, section, ours ? process : snapshot->table[kind],
                             ours ? PROCESS_FIELDS : snapshot_fields[kind], out);
    }
    if (format == FORMAT_OPENMETRICS) {
        memcpy(out, end_of_openmetrics, sizeof(end_of_openmetrics) - 1);
        out += sizeof(end_of_openmetrics) - 1;
    }
    return (size_t)(out - start);
}
