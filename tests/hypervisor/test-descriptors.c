/* SPDX-License-Identifier: Apache-2.0 */
/* The table that describes all the others, and the performance counters. */
#include "../suite.h"
#include "client.h"

#define FRAMES_MAX 64U

static const void *described[FRAMES_MAX], *host[FRAMES_MAX], *domain[FRAMES_MAX];

static const struct xen_stats_descriptor *descriptor(unsigned int i)
{
    return find_record(described, XEN_STATS_KIND_descriptor, i);
}

static unsigned int map_descriptors(void)
{
    return map_table(XEN_STATS_ID_descriptors, described, FRAMES_MAX);
}

START_TEST(test_each_is_well_formed)
{
    unsigned int frames_count = map_descriptors();
    unsigned int count = find_kind(described[0], XEN_STATS_KIND_descriptor)->count;

    ck_assert_uint_gt(count, 60);
    for (unsigned int i = 0; i < frames_count; i++)
        ck_assert(is_frame_of(described[i], XEN_STATS_ID_descriptors, i, 0));
    for (unsigned int i = 0; i < count; i++) {
        const struct xen_stats_descriptor *d = descriptor(i);
        size_t length = strnlen(d->name, sizeof(d->name)), help = strnlen(d->help, sizeof(d->help));

        ck_assert_uint_eq(d->record.flags, XEN_STATS_RECORD_valid);
        ck_assert_uint_eq(d->record.index, i);
        ck_assert_uint_gt(length, 0);
        ck_assert_uint_lt(length, sizeof(d->name));
        ck_assert_uint_eq(strspn(d->name, "abcdefghijklmnopqrstuvwxyz0123456789_"), length);
        /* A sentence that was not cut off. */
        ck_assert_uint_gt(help, 5);
        ck_assert_uint_lt(help, sizeof(d->help));
        ck_assert_msg(d->help[help - 1] == '.', "%s: '%s'", d->name, d->help);
        ck_assert_uint_ge(d->type, XEN_STATS_TYPE_counter);
        ck_assert_uint_le(d->type, XEN_STATS_TYPE_opaque);
        ck_assert_uint_le(d->unit, XEN_STATS_UNIT_hertz);
        ck_assert(d->unit != XEN_STATS_UNIT_none || (d->scale == 1 && d->exponent == 0));
        ck_assert_uint_gt(d->scale, 0);
        ck_assert_uint_gt(d->count, 0);
        ck_assert_uint_eq(d->reserved, 0);
        ck_assert_uint_lt(d->field_flags, XEN_STATS_FIELD_optional << 1);
        /* What these mean for eight bytes goes without saying, or is not defined. */
        if (d->field_flags & (XEN_STATS_FIELD_signed | XEN_STATS_FIELD_optional))
            ck_assert_uint_eq(d->size, 4);
        ck_assert((d->type == XEN_STATS_TYPE_histogram) == (d->base != 0));
        for (unsigned int other = 0; other < i; other++)
            ck_assert_msg(descriptor(other)->kind != d->kind ||
                              strcmp(descriptor(other)->name, d->name),
                          "%s is described twice", d->name);
    }
    unmap_table(described, frames_count);
}
END_TEST

/* What is not described: the head of each record, and what is reserved. */
static bool is_left_out(uint32_t kind, unsigned int byte)
{
    if (kind == XEN_STATS_KIND_bitmap)
        return false;
    return byte < sizeof(struct xen_stats_record) ||
           (kind == XEN_STATS_KIND_clock && byte >= offsetof(struct xen_stats_clock, reserved)) ||
           (kind == XEN_STATS_KIND_pcpu &&
            byte / 4 == offsetof(struct xen_stats_pcpu, reserved) / 4);
}

