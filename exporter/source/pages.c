/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source that reads statistics pages. After a domain is attached every reading of it costs
 * memory reads and nothing else: no hypercall, no system call.
 */
#include "source/source.h"

#include <errno.h>
#include <string.h>

#include "source/clock.h"
#include "source/frames.h"
#include "source/host_table.h"
#include "source/more_fields.h"
#include "source/page.h"
#include "source/page_rows.h"
#include "util/monotonic.h"

struct pages_source {
    struct source source;
    struct frames *frames;
    struct frames_mapping host_mapping;
    struct host_table host;
    struct more_fields more;
    uint64_t columns[SNAPSHOT_KINDS]; /* what the tables seen so far can fill */
    struct xen_clock clock;
    struct page_counters counters;
    uint64_t mapped_frames;
    const struct pages_domain *own; /* Domain-0's: waking up to look stamps its vCPUs */
    struct host_domains listed;     /* the host's counts when list() looked last */
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
    r = host_table_read_clock(&pages->host, &pair, &pages->counters);
    if (r == 0)
        clock_observe(&pages->clock, pair.system_time, clock_raw_ns());
    return clock_now(&pages->clock, r == 0 ? &pair : NULL, clock_raw_ns(), clock_tsc());
}

static bool pages_changed(struct source *source)
{
    struct pages_source *pages = pages_of(source);

    /* Called several times a second: that keeps the clock anchored between scrapes far apart. */
    observe_own_stamps(pages);
    return host_table_changed(&pages->host, &pages->listed);
}

