/* SPDX-License-Identifier: Apache-2.0 */
#include "exposition/exposition.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdio.h>
#include <string.h>

#include "collectors.h"
#include "exposition/golden_dir.h"
#include "host.h"
#include "suite.h"

static const struct exposition_options options = {
    .layout = {.version = "1.2.3", .collectors = COLLECTORS_ALL}};

/* Returns the body up to "process_", whose numbers no test knows, as a string. */
static char *render(const struct snapshot *snapshot, enum exposition_format format)
{
    struct buf out = BUF_NULL;
    char *process;

    ck_assert_int_eq(exposition_render_once(snapshot, format, &options, &out), 0);
    buf_append_byte(&out, '\0');
    ck_assert_int_eq(buf_error(&out), 0);
    ck_assert_uint_eq(strlen(out.data), out.length - 1);
    if (format == FORMAT_OPENMETRICS)
        ck_assert_str_eq(out.data + out.length - 7, "# EOF\n");
    process = strstr(out.data, "# TYPE process_");
    ck_assert_ptr_nonnull(process);
    *process = '\0';
    return out.data;
}

#define GOLDEN_MAX (1U << 20)

static char *read_golden(const char *name)
{
    char path[512], *text = calloc(1, GOLDEN_MAX);
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", GOLDEN_DIR, name);
    file = fopen(path, "r");
    ck_assert_msg(file, "no golden file %s", path);
    ck_assert_uint_gt(fread(text, 1, GOLDEN_MAX - 1, file), 0);
    fclose(file);
    return text;
}

static void check_golden(const struct snapshot *snapshot, enum exposition_format format,
                         const char *name)
{
    char *text = render(snapshot, format), *golden = read_golden(name);

    if (strcmp(text, golden) != 0)
        fprintf(stderr, "%s should now be:\n%s", name, text);
    ck_assert_msg(strcmp(text, golden) == 0, "%s differs", name);
    free(text);
    free(golden);
}

/* Would catch any change of what users see, and a number that stands in another's line. */
START_TEST(golden)
{
    struct snapshot *snapshot = host_new(2, 2, 0);

    check_golden(snapshot, FORMAT_TEXT, "two-domains.txt");
    check_golden(snapshot, FORMAT_OPENMETRICS, "two-domains.openmetrics");
    snapshot_unref(snapshot);
}
END_TEST

/* Would catch a metric that this source cannot give being shown as if it could. */
START_TEST(absent)
{
    struct snapshot *snapshot = host_new(2, 2, 0);
    char *text;

    snapshot->columns[SNAPSHOT_PCPU] = 0;
    snapshot_row(snapshot, SNAPSHOT_VCPU, 1)[VCPU_BLOCKED_NS] = SNAPSHOT_ABSENT;
    text = render(snapshot, FORMAT_OPENMETRICS);
    ck_assert_ptr_null(strstr(text, "xen_pcpu_idle"));
    ck_assert_ptr_null(strstr(text, "xen_pcpu_cstate"));
    ck_assert_ptr_nonnull(strstr(text, "domain=\"guest-0\",vcpu=\"0\",state=\"blocked\"} "));
    ck_assert_ptr_null(strstr(text, "domain=\"guest-0\",vcpu=\"1\",state=\"blocked\"} "));
    ck_assert_ptr_nonnull(strstr(text, "domain=\"guest-0\",vcpu=\"1\",state=\"offline\"} "));
    free(text);

    /* Of the runstates a stock Xen gives one. */
    snapshot->columns[SNAPSHOT_VCPU] = 1U << VCPU_RUNNING_NS;
    for (uint32_t row = 0; row < 4; row++)
        for (uint32_t field = 1; field < VCPU_FIELDS; field++)
            snapshot_row(snapshot, SNAPSHOT_VCPU, row)[field] = SNAPSHOT_ABSENT;
    text = render(snapshot, FORMAT_OPENMETRICS);
    ck_assert_ptr_nonnull(strstr(text, "state=\"running\"} "));
    ck_assert_ptr_null(strstr(text, ",state=\"blocked\"} "));
    ck_assert_ptr_null(strstr(text, "xen_vcpu_pcpu"));
    free(text);
    snapshot_unref(snapshot);
}
END_TEST

