/* SPDX-License-Identifier: Apache-2.0 */
/* Follows domains and takes snapshots; see sampler.h. */
#include "sampler/sampler.h"

#include <errno.h>
#include <string.h>

#include "domains/by_domid.h"
#include "domains/tracker.h"
#include "domains/xenstore.h"
#include "sampler/finish.h"
#include "service/log.h"
#include "source/clock.h"

/* A domain that cannot be attached (a zombie, no room left) is tried again with back-off. */
#define RETRY_FIRST_NS (250ULL * 1000 * 1000)
#define RETRY_LAST_NS  (8ULL * 1000 * 1000 * 1000)

/* Snapshots kept for filling again; more readers than this at a time cost an allocation each. */
#define SPARE_SNAPSHOTS 4

struct sampled_domain {
    uint32_t domid; /* first, for by_domid_position() */
    void *attachment;
    struct source_domain is;
    char *name; /* as xenstore gave it; NULL: unknown */
    size_t name_length;
    struct finish_vcpu *before; /* per vCPU, as exported last */
};

struct sampler {
    struct source *source;
    struct xenstore *xenstore;

    struct sampled_domain *domain; /* ascending domid */
    uint32_t domains, capacity;
    bool retry; /* the last scan left something to be done, not before: */
    uint64_t retry_at_ns;
    uint64_t retry_wait_ns; /* doubles while nothing changes */

    struct topology_host host; /* as the topology has it; arrays are the source's */
    struct finish_pcpu *pcpu;  /* per pCPU, as exported last */
    uint64_t looked_ns;        /* when each followed domain was alive, at the latest */
    uint64_t unmap_delay_ns, unmap_delay_max_ns;
    struct topology *topology;
    bool topology_stale;
    uint64_t generation;
    struct snapshot *spare[SPARE_SNAPSHOTS];

    uint64_t mapped, unmapped; /* since start */
    struct log_limit attach_errors;
};

static uint32_t position(const struct sampler *sampler, uint32_t domid)
{
    return by_domid_position(sampler->domain, sampler->domains, sizeof(*sampler->domain), domid);
}

static struct sampled_domain *find(const struct sampler *sampler, uint32_t domid)
{
    uint32_t at = position(sampler, domid);

    return at < sampler->domains && sampler->domain[at].domid == domid ? &sampler->domain[at]
                                                                       : NULL;
}

static void remove_domain(struct sampler *sampler, uint32_t at)
{
    struct sampled_domain *domain = &sampler->domain[at];

    sampler->source->ops->detach(sampler->source, domain->attachment);
    if (sampler->xenstore)
        xenstore_forget(sampler->xenstore, domain->domid);
    free(domain->name);
    free(domain->before);
    sampler->domains--;
    sampler->unmapped++;
    sampler->unmap_delay_ns = clock_raw_ns() - sampler->looked_ns;
    if (sampler->unmap_delay_ns > sampler->unmap_delay_max_ns)
        sampler->unmap_delay_max_ns = sampler->unmap_delay_ns;
    memmove(domain, domain + 1, (sampler->domains - at) * sizeof(*domain));
    sampler->topology_stale = true;
}

static int make_room(struct sampler *sampler)
{
    uint32_t capacity = sampler->capacity ? sampler->capacity * 2 : 16;
    void *grown;

    if (sampler->domains < sampler->capacity)
        return 0;
    grown = reallocarray(sampler->domain, capacity, sizeof(*sampler->domain));
    if (!grown)
        return -ENOMEM;
    sampler->domain = grown;
    sampler->capacity = capacity;
    return 0;
}

/* Attaches a domain that exists. 0, SOURCE_GONE, SOURCE_UNREADABLE, or an error. */
static int add_domain(struct sampler *sampler, uint32_t domid)
{
    const struct source_ops *ops = sampler->source->ops;
    struct sampled_domain domain = {.domid = domid};
    uint32_t at;
    int r;

    r = make_room(sampler);
    if (r < 0)
        return r;
    r = ops->attach(sampler->source, domid, &domain.attachment);
    if (r != 0)
        return r;

    r = ops->describe(sampler->source, domain.attachment, &domain.is);
    if (r == 0) {
        domain.before = calloc(domain.is.vcpus ? domain.is.vcpus : 1, sizeof(*domain.before));
        if (!domain.before)
            r = -ENOMEM;
    }
    if (r == 0 && sampler->xenstore)
        r = xenstore_follow(sampler->xenstore, domid);
    if (r != 0) {
        free(domain.before);
        ops->detach(sampler->source, domain.attachment);
        return r;
    }

    at = position(sampler, domid);
    memmove(&sampler->domain[at + 1], &sampler->domain[at],
            (sampler->domains - at) * sizeof(domain));
    sampler->domain[at] = domain;
    sampler->domains++;
    sampler->mapped++;
    sampler->topology_stale = true;
    return 0;
}