static int pages_list(struct source *source, struct domain_set *ret_domains)
{
    struct pages_source *pages = pages_of(source);

    host_table_list(&pages->host, ret_domains, &pages->listed, &pages->counters);
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
    pages->columns[SNAPSHOT_DOMAIN] |=
        page_columns_of_domain(domain->domain_kind->size, domain->vcpu_kind->size);
    pages->columns[SNAPSHOT_VCPU] |= page_columns_of_vcpu(domain->vcpu_kind->size);
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

static void pages_describe_host(struct source *source, struct topology_host *ret_host)
{
    struct pages_source *pages = pages_of(source);

    host_table_describe(&pages->host, ret_host);
    ret_host->fields = pages->more.fields;
    ret_host->field = pages->more.field;
}

static int pages_begin(struct source *source, struct snapshot *snapshot)
{
    struct pages_source *pages = pages_of(source);
    uint64_t *self = snapshot_row(snapshot, SNAPSHOT_SELF, 0);

    snapshot->source = source->id;
    for (unsigned int kind = 0; kind < SNAPSHOT_KINDS; kind++)
        snapshot->columns[kind] |= pages->columns[kind];

    snapshot->now_ns = system_time_now(pages);
    snapshot->unix_ns = unix_now_ns();

    host_table_read(&pages->host, &pages->more, snapshot, &pages->counters);

    self[SELF_MAPPED_FRAMES] = pages->mapped_frames;
    self[SELF_TORN_READS] = pages->counters.torn;
    self[SELF_INVALID_RECORDS] = pages->counters.invalid;
    self[SELF_READ_RETRIES] = pages->counters.retries;
    return 0;
}

/*
 * Reads one vCPU as of the snapshot's moment. A vCPU that changed state after that moment is taken
 * as of its change: never more than is true.
 */
static void read_vcpu(struct pages_source *pages, struct pages_domain *domain, uint32_t vcpu,
                      struct page_vcpus *vcpus, struct snapshot *snapshot, uint32_t row)
{
    struct stats_vcpu record;

    switch (page_read(&domain->table, domain->vcpu_kind, vcpu, &record, sizeof(record),
                      &pages->counters)) {
    case 0:
        break;
    case PAGE_ABSENT: /* it was not created (yet): it is not online either */
        return;
    default:
        vcpus->known = false;
        return;
    }
    if (!page_row_of_vcpu(&record, snapshot->now_ns, snapshot_row(snapshot, SNAPSHOT_VCPU, row))) {
        pages->counters.invalid++;
        vcpus->known = false;
        return;
    }
    page_vcpus_add(vcpus, &record);
    clock_observe(&pages->clock, record.state_entry_time, clock_raw_ns());
    if (pages->more.fields)
        more_fields_read(&pages->more, TOPOLOGY_OF_VCPU, &domain->table, domain->vcpu_kind, vcpu,
                         snapshot_row(snapshot, SNAPSHOT_VCPU_MORE, row));
}

static void read_domain(struct pages_source *pages, struct pages_domain *domain,
                        const struct page_vcpus *vcpus, struct snapshot *snapshot, uint32_t row)
{
    uint64_t *fields = snapshot_row(snapshot, SNAPSHOT_DOMAIN, row);
    struct stats_domain record;

    if (page_read(&domain->table, domain->domain_kind, 0, &record, sizeof(record),
                  &pages->counters) != 0)
        return;
    page_row_of_domain(&record, vcpus, snapshot->topology->domain[row].vcpus, fields);
    if (domain->created_ns)
        fields[DOMAIN_CREATED_NS] = domain->created_ns;
    if (pages->more.fields)
        more_fields_read(&pages->more, TOPOLOGY_OF_DOMAIN, &domain->table, domain->domain_kind, 0,
                         snapshot_row(snapshot, SNAPSHOT_DOMAIN_MORE, row));
}

static void forget(struct snapshot *snapshot, enum snapshot_kind kind, uint32_t row)
{
    memset(snapshot_row(snapshot, kind, row), 0xff, snapshot->fields[kind] * sizeof(uint64_t));
}

static void pages_read(struct source *source, void *attachment, struct snapshot *snapshot,
                       uint32_t row)
{
    struct pages_source *pages = pages_of(source);
    struct pages_domain *domain = attachment;
    const struct topology_domain *who = &snapshot->topology->domain[row];
    struct page_vcpus vcpus = PAGE_VCPUS_NULL;

    for (uint32_t vcpu = 0; vcpu < who->vcpus && vcpu < domain->vcpu_kind->count; vcpu++)
        read_vcpu(pages, domain, vcpu, &vcpus, snapshot, who->first_vcpu + vcpu);
    read_domain(pages, domain, &vcpus, snapshot, row);

    /* A record of the dead stands still: adding the time since would be wrong (ABI.md). */
    if (page_is_dead(&domain->table)) {
        for (uint32_t vcpu = 0; vcpu < who->vcpus; vcpu++) {
            forget(snapshot, SNAPSHOT_VCPU, who->first_vcpu + vcpu);
            forget(snapshot, SNAPSHOT_VCPU_MORE, who->first_vcpu + vcpu);
        }
        forget(snapshot, SNAPSHOT_DOMAIN, row);
        forget(snapshot, SNAPSHOT_DOMAIN_MORE, row);
    }
}

static void pages_free(struct source *source)
{
    struct pages_source *pages = pages_of(source);

    if (pages->host_mapping.base)
        pages->frames->ops->unmap(pages->frames, &pages->host_mapping);
    frames_free(pages->frames);
    host_table_deinit(&pages->host);
    more_fields_deinit(&pages->more);
    free(pages);
}

/* Reads the table of descriptors and lets go of it: it is constant. An older Xen has none. */
static int read_descriptors(struct pages_source *pages)
{
    struct frames_mapping mapping;
    struct page_table table;
    int r;

    if (pages->frames->ops->map(pages->frames, STATS_ID_DESCRIPTORS, &mapping) < 0)
        return 0;
    r = page_table_init(&table, mapping.base, mapping.count, STATS_ID_DESCRIPTORS, NULL);
    if (r == 0)
        r = more_fields_init(&pages->more, &table, &pages->counters);
    else
        pages->counters.invalid++;
    pages->frames->ops->unmap(pages->frames, &mapping);
    return r == -ENOMEM ? r : 0;
}

/* What the host's table can fill; tables of domains are looked at as they come. */
static void find_columns(struct pages_source *pages)
{
    static const enum snapshot_kind more_kinds[TOPOLOGY_MORE] = {
        [TOPOLOGY_OF_HOST] = SNAPSHOT_HOST_MORE,
        [TOPOLOGY_OF_DOMAIN] = SNAPSHOT_DOMAIN_MORE,
        [TOPOLOGY_OF_VCPU] = SNAPSHOT_VCPU_MORE,
        [TOPOLOGY_OF_PCPU] = SNAPSHOT_PCPU_MORE,
    };

    host_table_columns(&pages->host, pages->columns);
    for (unsigned int of = 0; of < TOPOLOGY_MORE; of++) {
        uint32_t fields = pages->more.first[of + 1] - pages->more.first[of];

        pages->columns[more_kinds[of]] = fields ? UINT64_MAX >> (64 - fields) : 0;
    }
    pages->columns[SNAPSHOT_SELF] =
        SNAPSHOT_COLUMN(SELF_MAPPED_FRAMES) | SNAPSHOT_COLUMN(SELF_TORN_READS) |
        SNAPSHOT_COLUMN(SELF_INVALID_RECORDS) | SNAPSHOT_COLUMN(SELF_READ_RETRIES);
}

/* Maps the host's table, and looks at what else there is to be known from the start. */
static int map_host(struct pages_source *pages, const char **ret_reason)
{
    int r;

    r = pages->frames->ops->map(pages->frames, STATS_DOMID_XEN, &pages->host_mapping);
    if (r < 0) {
        *ret_reason = "the host's table cannot be mapped";
        return r;
    }
    pages->mapped_frames += pages->host_mapping.count;
    r = host_table_init(&pages->host, pages->host_mapping.base, pages->host_mapping.count,
                        &pages->counters, ret_reason);
    if (r == 0)
        r = read_descriptors(pages);
    if (r == 0)
        find_columns(pages);
    return r;
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
        .describe_host = pages_describe_host,
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