/* Would catch a name leaving its line: each line must be metadata or begin with a metric's name. */
START_TEST(hostile)
{
    struct snapshot *snapshot = host_new(50, 1, 1);
    char *text = render(snapshot, FORMAT_TEXT), *rest = text, *line;
    int infos = 0;

    while ((line = strsep(&rest, "\n")) && *line) {
        ck_assert(strncmp(line, "# ", 2) == 0 || strncmp(line, "xen_", 4) == 0);
        infos += strncmp(line, "xen_domain_info{uuid=", 21) == 0;
        for (const char *at = line; *at; at++)
            ck_assert_msg((unsigned char)*at >= ' ' && *at != 0x7f, "control character: %s", line);
    }
    ck_assert_int_eq(infos, 50);
    free(text);
    snapshot_unref(snapshot);
}
END_TEST

/* What follows is about bodies that clients hold. Each has a snapshot of its own. */
static struct exposition *exposition;
static struct snapshot *host;

static void bodies_setup(void)
{
    host = host_new(3, 1, 0);
    host->now_ns = 100 * NS_PER_S;
    ck_assert_int_eq(exposition_new(&options, &exposition), 0);
}

static void bodies_teardown(void)
{
    exposition = exposition_free(exposition);
    host = snapshot_unref(host);
}

/* The body of a snapshot that is `later_ns` after the one before, if that is what happens. */
static struct body *take(uint64_t later_ns, enum exposition_format format, enum encoding encoding,
                         int expected)
{
    struct body *body = NULL;

    host->now_ns += later_ns;
    ck_assert_int_eq(exposition_render(exposition, host, format, encoding, &body), expected);
    ck_assert_int_eq(body != NULL, expected >= 0);
    return body;
}

/* Its text; for free(). */
static char *text_of(const struct body *body, enum encoding encoding, size_t *ret_length)
{
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    const size_t max = 1U << 20;
    char *text = malloc(max);

    *ret_length = body->length;
    if (encoding == ENCODING_GZIP)
        ck_assert_int_eq(libdeflate_gzip_decompress(decompressor, body->data, body->length, text,
                                                    max, ret_length),
                         LIBDEFLATE_SUCCESS);
    else
        memcpy(text, body->data, body->length);
    libdeflate_free_decompressor(decompressor);
    return text;
}

/* Marks the snapshot to come, and says whether that is the one a body shows. */
static uint64_t mark(void)
{
    static uint64_t marks = 7000000;

    return snapshot_row(host, SNAPSHOT_HOST, 0)[HOST_DOMAINS_CREATED] = ++marks;
}

static bool has_mark(const struct body *body, enum encoding encoding, uint64_t marked)
{
    char line[64], *text;
    size_t length;
    bool found;

    snprintf(line, sizeof(line), "\nxen_host_domain_creations_total %llu\n",
             (unsigned long long)marked);
    text = text_of(body, encoding, &length);
    found = memmem(text, length, line, strlen(line));
    free(text);
    return found;
}

/* Would catch a buffer that a slow client still reads being written again, and a burst of scrapes,
 * answered with one snapshot, that uses up the bodies. */
START_TEST(bodies)
{
    struct body *held[2], *body;

    held[0] = take(1, FORMAT_TEXT, ENCODING_IDENTITY, 0);
    held[1] = take(1, FORMAT_TEXT, ENCODING_IDENTITY, 0);
    ck_assert_ptr_ne(held[0]->data, held[1]->data);
    body = take(0, FORMAT_TEXT, ENCODING_IDENTITY, 0);
    ck_assert_ptr_eq(body, held[1]);
    body_unref(body);

    /* Another moment, and no room: the youngest that there is. */
    body = take(1, FORMAT_TEXT, ENCODING_IDENTITY, EXPOSITION_SHORT);
    ck_assert_ptr_eq(body, held[1]);
    body_unref(body);

    /* Given back, the same memory comes again: the steady state allocates nothing. */
    body_unref(held[0]);
    body = take(1, FORMAT_TEXT, ENCODING_IDENTITY, 0);
    ck_assert_ptr_eq(body, held[0]);
    ck_assert_uint_le(body->length, body->capacity);
    body_unref(body);
    body_unref(held[1]);
}
END_TEST

