/* SPDX-License-Identifier: Apache-2.0 */
/* Names the families of fields that only the hypervisor describes; see more_families.h. */
#include "exposition/more_families.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What is written for a field: its family's name, and its element's number. */
struct more_text {
    char name[16 + TOPOLOGY_FIELD_NAME + 16];
    char element[12];
};

static const struct {
    const char *prefix;
    enum catalogue_kind kind;
    enum label_set labels;
} about[TOPOLOGY_MORE] = {
    [TOPOLOGY_OF_HOST] = {"xen_host_", (enum catalogue_kind)SNAPSHOT_HOST_MORE, LABELS_NONE},
    [TOPOLOGY_OF_DOMAIN] = {"xen_domain_", (enum catalogue_kind)SNAPSHOT_DOMAIN_MORE,
                            LABELS_DOMAIN},
    [TOPOLOGY_OF_VCPU] = {"xen_vcpu_", (enum catalogue_kind)SNAPSHOT_VCPU_MORE, LABELS_VCPU},
    [TOPOLOGY_OF_PCPU] = {"xen_pcpu_", (enum catalogue_kind)SNAPSHOT_PCPU_MORE, LABELS_PCPU},
};

static const char *const units[] = {
    [TOPOLOGY_UNIT_NONE] = NULL,
    [TOPOLOGY_UNIT_SECONDS] = "seconds",
    [TOPOLOGY_UNIT_BYTES] = "bytes",
    [TOPOLOGY_UNIT_HERTZ] = "hertz",
};

/* What a parser adds to names or takes off them; a name of ours must not end like that. */
static const char *const reserved_ends[] = {"_total", "_created", "_info",   "_bucket",
                                            "_count", "_sum",     "_gcount", "_gsum"};

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), end_length = strlen(end);

    return length >= end_length && strcmp(name + length - end_length, end) == 0;
}

/* The prefix, the field's own name, and the unit unless the name ends with it already. */
static void write_name(const struct topology_field *field, struct more_text *text)
{
    const char *unit = units[field->unit];
    char name[TOPOLOGY_FIELD_NAME];
    bool again;

    memcpy(name, field->name, sizeof(name));
    do {
        again = false;
        for (size_t i = 0; i < sizeof(reserved_ends) / sizeof(reserved_ends[0]); i++)
            if (ends_with(name, reserved_ends[i])) {
                name[strlen(name) - strlen(reserved_ends[i])] = '\0';
                again = true;
            }
    } while (again);

    snprintf(text->name, sizeof(text->name), "%s%s", about[field->of].prefix, name);
    if (unit && !(ends_with(name, unit) &&
                  (strlen(name) == strlen(unit) || name[strlen(name) - strlen(unit) - 1] == '_'))) {
        size_t length = strlen(text->name);

        snprintf(text->name + length, sizeof(text->name) - length, "_%s", unit);
    }
    snprintf(text->element, sizeof(text->element), "%u", field->element);
}

static bool is_taken(const struct more_families *more, const char *name)
{
    for (size_t i = 0; i < catalogue_families; i++)
        if (strcmp(catalogue[i].name, name) == 0)
            return true;
    for (uint32_t i = 0; i < more->families; i++)
        if (strcmp(more->family[i].name, name) == 0)
            return true;
    return false;
}

/* Another element of the array that the family before is made of. */
static bool continues(const struct topology_field *before, const struct topology_field *field)
{
    return before->of == field->of && before->element != TOPOLOGY_NO_ELEMENT &&
           field->element != TOPOLOGY_NO_ELEMENT && field->element > before->element &&
           strncmp(before->name, field->name, sizeof(field->name)) == 0;
}

int more_families_init(struct more_families *ret_more, const struct topology *topology)
{
    struct more_families more = {
        .family = calloc(topology->fields + 1U, sizeof(*more.family)),
        .sample = calloc(topology->fields + 1U, sizeof(*more.sample)),
        .text = calloc(topology->fields + 1U, sizeof(*more.text)),
    };
    uint32_t column = 0;
    bool taken = false;

    if (!more.family || !more.sample || !more.text) {
        more_families_deinit(&more);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < topology->fields; i++, column++) {
        const struct topology_field *field = &topology->field[i];
        const struct topology_field *before = i > 0 ? &topology->field[i - 1] : NULL;

        if (!before || before->of != field->of)
            column = 0;
        more.sample[i].column = column;
        write_name(field, &more.text[i]);
        if (field->element != TOPOLOGY_NO_ELEMENT) {
            more.sample[i].label = "element";
            more.sample[i].value = more.text[i].element;
        }
        if (before && continues(before, field)) {
            if (!taken)
                more.family[more.families - 1].samples++;
            continue;
        }
        taken = is_taken(&more, more.text[i].name);
        if (taken)
            continue;
        more.family[more.families++] = (struct family){
            .name = more.text[i].name,
            .unit = units[field->unit],
            .help = field->help,
            .type = field->counter ? FAMILY_COUNTER : FAMILY_GAUGE,
            .kind = about[field->of].kind,
            .labels = about[field->of].labels,
            .scale = field->unit == TOPOLOGY_UNIT_SECONDS ? SCALE_SECONDS : SCALE_ONE,
            .samples = 1,
            .sample = &more.sample[i],
        };
    }
    *ret_more = more;
    return 0;
}

void more_families_deinit(struct more_families *more)
{
    free(more->family);
    free(more->sample);
    free(more->text);
    *more = MORE_FAMILIES_NULL;
}
