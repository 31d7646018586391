/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated host: domains whose vCPUs run, wait for a pCPU, block and die, written by a thread of
 * its own into real pages in the real layout, with the real write protocol. Everything behind the
 * mapping is the code that reads a hypervisor.
 *
 * Time is conserved: a vCPU is always in exactly one state, a pCPU runs at most one vCPU, and every
 * change carries the moment at which it was made.
 */
#include "source/simulated_host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "source/clock.h"
#include "util/monotonic.h"
#include "util/thread.h"

/* What a simulated host is made of, in frames of 4 KiB. */
#define DOMAIN_PAGES 65536U
#define HOST_PAGES   (1024U * DOMAIN_PAGES)
#define NODES        2U

/* As `xenperf` calls them. */
static const struct {
    const char *name;
    uint32_t element, type;
} counters[SIM_COUNTERS] = {
    [SIM_SCHEDULES] = {"sched: runs through scheduler", STATS_PERFC_SINGLE, STATS_PERFC_COUNTER},
    [SIM_SWITCHES] = {"sched: context switches", STATS_PERFC_SINGLE, STATS_PERFC_COUNTER},
    [SIM_HYPERCALLS] = {"hypercalls", 0, STATS_PERFC_COUNTER},
    [SIM_HYPERCALLS + 1] = {"hypercalls", 1, STATS_PERFC_COUNTER},
    [SIM_HYPERCALLS + 2] = {"hypercalls", 2, STATS_PERFC_COUNTER},
    [SIM_HYPERCALLS + 3] = {"hypercalls", 3, STATS_PERFC_COUNTER},
    [SIM_WAITING] = {"sched: vCPUs that wait", STATS_PERFC_SINGLE, STATS_PERFC_GAUGE},
};

static uint64_t host_now(const struct sim_host *host)
{
    return clock_raw_ns() - host->epoch_raw;
}

static void fill_domain_record(struct sim_host *host, struct sim_domain *domain, uint64_t now)
{
    struct stats_domain *record = table_writer_domain(&domain->table);

    table_write_begin(&record->record);
    record->record.index = domain->domid;
    if (domain->domid != 0) { /* Domain-0's UUID is null, as on a real host */
        for (unsigned int i = 0; i < sizeof(record->handle); i++)
            record->handle[i] = (uint8_t)simulated_random(host, 256);
        record->handle[6] = (record->handle[6] & 0x0f) | 0x40; /* RFC 9562: version 4 */
        record->handle[8] = (record->handle[8] & 0x3f) | 0x80; /* and its variant */
    }
    record->creation_time = domain->domid == 0 ? 1 : now;
    record->generation = ((struct stats_frame *)domain->table.base)->generation;
    record->guest_type = domain->domid % 3 == 2 ? STATS_GUEST_PVH : STATS_GUEST_PV;
    record->max_vcpus = domain->vcpus;
    record->pages = record->max_pages = DOMAIN_PAGES;
    record->xenheap_pages = 4;
    record->event_channels = 4 + 4ULL * domain->vcpus;
    record->max_event_channels = 131071;
    record->grant_frames = 1 + simulated_random(host, 32);
    record->max_grant_frames = 64;
    record->maptrack_frames = domain->domid == 0 ? 32 : 0;
    record->max_maptrack_frames = 1024;
    record->shutdown = STATS_NOT_AVAILABLE;
    record->scheduler_weight = domain->domid == 0 ? 512 : 256;
    record->record.flags = STATS_RECORD_VALID;
    table_write_end(&record->record);
}

static void start_vcpu(struct sim_host *host, struct sim_domain *domain, uint32_t index,
                       uint64_t now)
{
    struct sim_vcpu *vcpu = &domain->vcpu[index];

    *vcpu = (struct sim_vcpu){
        .domain = domain,
        .record = table_writer_vcpu(&domain->table, index),
        .pcpu = (uint32_t)simulated_random(host, host->config.pcpus),
    };
    table_write_begin(&vcpu->record->record);
    vcpu->record->record.index = index;
    vcpu->record->state = STATS_OFFLINE;
    vcpu->record->state_entry_time = vcpu->record->counting_since = now;
    vcpu->record->cpu = vcpu->pcpu;
    vcpu->record->record.flags = STATS_RECORD_VALID | STATS_VCPU_ONLINE;
    table_write_end(&vcpu->record->record);
    simulated_start(host, vcpu, now);
}