/* Would catch slow readers of plain bodies that cost a reader of compressed ones its snapshot. */
START_TEST(gzip_beside_stalled)
{
    struct body *held[6] = {0};

    for (size_t i = 0; i < 6; i++) { /* as many as are to be had, of both formats */
        host->now_ns++;
        ck_assert_int_ge(
            exposition_render(exposition, host, i % FORMATS, ENCODING_IDENTITY, &held[i]), 0);
    }
    for (int round = 0; round < 20; round++)
        for (int format = 0; format < FORMATS; format++) {
            uint64_t marked = mark();
            struct body *body = take(NS_PER_S, format, ENCODING_GZIP, 0);

            ck_assert(has_mark(body, ENCODING_GZIP, marked));
            body_unref(body);
        }
    for (size_t i = 0; i < 6; i++)
        body_unref(held[i]);
}
END_TEST

/* Would catch a body of long ago being served because nothing else is to be had. */
START_TEST(no_old_bodies)
{
    for (int encoding = 0; encoding < ENCODINGS; encoding++)
        for (int format = 0; format < FORMATS; format++) {
            struct body *held[10], *body;
            unsigned int count = 0;
            int r = 0;

            while (r == 0 && count < 10) {
                host->now_ns += NS_PER_S;
                r = exposition_render(exposition, host, format, encoding, &held[count]);
                count += r >= 0;
            }
            ck_assert_int_eq(r, EXPOSITION_SHORT);
            body = take(EXPOSITION_SHARED_MAX_NS - NS_PER_S, format, encoding, EXPOSITION_SHORT);
            ck_assert_ptr_eq(body, held[count - 1]);
            body_unref(body);
            take(1, format, encoding, -EAGAIN);
            take(3600 * NS_PER_S, format, encoding, -EAGAIN);
            for (unsigned int i = 0; i < count; i++)
                body_unref(held[i]);

            /* What nobody holds is written anew, however young. */
            body = take(1, format, encoding, 0);
            body_unref(body);
        }
}
END_TEST

/* Would catch as many bodies as there are slow readers, and more than one where there are none. */
START_TEST(bounded)
{
    struct body *held[100] = {0}, *body;
    const char *data[ENCODINGS] = {0};
    size_t different = 0;

    for (int i = 0; i < 20; i++) {
        int format = i % FORMATS, encoding = i / 2 % ENCODINGS;

        body = take(NS_PER_S, format, encoding, 0);
        ck_assert(!data[encoding] || body->data == data[encoding]);
        data[encoding] = body->data;
        body_unref(body);
    }
    for (size_t i = 0; i < 100; i++) {
        struct body *got = NULL;
        bool known = false;

        host->now_ns++;
        if (exposition_render(exposition, host, i % FORMATS, i / 2 % ENCODINGS, &got) < 0)
            continue;
        held[i] = got;
        for (size_t j = 0; j < i; j++)
            known = known || held[j] == got;
        different += !known;
    }
    ck_assert_uint_eq(different, BODIES_MAX - 1 + BODIES_MAX);
    for (size_t i = 0; i < 100; i++)
        body_unref(held[i]);
}
END_TEST

