/* SPDX-License-Identifier: Apache-2.0 */
/* Writes snapshots as bytes; see recording.h. */
#include "sampler/recording.h"

#include <errno.h>
#include <string.h>

#include "domains/domain_set.h"
#include "sampler/recording_format.h"

uint64_t recording_checksum(const void *bytes, size_t length)
{
    const uint8_t *byte = bytes;
    uint64_t sum = 0xcbf29ce484222325ULL;

    for (size_t i = 0; i < length; i++)
        sum = (sum ^ byte[i]) * 0x100000001b3ULL;
    return sum;
}

static bool is_fixed(enum snapshot_kind kind)
{
    return kind < SNAPSHOT_HOST_MORE;
}

struct recording_header recording_header_of_this_version(void)
{
    static const struct topology nothing;
    struct recording_header header = {.version = RECORDING_VERSION, .kinds = SNAPSHOT_KINDS};

    memcpy(header.magic, RECORDING_MAGIC, sizeof(header.magic));
    for (unsigned int kind = 0; kind < SNAPSHOT_KINDS; kind++)
        header.fields[kind] = is_fixed(kind) ? snapshot_fields(&nothing, kind) : 0;
    return header;
}

uint64_t recording_size_of(const struct recording_snapshot *header, uint64_t values)
{
    return sizeof(*header) + header->domains * sizeof(struct recording_domain) +
           header->counters * sizeof(struct recording_counter) +
           header->fields * sizeof(struct recording_field) +
           recording_padded(header->strings_size) + values * sizeof(uint64_t);
}

uint64_t recording_values_of(const struct topology *topology)
{
    uint64_t values = 0;

    for (unsigned int kind = 0; kind < SNAPSHOT_KINDS; kind++)
        values += (uint64_t)snapshot_rows(topology, kind) * snapshot_fields(topology, kind);
    return values;
}

void recording_write_header(struct buf *out)
{
    struct recording_header header = recording_header_of_this_version();

    buf_append(out, &header, sizeof(header));
}

static void write_topology(struct buf *out, const struct topology *topology)
{
    for (uint32_t i = 0; i < topology->domains; i++) {
        const struct topology_domain *domain = &topology->domain[i];
        struct recording_domain record = {
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
        struct recording_counter record = {.element = counter->element, .gauge = counter->gauge};

        memcpy(record.name, counter->name, sizeof(record.name));
        buf_append(out, &record, sizeof(record));
    }
    for (uint32_t i = 0; i < topology->fields; i++) {
        const struct topology_field *field = &topology->field[i];
        struct recording_field record = {.of = field->of,
                                         .unit = field->unit,
                                         .element = field->element,
                                         .counter = field->counter};

        memcpy(record.name, field->name, sizeof(record.name));
        memcpy(record.help, field->help, sizeof(record.help));
        buf_append(out, &record, sizeof(record));
    }
    /* Names lie one after the other in the order of domains. */
    buf_append(out, topology->strings, topology->strings_size);
    buf_append(out, &(uint64_t){0},
               recording_padded(topology->strings_size) - topology->strings_size);
}

int recording_write(struct buf *out, const struct snapshot *snapshot)
{
    const struct topology *topology = snapshot->topology;
    struct recording_snapshot header = {
        .mark = RECORDING_MARK,
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
    uint64_t values = recording_values_of(topology);
    size_t start = out->length;

    if (topology->vcpus > RECORDING_VCPUS_MAX || topology->domains > DOMAIN_SET_LIMIT)
        return -EOVERFLOW;
    header.size = recording_size_of(&header, values);
    if (header.size > RECORDING_BYTES_MAX)
        return -EOVERFLOW;
    memcpy(header.columns, snapshot->columns, sizeof(header.columns));

    buf_append(out, &header, sizeof(header));
    write_topology(out, topology);
    buf_append(out, snapshot->values, values * sizeof(uint64_t));
    if (buf_error(out))
        return buf_error(out);
    header.checksum =
        recording_checksum(out->data + start + RECORDING_COVERED, header.size - RECORDING_COVERED);
    memcpy(out->data + start, &header, sizeof(header));
    return 0;
}
