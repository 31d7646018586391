/* SPDX-License-Identifier: Apache-2.0 */
/* Names made harmless, identities made unique, rows written once; see labels.h. */
#include "exposition/labels.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

/* Unicode's table of well-formed UTF-8: the second byte's range depends on the first. */
static const struct utf8_form {
    unsigned char first_low, first_high;
    unsigned char second_low, second_high;
    unsigned char length;
} utf8_forms[] = {
    {0x20, 0x7e, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* Bytes of the printable character at `at`, or of the newline; 0 when there is none. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
    if (at[0] == '\n')
        return 1;

    for (size_t i = 0; i < sizeof(utf8_forms) / sizeof(utf8_forms[0]); i++) {
        const struct utf8_form *form = &utf8_forms[i];

        if (at[0] < form->first_low || at[0] > form->first_high)
            continue;
        if (form->length > left)
            return 0;
        if (form->length > 1 && (at[1] < form->second_low || at[1] > form->second_high))
            return 0;
        for (size_t byte = 2; byte < form->length; byte++)
            if ((at[byte] & 0xc0) != 0x80)
                return 0;
        /* U+0080 to U+009F are control characters too: terminals obey them. */
        return at[0] == 0xc2 && at[1] < 0xa0 ? 0 : form->length;
    }
    return 0;
}

size_t labels_sanitise(const void *bytes, size_t length, char ret_value[LABEL_VALUE_MAX])
{
    const unsigned char *at = bytes;
    size_t written = 0;

    while (length > 0) {
        size_t taken = utf8_length(at, length);
        size_t size = taken ? taken : sizeof(replacement) - 1;

        if (written + size > LABEL_VALUE_MAX)
            break;
        memcpy(ret_value + written, taken ? (const char *)at : replacement, size);
        written += size;
        taken = taken ? taken : 1;
        at += taken;
        length -= taken;
    }
    return written;
}

void labels_append(struct buf *out, const char *name, const char *value, size_t length)
{
    buf_append_text(out, name);
    buf_append_text(out, "=\"");
    for (size_t i = 0; i < length; i++) {
        if (value[i] == '\n') {
            buf_append_text(out, "\\n");
            continue;
        }
        if (value[i] == '\\' || value[i] == '"')
            buf_append_byte(out, '\\');
        buf_append_byte(out, value[i]);
    }
    buf_append_byte(out, '"');
}

static const struct {
    const char *name;
    unsigned int label;
} identity_names[] = {{"uuid", LABEL_UUID}, {"domain", LABEL_DOMAIN}, {"domid", LABEL_DOMID}};

int labels_parse_identity(const char *text, unsigned int *ret_identity)
{
    unsigned int identity = 0;

    for (;;) {
        size_t length = strcspn(text, ",");
        unsigned int label = 0;

        for (size_t i = 0; i < sizeof(identity_names) / sizeof(identity_names[0]); i++)
            if (strlen(identity_names[i].name) == length &&
                memcmp(identity_names[i].name, text, length) == 0)
                label = identity_names[i].label;
        if (label == 0 || identity & label)
            return -EINVAL;

        identity |= label;
        text += length;
        if (*text == '\0')
            break;
        text++;
    }
    *ret_identity = identity;
    return 0;
}

void label_rows_deinit(struct label_rows *rows)
{
    buf_deinit(&rows->text);
    free(rows->offset);
    *rows = (struct label_rows){0};
}

static int label_rows_init(struct label_rows *rows, uint32_t count)
{
    *rows = (struct label_rows){.offset = calloc((size_t)count + 1, sizeof(*rows->offset))};
    return rows->offset ? 0 : -ENOMEM;
}

/* Closes the row that was just appended to the text. */
static void label_rows_next(struct label_rows *rows)
{
    if (rows->text.length > UINT32_MAX - LABELS_SLACK)
        rows->text.error = -EOVERFLOW;
    rows->offset[++rows->rows] = (uint32_t)rows->text.length;
}

/* The end of each function that writes rows: hands them over, or frees them. */
static int label_rows_finish(struct label_rows *rows, struct label_rows *ret_rows)
{
    int error;

    buf_reserve(&rows->text, LABELS_SLACK);
    error = buf_error(&rows->text);
    if (error) {
        label_rows_deinit(rows);
        return error;
    }
    memset(rows->text.data + rows->text.length, 0, LABELS_SLACK);
    *ret_rows = *rows;
    return 0;
}

static void append_uuid(struct buf *out, const uint8_t uuid[16])
{
    static const char digits[] = "0123456789abcdef";
    char text[36];
    size_t length = 0;

    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[length++] = '-';
        text[length++] = digits[uuid[i] >> 4];
        text[length++] = digits[uuid[i] & 15];
    }
    labels_append(out, "uuid", text, length);
}