/* Would catch readers of one format keeping all bodies from those of the other. */
START_TEST(other_format)
{
    struct body *held[2], *body;

    held[0] = take(1, FORMAT_TEXT, ENCODING_IDENTITY, 0);
    held[1] = take(1, FORMAT_TEXT, ENCODING_IDENTITY, 0);
    take(1, FORMAT_OPENMETRICS, ENCODING_IDENTITY, -EAGAIN);
    body_unref(held[0]);
    body = take(1, FORMAT_TEXT, ENCODING_IDENTITY, EXPOSITION_SHORT);
    body_unref(body);
    held[0] = take(1, FORMAT_OPENMETRICS, ENCODING_IDENTITY, 0);
    body_unref(held[0]);

    /* It has what it wanted; and so it is when nobody asks for it any more. */
    held[0] = take(1, FORMAT_TEXT, ENCODING_IDENTITY, 0);
    take(1, FORMAT_OPENMETRICS, ENCODING_IDENTITY, -EAGAIN);
    body_unref(held[0]);
    held[0] = take(EXPOSITION_SHARED_MAX_NS + 1, FORMAT_TEXT, ENCODING_IDENTITY, 0);
    body_unref(held[0]);
    body_unref(held[1]);
}
END_TEST

/* Would catch the memory of a crowd of slow clients being kept for ever. */
START_TEST(given_back)
{
    struct body *held[2], *body;

    held[0] = take(1, FORMAT_TEXT, ENCODING_IDENTITY, 0);
    held[1] = take(1, FORMAT_TEXT, ENCODING_IDENTITY, 0);
    body_unref(held[0]);
    body_unref(held[1]);
    for (int minute = 0; minute < 20; minute++) {
        body = take(60 * NS_PER_S, FORMAT_TEXT, ENCODING_IDENTITY, 0);
        ck_assert_ptr_eq(body, held[0]);
        body_unref(body);
    }
    ck_assert_ptr_null(held[1]->data);
}
END_TEST

/* Would catch compressed bytes that are not the text, or are of another snapshot. */
START_TEST(gzip)
{
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    struct snapshot *snapshot = host_new(30, 2, 1);

    ck_assert_int_eq(exposition_new(&options, &exposition), 0);
    for (int round = 0; round < 6; round++) {
        struct body *text = NULL, *compressed = NULL;
        char *again;
        size_t length;

        snapshot->now_ns += 1 + (uint64_t)round;
        snapshot_row(snapshot, SNAPSHOT_DOMAIN, 3)[DOMAIN_CPU_NS] += 1000000007;
        ck_assert_int_eq(exposition_render(exposition, snapshot, (unsigned int)round % FORMATS,
                                           ENCODING_GZIP, &compressed),
                         0);
        ck_assert_int_eq(exposition_render(exposition, snapshot, (unsigned int)round % FORMATS,
                                           ENCODING_IDENTITY, &text),
                         0);
        ck_assert_uint_lt(compressed->length, text->length / 4);
        again = malloc(text->length);
        ck_assert_int_eq(libdeflate_gzip_decompress(decompressor, compressed->data,
                                                    compressed->length, again, text->length,
                                                    &length),
                         LIBDEFLATE_SUCCESS);
        ck_assert_uint_eq(length, text->length);
        ck_assert_mem_eq(again, text->data, length);
        free(again);
        body_unref(text);
        body_unref(compressed);
    }
    exposition = exposition_free(exposition);
    snapshot_unref(snapshot);
    libdeflate_free_decompressor(decompressor);
}
END_TEST

/* Would catch a line under the name of a domain that is gone, and a body smaller than its text. */
START_TEST(topologies)
{
    ck_assert_int_eq(exposition_new(&options, &exposition), 0);
    for (uint32_t domains = 0; domains < 300; domains = domains * 3 + 1) {
        struct snapshot *snapshot = host_new(domains, 3, (int)(domains & 1));
        struct body *body = NULL;

        /* The longest numbers there are. */
        for (int kind = 0; kind < SNAPSHOT_KINDS; kind++)
            for (uint32_t row = 0; row < snapshot_rows(snapshot->topology, kind); row++)
                for (uint32_t field = 0; field < snapshot->fields[kind]; field++)
                    snapshot_row(snapshot, kind, row)[field] = UINT64_MAX - 1;
        for (int format = 0; format < FORMATS; format++) {
            const char *at;
            uint32_t infos = 0;

            ck_assert_int_eq(
                exposition_render(exposition, snapshot, format, ENCODING_IDENTITY, &body), 0);
            at = body->data;
            while ((at = memmem(at, (size_t)(body->data + body->length - at), "\nxen_domain_info{",
                                17))) {
                at++;
                infos++;
            }
            ck_assert_uint_eq(infos, domains);
            ck_assert_uint_le(body->length, body->capacity);
            body_unref(body);
        }
        snapshot_unref(snapshot);
    }
    exposition = exposition_free(exposition);
}
END_TEST

