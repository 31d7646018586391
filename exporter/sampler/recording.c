/* SPDX-License-Identifier: Apache-2.0 */
/* Writes and reads snapshots as bytes; see recording.h. */
#include "sampler/recording.h"

#include <errno.h>
#include <string.h>

#include "domains/domain_set.h"

static const char file_magic[8] = {'x', 's', 'e', 'r', 'e', 'c', '\r', '\n'};

#define SNAPSHOT_MARK 0x50414e53U /* "SNAP" */

struct file_header {
    char magic[8];
    uint32_t version;
    uint32_t kinds;
    uint32_t fields[SNAPSHOT_KINDS]; /* of the kinds that every snapshot has in the same way */
    uint32_t reserved;
};

struct snapshot_header {
    uint32_t mark;
    uint32_t source;
    uint64_t size;     /* of all of it, this header too */
    uint64_t checksum; /* of what follows this field */
    uint64_t now_ns, unix_ns;
    uint32_t domains, vcpus, pcpus, nodes, counters, fields;
    uint32_t strings_size; /* bytes, filled up to a multiple of 8 */
    uint32_t reserved;
    uint64_t columns[SNAPSHOT_KINDS];
};

struct domain_record {
    uint64_t incarnation, created_ns;
    uint8_t uuid[16];
    uint32_t domid, guest_type, name_length, vcpus;
};

struct counter_record {
    char name[TOPOLOGY_COUNTER_NAME];
    uint32_t element, gauge;
};

struct field_record {
    char name[TOPOLOGY_FIELD_NAME];
    char help[TOPOLOGY_FIELD_HELP];
    uint32_t of, unit, element, counter;
};

_Static_assert(sizeof(struct file_header) == 16 + 4 * (SNAPSHOT_KINDS + 1), "no gaps");
_Static_assert(sizeof(struct snapshot_header) == 72 + 8 * SNAPSHOT_KINDS, "no gaps");
_Static_assert(sizeof(struct domain_record) == 48, "no gaps");
_Static_assert(sizeof(struct counter_record) == TOPOLOGY_COUNTER_NAME + 8, "no gaps");
_Static_assert(sizeof(struct field_record) == TOPOLOGY_FIELD_NAME + TOPOLOGY_FIELD_HELP + 16,
               "no gaps");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they are");

/* FNV-1a: against damage, not against anybody. */
static uint64_t checksum(const void *bytes, size_t length)
{
    const uint8_t *byte = bytes;
    uint64_t sum = 0xcbf29ce484222325ULL;

    for (size_t i = 0; i < length; i++)
        sum = (sum ^ byte[i]) * 0x100000001b3ULL;
    return sum;
}

static uint64_t padded(uint64_t length)
{
    return (length + 7) & ~7ULL;
}

static bool is_fixed(enum snapshot_kind kind)
{
    return kind < SNAPSHOT_HOST_MORE;
}

static struct file_header header_of_this_version(void)
{
    static const struct topology nothing;
    struct file_header header = {.version = RECORDING_VERSION, .kinds = SNAPSHOT_KINDS};

    memcpy(header.magic, file_magic, sizeof(header.magic));
    for (unsigned int kind = 0; kind < SNAPSHOT_KINDS; kind++)
        header.fields[kind] = is_fixed(kind) ? snapshot_fields(&nothing, kind) : 0;
    return header;
}

void recording_write_header(struct buf *out)
{
    struct file_header header = header_of_this_version();

    buf_append(out, &header, sizeof(header));
}

