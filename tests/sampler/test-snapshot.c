/* SPDX-License-Identifier: Apache-2.0 */
#include "sampler/snapshot.h"

#include <errno.h>
#include <string.h>

#include "suite.h"

static struct topology *two_domains(void)
{
    const struct topology_entry entries[] = {
        {.domid = 0, .name = "Domain-0", .name_length = 8, .vcpus = 2, .incarnation = 1},
        {.domid = 7, .name = NULL, .name_length = 0, .vcpus = 3, .incarnation = 2},
    };
    struct topology *topology = NULL;

    ck_assert_int_eq(topology_new(1, entries, 2, &(struct topology_host){.pcpus = 4}, &topology),
                     0);
    return topology;
}

/* Would catch vCPU rows that point at the wrong domain: one guest's time under another's name. */
START_TEST(topology_rows)
{
    struct topology *topology = two_domains();

    ck_assert_uint_eq(topology->vcpus, 5);
    ck_assert_uint_eq(topology->domain[1].first_vcpu, 2);
    for (uint32_t row = 0; row < 5; row++)
        ck_assert_uint_eq(topology->vcpu_domain[row], row < 2 ? 0 : 1);
    ck_assert_mem_eq(topology->strings + topology->domain[0].name_offset, "Domain-0", 8);
    ck_assert_uint_eq(topology->domain[1].name_length, 0);
    topology_unref(topology);
}
END_TEST

/* Would catch a name that is longer than promised being copied anyway. */
START_TEST(topology_bounds)
{
    static char long_name[TOPOLOGY_NAME_MAX + 1];
    struct topology_entry entry = {.name = long_name, .name_length = sizeof(long_name)};
    struct topology *topology = NULL;

    ck_assert_int_eq(topology_new(1, &entry, 1, &(struct topology_host){.pcpus = 1}, &topology),
                     -EOVERFLOW);
    entry.name_length--;
    entry.vcpus = UINT32_MAX;
    ck_assert_int_eq(topology_new(1, &entry, 1, &(struct topology_host){.pcpus = 1}, &topology),
                     -EOVERFLOW);
    ck_assert_ptr_null(topology);
}
END_TEST

/* Would catch overlapping tables and values that look available although nobody wrote them. */
START_TEST(snapshot_tables)
{
    struct topology *topology = two_domains();
    struct snapshot *snapshot = NULL;

    ck_assert_int_eq(snapshot_new(topology, &snapshot), 0);
    topology_unref(topology); /* the snapshot keeps its own reference */

    for (int kind = 0; kind < SNAPSHOT_KINDS; kind++)
        for (uint32_t row = 0; row < snapshot_rows(snapshot->topology, kind); row++)
            for (uint32_t field = 0; field < snapshot->fields[kind]; field++) {
                uint64_t *value = &snapshot_row(snapshot, kind, row)[field];

                ck_assert_uint_eq(*value, SNAPSHOT_ABSENT);
                *value = (uint64_t)kind; /* a second visit would find it taken */
            }

    snapshot_clear(snapshot);
    ck_assert_uint_eq(snapshot_row(snapshot, SNAPSHOT_VCPU, 4)[VCPU_PCPU], SNAPSHOT_ABSENT);
    snapshot_unref(snapshot);
}
END_TEST

/* Would catch a buffer being filled again while a slow reader still prints it. */
START_TEST(snapshot_sharing)
{
    struct topology *topology = two_domains();
    struct snapshot *snapshot = NULL;

    ck_assert_int_eq(snapshot_new(topology, &snapshot), 0);
    ck_assert(snapshot_is_mine(snapshot));
    snapshot_ref(snapshot);
    ck_assert(!snapshot_is_mine(snapshot));
    snapshot_unref(snapshot);
    ck_assert(snapshot_is_mine(snapshot));
    snapshot_unref(snapshot);
    topology_unref(topology);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot");
    TCase *tests = tcase_create("snapshot");

    tcase_add_test(tests, topology_rows);
    tcase_add_test(tests, topology_bounds);
    tcase_add_test(tests, snapshot_tables);
    tcase_add_test(tests, snapshot_sharing);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
