/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source that reads statistics pages. After a domain is attached every reading of it costs
 * memory reads and nothing else: no hypercall, no system call.
 */
#include "source/source.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "source/clock.h"
#include "source/frames.h"
#include "source/page.h"

/* Creations and destructions take much longer than a reading of the bitmap. */
#define LIST_ATTEMPTS 100

struct pages_source {
    struct source source;
    struct frames *frames;
    struct frames_mapping host_mapping;
    struct page_table host;
    const struct stats_kind *host_kind;
    const struct stats_kind *clock_kind;
    const struct stats_kind *bitmap_kind;
    struct xen_clock clock;
    struct page_counters counters;
    uint64_t mapped_frames;
    const struct pages_domain *own; /* Domain-0's: waking up to look stamps its vCPUs */
    uint64_t listed_created;        /* the host's counts when list() looked last */
    uint64_t listed_destroyed;
    bool listed;
};

/* One attached domain. */
struct pages_domain {
    uint32_t domid;
    struct frames_mapping mapping;
    struct page_table table;
    const struct stats_kind *domain_kind;
    const struct stats_kind *vcpu_kind;
    uint64_t created_ns; /* Unix time; worked out once, so that it never changes */
};

static struct pages_source *pages_of(struct source *source)
{
    return (struct pages_source *)source;
}

static uint64_t unix_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static uint64_t host_field(struct pages_source *pages, size_t offset)
{
    return page_read_field(&pages->host, pages->host_kind, 0, offset);
}

/* The freshest stamps there are: Xen wrote one when this very process was woken up. */
static void observe_own_stamps(struct pages_source *pages)
{
    const struct pages_domain *own = pages->own;

    for (uint32_t vcpu = 0; own && vcpu < own->vcpu_kind->count; vcpu++) {
        uint64_t stamp = page_read_field(&own->table, own->vcpu_kind, vcpu,
                                         offsetof(struct stats_vcpu, state_entry_time));

        clock_observe(&pages->clock, stamp, clock_raw_ns());
    }
}

/* Xen's system time now; looks at the newest stamps first. */
static uint64_t system_time_now(struct pages_source *pages)
{
    struct stats_clock pair;
    int r;

    observe_own_stamps(pages);
    r = page_read(&pages->host, pages->clock_kind, 0, &pair, sizeof(pair), &pages->counters);
    if (r == 0)
        clock_observe(&pages->clock, pair.system_time, clock_raw_ns());
    return clock_now(&pages->clock, r == 0 ? &pair : NULL, clock_raw_ns(), clock_tsc());
}

static bool pages_changed(struct source *source)
{
    struct pages_source *pages = pages_of(source);

    /* Called several times a second: that keeps the clock anchored between scrapes far apart. */
    observe_own_stamps(pages);
    return !pages->listed ||
           host_field(pages, offsetof(struct stats_host, domains_created)) !=
               pages->listed_created ||
           host_field(pages, offsetof(struct stats_host, domains_destroyed)) !=
               pages->listed_destroyed;
}

static void read_bitmap(struct pages_source *pages, struct domain_set *ret_domains)
{
    const struct stats_kind *kind = pages->bitmap_kind;

    *ret_domains = (struct domain_set){0};
    for (uint32_t i = 0; i < kind->count && i < DOMAIN_SET_WORDS / STATS_BITMAP_WORDS; i++) {
        struct stats_bitmap bitmap;

        page_read_bitmap(&pages->host, kind, i, &bitmap);
        memcpy(&ret_domains->word[(size_t)i * STATS_BITMAP_WORDS], &bitmap, sizeof(bitmap));
    }
}

/* The host record's `seq` covers the counts and the bitmap together. */
static int pages_list(struct source *source, struct domain_set *ret_domains)
{
    struct pages_source *pages = pages_of(source);
    struct stats_host before = {0}, after;

    pages->listed = false;
    for (unsigned int attempt = 0; attempt < LIST_ATTEMPTS && !pages->listed; attempt++) {
        if (page_read(&pages->host, pages->host_kind, 0, &before, sizeof(before),
                      &pages->counters) != 0)
            continue;
        read_bitmap(pages, ret_domains);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        pages->listed = page_read(&pages->host, pages->host_kind, 0, &after, sizeof(after),
                                  &pages->counters) == 0 &&
                        before.record.seq == after.record.seq;
    }
    /* What never stood still is used all the same: changed() will say so again. */
    pages->listed_created = before.domains_created;
    pages->listed_destroyed = before.domains_destroyed;
    return 0;
}