int recording_read_header(const void *bytes, size_t length, size_t *ret_used,
                          const char **ret_reason)
{
    struct file_header wanted = header_of_this_version(), header;

    if (length < sizeof(wanted.magic) || memcmp(bytes, file_magic, sizeof(file_magic)) != 0) {
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

/* How long a snapshot is whose counts are within their bounds. */
static uint64_t size_of(const struct snapshot_header *header, uint64_t values)
{
    return sizeof(*header) + header->domains * sizeof(struct domain_record) +
           header->counters * sizeof(struct counter_record) +
           header->fields * sizeof(struct field_record) + padded(header->strings_size) +
           values * sizeof(uint64_t);
}

static uint64_t values_of(const struct topology *topology)
{
    uint64_t values = 0;

    for (unsigned int kind = 0; kind < SNAPSHOT_KINDS; kind++)
        values += (uint64_t)snapshot_rows(topology, kind) * snapshot_fields(topology, kind);
    return values;
}

static void write_topology(struct buf *out, const struct topology *topology)
{
    for (uint32_t i = 0; i < topology->domains; i++) {
        const struct topology_domain *domain = &topology->domain[i];
        struct domain_record record = {
            .incarnation = domain->incarnation,
            .created_ns = domain->created_ns,
            .domid = domain->domid,
            .guest_type = domain->guest_type,
            .name_length = domain->name_length,
            .vcpus = domain->vcpus,
        };

        memcpy(record.uuid, domain->uuid, sizeof(record.uuid));
        buf_append(out, &record, sizeof(record));
    }
    for (uint32_t i = 0; i < topology->counters; i++) {
        const struct topology_counter *counter = &topology->counter[i];
        struct counter_record record = {.element = counter->element, .gauge = counter->gauge};

        memcpy(record.name, counter->name, sizeof(record.name));
        buf_append(out, &record, sizeof(record));
    }
    for (uint32_t i = 0; i < topology->fields; i++) {
        const struct topology_field *field = &topology->field[i];
        struct field_record record = {.of = field->of,
                                      .unit = field->unit,
                                      .element = field->element,
                                      .counter = field->counter};

        memcpy(record.name, field->name, sizeof(record.name));
        memcpy(record.help, field->help, sizeof(record.help));
        buf_append(out, &record, sizeof(record));
    }
    /* Names lie one after the other in the order of domains. */
    buf_append(out, topology->strings, topology->strings_size);
    buf_append(out, &(uint64_t){0}, padded(topology->strings_size) - topology->strings_size);
}

int recording_write(struct buf *out, const struct snapshot *snapshot)
{
    const struct topology *topology = snapshot->topology;
    struct snapshot_header header = {
        .mark = SNAPSHOT_MARK,
        .source = snapshot->source,
        .now_ns = snapshot->now_ns,
        .unix_ns = snapshot->unix_ns,
        .domains = topology->domains,
        .vcpus = topology->vcpus,
        .pcpus = topology->pcpus,
        .nodes = topology->nodes,
        .counters = topology->counters,
        .fields = topology->fields,
        .strings_size = topology->strings_size,
    };
    const size_t covered = offsetof(struct snapshot_header, now_ns);
    uint64_t values = values_of(topology);
    size_t start = out->length;

    if (topology->vcpus > RECORDING_VCPUS_MAX || topology->domains > DOMAIN_SET_LIMIT)
        return -EOVERFLOW;
    header.size = size_of(&header, values);
    if (header.size > RECORDING_BYTES_MAX)
        return -EOVERFLOW;
    memcpy(header.columns, snapshot->columns, sizeof(header.columns));

    buf_append(out, &header, sizeof(header));
    write_topology(out, topology);
    buf_append(out, snapshot->values, values * sizeof(uint64_t));
    if (buf_error(out))
        return buf_error(out);
    header.checksum = checksum(out->data + start + covered, header.size - covered);
    memcpy(out->data + start, &header, sizeof(header));
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

static bool counts_are_sane(const struct snapshot_header *header)
{
    return header->source < SNAPSHOT_SOURCES && header->domains <= DOMAIN_SET_LIMIT &&
           header->vcpus <= RECORDING_VCPUS_MAX && header->pcpus <= TOPOLOGY_PCPUS_MAX &&
           header->nodes <= TOPOLOGY_NODES_MAX && header->counters <= TOPOLOGY_COUNTERS_MAX &&
           header->fields <= TOPOLOGY_MORE * TOPOLOGY_FIELDS_MAX &&
           header->strings_size <= (uint64_t)header->domains * TOPOLOGY_NAME_MAX;
}

/* Domains in the order and within the bounds that a topology has. */
static const char *read_domains(struct reader *reader, const struct snapshot_header *header,
                                struct topology_entry *entries)
{
    uint64_t vcpus = 0, strings = 0;

    for (uint32_t i = 0; i < header->domains; i++) {
        struct domain_record record;

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
        struct counter_record record;

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
        struct field_record record;

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
static void read_names(struct reader *reader, const struct snapshot_header *header,
                       struct topology_entry *entries)
{
    const char *name = (const char *)reader->at;

    for (uint32_t i = 0; i < header->domains; i++) {
        entries[i].name = name;
        name += entries[i].name_length;
    }
    reader->at += padded(header->strings_size);
}

static int read_topology(struct reader *reader, const struct snapshot_header *header,
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
                                        struct snapshot_header *ret_header)
{
    const size_t covered = offsetof(struct snapshot_header, now_ns);

    if (length < sizeof(*ret_header))
        return "it ends within a snapshot";
    memcpy(ret_header, bytes, sizeof(*ret_header));
    if (ret_header->mark != SNAPSHOT_MARK)
        return "there is something else where a snapshot should begin";
    if (ret_header->size > length)
        return "it ends within a snapshot";
    if (!counts_are_sane(ret_header) || ret_header->size < size_of(ret_header, 0))
        return "a snapshot is not within bounds";
    if (ret_header->checksum != checksum((const char *)bytes + covered, ret_header->size - covered))
        return "a snapshot is damaged";
    return NULL;
}

int recording_read(const void *bytes, size_t length, struct snapshot **ret_snapshot,
                   size_t *ret_used, const char **ret_reason)
{
    cleanup(cleanup_topology) struct topology *topology = NULL;
    struct reader reader = {bytes};
    struct snapshot_header header;
    struct snapshot *snapshot;
    int r;

    *ret_reason = read_snapshot_header(bytes, length, &header);
    if (*ret_reason)
        return -EBADMSG;
    reader.at += sizeof(header);
    r = read_topology(&reader, &header, &topology, ret_reason);
    if (r < 0)
        return r;
    if (header.size != size_of(&header, values_of(topology))) {
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
    take(&reader, snapshot->values, values_of(topology) * sizeof(uint64_t));
    *ret_snapshot = snapshot;
    *ret_used = header.size;
    return 0;
}