/* Would catch a name, unit or help text that breaks the format's rules. */
START_TEST(catalogue_rules)
{
    for (size_t i = 0; i < catalogue_families; i++) {
        const struct family *family = &catalogue[i];

        ck_assert_uint_gt(family->samples, 0);
        ck_assert_ptr_null(strpbrk(family->help, "\\\"\n"));
        ck_assert_int_eq(family->help[strlen(family->help) - 1], '.');
        ck_assert_uint_eq(strspn(family->name, "abcdefghijklmnopqrstuvwxyz_"),
                          strlen(family->name));
        for (uint32_t j = 0; j < family->samples; j++)
            ck_assert_int_eq(family->sample[j].suffix != NULL, family->type == FAMILY_HISTOGRAM);
        if (family->unit) {
            size_t length = strlen(family->name), unit = strlen(family->unit);

            ck_assert_uint_gt(length, unit + 1);
            ck_assert_str_eq(family->name + length - unit, family->unit);
            ck_assert_int_eq(family->name[length - unit - 1], '_');
        }
        ck_assert_int_eq(family->scale == SCALE_SECONDS,
                         family->unit && strcmp(family->unit, "seconds") == 0);
        for (size_t other = 0; other < i; other++)
            ck_assert_str_ne(family->name, catalogue[other].name);
    }
}
END_TEST

/* The body of a snapshot, with these collectors; `created` as the option. */
static char *render_with(const struct snapshot *snapshot, enum exposition_format format,
                         unsigned int collectors, bool created)
{
    const struct exposition_options chosen = {
        .layout = {.version = "1.2.3", .collectors = collectors, .created = created}};
    struct buf out = BUF_NULL;

    ck_assert_int_eq(exposition_render_once(snapshot, format, &chosen, &out), 0);
    buf_append_byte(&out, '\0');
    ck_assert_int_eq(buf_error(&out), 0);
    return out.data;
}

/* Would catch a collector that is switched off and exports, or takes another's metrics with it. */
START_TEST(collectors)
{
    static const struct {
        enum collector collector;
        const char *metric;
    } expected[] = {
        {COLLECTOR_DOMAIN, "xen_domain_info{"},
        {COLLECTOR_DOMAIN, "xen_domain_exits_total{"},
        {COLLECTOR_WAIT, "xen_domain_schedule_wait_seconds_bucket{"},
        {COLLECTOR_VCPU, "xen_vcpu_runstate_seconds_total{"},
        {COLLECTOR_VCPU_WAIT, "xen_vcpu_schedule_wait_seconds_bucket{"},
        {COLLECTOR_PCPU, "xen_pcpu_idle_seconds_total{"},
        {COLLECTOR_HOST, "xen_host_memory_bytes "},
        {COLLECTOR_HOST, "xen_node_memory_bytes{"},
        {COLLECTOR_PERFCOUNTERS, "xen_perfcounter_total{"},
        {COLLECTOR_PROCESS, "process_cpu_seconds_total "},
    };
    struct snapshot *snapshot = host_new(2, 2, 0);

    for (unsigned int off = 0; off < COLLECTORS; off++) {
        char *text =
            render_with(snapshot, FORMAT_TEXT, COLLECTORS_ALL & ~COLLECTOR_BIT(off), false);

        for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
            ck_assert_msg(!strstr(text, expected[i].metric) == (expected[i].collector == off),
                          "%s without collector %u", expected[i].metric, off);
        ck_assert_ptr_nonnull(strstr(text, "\nxen_exporter_torn_reads_total "));
        ck_assert_ptr_nonnull(strstr(text, "\nxen_scrape_collector_success{"));
        free(text);
    }
    snapshot_unref(snapshot);
}
END_TEST

