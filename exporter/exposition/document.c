/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogue as a document, docs/metrics.md; see catalogue.h. */
#include "exposition/catalogue.h"

#include "source/source.h"

static void document_labels(struct buf *out, const struct family *family)
{
    const struct family_sample *sample = family->sample;
    const char *names = label_set_names[family->labels];

    buf_append_text(out, names);
    if (!sample->label)
        return;
    buf_printf(out, "%s%s = ", *names ? ", " : "", sample->label);
    for (uint32_t i = 0; i < family->samples && sample[i].label; i++)
        buf_printf(out, "%s%s", i == 0 ? "" : " or ", sample[i].value);
}

/* Whether hypercalls give it, to whoever has a Xen without statistics tables. */
static bool is_on_stock(const struct family *family)
{
    if (family->kind == CATALOGUE_PROCESS)
        return true;
    for (uint32_t i = 0; i < family->samples; i++) {
        uint32_t column = family->sample[i].column;

        if (column == COLUMN_NONE || (hypercalls_columns[family->kind] & SNAPSHOT_COLUMN(column)))
            return true;
    }
    return false;
}

void catalogue_document(struct buf *out)
{
    buf_append_text(
        out,
        "# Metrics\n"
        "\n"
        "This page is generated from the table in `exporter/exposition/catalogue.c`: change that,\n"
        "then run `meson compile -C build metrics-document`.\n"
        "\n"
        "A metric that the source in use cannot give is left out, with its description. A single\n"
        "sample is left out when its value is not known at that moment. The labels `uuid` and\n"
        "`domain` stand for the labels chosen to tell domains apart; where these are the same for\n"
        "two domains, all but the oldest of them also carry `domid`.\n"
        "\n"
        "A newer hypervisor may keep more than is listed here. Such fields are exported under the\n"
        "names and with the descriptions that the hypervisor gives them: `xen_host_`,\n"
        "`xen_domain_`, `xen_vcpu_` or `xen_pcpu_`, then their name, then their unit.\n"
        "\n"
        "*stock* marks what is also had from a Xen without statistics tables, by hypercalls.\n"
        "\n"
        "| metric | type | stock | labels | meaning |\n"
        "|---|---|---|---|---|\n");

    for (size_t i = 0; i < catalogue_families; i++) {
        const struct family *family = &catalogue[i];

        buf_printf(out, "| `%s%s` | %s | %s | ", family->name,
                   family_type_names[family->type].suffix,
                   family_type_names[family->type].name[FORMAT_OPENMETRICS],
                   is_on_stock(family) ? "stock" : "");
        document_labels(out, family);
        buf_printf(out, " | %s |\n", family->help);
    }
}
