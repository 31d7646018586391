/* SPDX-License-Identifier: Apache-2.0 */
/* Lays the text out, then copies it around the numbers; see layout.h. */
#include "exposition/layout.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "exposition/more_families.h"
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
    struct piece created; /* the head of what tells when the counter began; none: length 0 */
    uint32_t column;
    enum sample_scale scale;
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
    struct more_families more;
    struct section *section; /* one per family that is exported */
    size_t sections;
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
        error = labels_of_nodes(topology, &rows[LABELS_NODE]);
    if (!error)
        error = labels_of_counters(topology, &rows[LABELS_COUNTER]);
    if (!error)
        error = labels_of_one("collector", snapshot_source_name(layout->source),
                              &rows[LABELS_COLLECTOR]);
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

/* When the counters of a domain began is when the domain did; of others nobody knows. */
static bool has_created(const struct layout_options *options, const struct family *family,
                        const struct family_sample *sample)
{
    bool counts =
        family->type == FAMILY_COUNTER ||
        (family->type == FAMILY_HISTOGRAM && family->sample + family->samples - 1 == sample);

    return options->created && counts &&
           (family->labels == LABELS_DOMAIN || family->labels == LABELS_VCPU);
}

static struct line write_line(struct buf *text, const struct layout_options *options,
                              const struct family *family, const struct family_sample *sample)
{
    struct line line = {.column = sample->column, .scale = catalogue_scale(family, sample)};
    const char *suffix = sample->suffix ? sample->suffix : family_type_names[family->type].suffix;
    bool row_labels = family->labels != LABELS_NONE;
    bool braces = row_labels || sample->label;
    size_t start = text->length;

    buf_printf(text, "%s%s%s", family->name, suffix, braces ? "{" : "");
    line.head = piece_since(text, start);

    start = text->length;
    if (sample->label) {
        buf_append_text(text, row_labels ? "," : "");
        labels_append(text, sample->label, sample->value, strlen(sample->value));
    }
    buf_append_text(text, braces ? "} " : " ");
    line.tail = piece_since(text, start);

    if (has_created(options, family, sample)) {
        start = text->length;
        buf_printf(text, "%s_created{", family->name);
        line.created = piece_since(text, start);
    }
    return line;
}

static struct line *write_section(struct layout *layout, const struct layout_options *options,
                                  const struct family *family, struct line *line)
{
    struct section *section = &layout->section[layout->sections++];

    section->family = family;
    section->line = line;
    for (int format = 0; format < FORMATS; format++)
        section->metadata[format] = write_metadata(&layout->text, family, format);
    for (uint32_t i = 0; i < family->samples; i++) {
        const struct family_sample *sample = &family->sample[i];

        *line++ = write_line(&layout->text, options, family, sample);
        if (sample->column != COLUMN_NONE)
            section->columns |= UINT64_C(1) << sample->column;
    }
    return line;
}

static int write_sections(struct layout *layout, const struct layout_options *options)
{
    struct line *line;
    size_t lines = layout->topology->fields;

    for (size_t i = 0; i < catalogue_families; i++)
        lines += catalogue[i].samples;
    layout->section = calloc(catalogue_families + layout->more.families, sizeof(*layout->section));
    layout->lines = line = calloc(lines, sizeof(*layout->lines));
    if (!layout->section || !layout->lines)
        return -ENOMEM;

    for (size_t i = 0; i < catalogue_families; i++)
        if (catalogue_collects(options->collectors, &catalogue[i]))
            line = write_section(layout, options, &catalogue[i], line);
    for (uint32_t i = 0; i < layout->more.families; i++)
        if (catalogue_collects(options->collectors, &layout->more.family[i]))
            line = write_section(layout, options, &layout->more.family[i], line);
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
        if (line->created.length) {
            capacity +=
                (line->created.length + line->tail.length + NUMBER_MAX + 1U) * (size_t)rows->rows;
            capacity += rows->text.length;
        }
    }
    return capacity;
}

static void measure(struct layout *layout)
{
    for (int format = 0; format < FORMATS; format++) {
        layout->capacity[format] = sizeof(end_of_openmetrics) + BLOCK;
        for (size_t i = 0; i < layout->sections; i++)
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
    error = more_families_init(&layout->more, layout->topology);
    if (error)
        return error;
    error = write_sections(layout, options);
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
    more_families_deinit(&layout->more);
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

static char *put_sample(char *out, const struct layout *layout, struct piece head,
                        const struct label_rows *rows, uint32_t row, struct piece tail,
                        enum sample_scale scale, uint64_t value)
{
    out = put_piece(out, layout, head);
    out = put(out, rows->text.data + rows->offset[row], rows->offset[row + 1] - rows->offset[row]);
    out = put_piece(out, layout, tail);
    out = scale == SCALE_SECONDS ? number_put_seconds(out, value) : number_put(out, value);
    *out++ = '\n';
    return out;
}

static uint64_t created_of(const struct layout *layout, const struct family *family, uint32_t row)
{
    const struct topology *topology = layout->topology;

    if (family->labels == LABELS_VCPU)
        row = topology->vcpu_domain[row];
    return topology->domain[row].created_ns;
}

static char *render_section(const struct layout *layout, const struct section *section,
                            const uint64_t *row, uint32_t stride, enum exposition_format format,
                            char *out)
{
    const struct family *family = section->family;
    const struct label_rows *rows = &layout->rows[family->labels];

    for (uint32_t r = 0; r < rows->rows; r++, row += stride)
        for (uint32_t i = 0; i < family->samples; i++) {
            const struct line *line = &section->line[i];
            uint64_t value = line->column == COLUMN_NONE ? 1 : row[line->column];
            uint64_t created;

            if (value == SNAPSHOT_ABSENT)
                continue;
            out = put_sample(out, layout, line->head, rows, r, line->tail, line->scale, value);
            if (format != FORMAT_OPENMETRICS || !line->created.length)
                continue;
            created = created_of(layout, family, r);
            if (created)
                out = put_sample(out, layout, line->created, rows, r, line->tail, SCALE_SECONDS,
                                 created);
        }
    return out;
}

size_t layout_render(const struct layout *layout, const struct snapshot *snapshot,
                     const uint64_t process[PROCESS_FIELDS], enum exposition_format format,
                     char *out)
{
    char *start = out;

    assert(layout_fits(layout, snapshot));

    for (size_t i = 0; i < layout->sections; i++) {
        const struct section *section = &layout->section[i];
        enum catalogue_kind kind = section->family->kind;
        bool ours = kind == CATALOGUE_PROCESS;

        /* Metadata stands or falls with what the source offers, never with a value. */
        if (!ours && section->columns && !(section->columns & snapshot->columns[kind]))
            continue;
        out = put_piece(out, layout, section->metadata[format]);
        out = render_section(layout, section, ours ? process : snapshot->table[kind],
                             ours ? PROCESS_FIELDS : snapshot->fields[kind], format, out);
    }
    if (format == FORMAT_OPENMETRICS) {
        memcpy(out, end_of_openmetrics, sizeof(end_of_openmetrics) - 1);
        out += sizeof(end_of_openmetrics) - 1;
    }
    return (size_t)(out - start);
}