static int condition_of_map_error(int error)
{
    /* The bitmap said it exists; by now it does not, or it is dying. */
    return error == -ENOENT || error == -ESRCH ? SOURCE_GONE : error;
}

static int pages_attach(struct source *source, uint32_t domid, void **ret_attachment)
{
    struct pages_source *pages = pages_of(source);
    cleanup(cleanup_free) struct pages_domain *domain = calloc(1, sizeof(*domain));
    int r;

    if (!domain)
        return -ENOMEM;
    domain->domid = domid;

    r = pages->frames->ops->map(pages->frames, domid, &domain->mapping);
    if (r < 0)
        return condition_of_map_error(r);

    r = page_table_init(&domain->table, domain->mapping.base, domain->mapping.count, domid, NULL);
    if (r == 0) {
        domain->domain_kind = page_kind(&domain->table, STATS_KIND_DOMAIN);
        domain->vcpu_kind = page_kind(&domain->table, STATS_KIND_VCPU);
        if (!domain->domain_kind || domain->domain_kind->count < 1 || !domain->vcpu_kind)
            r = -EBADMSG;
    }
    if (r != 0) {
        pages->frames->ops->unmap(pages->frames, &domain->mapping);
        if (r == -EBADMSG)
            pages->counters.invalid++;
        return r == PAGE_DEAD ? SOURCE_GONE : r;
    }

    pages->mapped_frames += domain->mapping.count;
    if (domid == 0)
        pages->own = domain;
    *ret_attachment = steal(domain);
    return 0;
}

static void pages_detach(struct source *source, void *attachment)
{
    struct pages_source *pages = pages_of(source);
    struct pages_domain *domain = attachment;

    if (pages->own == domain)
        pages->own = NULL;
    pages->mapped_frames -= domain->mapping.count;
    pages->frames->ops->unmap(pages->frames, &domain->mapping);
    free(domain);
}

static bool pages_gone(struct source *source, const void *attachment)
{
    const struct pages_domain *domain = attachment;

    return page_is_dead(&domain->table);
}

static uint32_t guest_type_of(uint32_t type)
{
    static const uint8_t types[] = {
        [STATS_GUEST_PV] = TOPOLOGY_GUEST_PV,
        [STATS_GUEST_HVM] = TOPOLOGY_GUEST_HVM,
        [STATS_GUEST_PVH] = TOPOLOGY_GUEST_PVH,
    };

    return type < sizeof(types) ? types[type] : TOPOLOGY_GUEST_UNKNOWN;
}

static int pages_describe(struct source *source, void *attachment, struct source_domain *ret_domain)
{
    struct pages_source *pages = pages_of(source);
    struct pages_domain *domain = attachment;
    struct stats_domain record;

    if (page_read(&domain->table, domain->domain_kind, 0, &record, sizeof(record),
                  &pages->counters) != 0)
        return SOURCE_UNREADABLE;

    if (!domain->created_ns && record.creation_time != STATS_NOT_AVAILABLE) {
        uint64_t now = system_time_now(pages);
        uint64_t age = now > record.creation_time ? now - record.creation_time : 0;
        uint64_t unix_ns = unix_now_ns();

        domain->created_ns = unix_ns > age ? unix_ns - age : 0;
    }

    *ret_domain = (struct source_domain){
        .guest_type = guest_type_of(record.guest_type),
        .vcpus = domain->vcpu_kind->count,
        .incarnation = domain->table.generation,
        .created_ns = domain->created_ns,
        .name = pages->frames->ops->name(&domain->mapping),
    };
    memcpy(ret_domain->uuid, record.handle, sizeof(ret_domain->uuid));
    return 0;
}

static uint64_t frames_to_bytes(uint64_t frames)
{
    return frames > SNAPSHOT_ABSENT / STATS_FRAME_SIZE ? SNAPSHOT_ABSENT
                                                       : frames * STATS_FRAME_SIZE;
}