/* Lets go of the dead; says whether there were any. */
static bool remove_the_dead(struct sampler *sampler)
{
    bool any = false;

    for (uint32_t at = sampler->domains; at-- > 0;)
        if (sampler->source->ops->gone(sampler->source, sampler->domain[at].attachment)) {
            remove_domain(sampler, at);
            any = true;
        }
    return any;
}

/* The handle is set after the domain is linked, and may be set again. */
static void look_again(struct sampler *sampler, struct sampled_domain *domain)
{
    struct source_domain is;

    if (sampler->source->ops->describe(sampler->source, domain->attachment, &is) != 0)
        return;
    if (memcmp(is.uuid, domain->is.uuid, sizeof(is.uuid)) != 0) {
        memcpy(domain->is.uuid, is.uuid, sizeof(is.uuid));
        sampler->topology_stale = true;
    }
}

static void log_attach_error(struct sampler *sampler, uint32_t domid, int error)
{
    uint64_t suppressed;

    if (log_limited(&sampler->attach_errors, &suppressed))
        log_warning(
            "cannot map the statistics of domain %u: %s; trying again (%llu more like this)", domid,
            strerror(-error), (unsigned long long)suppressed);
}

/* Whom this follows, and who of them is dead or another domain by now. */
static void who_is_followed(struct sampler *sampler, struct domain_set *ret_known,
                            struct domain_set *ret_gone)
{
    *ret_known = *ret_gone = (struct domain_set){0};
    for (uint32_t at = 0; at < sampler->domains; at++) {
        const struct sampled_domain *domain = &sampler->domain[at];

        domain_set_add(ret_known, domain->domid);
        if (sampler->source->ops->gone(sampler->source, domain->attachment))
            domain_set_add(ret_gone, domain->domid);
    }
}

/* What could not be followed is tried again with back-off, which anything new ends. */
static void wait_longer(struct sampler *sampler)
{
    sampler->retry = false;
    sampler->retry_wait_ns = sampler->retry_wait_ns ? sampler->retry_wait_ns * 2 : RETRY_FIRST_NS;
    if (sampler->retry_wait_ns > RETRY_LAST_NS)
        sampler->retry_wait_ns = RETRY_LAST_NS;
    sampler->retry_at_ns = clock_raw_ns() + sampler->retry_wait_ns;
}

/* Compares who exists with who is followed, from scratch, and brings these in line. */
static int rescan(struct sampler *sampler)
{
    const struct source_ops *ops = sampler->source->ops;
    struct domain_set exist, known, gone;
    uint64_t looked_ns = clock_raw_ns();
    struct tracker_plan plan;
    int r, first_error = 0;

    r = ops->list(sampler->source, &exist);
    if (r < 0)
        return r;
    wait_longer(sampler);
    who_is_followed(sampler, &known, &gone);
    tracker_compare(&exist, &known, &gone, &plan);

    for (uint32_t at = sampler->domains; at-- > 0;)
        if (domain_set_has(&plan.remove, sampler->domain[at].domid))
            remove_domain(sampler, at);
    sampler->looked_ns = looked_ns; /* those that are left were alive then */

    for (uint32_t domid = domain_set_next(&plan.add, 0); domid < DOMAIN_SET_LIMIT;
         domid = domain_set_next(&plan.add, domid + 1)) {
        r = add_domain(sampler, domid);
        if (r == 0)
            continue;
        /* It exists, but cannot be followed yet (or any more): that may change soon. */
        sampler->retry = true;
        if (r < 0) {
            log_attach_error(sampler, domid, r);
            if (!first_error)
                first_error = r;
        }
    }
    return first_error;
}

/* Memory reads alone while nothing changed. */
static bool is_out_of_date(struct sampler *sampler)
{
    uint64_t now_ns = clock_raw_ns();
    bool out_of_date = sampler->source->ops->changed(sampler->source) || remove_the_dead(sampler);

    if (!out_of_date)
        sampler->looked_ns = now_ns;
    return out_of_date;
}

int sampler_scan(struct sampler *sampler)
{
    if (is_out_of_date(sampler)) {
        sampler->retry_wait_ns = 0;
        return rescan(sampler);
    }
    return sampler->retry && clock_raw_ns() >= sampler->retry_at_ns ? rescan(sampler) : 0;
}

