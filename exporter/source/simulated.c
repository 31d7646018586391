/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated host: domains whose vCPUs run, wait for a pCPU, block and die, written by a thread of
 * its own into real pages in the real layout, with the real write protocol. Everything behind the
 * mapping is the code that reads a hypervisor.
 *
 * Time is conserved: a vCPU is always in exactly one state, a pCPU runs at most one vCPU, and every
 * change carries the moment at which it was made.
 */
#include "source/source.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "source/clock.h"
#include "source/frames.h"
#include "source/table_writer.h"
#include "util/pulse.h"

#define MS        1000000ULL
#define TICK_NS   (2 * MS)           /* the thread looks this often */
#define SLICE_NS  (10 * MS)          /* a running vCPU makes room for a waiting one after this */
#define UPTIME_NS (3600 * 1000 * MS) /* a fresh host has been up for an hour */

struct sim_domain;

struct sim_vcpu {
    struct sim_domain *domain;
    struct stats_vcpu *record;
    uint32_t pcpu;
    uint64_t until;        /* blocked: wakes then; running: its burst ends then */
    uint64_t slice_end;    /* running: makes room then */
    uint64_t burst_left;   /* runnable: what it still wants to run before it blocks */
    struct sim_vcpu *next; /* in the run queue */
};

struct sim_domain {
    uint32_t domid;
    uint32_t vcpus;
    uint32_t busy_percent; /* how much its vCPUs want to run; 100: they never block */
    bool mapped;
    bool dead;
    char name[24];
    struct table_writer table;
    struct sim_domain *next; /* among the dead that are still mapped */
    struct sim_vcpu vcpu[];
};

struct sim_host {
    struct frames frames;
    struct simulated_config config;

    pthread_t thread;
    struct pulse pulse;
    bool started;
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t stop;
    bool stopping;

    struct table_writer table;
    uint64_t epoch_raw; /* CLOCK_MONOTONIC_RAW at system time 0 */
    uint64_t random;
    uint64_t generations;
    uint64_t born;    /* system time at which this host began to live */
    uint64_t churned; /* domains replaced so far */
    uint64_t calibrated;
    uint32_t last_domid;
    struct sim_domain *domain[DOMAIN_SET_LIMIT];
    struct sim_domain *retired;
    struct sim_vcpu **running; /* by pCPU, or NULL */
    struct sim_vcpu *queue_head;
    struct sim_vcpu **queue_tail;
};

static uint64_t host_now(const struct sim_host *host)
{
    return clock_raw_ns() - host->epoch_raw;
}

/* xorshift64*: the same seed gives the same host. */
static uint64_t next_random(struct sim_host *host, uint64_t below)
{
    host->random ^= host->random >> 12;
    host->random ^= host->random << 25;
    host->random ^= host->random >> 27;
    return below ? (host->random * 0x2545f4914f6cdd1dULL >> 16) % below : 0;
}

static void change_state(struct sim_vcpu *vcpu, enum stats_runstate state, uint64_t now)
{
    struct stats_vcpu *record = vcpu->record;

    table_write_begin(&record->record);
    TABLE_SET(record->time[record->state],
              record->time[record->state] + now - record->state_entry_time);
    TABLE_SET(record->state_entry_time, now);
    TABLE_SET(record->state, state);
    TABLE_SET(record->cpu, vcpu->pcpu);
    table_write_end(&record->record);
}

static void enqueue(struct sim_host *host, struct sim_vcpu *vcpu)
{
    vcpu->next = NULL;
    *host->queue_tail = vcpu;
    host->queue_tail = &vcpu->next;
}

static struct sim_vcpu *dequeue(struct sim_host *host)
{
    struct sim_vcpu *vcpu = host->queue_head;

    if (vcpu) {
        host->queue_head = vcpu->next;
        if (!host->queue_head)
            host->queue_tail = &host->queue_head;
    }
    return vcpu;
}

/* Runs 4 to 40 ms, then sleeps so that over time it is busy as much as its domain wants. */
static uint64_t next_burst(struct sim_host *host)
{
    return (4 + next_random(host, 37)) * MS;
}

static uint64_t next_sleep(struct sim_host *host, const struct sim_domain *domain)
{
    return next_burst(host) * (100 - domain->busy_percent) / domain->busy_percent;
}

static void wake(struct sim_host *host, struct sim_vcpu *vcpu, uint64_t now)
{
    vcpu->burst_left = next_burst(host);
    change_state(vcpu, STATS_RUNNABLE, now);
    enqueue(host, vcpu);
}

/* Takes a vCPU off its pCPU when its burst is over, or when its slice is and somebody waits. */
static void deschedule(struct sim_host *host, uint32_t pcpu, uint64_t now)
{
    struct sim_vcpu *vcpu = host->running[pcpu];

    if (vcpu->domain->busy_percent < 100 && now >= vcpu->until) {
        vcpu->until = now + next_sleep(host, vcpu->domain);
        change_state(vcpu, STATS_BLOCKED, now);
    } else if (now >= vcpu->slice_end && host->queue_head) {
        vcpu->burst_left = vcpu->until > now ? vcpu->until - now : 0;
        change_state(vcpu, STATS_RUNNABLE, now);
        enqueue(host, vcpu);
    } else {
        return;
    }
    host->running[pcpu] = NULL;
}

