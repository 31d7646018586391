/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile tables: a host's and a domain's table, changed in places that the input names, are
 * attached, read, changed again while they are attached, and exported.
 */
#include <stdbool.h>

#include "collectors.h"
#include "exposition/exposition.h"
#include "fuzz/fuzz.h"
#include "sampler/sampler.h"
#include "service/log.h"
#include "source/frames.h"
#include "source/source.h"
#include "source/table_writer.h"

#define DOMID 3

static struct {
    struct frames frames;
    struct table_writer table[3]; /* the host's, the domain's, that of descriptors */
} xen;

static int map(struct frames *frames, uint32_t id, struct frames_mapping *ret_mapping)
{
    const struct table_writer *table = &xen.table[id == STATS_DOMID_XEN        ? 0
                                                  : id == STATS_ID_DESCRIPTORS ? 2
                                                                               : 1];

    if (id != STATS_DOMID_XEN && id != STATS_ID_DESCRIPTORS && id != DOMID)
        return -2; /* no such domain */
    *ret_mapping = (struct frames_mapping){.base = table->base, .count = table->frames};
    return 0;
}

static void unmap(struct frames *frames, struct frames_mapping *mapping)
{
}

static const char *name(const struct frames_mapping *mapping)
{
    return NULL;
}

static void free_frames(struct frames *frames)
{
}

/* Fields that only the hypervisor knows, of each kind. */
static void describe(uint32_t i)
{
    static const uint32_t kinds[] = {STATS_KIND_HOST, STATS_KIND_DOMAIN, STATS_KIND_VCPU,
                                     STATS_KIND_PCPU};
    struct stats_descriptor *descriptor = table_writer_descriptor(&xen.table[2], i);

    *descriptor = (struct stats_descriptor){
        .record = {.flags = STATS_RECORD_VALID, .index = i},
        .kind = kinds[i % 4],
        .offset = 248,
        .size = 8,
        .count = 1 + i % 3,
        .type = 1 + i % 4,
        .unit = i % 4,
        .scale = 1,
        .name = {(char)('a' + i)},
        .help = "Help.",
    };
}

static void set_up(void)
{
    static const struct frames_ops ops = {
        .map = map, .unmap = unmap, .name = name, .free = free_frames};

    xen.frames.ops = &ops;
    PROMISE(table_writer_init_host(&xen.table[0], 3, 2, 5) == 0);
    PROMISE(table_writer_init_domain(&xen.table[1], DOMID, 7, 4) == 0);
    table_writer_host(&xen.table[0])->record.flags = STATS_RECORD_VALID;
    table_writer_clock(&xen.table[0])->record.flags = STATS_RECORD_VALID;
    table_writer_domain(&xen.table[1])->record.flags = STATS_RECORD_VALID;
    for (uint32_t vcpu = 0; vcpu < 4; vcpu++)
        table_writer_vcpu(&xen.table[1], vcpu)->record.flags = STATS_RECORD_VALID;
    PROMISE(table_writer_init_descriptors(&xen.table[2], 20) == 0);
    for (uint32_t i = 0; i < 20; i++)
        describe(i);
    for (uint32_t pcpu = 0; pcpu < 3; pcpu++)
        table_writer_pcpu(&xen.table[0], pcpu)->record.flags = STATS_RECORD_VALID;
    for (uint32_t i = 0; i < 5; i++) {
        table_writer_counter(&xen.table[0], i)->record.flags = STATS_RECORD_VALID;
        table_writer_counter(&xen.table[0], i)->name[0] = (char)('a' + i);
    }
    table_writer_set_exists(&xen.table[0], DOMID, true);
    table_writer_host(&xen.table[0])->domains_created++;
}

/* Six bytes name a place and what is written there; most of them near the beginning of a frame. */
static void change(const uint8_t **data, size_t *size, unsigned int times)
{
    while (times-- > 0 && *size > 0) {
        uint64_t where = fuzz_take(data, size, 2), what = fuzz_take(data, size, 4);
        struct table_writer *table = &xen.table[where % 3];
        size_t length = (size_t)1 << (where >> 1 & 3), bytes = (size_t)table->frames * 4096;
        size_t at = (where >> 3) * length % (where & 0x8000 ? bytes : 1024);
        uint64_t value = what | what << 32;

        memcpy(table->base + at, &value, length);
    }
}

static void check_text(const struct buf *text)
{
    size_t lines = 0;

    PROMISE(text->length > 0 && text->data[text->length - 1] == '\n');
    for (const char *at = text->data, *end = at + text->length; at < end; lines++) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));

        PROMISE(feed && feed > at &&
                (memcmp(at, "xen_", 4) == 0 || memcmp(at, "# ", 2) == 0 ||
                 memcmp(at, "process_", 8) == 0));
        at = feed + 1;
    }
    PROMISE(lines > 10);
}

static void export(struct sampler *sampler)
{
    const struct exposition_options options = {
        .layout = {.version = "1", .collectors = COLLECTORS_ALL}};
    struct snapshot *snapshot = NULL;

    if (sampler_take(sampler, &snapshot) != 0)
        return;
    for (int format = 0; format < FORMATS; format++) {
        struct buf text = BUF_NULL;

        PROMISE(exposition_render_once(snapshot, format, &options, &text) == 0);
        check_text(&text);
        buf_deinit(&text);
    }
    snapshot_unref(snapshot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned int before = (unsigned int)fuzz_take(&data, &size, 1) % 16;
    struct sampler *sampler = NULL;
    struct source *source = NULL;
    const char *reason = NULL;

    log_set_level(LOG_LEVEL_ERROR);
    set_up();
    change(&data, &size, before);
    if (pages_source_new(&xen.frames, SNAPSHOT_SOURCE_PAGES, &source, &reason) == 0 &&
        sampler_new(source, NULL, &sampler) == 0) {
        (void)sampler_scan(sampler);
        export(sampler);
        change(&data, &size, 64);
        (void)sampler_scan(sampler);
        export(sampler);
    }
    sampler_free(sampler);
    table_writer_deinit(&xen.table[0]);
    table_writer_deinit(&xen.table[1]);
    table_writer_deinit(&xen.table[2]);
    return 0;
}