/* Would catch a start that is not the domain's, or one in a format that has no place for it. */
START_TEST(created)
{
    struct snapshot *snapshot = host_new(2, 2, 0);
    char *text = render_with(snapshot, FORMAT_OPENMETRICS, COLLECTORS_ALL, true);

    ck_assert_ptr_nonnull(
        strstr(text, "\nxen_vcpu_runstate_seconds_created{uuid=\"00000000-0000-0000-0000-"
                     "000000000001\",domain=\"guest-1\",vcpu=\"1\",state=\"blocked\"} "
                     "1700000000.000000001\n"));
    ck_assert_ptr_nonnull(
        strstr(text, "\nxen_domain_schedule_wait_seconds_created{uuid=\"00000000-0000-0000-0000-"
                     "000000000000\",domain=\"guest-0\"} 1700000000.000000000\n"));
    ck_assert_ptr_null(strstr(text, "xen_vcpu_online_created"));
    ck_assert_ptr_null(strstr(text, "xen_domain_created"));
    free(text);
    text = render_with(snapshot, FORMAT_TEXT, COLLECTORS_ALL, true);
    ck_assert_ptr_null(strstr(text, "_created"));
    free(text);
    text = render_with(snapshot, FORMAT_OPENMETRICS, COLLECTORS_ALL, false);
    ck_assert_ptr_null(strstr(text, "_created"));
    free(text);
    snapshot_unref(snapshot);
}
END_TEST

/* Would catch a newer hypervisor's field that is lost, misnamed, or takes the name of ours. */
START_TEST(more)
{
    struct snapshot *snapshot = host_new(2, 1, 0);
    char *text = render_with(snapshot, FORMAT_OPENMETRICS, COLLECTORS_ALL, false);

    ck_assert_ptr_nonnull(strstr(text, "\n# TYPE xen_host_crash_kernel_bytes gauge\n"
                                       "# UNIT xen_host_crash_kernel_bytes bytes\n"
                                       "# HELP xen_host_crash_kernel_bytes Memory of a kernel for "
                                       "crashes.\nxen_host_crash_kernel_bytes 8000000000000\n"));
    ck_assert_ptr_nonnull(strstr(text, "\n# TYPE xen_domain_stolen_seconds counter\n"));
    ck_assert_ptr_nonnull(strstr(text, "domain=\"guest-1\"} 9000.000001000\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nxen_domain_exits_total{uuid=\"00000000-0000-0000-0000-"
                                       "000000000001\",domain=\"guest-1\",element=\"1\"} "
                                       "9000000001002\n"));
    ck_assert_ptr_null(strstr(text, "A name that is taken."));
    ck_assert_ptr_nonnull(strstr(text, "\n# TYPE xen_vcpu_tick_hertz gauge\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nxen_pcpu_interrupts_total{pcpu=\"3\"} 11000000003000\n"));
    free(text);
    snapshot_unref(snapshot);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exposition");
    TCase *tests = tcase_create("exposition");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, golden);
    tcase_add_test(tests, absent);
    tcase_add_test(tests, hostile);
    suite_add_tcase(suite, tests);

    tests = tcase_create("bodies");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, bodies_setup, bodies_teardown);
    tcase_add_test(tests, bodies);
    tcase_add_test(tests, gzip_beside_stalled);
    tcase_add_test(tests, no_old_bodies);
    tcase_add_test(tests, bounded);
    tcase_add_test(tests, other_format);
    tcase_add_test(tests, given_back);
    suite_add_tcase(suite, tests);

    tests = tcase_create("documents");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, gzip);
    tcase_add_test(tests, topologies);
    tcase_add_test(tests, catalogue_rules);
    tcase_add_test(tests, collectors);
    tcase_add_test(tests, created);
    tcase_add_test(tests, more);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