static void dispatch(struct sim_host *host, uint32_t pcpu, uint64_t now)
{
    struct sim_vcpu *vcpu = dequeue(host);

    if (!vcpu)
        return;
    vcpu->pcpu = pcpu;
    vcpu->until = now + vcpu->burst_left;
    vcpu->slice_end = now + SLICE_NS;
    change_state(vcpu, STATS_RUNNING, now);
    host->running[pcpu] = vcpu;
}

static void schedule(struct sim_host *host, uint64_t now)
{
    for (uint32_t domid = 0; domid <= host->last_domid; domid++) {
        struct sim_domain *domain = host->domain[domid];

        for (uint32_t i = 0; domain && i < domain->vcpus; i++)
            if (domain->vcpu[i].record->state == STATS_BLOCKED && now >= domain->vcpu[i].until)
                wake(host, &domain->vcpu[i], now);
    }
    for (uint32_t pcpu = 0; pcpu < host->config.pcpus; pcpu++) {
        if (host->running[pcpu])
            deschedule(host, pcpu, now);
        if (!host->running[pcpu])
            dispatch(host, pcpu, now);
    }
}

static void fill_domain_record(struct sim_host *host, struct sim_domain *domain, uint64_t now)
{
    struct stats_domain *record = table_writer_domain(&domain->table);

    table_write_begin(&record->record);
    record->record.index = domain->domid;
    if (domain->domid != 0) { /* Domain-0's UUID is null, as on a real host */
        for (unsigned int i = 0; i < sizeof(record->handle); i++)
            record->handle[i] = (uint8_t)next_random(host, 256);
        record->handle[6] = (record->handle[6] & 0x0f) | 0x40; /* RFC 9562: version 4 */
        record->handle[8] = (record->handle[8] & 0x3f) | 0x80; /* and its variant */
    }
    record->creation_time = domain->domid == 0 ? 1 : now;
    record->generation = ((struct stats_frame *)domain->table.base)->generation;
    record->guest_type = domain->domid % 3 == 2 ? STATS_GUEST_PVH : STATS_GUEST_PV;
    record->max_vcpus = domain->vcpus;
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
        .pcpu = (uint32_t)next_random(host, host->config.pcpus),
    };
    table_write_begin(&vcpu->record->record);
    vcpu->record->record.index = index;
    vcpu->record->state = STATS_OFFLINE;
    vcpu->record->state_entry_time = now;
    vcpu->record->cpu = vcpu->pcpu;
    vcpu->record->record.flags = STATS_RECORD_VALID;
    table_write_end(&vcpu->record->record);

    if (domain->busy_percent > 0) {
        wake(host, vcpu, now);
    } else {
        vcpu->until = UINT64_MAX;
        change_state(vcpu, STATS_BLOCKED, now);
    }
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

static void forget_vcpus(struct sim_host *host, const struct sim_domain *domain)
{
    struct sim_vcpu *queue = host->queue_head, *next;

    for (uint32_t pcpu = 0; pcpu < host->config.pcpus; pcpu++)
        if (host->running[pcpu] && host->running[pcpu]->domain == domain)
            host->running[pcpu] = NULL;

    host->queue_head = NULL;
    host->queue_tail = &host->queue_head;
    for (; queue; queue = next) {
        next = queue->next;
        if (queue->domain != domain)
            enqueue(host, queue);
    }
}

static void destroy_domain(struct sim_host *host, struct sim_domain *domain)
{
    struct stats_host *record = table_writer_host(&host->table);

    forget_vcpus(host, domain);
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

/* Replaces the oldest guest by a new one, as often as asked; domids are given out as Xen does. */
static void churn(struct sim_host *host, uint64_t now)
{
    uint64_t due = (now - host->born) / (1000 * MS) * host->config.churn / 60;

    while (host->config.domains > 0 && host->churned < due) {
        uint32_t oldest = 0, fresh = host->last_domid + 1;

        for (uint32_t domid = 1; domid <= host->last_domid && !oldest; domid++)
            if (host->domain[domid])
                oldest = domid;
        for (uint32_t domid = 1; fresh >= DOMAIN_SET_LIMIT && domid < DOMAIN_SET_LIMIT; domid++)
            if (!host->domain[domid])
                fresh = domid;

        host->churned++;
        if (oldest)
            destroy_domain(host, host->domain[oldest]);
        if (create_domain(host, fresh, now) < 0)
            return;
    }
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
        schedule(host, now);
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
    free(host->running);
    free(host);
}

static int build_host(struct sim_host *host)
{
    struct stats_host *record;
    struct stats_clock *clock;
    int r;

    host->running = calloc(host->config.pcpus, sizeof(struct sim_vcpu *));
    if (!host->running)
        return -ENOMEM;
    r = table_writer_init_host(&host->table);
    if (r < 0)
        return r;

    host->born = host_now(host);
    record = table_writer_host(&host->table);
    record->record.flags = STATS_RECORD_VALID;
    record->pages = host->table.frames;
    record->domids = DOMAIN_SET_LIMIT;
    record->max_domain_pages = UINT32_MAX;
    clock = table_writer_clock(&host->table);
    clock->record.flags = STATS_RECORD_VALID;
    calibrate(host, host->born);

    for (uint32_t domid = 0; domid <= host->config.domains; domid++) {
        r = create_domain(host, domid, host->born);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The thread must not take signals that are meant for the main loop. */
static int start_thread(struct sim_host *host)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = -pthread_create(&host->thread, NULL, live, host);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
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
