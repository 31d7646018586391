/* SPDX-License-Identifier: Apache-2.0 */
/* How a recording is laid out; for the two files that write and read it. See recording.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sampler/recording.h"

#define RECORDING_MAGIC "xserec\r\n" /* without its NUL */
#define RECORDING_MARK  0x50414e53U  /* "SNAP" */

struct recording_header {
    char magic[8];
    uint32_t version;
    uint32_t kinds;
    uint32_t fields[SNAPSHOT_KINDS]; /* of the kinds that every snapshot has in the same way */
    uint32_t reserved;
};

struct recording_snapshot {
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

struct recording_domain {
    uint64_t incarnation, created_ns;
    uint8_t uuid[16];
    uint32_t domid, guest_type, name_length, vcpus;
};

struct recording_counter {
    char name[TOPOLOGY_COUNTER_NAME];
    uint32_t element, gauge;
};

struct recording_field {
    char name[TOPOLOGY_FIELD_NAME];
    char help[TOPOLOGY_FIELD_HELP];
    uint32_t of, unit, element, counter;
};

_Static_assert(sizeof(struct recording_header) == 16 + 4 * (SNAPSHOT_KINDS + 1), "no gaps");
_Static_assert(sizeof(struct recording_snapshot) == 72 + 8 * SNAPSHOT_KINDS, "no gaps");
_Static_assert(sizeof(struct recording_domain) == 48, "no gaps");
_Static_assert(sizeof(struct recording_counter) == TOPOLOGY_COUNTER_NAME + 8, "no gaps");
_Static_assert(sizeof(struct recording_field) == TOPOLOGY_FIELD_NAME + TOPOLOGY_FIELD_HELP + 16,
               "no gaps");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they are");

/* What the snapshot's checksum covers begins here. */
#define RECORDING_COVERED offsetof(struct recording_snapshot, now_ns)

/* FNV-1a: against damage, not against anybody. */
uint64_t recording_checksum(const void *bytes, size_t length);

/* What a file of this program begins with. */
struct recording_header recording_header_of_this_version(void);

/* Names are filled up to a multiple of 8 bytes. */
static inline uint64_t recording_padded(uint64_t length)
{
    return (length + 7) & ~7ULL;
}

/* How long a snapshot is whose counts are within their bounds. */
uint64_t recording_size_of(const struct recording_snapshot *header, uint64_t values);

/* How many values a snapshot of this topology has. */
uint64_t recording_values_of(const struct topology *topology);