static void append_domain(struct buf *out, const struct topology *topology,
                          const struct topology_domain *domain, unsigned int identity)
{
    char name[LABEL_VALUE_MAX];
    size_t start = out->length;

    if (identity & LABEL_UUID)
        append_uuid(out, domain->uuid);
    if (identity & LABEL_DOMAIN) {
        if (out->length > start)
            buf_append_byte(out, ',');
        labels_append(
            out, "domain", name,
            labels_sanitise(topology->strings + domain->name_offset, domain->name_length, name));
    }
    if (identity & LABEL_DOMID) {
        if (out->length > start)
            buf_append_byte(out, ',');
        buf_printf(out, "domid=\"%u\"", domain->domid);
    }
}

/* What the sort below compares: rows by their text, equal texts by age. */
struct twins {
    const struct topology *topology;
    const struct label_rows *rows;
};

static int compare_texts(const struct label_rows *rows, uint32_t a, uint32_t b)
{
    uint32_t length_a = rows->offset[a + 1] - rows->offset[a];
    uint32_t length_b = rows->offset[b + 1] - rows->offset[b];

    if (length_a != length_b)
        return length_a < length_b ? -1 : 1;
    return memcmp(rows->text.data + rows->offset[a], rows->text.data + rows->offset[b], length_a);
}

static int compare_twins(const void *left, const void *right, void *userdata)
{
    const struct twins *twins = userdata;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    const struct topology_domain *one = &twins->topology->domain[a];
    const struct topology_domain *other = &twins->topology->domain[b];
    int order = compare_texts(twins->rows, a, b);

    if (order)
        return order;
    /* Xen numbers incarnations as it creates them; the time of creation is an estimate. */
    if (one->incarnation != other->incarnation)
        return one->incarnation < other->incarnation ? -1 : 1;
    return a < b ? -1 : a > b;
}

/* Sets younger[row] for each row whose text an older row already has. -ENOMEM. */
static int find_younger_twins(const struct topology *topology, const struct label_rows *rows,
                              bool *younger)
{
    struct twins twins = {.topology = topology, .rows = rows};
    cleanup(cleanup_free) uint32_t *order = calloc((size_t)rows->rows + 1, sizeof(*order));

    if (!order)
        return -ENOMEM;
    for (uint32_t row = 0; row < rows->rows; row++)
        order[row] = row;
    qsort_r(order, rows->rows, sizeof(*order), compare_twins, &twins);

    for (uint32_t i = 1; i < rows->rows; i++)
        younger[order[i]] = compare_texts(rows, order[i - 1], order[i]) == 0;
    return 0;
}

static int write_domains(const struct topology *topology, unsigned int identity,
                         const bool *with_domid, struct label_rows *ret_rows)
{
    struct label_rows rows;
    int error;

    error = label_rows_init(&rows, topology->domains);
    if (error)
        return error;
    for (uint32_t row = 0; row < topology->domains; row++) {
        append_domain(&rows.text, topology, &topology->domain[row],
                      identity | (with_domid[row] ? LABEL_DOMID : 0U));
        label_rows_next(&rows);
    }
    return label_rows_finish(&rows, ret_rows);
}

int labels_of_domains(const struct topology *topology, unsigned int identity,
                      struct label_rows *ret_rows)
{
    cleanup(cleanup_free) bool *younger = calloc((size_t)topology->domains + 1, sizeof(*younger));
    cleanup(label_rows_deinit) struct label_rows rows = {0};
    int error;

