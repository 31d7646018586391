/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name is a C string but for the last one, which has a NUL inside. */
static const char *const hostile_names[] = {
    "",
    "twin",
    "twin",
    "quote\"quote\"",
    "newline\nxen_domain_info{domain=\"fake\"} 1\n",
    "back\\slash\\",
    "ends in a backslash\\",
    "invalid \xff\xfe\xc0\x80\xed\xa0\x80 bytes",
    "cut short \xe2\x82",
    "umlauts \xc3\xa4\xc3\xb6\xc3\xbc and \xf0\x9f\x90\xbc",
    "\x1b[31mterminal\x1b[0m \xc2\x9b[1m",
    "carriage\rreturn\ttab\x7f",
    "} 1 # {a=\"b\"} 2",
    "a=b,c=\"d\",",
    " # EOF",
    " leading and trailing ",
    "\xe2\x80\xa8line separator\xef\xbb\xbf",
};

#define HOSTILE_NAMES (sizeof(hostile_names) / sizeof(hostile_names[0]))

static char long_name[TOPOLOGY_NAME_MAX];

static void choose_name(struct topology_entry *entry, size_t i, char text[32])
{
    if (i % (HOSTILE_NAMES + 2) < HOSTILE_NAMES) {
        entry->name = hostile_names[i % (HOSTILE_NAMES + 2)];
        entry->name_length = strlen(entry->name);
    } else if (i % (HOSTILE_NAMES + 2) == HOSTILE_NAMES) {
        memset(long_name, '\\', sizeof(long_name));
        entry->name = long_name;
        entry->name_length = sizeof(long_name);
    } else {
        snprintf(text, 32, "NUL%cinside", '\0');
        entry->name = text;
        entry->name_length = 10;
    }
}

/* kind, row and field are all in the value: a sample with another's number is seen. */
static void fill(struct snapshot *snapshot)
{
    for (uint64_t kind = 0; kind < SNAPSHOT_KINDS; kind++) {
        snapshot->columns[kind] = (UINT64_C(1) << snapshot->fields[kind]) - 1;
        for (uint32_t row = 0; row < snapshot_rows(snapshot->topology, kind); row++)
            for (uint64_t field = 0; field < snapshot->fields[kind]; field++)
                snapshot_row(snapshot, kind, row)[field] =
                    (kind + 1) * 1000000000000U + row * 1000U + field;
    }
    for (uint32_t row = 0; row < snapshot->topology->domains; row++)
        for (uint32_t state = DOMAIN_RUNNING; state <= DOMAIN_DYING; state++)
            snapshot_row(snapshot, SNAPSHOT_DOMAIN, row)[state] = (row + state) % 3 == 0;
    for (uint32_t row = 0; row < snapshot->topology->counters; row++)
        snapshot_row(snapshot, SNAPSHOT_COUNTER,
                     row)[snapshot->topology->counter[row].gauge ? COUNTER_TOTAL : COUNTER_GAUGE] =
            SNAPSHOT_ABSENT;
}

struct snapshot *host_new(uint32_t domains, uint32_t vcpus, int hostile)
{
    struct topology_entry *entries = calloc((size_t)domains + 1, sizeof(*entries));
    char(*names)[32] = calloc((size_t)domains + 1, sizeof(*names));
    struct topology *topology = NULL;
    struct snapshot *snapshot = NULL;
    static const struct topology_counter counters[] = {
        {"page_faults", TOPOLOGY_NO_ELEMENT, false},
        {"hypercalls", 0, false},
        {"hypercalls", 1, false},
        {"shadow \"pages\"\n\xff", TOPOLOGY_NO_ELEMENT, true},
    };
    static const struct topology_field fields[] = {
        {TOPOLOGY_OF_HOST, TOPOLOGY_UNIT_BYTES, TOPOLOGY_NO_ELEMENT, false, "crash_kernel",
         "Memory of a kernel for crashes."},
        {TOPOLOGY_OF_DOMAIN, TOPOLOGY_UNIT_SECONDS, TOPOLOGY_NO_ELEMENT, true, "stolen_total",
         "Time that was stolen."},
        {TOPOLOGY_OF_DOMAIN, TOPOLOGY_UNIT_NONE, 0, true, "exits", "Exits by reason."},
        {TOPOLOGY_OF_DOMAIN, TOPOLOGY_UNIT_NONE, 1, true, "exits", "Exits by reason."},
        {TOPOLOGY_OF_DOMAIN, TOPOLOGY_UNIT_BYTES, TOPOLOGY_NO_ELEMENT, false, "memory",
         "A name that is taken."},
        {TOPOLOGY_OF_VCPU, TOPOLOGY_UNIT_HERTZ, TOPOLOGY_NO_ELEMENT, false, "tick_hertz",
         "How often it ticks."},
        {TOPOLOGY_OF_PCPU, TOPOLOGY_UNIT_NONE, TOPOLOGY_NO_ELEMENT, true, "interrupts",
         "Interrupts taken."},
    };
    static const struct topology_host besides = {
        .pcpus = 4,
        .nodes = 2,
        .counters = sizeof(counters) / sizeof(counters[0]),
        .counter = counters,
        .fields = sizeof(fields) / sizeof(fields[0]),
        .field = fields,
    };

    if (!entries || !names)
        abort();
    for (uint32_t i = 0; i < domains; i++) {
        entries[i].domid = i;
        entries[i].guest_type = i % TOPOLOGY_GUEST_TYPES;
        entries[i].incarnation = i + 1;
        entries[i].created_ns = 1700000000000000000U + i;
        entries[i].vcpus = vcpus;
        if (hostile) {
            choose_name(&entries[i], i, names[i]); /* and all UUIDs are equal */
        } else {
            memcpy(entries[i].uuid + 12, &(uint32_t){__builtin_bswap32(i)}, 4);
            entries[i].name_length = (size_t)snprintf(names[i], 32, "guest-%u", i);
            entries[i].name = names[i];
        }
    }
    if (topology_new(1, entries, domains, &besides, &topology) || snapshot_new(topology, &snapshot))
        abort();
    topology_unref(topology);
    free(entries);
    free(names);

    fill(snapshot);
    snapshot->source = SNAPSHOT_SOURCE_SIMULATED;
    return snapshot;
}
