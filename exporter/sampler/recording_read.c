/* SPDX-License-Identifier: Apache-2.0 */
/* Reads snapshots from bytes that may come from anybody; see recording.h. */
#include <errno.h>
#include <string.h>

#include "domains/domain_set.h"
#include "sampler/recording.h"
#include "sampler/recording_format.h"

int recording_read_header(const void *bytes, size_t length, size_t *ret_used,
                          const char **ret_reason)
{
    struct recording_header wanted = recording_header_of_this_version(), header;

    if (length < sizeof(wanted.magic) ||
        memcmp(bytes, RECORDING_MAGIC, sizeof(wanted.magic)) != 0) {
        *ret_reason = "it is not a recording";
        return -EBADMSG;
    }
    if (length < sizeof(header)) {
        *ret_reason = "it ends within its header";
        return -EBADMSG;
    }
    memcpy(&header, bytes, sizeof(header));
    if (memcmp(&header, &wanted, sizeof(header)) != 0) {
        *ret_reason = "another version of this program wrote it";
        return -EPROTO;
    }
    *ret_used = sizeof(header);
    return 0;
}

/* A cursor over bytes whose total length was checked. */
struct reader {
    const uint8_t *at;
};

static void take(struct reader *reader, void *ret, size_t size)
{
    memcpy(ret, reader->at, size);
    reader->at += size;
}

