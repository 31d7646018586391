/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out about fields from descriptors; see more_fields.h. */
#include "source/more_fields.h"

#include <errno.h>
#include <string.h>

/* Where what this program does not know begins. */
static const struct {
    uint32_t kind;
    uint32_t known;
} known[TOPOLOGY_MORE] = {
    [TOPOLOGY_OF_HOST] = {STATS_KIND_HOST, sizeof(struct stats_host)},
    [TOPOLOGY_OF_DOMAIN] = {STATS_KIND_DOMAIN, sizeof(struct stats_domain)},
    [TOPOLOGY_OF_VCPU] = {STATS_KIND_VCPU, sizeof(struct stats_vcpu)},
    [TOPOLOGY_OF_PCPU] = {STATS_KIND_PCPU, sizeof(struct stats_pcpu)},
};

_Static_assert(sizeof(((struct stats_descriptor *)0)->name) == TOPOLOGY_FIELD_NAME, "names");
_Static_assert(sizeof(((struct stats_descriptor *)0)->help) == TOPOLOGY_FIELD_HELP, "help");

static bool is_name(const char name[TOPOLOGY_FIELD_NAME])
{
    size_t length = strnlen(name, TOPOLOGY_FIELD_NAME);

    return length > 0 && length < TOPOLOGY_FIELD_NAME && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

/* Some text, whatever it was. */
static void copy_help(char to[TOPOLOGY_FIELD_HELP], const char from[TOPOLOGY_FIELD_HELP])
{
    size_t length = strnlen(from, TOPOLOGY_FIELD_HELP - 1);

    memset(to, 0, TOPOLOGY_FIELD_HELP);
    for (size_t i = 0; i < length; i++)
        to[i] =
            from[i] >= ' ' && from[i] <= '~' && from[i] != '\\' && from[i] != '"' ? from[i] : '?';
}

/* Works out factor and divisor; times become nanoseconds. False: out of bounds. */
static bool find_scale(const struct stats_descriptor *descriptor, struct more_field *field)
{
    int32_t exponent = descriptor->exponent;

    if (descriptor->scale == 0 || exponent < -18 || exponent > 18)
        return false;
    if (descriptor->unit == STATS_UNIT_SECONDS)
        exponent += 9;
    field->factor = descriptor->scale;
    field->divisor = 1;
    for (; exponent > 0; exponent--)
        if (__builtin_mul_overflow(field->factor, 10U, &field->factor))
            return false;
    for (; exponent < 0; exponent++)
        field->divisor *= 10; /* at most 10^18 */
    return true;
}

/* False: it makes no sense. */
static bool check(const struct stats_descriptor *descriptor)
{
    uint64_t end =
        (uint64_t)descriptor->offset + (uint64_t)descriptor->size * (uint64_t)descriptor->count;

    return (descriptor->size == 4 || descriptor->size == 8) && descriptor->count > 0 &&
           descriptor->offset % descriptor->size == 0 && end <= STATS_FRAME_SIZE &&
           descriptor->unit <= STATS_UNIT_HERTZ && is_name(descriptor->name);
}

/* What has no single number to show, or one that must be understood to be shown. */
static bool is_shown(const struct stats_descriptor *descriptor)
{
    return descriptor->type >= STATS_TYPE_COUNTER && descriptor->type <= STATS_TYPE_CONSTANT &&
           !(descriptor->field_flags & ~(STATS_FIELD_SEQ | STATS_FIELD_OPTIONAL));
}

static void add(struct more_fields *more, enum topology_more of,
                const struct stats_descriptor *descriptor, const struct more_field *scale)
{
    for (uint32_t i = 0;
         i < descriptor->count && more->fields - more->first[of] < TOPOLOGY_FIELDS_MAX; i++) {
        struct topology_field *field = &more->field[more->fields];

        *field = (struct topology_field){
            .of = of,
            .unit = descriptor->unit,
            .element = descriptor->count > 1 ? i : TOPOLOGY_NO_ELEMENT,
            .counter = descriptor->type == STATS_TYPE_COUNTER,
        };
        memcpy(field->name, descriptor->name, sizeof(field->name));
        copy_help(field->help, descriptor->help);
        more->read[more->fields] = *scale;
        more->read[more->fields].offset = descriptor->offset + i * descriptor->size;
        more->read[more->fields].size = descriptor->size;
        more->read[more->fields].optional =
            descriptor->size == 4 && (descriptor->field_flags & STATS_FIELD_OPTIONAL);
        more->fields++;
    }
}

static void look_at(struct more_fields *more, enum topology_more of,
                    const struct stats_descriptor *descriptor, struct page_counters *counters)
{
    struct more_field scale = {0};

    if (descriptor->kind != known[of].kind || descriptor->offset < known[of].known ||
        !is_shown(descriptor))
        return;
    if (check(descriptor) && find_scale(descriptor, &scale))
        add(more, of, descriptor, &scale);
    else
        counters->invalid++;
}

int more_fields_init(struct more_fields *ret_more, const struct page_table *descriptors,
                     struct page_counters *counters)
{
    const size_t most = TOPOLOGY_MORE * TOPOLOGY_FIELDS_MAX;
    const struct stats_kind *kind = page_kind(descriptors, STATS_KIND_DESCRIPTOR);
    struct more_fields more = {
        .field = calloc(most, sizeof(*more.field)),
        .read = calloc(most, sizeof(*more.read)),
    };

    if (!more.field || !more.read) {
        more_fields_deinit(&more);
        return -ENOMEM;
    }
    for (unsigned int of = 0; of < TOPOLOGY_MORE; of++) {
        more.first[of] = more.fields;
        for (uint32_t i = 0; kind && i < kind->count; i++) {
            struct stats_descriptor descriptor;

            if (page_read(descriptors, kind, i, &descriptor, sizeof(descriptor), counters) == 0)
                look_at(&more, of, &descriptor, counters);
        }
    }
    more.first[TOPOLOGY_MORE] = more.fields;
    *ret_more = more;
    return 0;
}

void more_fields_deinit(struct more_fields *more)
{
    free(more->field);
    free(more->read);
    *more = MORE_FIELDS_NULL;
}

void more_fields_read(const struct more_fields *more, enum topology_more of,
                      const struct page_table *table, const struct stats_kind *kind, uint32_t index,
                      uint64_t *row)
{
    for (uint32_t i = more->first[of]; i < more->first[of + 1]; i++) {
        const struct more_field *field = &more->read[i];
        /* One load each: a single field cannot be torn, so there is no seq to look at. */
        uint64_t value = field->size == 8 ? page_read_field(table, kind, index, field->offset)
                                          : page_read_field32(table, kind, index, field->offset);

        if (field->optional && value == UINT32_MAX)
            continue;
        if (value != STATS_NOT_AVAILABLE && !__builtin_mul_overflow(value, field->factor, &value))
            row[i - more->first[of]] = value / field->divisor;
    }
}