static int pages_begin(struct source *source, struct snapshot *snapshot)
{
    struct pages_source *pages = pages_of(source);
    uint64_t *host = snapshot_row(snapshot, SNAPSHOT_HOST, 0);
    uint64_t *self = snapshot_row(snapshot, SNAPSHOT_SELF, 0);

    snapshot->source = source->id;
    snapshot->columns[SNAPSHOT_HOST] =
        SNAPSHOT_COLUMN(HOST_DOMAINS_CREATED) | SNAPSHOT_COLUMN(HOST_DOMAINS_DESTROYED) |
        SNAPSHOT_COLUMN(HOST_STATS_PAGES) | SNAPSHOT_COLUMN(HOST_STATS_RETIRED);
    snapshot->columns[SNAPSHOT_DOMAIN] = SNAPSHOT_COLUMN(DOMAIN_CPU_NS) |
                                         SNAPSHOT_COLUMN(DOMAIN_VCPUS_MAX) |
                                         SNAPSHOT_COLUMN(DOMAIN_DYING);
    snapshot->columns[SNAPSHOT_VCPU] =
        SNAPSHOT_COLUMN(VCPU_RUNNING_NS) | SNAPSHOT_COLUMN(VCPU_RUNNABLE_NS) |
        SNAPSHOT_COLUMN(VCPU_BLOCKED_NS) | SNAPSHOT_COLUMN(VCPU_OFFLINE_NS) |
        SNAPSHOT_COLUMN(VCPU_PCPU);
    snapshot->columns[SNAPSHOT_SELF] |=
        SNAPSHOT_COLUMN(SELF_MAPPED_FRAMES) | SNAPSHOT_COLUMN(SELF_TORN_READS) |
        SNAPSHOT_COLUMN(SELF_INVALID_RECORDS) | SNAPSHOT_COLUMN(SELF_READ_RETRIES);

    host[HOST_DOMAINS_CREATED] = host_field(pages, offsetof(struct stats_host, domains_created));
    host[HOST_DOMAINS_DESTROYED] =
        host_field(pages, offsetof(struct stats_host, domains_destroyed));
    host[HOST_STATS_PAGES] = frames_to_bytes(host_field(pages, offsetof(struct stats_host, pages)));
    host[HOST_STATS_RETIRED] =
        frames_to_bytes(host_field(pages, offsetof(struct stats_host, pages_retired)));

    self[SELF_MAPPED_FRAMES] = pages->mapped_frames;
    self[SELF_TORN_READS] = pages->counters.torn;
    self[SELF_INVALID_RECORDS] = pages->counters.invalid;
    self[SELF_READ_RETRIES] = pages->counters.retries;

    snapshot->now_ns = system_time_now(pages);
    snapshot->unix_ns = unix_now_ns();
    return 0;
}

/* A time of 146 years or more is not one. */
static bool is_time(uint64_t ns)
{
    return ns >> 62 == 0;
}

/*
 * Reads one vCPU's times, adding those of the state it is in up to the snapshot's moment. A vCPU
 * that changed state after that moment is taken as of its change: never more than is true.
 */
static void read_vcpu(struct pages_source *pages, struct pages_domain *domain, uint32_t vcpu,
                      uint64_t now_ns, uint64_t *row)
{
    struct stats_vcpu record;
    bool sane;

    if (page_read(&domain->table, domain->vcpu_kind, vcpu, &record, sizeof(record),
                  &pages->counters) != 0)
        return;

    sane = record.state < STATS_RUNSTATES && is_time(record.state_entry_time);
    for (unsigned int state = 0; state < STATS_RUNSTATES; state++)
        sane = sane && is_time(record.time[state]);
    if (!sane) {
        pages->counters.invalid++;
        return;
    }

    clock_observe(&pages->clock, record.state_entry_time, clock_raw_ns());
    if (now_ns > record.state_entry_time)
        record.time[record.state] += now_ns - record.state_entry_time;

    row[VCPU_RUNNING_NS] = record.time[STATS_RUNNING];
    row[VCPU_RUNNABLE_NS] = record.time[STATS_RUNNABLE];
    row[VCPU_BLOCKED_NS] = record.time[STATS_BLOCKED];
    row[VCPU_OFFLINE_NS] = record.time[STATS_OFFLINE];
    row[VCPU_PCPU] = record.cpu;
}