/* Every byte of every record belongs to one field. */
static void check_coverage(const void *frame0)
{
    const struct xen_stats_frame *header = frame0;
    unsigned int count = find_kind(described[0], XEN_STATS_KIND_descriptor)->count;

    for (unsigned int k = 0; k < header->nr_kinds; k++) {
        const struct xen_stats_kind *kind =
            frame0 + XEN_STATS_DIRECTORY_OFFSET + k * header->kind_size;
        uint8_t used[4096] = {0};

        for (unsigned int i = 0; i < count; i++) {
            const struct xen_stats_descriptor *d = descriptor(i);

            if (d->kind != kind->kind)
                continue;
            ck_assert_uint_le(d->offset + d->size * d->count, kind->size);
            ck_assert_uint_eq(d->offset % (d->size < 8 ? d->size : 8), 0);
            for (unsigned int byte = 0; byte < d->size * d->count; byte++)
                used[d->offset + byte]++;
        }
        for (unsigned int byte = 0; byte < kind->size; byte++)
            ck_assert_msg(used[byte] == !is_left_out(kind->kind, byte),
                          "kind %u, byte %u: %u fields", kind->kind, byte, used[byte]);
    }
}

START_TEST(test_every_field_is_described)
{
    struct domain *d = shim_create_domain_with_vcpus(1, 1);

    unsigned int descriptors = map_descriptors();
    unsigned int hosts = map_table(DOMID_XEN, host, FRAMES_MAX);
    unsigned int domains = map_table(1, domain, FRAMES_MAX);

    check_coverage(host[0]);
    check_coverage(domain[0]);
    /* And nothing but fields of kinds that exist. */
    for (unsigned int i = 0; i < find_kind(described[0], XEN_STATS_KIND_descriptor)->count; i++)
        ck_assert(find_kind(host[0], descriptor(i)->kind) ||
                  find_kind(domain[0], descriptor(i)->kind));
    unmap_table(described, descriptors);
    unmap_table(host, hosts);
    unmap_table(domain, domains);
    shim_kill_domain(d);
}
END_TEST

static const struct xen_stats_descriptor *described_as(uint32_t kind, const char *name)
{
    for (unsigned int i = 0; i < find_kind(described[0], XEN_STATS_KIND_descriptor)->count; i++)
        if (descriptor(i)->kind == kind && !strcmp(descriptor(i)->name, name))
            return descriptor(i);
    ck_abort_msg("%s is not described", name);
}

/* A reader that knows nothing but the descriptors reads what was put there. */
START_TEST(test_reading_by_description)
{
    struct domain *d = shim_create_domain_with_vcpus(1, 1);
    const struct xen_stats_descriptor *field;
    unsigned int descriptors = map_descriptors(), domains;
    uint64_t waits[XEN_STATS_WAIT_BUCKETS];

    shim_set_memory(d, 1234, 0, 5678, 0);
    domains = map_table(1, domain, FRAMES_MAX);

    field = described_as(XEN_STATS_KIND_domain, "pages");
    ck_assert_uint_eq(load64(find_record(domain, field->kind, 0) + field->offset), 1234);
    ck_assert_uint_eq(field->unit, XEN_STATS_UNIT_bytes);
    ck_assert_uint_eq(field->scale, 4096);
    ck_assert_uint_eq(field->type, XEN_STATS_TYPE_gauge);

    field = described_as(XEN_STATS_KIND_vcpu, "waits");
    shim_runstate_change(d->vcpu[0], RUNSTATE_runnable, NOW());
    shim_runstate_change(d->vcpu[0], RUNSTATE_running, NOW() + 5000);
    ck_assert_uint_eq(field->type, XEN_STATS_TYPE_histogram);
    ck_assert_uint_eq(field->size * field->count, sizeof(waits));
    memcpy(waits, find_record(domain, field->kind, 0) + field->offset, sizeof(waits));
    for (unsigned int b = 0; b < field->count; b++)
        ck_assert_uint_eq(waits[b], b && 5000 < field->base << b && 5000 >= field->base << (b - 1));

    /* All ones are a shift of -1 here, and no node there. */
    field = described_as(XEN_STATS_KIND_clock, "tsc_shift");
    ck_assert_uint_eq(field->field_flags, XEN_STATS_FIELD_seq | XEN_STATS_FIELD_signed);
    field = described_as(XEN_STATS_KIND_pcpu, "node");
    ck_assert_uint_eq(field->field_flags, XEN_STATS_FIELD_optional);

    field = described_as(XEN_STATS_KIND_vcpu, "time");
    ck_assert_uint_eq(field->field_flags, XEN_STATS_FIELD_seq | XEN_STATS_FIELD_runstate);
    ck_assert_int_eq(field->exponent, -9);
    ck_assert_uint_eq(field->count, 4);
    ck_assert_uint_eq(load64(find_record(domain, field->kind, 0) + field->offset +
                             RUNSTATE_runnable * field->size),
                      5000);
    unmap_table(described, descriptors);
    unmap_table(domain, domains);
    shim_kill_domain(d);
}
END_TEST