/* Text that ends with a NUL and can stand in a comment as it is. */
static bool is_plain_text(const char *text, size_t size)
{
    size_t length = strnlen(text, size);

    if (length == size)
        return false;
    for (size_t i = 0; i < length; i++)
        if (text[i] < ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\')
            return false;
    return true;
}

/* The part of a metric's name that is a field's. */
static bool is_metric_name(const char *text, size_t size)
{
    size_t length = strnlen(text, size);

    if (length == 0 || length == size || text[0] < 'a' || text[0] > 'z')
        return false;
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static bool counts_are_sane(const struct recording_snapshot *header)
{
    return header->source < SNAPSHOT_SOURCES && header->domains <= DOMAIN_SET_LIMIT &&
           header->vcpus <= RECORDING_VCPUS_MAX && header->pcpus <= TOPOLOGY_PCPUS_MAX &&
           header->nodes <= TOPOLOGY_NODES_MAX && header->counters <= TOPOLOGY_COUNTERS_MAX &&
           header->fields <= TOPOLOGY_MORE * TOPOLOGY_FIELDS_MAX &&
           header->strings_size <= (uint64_t)header->domains * TOPOLOGY_NAME_MAX;
}

/* Domains in the order and within the bounds that a topology has. */
static const char *read_domains(struct reader *reader, const struct recording_snapshot *header,
                                struct topology_entry *entries)
{
    uint64_t vcpus = 0, strings = 0;

    for (uint32_t i = 0; i < header->domains; i++) {
        struct recording_domain record;

        take(reader, &record, sizeof(record));
        if (record.domid >= DOMAIN_SET_LIMIT || (i > 0 && record.domid <= entries[i - 1].domid))
            return "its domains are out of order";
        if (record.guest_type >= TOPOLOGY_GUEST_TYPES || record.name_length > TOPOLOGY_NAME_MAX ||
            record.vcpus > RECORDING_VCPUS_MAX)
            return "a domain is not within bounds";
        entries[i] = (struct topology_entry){
            .domid = record.domid,
            .guest_type = record.guest_type,
            .incarnation = record.incarnation,
            .created_ns = record.created_ns,
            .name_length = record.name_length,
            .vcpus = record.vcpus,
        };
        memcpy(entries[i].uuid, record.uuid, sizeof(record.uuid));
        vcpus += record.vcpus;
        strings += record.name_length;
    }
    return vcpus == header->vcpus && strings == header->strings_size ? NULL
                                                                     : "its counts do not add up";
}

static int compare_counters(const void *a, const void *b)
{
    const struct topology_counter *const *left = a, *const *right = b;
    int order = strcmp((*left)->name, (*right)->name);

    return order ? order
                 : ((*left)->element > (*right)->element) - ((*left)->element < (*right)->element);
}

/* Two counters of the same name would be two samples of the same name. */
static const char *check_counters(const struct topology_counter *counters, uint32_t count)
{
    cleanup(cleanup_free) const struct topology_counter **sorted =
        calloc(count + 1, sizeof(*sorted));

    if (!sorted)
        return "there is no memory for it";
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = &counters[i];
    qsort(sorted, count, sizeof(*sorted), compare_counters);
    for (uint32_t i = 1; i < count; i++)
        if (compare_counters(&sorted[i - 1], &sorted[i]) == 0)
            return "a performance counter is there twice";
    return NULL;
}

static const char *read_counters(struct reader *reader, uint32_t count,
                                 struct topology_counter *counters)
{
    for (uint32_t i = 0; i < count; i++) {
        struct recording_counter record;

        take(reader, &record, sizeof(record));
        if (strnlen(record.name, sizeof(record.name)) == sizeof(record.name) || record.gauge > 1)
            return "a performance counter is not within bounds";
        counters[i] = (struct topology_counter){.element = record.element, .gauge = record.gauge};
        memcpy(counters[i].name, record.name, sizeof(record.name));
    }
    return check_counters(counters, count);
}

/* Fields are grouped by what they are of; the elements of one follow each other, ascending. */
static bool is_in_order(const struct topology_field *fields, uint32_t at)
{
    const struct topology_field *field = &fields[at], *before = field - 1;

    if (at == 0)
        return true;
    if (field->of != before->of)
        return field->of > before->of;
    if (strcmp(field->name, before->name) == 0)
        return field->element != TOPOLOGY_NO_ELEMENT && field->element > before->element &&
               field->unit == before->unit && field->counter == before->counter;
    for (uint32_t i = 0; i < at; i++)
        if (fields[i].of == field->of && strcmp(fields[i].name, field->name) == 0)
            return false;
    return true;
}

static const char *read_fields(struct reader *reader, uint32_t count, struct topology_field *fields)
{
    uint32_t of[TOPOLOGY_MORE] = {0};

    for (uint32_t i = 0; i < count; i++) {
        struct recording_field record;

        take(reader, &record, sizeof(record));
        if (record.of >= TOPOLOGY_MORE || record.unit > TOPOLOGY_UNIT_HERTZ || record.counter > 1 ||
            ++of[record.of] > TOPOLOGY_FIELDS_MAX ||
            !is_metric_name(record.name, sizeof(record.name)) ||
            !is_plain_text(record.help, sizeof(record.help)))
            return "a field is not within bounds";
        fields[i] = (struct topology_field){.of = record.of,
                                            .unit = record.unit,
                                            .element = record.element,
                                            .counter = record.counter};
        memcpy(fields[i].name, record.name, sizeof(record.name));
        memcpy(fields[i].help, record.help, sizeof(record.help));
        if (!is_in_order(fields, i))
            return "its fields are out of order";
    }
    return NULL;
}

/* Names point into the bytes, which outlive the entries. */
static void read_names(struct reader *reader, const struct recording_snapshot *header,
                       struct topology_entry *entries)
{
    const char *name = (const char *)reader->at;

    for (uint32_t i = 0; i < header->domains; i++) {
        entries[i].name = name;
        name += entries[i].name_length;
    }
    reader->at += recording_padded(header->strings_size);
}

static int read_topology(struct reader *reader, const struct recording_snapshot *header,
                         struct topology **ret_topology, const char **ret_reason)
{
    cleanup(cleanup_free) struct topology_entry *entries =
        calloc(header->domains + 1, sizeof(*entries));
    cleanup(cleanup_free) struct topology_counter *counters =
        calloc(header->counters + 1, sizeof(*counters));
    cleanup(cleanup_free) struct topology_field *fields =
        calloc(header->fields + 1, sizeof(*fields));
    const struct topology_host host = {.pcpus = header->pcpus,
                                       .nodes = header->nodes,
                                       .counters = header->counters,
                                       .fields = header->fields,
                                       .counter = counters,
                                       .field = fields};

    if (!entries || !counters || !fields)
        return -ENOMEM;
    *ret_reason = read_domains(reader, header, entries);
    if (!*ret_reason)
        *ret_reason = read_counters(reader, header->counters, counters);
    if (!*ret_reason)
        *ret_reason = read_fields(reader, header->fields, fields);
    if (*ret_reason)
        return -EBADMSG;
    read_names(reader, header, entries);
    return topology_new(1, entries, header->domains, &host, ret_topology);
}

/* The header, once the bytes that it speaks of are all there and undamaged. */
static const char *read_snapshot_header(const void *bytes, size_t length,
                                        struct recording_snapshot *ret_header)
{
    if (length < sizeof(*ret_header))
        return "it ends within a snapshot";
    memcpy(ret_header, bytes, sizeof(*ret_header));
    if (ret_header->mark != RECORDING_MARK)
        return "there is something else where a snapshot should begin";
    if (ret_header->size > length)
        return "it ends within a snapshot";
    if (!counts_are_sane(ret_header) || ret_header->size < recording_size_of(ret_header, 0))
        return "a snapshot is not within bounds";
    if (ret_header->checksum != recording_checksum((const char *)bytes + RECORDING_COVERED,
                                                   ret_header->size - RECORDING_COVERED))
        return "a snapshot is damaged";
    return NULL;
}

int recording_read(const void *bytes, size_t length, struct snapshot **ret_snapshot,
                   size_t *ret_used, const char **ret_reason)
{
    cleanup(cleanup_topology) struct topology *topology = NULL;
    struct reader reader = {bytes};
    struct recording_snapshot header;
    struct snapshot *snapshot;
    int r;

    *ret_reason = read_snapshot_header(bytes, length, &header);
    if (*ret_reason)
        return -EBADMSG;
    reader.at += sizeof(header);
    r = read_topology(&reader, &header, &topology, ret_reason);
    if (r < 0)
        return r;
    if (header.size != recording_size_of(&header, recording_values_of(topology))) {
        *ret_reason = "its counts do not add up";
        return -EBADMSG;
    }
    r = snapshot_new(topology, &snapshot);
    if (r < 0)
        return r;
    snapshot->source = header.source;
    snapshot->now_ns = header.now_ns;
    snapshot->unix_ns = header.unix_ns;
    memcpy(snapshot->columns, header.columns, sizeof(header.columns));
    take(&reader, snapshot->values, recording_values_of(topology) * sizeof(uint64_t));
    *ret_snapshot = snapshot;
    *ret_used = header.size;
    return 0;
}