static void forget(uint64_t *row, size_t fields)
{
    for (size_t field = 0; field < fields; field++)
        row[field] = SNAPSHOT_ABSENT;
}

static void pages_read(struct source *source, void *attachment, struct snapshot *snapshot,
                       uint32_t row)
{
    struct pages_source *pages = pages_of(source);
    struct pages_domain *domain = attachment;
    const struct topology_domain *who = &snapshot->topology->domain[row];
    uint64_t *fields = snapshot_row(snapshot, SNAPSHOT_DOMAIN, row);
    uint64_t dying;

    for (uint32_t vcpu = 0; vcpu < who->vcpus && vcpu < domain->vcpu_kind->count; vcpu++)
        read_vcpu(pages, domain, vcpu, snapshot->now_ns,
                  snapshot_row(snapshot, SNAPSHOT_VCPU, who->first_vcpu + vcpu));

    fields[DOMAIN_VCPUS_MAX] = who->vcpus;
    dying = page_read_field(&domain->table, domain->domain_kind, 0,
                            offsetof(struct stats_domain, dying));
    if (dying != STATS_NOT_AVAILABLE)
        fields[DOMAIN_DYING] = dying != 0;

    /* A record of the dead stands still: adding the time since would be wrong (ABI.md). */
    if (page_is_dead(&domain->table)) {
        for (uint32_t vcpu = 0; vcpu < who->vcpus; vcpu++)
            forget(snapshot_row(snapshot, SNAPSHOT_VCPU, who->first_vcpu + vcpu), VCPU_FIELDS);
        forget(fields, DOMAIN_FIELDS);
    }
}

static void pages_free(struct source *source)
{
    struct pages_source *pages = pages_of(source);

    if (pages->host_mapping.base)
        pages->frames->ops->unmap(pages->frames, &pages->host_mapping);
    frames_free(pages->frames);
    free(pages);
}

/* Maps the host's table and finds the kinds of record that cannot be done without. */
static int map_host(struct pages_source *pages, const char **ret_reason)
{
    int r;

    r = pages->frames->ops->map(pages->frames, STATS_DOMID_XEN, &pages->host_mapping);
    if (r < 0) {
        *ret_reason = "the host's table cannot be mapped";
        return r;
    }
    r = page_table_init(&pages->host, pages->host_mapping.base, pages->host_mapping.count,
                        STATS_DOMID_XEN, ret_reason);
    if (r != 0) {
        if (!*ret_reason)
            *ret_reason = "its statistics tables are of a version that is not known here";
        return r < 0 ? r : -EPROTO;
    }

    pages->mapped_frames += pages->host_mapping.count;
    pages->host_kind = page_kind(&pages->host, STATS_KIND_HOST);
    pages->clock_kind = page_kind(&pages->host, STATS_KIND_CLOCK);
    pages->bitmap_kind = page_kind(&pages->host, STATS_KIND_BITMAP);
    if (!pages->host_kind || !pages->host_kind->count || !pages->clock_kind ||
        !pages->clock_kind->count || !pages->bitmap_kind) {
        *ret_reason = "its host table lacks the host, clock or bitmap records";
        return -EBADMSG;
    }
    return 0;
}

int pages_source_new(struct frames *frames, enum snapshot_source id, struct source **ret_source,
                     const char **ret_reason)
{
    static const struct source_ops ops = {
        .changed = pages_changed,
        .list = pages_list,
        .attach = pages_attach,
        .detach = pages_detach,
        .gone = pages_gone,
        .describe = pages_describe,
        .begin = pages_begin,
        .read = pages_read,
        .free = pages_free,
    };
    struct pages_source *pages = calloc(1, sizeof(*pages));
    int r;

    *ret_reason = NULL;
    if (!pages) {
        frames_free(frames);
        return -ENOMEM;
    }
    pages->source = (struct source){.ops = &ops, .pulse = frames->pulse, .id = id};
    pages->frames = frames;

    r = map_host(pages, ret_reason);
    if (r < 0) {
        pages_free(&pages->source);
        return r;
    }
    *ret_source = &pages->source;
    return 0;
}