static uint64_t perfc_value(unsigned int i)
{
    const struct xen_stats_perfc *record = find_record(host, XEN_STATS_KIND_perfc, i);

    return load64(&record->value);
}

/* Counters that wrap, are reset, and vanish together with their CPU, against totals kept here. */
START_TEST(test_performance_counters)
{
    uint64_t expected[NUM_PERFCOUNTERS] = {0}, seed = 99;
    unsigned int count;

    shim_cpu_up(0);
    shim_cpu_up(1);
    shim_cpu_up(2);
    for (unsigned int cpu = 0; cpu < 3; cpu++)
        for (unsigned int i = 0; i < NUM_PERFCOUNTERS; i++)
            shim_per_cpu_perfcounters[cpu][i] = i == PERFC_gauge ? 7 : (perfc_t)(0xfffffff0 + i);
    count = map_table(DOMID_XEN, host, FRAMES_MAX);
    ck_assert_uint_eq(find_kind(host[0], XEN_STATS_KIND_perfc)->count, NUM_PERFCOUNTERS);
    /* What was counted before is not of interest, where gauges stand is. */
    expected[PERFC_gauge] = 21;

    for (unsigned int round = 0; round < 2000; round++) {
        for (unsigned int n = 0; n < 20; n++) {
            unsigned int cpu, i;
            perfc_t more;

            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            cpu = (unsigned int)(seed >> 33) % 3;
            i = (unsigned int)(seed >> 36) % NUM_PERFCOUNTERS;
            more = (perfc_t)(seed >> 40) << (seed >> 60);
            if (!cpu_online(cpu))
                continue;
            if (i == PERFC_gauge)
                more = seed >> 63 ? 1 : (perfc_t)-1;
            else
                more %= 1U << 27;
            shim_per_cpu_perfcounters[cpu][i] += more;
            expected[i] += i == PERFC_gauge ? (uint64_t)(int64_t)(int32_t)more : more;
        }
        /* CPUs come and go, counters are reset, or nothing but time passes. */
        switch ((seed >> 50) % 8) {
        case 0:
            if (cpu_online(2))
                shim_cpu_down(2);
            else
                shim_cpu_up(2);
            break;
        case 1:
            shim_reset_perfcounters();
            break;
        default:
            break;
        }
        shim_pass_time(SECONDS(1));
        for (unsigned int i = 0; i < NUM_PERFCOUNTERS; i++)
            ck_assert_uint_eq(perfc_value(i), expected[i]);
    }
    unmap_table(host, count);
    for (unsigned int cpu = 0; cpu < 3; cpu++)
        if (cpu_online(cpu) && cpu)
            shim_cpu_down(cpu);
}
END_TEST

START_TEST(test_names_of_performance_counters)
{
    unsigned int count;

    shim_cpu_up(0);
    count = map_table(DOMID_XEN, host, FRAMES_MAX);
    for (unsigned int i = 0; i < NUM_PERFCOUNTERS; i++) {
        const struct xen_stats_perfc *record = find_record(host, XEN_STATS_KIND_perfc, i);
        const char *name;
        unsigned int element;
        bool is_gauge = perfc_get_info(i, &name, &element);

        ck_assert_uint_eq(record->record.flags, XEN_STATS_RECORD_valid);
        ck_assert_uint_eq(record->record.index, i);
        ck_assert_str_eq(record->name, name);
        ck_assert_uint_eq(record->element, element);
        ck_assert_uint_eq(record->type, is_gauge ? XEN_STATS_PERFC_gauge : XEN_STATS_PERFC_counter);
    }
    unmap_table(host, count);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("descriptors");
    TCase *tests = tcase_create("descriptors");

    shim_boot();
    tcase_set_timeout(tests, 100);
    tcase_add_test(tests, test_each_is_well_formed);
    tcase_add_test(tests, test_every_field_is_described);
    tcase_add_test(tests, test_reading_by_description);
    tcase_add_test(tests, test_performance_counters);
    tcase_add_test(tests, test_names_of_performance_counters);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