static void set_name(struct sampler *sampler, struct xenstore_event *event)
{
    struct sampled_domain *domain = find(sampler, event->domid);

    /* A name that went away is remembered: xenstore forgets a domain before Xen does. */
    if (!domain || !event->name) {
        free(event->name);
        return;
    }
    if (domain->name && domain->name_length == event->name_length &&
        memcmp(domain->name, event->name, event->name_length) == 0) {
        free(event->name);
        return;
    }
    free(domain->name);
    domain->name = event->name;
    domain->name_length = event->name_length;
    sampler->topology_stale = true;
}

void sampler_take_events(struct sampler *sampler)
{
    struct xenstore_event event;

    while (sampler->xenstore && xenstore_next(sampler->xenstore, &event)) {
        if (event.type == XENSTORE_NAME)
            set_name(sampler, &event);
        else {
            if (sampler->source->ops->look)
                sampler->source->ops->look(sampler->source);
            sampler->retry = true;
            sampler->retry_wait_ns = sampler->retry_at_ns = 0;
        }
    }
}

/* Asks the source what there is besides domains; a pCPU or a node may have come. */
static int look_at_host(struct sampler *sampler)
{
    struct topology_host host = {0};
    struct finish_pcpu *pcpu;

    if (!sampler->source->ops->describe_host)
        return 0;
    sampler->source->ops->describe_host(sampler->source, &host);
    if (sampler->topology && host.pcpus == sampler->host.pcpus &&
        host.nodes == sampler->host.nodes && host.counters == sampler->host.counters &&
        host.fields == sampler->host.fields)
        return 0;

    pcpu = reallocarray(sampler->pcpu, host.pcpus + 1U, sizeof(*pcpu));
    if (!pcpu)
        return -ENOMEM;
    sampler->pcpu = pcpu;
    for (uint32_t i = sampler->host.pcpus; i < host.pcpus; i++)
        pcpu[i] = (struct finish_pcpu){0};
    sampler->host = host;
    sampler->topology_stale = true;
    return 0;
}

static int build_topology(struct sampler *sampler)
{
    cleanup(cleanup_free) struct topology_entry *entries =
        calloc(sampler->domains ? sampler->domains : 1, sizeof(*entries));
    struct topology *topology;
    int r;

    if (!entries)
        return -ENOMEM;
    for (uint32_t i = 0; i < sampler->domains; i++) {
        const struct sampled_domain *domain = &sampler->domain[i];

        entries[i] = (struct topology_entry){
            .domid = domain->domid,
            .guest_type = domain->is.guest_type,
            .incarnation = domain->is.incarnation,
            .created_ns = domain->is.created_ns,
            .name = domain->name ? domain->name : domain->is.name,
            .vcpus = domain->is.vcpus,
        };
        entries[i].name_length = domain->name      ? domain->name_length
                                 : domain->is.name ? strlen(domain->is.name)
                                                   : 0;
        memcpy(entries[i].uuid, domain->is.uuid, sizeof(entries[i].uuid));
    }
    r = topology_new(sampler->generation + 1, entries, sampler->domains, &sampler->host, &topology);
    if (r < 0)
        return r;

    for (unsigned int i = 0; i < SPARE_SNAPSHOTS; i++)
        sampler->spare[i] = snapshot_unref(sampler->spare[i]);
    topology_unref(sampler->topology);
    sampler->topology = topology;
    sampler->generation++;
    sampler->topology_stale = false;
    return 0;
}

/* A snapshot that nobody else holds, of the current topology. */
static int blank_snapshot(struct sampler *sampler, struct snapshot **ret_snapshot)
{
    for (unsigned int i = 0; i < SPARE_SNAPSHOTS; i++) {
        if (sampler->spare[i] && !snapshot_is_mine(sampler->spare[i]))
            continue;
        if (!sampler->spare[i]) {
            int r = snapshot_new(sampler->topology, &sampler->spare[i]);

            if (r < 0)
                return r;
        } else {
            snapshot_clear(sampler->spare[i]);
        }
        *ret_snapshot = snapshot_ref(sampler->spare[i]);
        return 0;
    }
    return snapshot_new(sampler->topology, ret_snapshot);
}

