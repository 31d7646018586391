/* SPDX-License-Identifier: Apache-2.0 */
/* Goes through the catalogue; see missing.h. */
#include "exposition/missing.h"

#include "exposition/catalogue.h"

static bool is_given(const uint64_t columns[SNAPSHOT_KINDS], const struct family *family,
                     uint32_t sample)
{
    uint32_t column = family->sample[sample].column;

    return column == COLUMN_NONE || (columns[family->kind] & SNAPSHOT_COLUMN(column));
}

static void append_name(const struct family *family, struct buf *out, size_t start)
{
    buf_printf(out, "%s%s%s", out->length > start ? ", " : "", family->name,
               family_type_names[family->type].suffix);
}

static void append_family(const uint64_t columns[SNAPSHOT_KINDS], const struct family *family,
                          struct buf *out, size_t start)
{
    uint32_t given = 0;

    for (uint32_t i = 0; i < family->samples; i++)
        given += is_given(columns, family, i);
    if (given == 0) {
        append_name(family, out, start);
        return;
    }
    for (uint32_t i = 0; i < family->samples; i++) {
        if (is_given(columns, family, i))
            continue;
        append_name(family, out, start);
        if (family->sample[i].label)
            buf_printf(out, "{%s=\"%s\"}", family->sample[i].label, family->sample[i].value);
    }
}

void missing_list(const uint64_t columns[SNAPSHOT_KINDS], struct buf *out)
{
    size_t start = out->length;

    for (size_t i = 0; i < catalogue_families; i++)
        if (catalogue[i].kind != CATALOGUE_SELF && catalogue[i].kind != CATALOGUE_PROCESS)
            append_family(columns, &catalogue[i], out, start);
}