static void count_host(struct sim_host *host, uint64_t *field, int64_t change)
{
    TABLE_SET(*field, *field + (uint64_t)change);
}

static int create_domain(struct sim_host *host, uint32_t domid, uint64_t now)
{
    /* From never sleeping to always asleep, so that a first look shows every kind. */
    static const uint8_t busy[] = {10, 100, 60, 5, 0, 30};
    uint32_t vcpus = host->config.vcpus;
    struct sim_domain *domain = calloc(1, sizeof(*domain) + vcpus * sizeof(domain->vcpu[0]));
    struct stats_host *record = table_writer_host(&host->table);
    int r;

    if (!domain)
        return -ENOMEM;
    domain->domid = domid;
    domain->vcpus = vcpus;
    domain->busy_percent = busy[domid % sizeof(busy)];
    snprintf(domain->name, sizeof(domain->name), domid ? "guest-%u" : "Domain-0", domid);

    r = table_writer_init_domain(&domain->table, domid, ++host->generations, vcpus);
    if (r < 0) {
        free(domain);
        return r;
    }
    fill_domain_record(host, domain, now);
    for (uint32_t i = 0; i < vcpus; i++)
        start_vcpu(host, domain, i, now);

    host->domain[domid] = domain;
    if (domid > host->last_domid)
        host->last_domid = domid;
    count_host(host, &record->pages, domain->table.frames);
    table_write_begin(&record->record);
    table_writer_set_exists(&host->table, domid, true);
    count_host(host, &record->domains_created, 1);
    table_write_end(&record->record);
    return 0;
}

static void free_domain(struct sim_host *host, struct sim_domain *domain)
{
    struct stats_host *record = table_writer_host(&host->table);

    count_host(host, &record->pages, -(int64_t)domain->table.frames);
    table_writer_deinit(&domain->table);
    free(domain);
}

static void destroy_domain(struct sim_host *host, struct sim_domain *domain, uint64_t now)
{
    struct stats_host *record = table_writer_host(&host->table);

    simulated_forget(host, domain, now);
    TABLE_SET(table_writer_domain(&domain->table)->dying, 2);
    table_writer_mark_dead(&domain->table);
    domain->dead = true;
    host->domain[domain->domid] = NULL;
    table_write_begin(&record->record);
    table_writer_set_exists(&host->table, domain->domid, false);
    count_host(host, &record->domains_destroyed, 1);
    table_write_end(&record->record);

    if (domain->mapped) {
        count_host(host, &record->pages_retired, domain->table.frames);
        domain->next = host->retired;
        host->retired = domain;
    } else {
        free_domain(host, domain);
    }
}

static uint32_t oldest_guest(const struct sim_host *host)
{
    for (uint32_t domid = 1; domid <= host->last_domid; domid++)
        if (host->domain[domid])
            return domid;
    return 0;
}

/* Domids are given out as Xen does it: one after the other, and from the start again. */
static uint32_t fresh_domid(const struct sim_host *host)
{
    uint32_t fresh = host->last_domid + 1;

    for (uint32_t domid = 1; fresh >= DOMAIN_SET_LIMIT && domid < DOMAIN_SET_LIMIT; domid++)
        if (!host->domain[domid])
            fresh = domid;
    return fresh;
}

/* Replaces the oldest guest, as often as asked: by a new one, or by itself after a reboot. */
static void churn(struct sim_host *host, uint64_t now)
{
    uint64_t due = (now - host->born) / (1000 * MS) * host->config.churn / 60;

    while (host->config.domains > 0 && host->churned < due) {
        uint32_t oldest = oldest_guest(host), fresh = fresh_domid(host);
        bool reboots = host->churned++ % 2 && oldest;
        uint8_t handle[16];
        char name[sizeof(host->domain[0]->name)];

        if (reboots) {
            memcpy(handle, table_writer_domain(&host->domain[oldest]->table)->handle,
                   sizeof(handle));
            memcpy(name, host->domain[oldest]->name, sizeof(name));
        }
        if (oldest)
            destroy_domain(host, host->domain[oldest], now);
        if (create_domain(host, fresh, now) < 0)
            return;
        if (reboots) {
            struct stats_domain *record = table_writer_domain(&host->domain[fresh]->table);

            table_write_begin(&record->record);
            memcpy(record->handle, handle, sizeof(handle));
            table_write_end(&record->record);
            memcpy(host->domain[fresh]->name, name, sizeof(name));
        }
    }
}