static void fill_self(struct sampler *sampler, struct snapshot *snapshot, uint64_t began_ns)
{
    uint64_t *self = snapshot_row(snapshot, SNAPSHOT_SELF, 0);

    snapshot->columns[SNAPSHOT_SELF] |=
        SNAPSHOT_COLUMN(SELF_SAMPLE_OK) | SNAPSHOT_COLUMN(SELF_SAMPLE_NS);
    /* What must be asked for is not mapped. */
    if (!sampler->source->ops->prepare)
        snapshot->columns[SNAPSHOT_SELF] |=
            SNAPSHOT_COLUMN(SELF_DOMAINS_MAPPED) | SNAPSHOT_COLUMN(SELF_DOMAINS_UNMAPPED) |
            SNAPSHOT_COLUMN(SELF_UNMAP_DELAY_NS) | SNAPSHOT_COLUMN(SELF_UNMAP_DELAY_MAX_NS);
    if (self[SELF_SAMPLE_OK] == SNAPSHOT_ABSENT)
        self[SELF_SAMPLE_OK] = 1;
    self[SELF_UNMAP_DELAY_NS] = sampler->unmap_delay_ns;
    self[SELF_UNMAP_DELAY_MAX_NS] = sampler->unmap_delay_max_ns;
    self[SELF_DOMAINS_MAPPED] = sampler->mapped;
    self[SELF_DOMAINS_UNMAPPED] = sampler->unmapped;

    if (sampler->xenstore) {
        struct xenstore_figures figures;

        xenstore_figures(sampler->xenstore, &figures);
        snapshot->columns[SNAPSHOT_SELF] |= SNAPSHOT_COLUMN(SELF_XENSTORE_CONNECTED) |
                                            SNAPSHOT_COLUMN(SELF_XENSTORE_RECONNECTS) |
                                            SNAPSHOT_COLUMN(SELF_XENSTORE_PROBES);
        self[SELF_XENSTORE_CONNECTED] = figures.connected;
        self[SELF_XENSTORE_RECONNECTS] = figures.reconnects;
        self[SELF_XENSTORE_PROBES] = figures.probes;
    }
    if (self[SELF_SAMPLE_NS] == SNAPSHOT_ABSENT)
        self[SELF_SAMPLE_NS] = clock_raw_ns() - began_ns;
}

int sampler_take(struct sampler *sampler, struct snapshot **ret_snapshot)
{
    const struct source_ops *ops = sampler->source->ops;
    cleanup(cleanup_snapshot) struct snapshot *snapshot = NULL;
    uint64_t began_ns = clock_raw_ns();
    int r;

    /*
     * What cannot be attached is logged, and tried again by the timer's scans, never by a scrape:
     * a domain that stays out of reach must not cost a hypercall per scrape.
     */
    if (is_out_of_date(sampler))
        rescan(sampler);
    for (uint32_t i = 0; i < sampler->domains; i++)
        look_again(sampler, &sampler->domain[i]);
    r = look_at_host(sampler);
    if (r < 0)
        return r;
    if (sampler->topology_stale || !sampler->topology) {
        r = build_topology(sampler);
        if (r < 0)
            return r;
    }
    r = blank_snapshot(sampler, &snapshot);
    if (r < 0)
        return r;

    for (unsigned int kind = 0; kind < SNAPSHOT_KINDS; kind++)
        snapshot->columns[kind] = 0;
    r = ops->begin(sampler->source, snapshot);
    if (r < 0)
        return r;
    for (uint32_t i = 0; i < sampler->domains; i++) {
        ops->read(sampler->source, sampler->domain[i].attachment, snapshot, i);
        finish_domain(sampler->domain[i].before, snapshot, i);
    }
    finish_pcpus(sampler->pcpu, snapshot);
    finish_host(snapshot);
    fill_self(sampler, snapshot, began_ns);

    *ret_snapshot = steal(snapshot);
    return 0;
}

bool sampler_prepare(struct sampler *sampler, uint64_t asked_ns)
{
    const struct source_ops *ops = sampler->source->ops;

    return !ops->prepare || ops->prepare(sampler->source, asked_ns);
}

int sampler_fd(const struct sampler *sampler)
{
    const struct source_ops *ops = sampler->source->ops;

    return ops->fd ? ops->fd(sampler->source) : -1;
}

uint32_t sampler_domains(const struct sampler *sampler)
{
    return sampler->domains;
}

uint32_t sampler_nameless(const struct sampler *sampler)
{
    uint32_t nameless = 0;

    for (uint32_t i = 0; i < sampler->domains; i++)
        nameless += !sampler->domain[i].name && !sampler->domain[i].is.name;
    return nameless;
}

int sampler_new(struct source *source, struct xenstore *xenstore, struct sampler **ret_sampler)
{
    struct sampler *sampler = calloc(1, sizeof(*sampler));

    if (!sampler) {
        source_free(source);
        return -ENOMEM;
    }
    sampler->source = source;
    sampler->xenstore = xenstore;
    *ret_sampler = sampler;
    return 0;
}

struct sampler *sampler_free(struct sampler *sampler)
{
    if (!sampler)
        return NULL;
    while (sampler->domains > 0)
        remove_domain(sampler, sampler->domains - 1);
    for (unsigned int i = 0; i < SPARE_SNAPSHOTS; i++)
        snapshot_unref(sampler->spare[i]);
    topology_unref(sampler->topology);
    source_free(sampler->source);
    free(sampler->pcpu);
    free(sampler->domain);
    free(sampler);
    return NULL;
}