    if (!younger)
        return -ENOMEM;
    error = write_domains(topology, identity, younger, &rows);
    if (error)
        return error;
    error = find_younger_twins(topology, &rows, younger);
    if (error)
        return error;

    return write_domains(topology, identity, younger, ret_rows);
}

int labels_of_domain_infos(const struct topology *topology, struct label_rows *ret_rows)
{
    static const char *const guest_types[TOPOLOGY_GUEST_TYPES] = {
        [TOPOLOGY_GUEST_UNKNOWN] = "unknown",
        [TOPOLOGY_GUEST_PV] = "pv",
        [TOPOLOGY_GUEST_HVM] = "hvm",
        [TOPOLOGY_GUEST_PVH] = "pvh",
    };
    struct label_rows rows;
    int error;

    error = label_rows_init(&rows, topology->domains);
    if (error)
        return error;
    for (uint32_t row = 0; row < topology->domains; row++) {
        const struct topology_domain *domain = &topology->domain[row];
        uint32_t type = domain->guest_type < TOPOLOGY_GUEST_TYPES ? domain->guest_type : 0;

        append_domain(&rows.text, topology, domain, LABEL_UUID | LABEL_DOMAIN | LABEL_DOMID);
        buf_printf(&rows.text, ",guest_type=\"%s\"", guest_types[type]);
        label_rows_next(&rows);
    }
    return label_rows_finish(&rows, ret_rows);
}

int labels_of_vcpus(const struct topology *topology, const struct label_rows *domains,
                    struct label_rows *ret_rows)
{
    struct label_rows rows;
    int error;

    error = label_rows_init(&rows, topology->vcpus);
    if (error)
        return error;
    for (uint32_t row = 0; row < topology->vcpus; row++) {
        uint32_t domain = topology->vcpu_domain[row];

        buf_append(&rows.text, domains->text.data + domains->offset[domain],
                   domains->offset[domain + 1] - domains->offset[domain]);
        buf_printf(&rows.text, ",vcpu=\"%u\"", row - topology->domain[domain].first_vcpu);
        label_rows_next(&rows);
    }
    return label_rows_finish(&rows, ret_rows);
}

/* Rows name="0", name="1", ... */
static int labels_of_numbers(const char *name, uint32_t count, struct label_rows *ret_rows)
{
    struct label_rows rows;
    int error;

    error = label_rows_init(&rows, count);
    if (error)
        return error;
    for (uint32_t row = 0; row < count; row++) {
        buf_printf(&rows.text, "%s=\"%u\"", name, row);
        label_rows_next(&rows);
    }
    return label_rows_finish(&rows, ret_rows);
}

int labels_of_pcpus(const struct topology *topology, struct label_rows *ret_rows)
{
    return labels_of_numbers("pcpu", topology->pcpus, ret_rows);
}

int labels_of_nodes(const struct topology *topology, struct label_rows *ret_rows)
{
    return labels_of_numbers("node", topology->nodes, ret_rows);
}

int labels_of_counters(const struct topology *topology, struct label_rows *ret_rows)
{
    struct label_rows rows;
    int error;

    error = label_rows_init(&rows, topology->counters);
    if (error)
        return error;
    for (uint32_t row = 0; row < topology->counters; row++) {
        const struct topology_counter *counter = &topology->counter[row];
        char name[LABEL_VALUE_MAX];

        labels_append(
            &rows.text, "counter", name,
            labels_sanitise(counter->name, strnlen(counter->name, sizeof(counter->name)), name));
        if (counter->element != TOPOLOGY_NO_ELEMENT)
            buf_printf(&rows.text, ",element=\"%u\"", counter->element);
        label_rows_next(&rows);
    }
    return label_rows_finish(&rows, ret_rows);
}

int labels_of_one(const char *name, const char *value, struct label_rows *ret_rows)
{
    struct label_rows rows;
    int error;

    error = label_rows_init(&rows, 1);
    if (error)
        return error;
    if (name)
        labels_append(&rows.text, name, value, strlen(value));
    label_rows_next(&rows);
    return label_rows_finish(&rows, ret_rows);
}