/* What a hypervisor looks up about once a second. */
static void refresh(struct sim_host *host, uint64_t now)
{
    struct stats_host *record = table_writer_host(&host->table);
    uint64_t used = 0, online = 0;

    for (uint32_t domid = 0; domid <= host->last_domid; domid++)
        used += host->domain[domid] ? DOMAIN_PAGES : 0;
    if (used > HOST_PAGES)
        used = HOST_PAGES;
    for (uint32_t pcpu = 0; pcpu < host->config.pcpus; pcpu++)
        online += !host->pcpu[pcpu].offline;
    TABLE_SET(record->free_pages, HOST_PAGES - used);
    TABLE_SET(record->cpus_online, online);
    TABLE_SET(record->refreshed, now);
    for (uint32_t node = 0; node < NODES; node++)
        TABLE_SET(table_writer_node(&host->table, node)->free_pages, (HOST_PAGES - used) / NODES);
    for (uint32_t i = 0; i < SIM_COUNTERS; i++)
        TABLE_SET(table_writer_counter(&host->table, i)->value, host->counter[i]);
}

static void calibrate(struct sim_host *host, uint64_t now)
{
    struct stats_clock *clock = table_writer_clock(&host->table);

    if (now - host->calibrated < 1000 * MS)
        return;
    host->calibrated = now;
    table_write_begin(&clock->record);
    TABLE_SET(clock->system_time, now);
    TABLE_SET(clock->tsc, clock_tsc());
    table_write_end(&clock->record);
    refresh(host, now);
}

static void *live(void *argument)
{
    struct sim_host *host = argument;

    pthread_setname_np(pthread_self(), "simulated");
    pthread_mutex_lock(&host->lock);
    while (!host->stopping) {
        uint64_t now = host_now(host);
        struct timespec until;

        pulse_answer(&host->pulse);
        churn(host, now);
        if (host->config.churn > 0)
            simulated_plug(host, now);
        simulated_schedule(host, now);
        calibrate(host, now);

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += TICK_NS;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        pthread_cond_timedwait(&host->stop, &host->lock, &until);
    }
    pthread_mutex_unlock(&host->lock);
    return NULL;
}

static int simulated_map(struct frames *frames, uint32_t id, struct frames_mapping *ret_mapping)
{
    struct sim_host *host = (struct sim_host *)frames;
    struct table_writer *table = NULL;
    struct sim_domain *domain = NULL;

    pthread_mutex_lock(&host->lock);
    if (id == STATS_DOMID_XEN) {
        table = &host->table;
    } else if (id < DOMAIN_SET_LIMIT && host->domain[id]) {
        domain = host->domain[id];
        domain->mapped = true;
        table = &domain->table;
    }
    if (table)
        *ret_mapping = (struct frames_mapping){
            .base = table->base,
            .count = table->frames,
            .handle = domain,
        };
    pthread_mutex_unlock(&host->lock);
    return table ? 0 : -ENOENT;
}

static void simulated_unmap(struct frames *frames, struct frames_mapping *mapping)
{
    struct sim_host *host = (struct sim_host *)frames;
    struct sim_domain *domain = mapping->handle;

    *mapping = (struct frames_mapping){0};
    if (!domain)
        return;

    pthread_mutex_lock(&host->lock);
    domain->mapped = false;
    if (domain->dead) {
        struct sim_domain **at = &host->retired;

        while (*at != domain)
            at = &(*at)->next;
        *at = domain->next;
        count_host(host, &table_writer_host(&host->table)->pages_retired,
                   -(int64_t)domain->table.frames);
        free_domain(host, domain);
    }
    pthread_mutex_unlock(&host->lock);
}

static const char *simulated_name(const struct frames_mapping *mapping)
{
    return ((const struct sim_domain *)mapping->handle)->name;
}

static void simulated_free(struct frames *frames)
{
    struct sim_host *host = (struct sim_host *)frames;

    if (host->started) {
        pthread_mutex_lock(&host->lock);
        host->stopping = true;
        pthread_cond_signal(&host->stop);
        pthread_mutex_unlock(&host->lock);
        pthread_join(host->thread, NULL);
    }
    if (host->table.base) {
        for (uint32_t domid = 0; domid <= host->last_domid; domid++)
            if (host->domain[domid])
                free_domain(host, host->domain[domid]);
    }
    table_writer_deinit(&host->table);
    pthread_cond_destroy(&host->stop);
    pthread_mutex_destroy(&host->lock);
    free(host->pcpu);
    free(host);
}

/* The parts of the host's table that are there from its start. */
static void fill_host_table(struct sim_host *host)
{
    struct stats_host *record = table_writer_host(&host->table);

    record->record.flags = STATS_RECORD_VALID;
    record->pages = host->table.frames;
    record->domids = DOMAIN_SET_LIMIT;
    record->max_domain_pages = UINT32_MAX;
    record->boot_time = unix_now_ns() - host_now(host);
    record->total_pages = HOST_PAGES;
    record->cpus_present = host->config.pcpus;
    record->nodes_online = NODES;
    record->cpu_khz = 2400000;
    table_writer_clock(&host->table)->record.flags = STATS_RECORD_VALID;

    for (uint32_t node = 0; node < NODES; node++)
        *table_writer_node(&host->table, node) = (struct stats_node){
            .record = {.flags = STATS_RECORD_VALID, .index = node},
            .total_pages = HOST_PAGES / NODES,
        };
    for (uint32_t i = 0; i < SIM_COUNTERS; i++) {
        struct stats_perfc *counter = table_writer_counter(&host->table, i);

        counter->record = (struct stats_record){.flags = STATS_RECORD_VALID, .index = i};
        counter->type = counters[i].type;
        counter->element = counters[i].element;
        snprintf(counter->name, sizeof(counter->name), "%s", counters[i].name);
    }
}

/* Idle since the host was started. */
static void fill_pcpu(struct sim_host *host, uint32_t number)
{
    struct sim_pcpu *pcpu = &host->pcpu[number];

    pcpu->record = table_writer_pcpu(&host->table, number);
    *pcpu->record = (struct stats_pcpu){
        .record = {.flags = STATS_RECORD_VALID | STATS_PCPU_ONLINE, .index = number},
        .state = STATS_RUNNING,
        .counting_since = host->born,
        .node = number % NODES,
        .socket = number % NODES,
        .core = number / NODES,
        .frequency_khz = 2400000,
    };
}

static int build_host(struct sim_host *host)
{
    int r;

    host->pcpu = calloc(host->config.pcpus, sizeof(*host->pcpu));
    if (!host->pcpu)
        return -ENOMEM;
    r = table_writer_init_host(&host->table, host->config.pcpus, NODES, SIM_COUNTERS);
    if (r < 0)
        return r;

    host->born = host_now(host);
    fill_host_table(host);
    for (uint32_t pcpu = 0; pcpu < host->config.pcpus; pcpu++)
        fill_pcpu(host, pcpu);

    for (uint32_t domid = 0; domid <= host->config.domains; domid++) {
        r = create_domain(host, domid, host->born);
        if (r < 0)
            return r;
    }
    calibrate(host, host->born);
    return 0;
}

static int start_thread(struct sim_host *host)
{
    int r = thread_start(&host->thread, live, host);

    host->started = r == 0;
    return r;
}

int simulated_frames_new(const struct simulated_config *config, struct frames **ret_frames)
{
    static const struct frames_ops ops = {
        .map = simulated_map,
        .unmap = simulated_unmap,
        .name = simulated_name,
        .free = simulated_free,
    };
    struct sim_host *host = calloc(1, sizeof(*host));
    pthread_condattr_t monotonic;
    int r;

    if (!host)
        return -ENOMEM;
    host->frames = (struct frames){.ops = &ops, .pulse = &host->pulse};
    host->config = *config;
    host->random = config->seed ^ 0x9e3779b97f4a7c15ULL ?: 1;
    host->queue_tail = &host->queue_head;
    host->epoch_raw = clock_raw_ns() - UPTIME_NS;
    pthread_mutex_init(&host->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&host->stop, &monotonic);
    pthread_condattr_destroy(&monotonic);

    r = build_host(host);
    if (r == 0)
        r = start_thread(host);
    if (r < 0) {
        simulated_free(&host->frames);
        return r;
    }
    *ret_frames = &host->frames;
    return 0;
}
