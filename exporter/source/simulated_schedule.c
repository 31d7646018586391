/* SPDX-License-Identifier: Apache-2.0 */
/* Who runs where on the simulated host; see simulated_host.h. */
#include "source/simulated_host.h"

/* xorshift64* */
uint64_t simulated_random(struct sim_host *host, uint64_t below)
{
    host->random ^= host->random >> 12;
    host->random ^= host->random << 25;
    host->random ^= host->random >> 27;
    return below ? (host->random * 0x2545f4914f6cdd1dULL >> 16) % below : 0;
}

static unsigned int bucket_of(uint64_t wait)
{
    unsigned int bucket = 0;

    while (bucket < STATS_WAIT_BUCKETS - 1 && wait >= (uint64_t)STATS_WAIT_BASE << bucket)
        bucket++;
    return bucket;
}

/* As a hypervisor does it: the one place where a vCPU's record is written. */
static void change_state(struct sim_vcpu *vcpu, enum stats_runstate state, uint64_t now)
{
    struct stats_vcpu *record = vcpu->record;
    uint64_t passed = now - record->state_entry_time;

    table_write_begin(&record->record);
    if (record->state == STATS_RUNNABLE) {
        uint64_t *bucket = &record->waits[bucket_of(passed)];

        TABLE_SET(*bucket, *bucket + 1);
        TABLE_SET(record->wait_sum, record->wait_sum + passed);
    }
    if (state == STATS_RUNNING) {
        TABLE_SET(record->dispatches, record->dispatches + 1);
        TABLE_SET(record->migrations, record->migrations + (record->cpu != vcpu->pcpu));
        TABLE_SET(record->cpu, vcpu->pcpu);
    }
    TABLE_SET(record->time[record->state], record->time[record->state] + passed);
    TABLE_SET(record->state_entry_time, now);
    TABLE_SET(record->state, state);
    TABLE_SET(record->record.flags,
              STATS_RECORD_VALID | (vcpu->offline ? 0U : (uint32_t)STATS_VCPU_ONLINE));
    table_write_end(&record->record);
}

/* The same for a pCPU's idle vCPU, which runs while nobody else does. */
static void change_pcpu(struct sim_pcpu *pcpu, enum stats_runstate state, uint64_t now)
{
    struct stats_pcpu *record = pcpu->record;

    table_write_begin(&record->record);
    TABLE_SET(record->time[record->state],
              record->time[record->state] + now - record->state_entry_time);
    TABLE_SET(record->state_entry_time, now);
    TABLE_SET(record->state, state);
    if (pcpu->offline && record->online_since != STATS_NOT_AVAILABLE) {
        TABLE_SET(record->online_time, record->online_time + now - record->online_since);
        TABLE_SET(record->online_since, STATS_NOT_AVAILABLE);
    } else if (!pcpu->offline && record->online_since == STATS_NOT_AVAILABLE) {
        TABLE_SET(record->online_since, now);
    }
    TABLE_SET(record->record.flags,
              STATS_RECORD_VALID | (pcpu->offline ? 0U : (uint32_t)STATS_PCPU_ONLINE));
    table_write_end(&record->record);
}

static void enqueue(struct sim_host *host, struct sim_vcpu *vcpu)
{
    vcpu->next = NULL;
    *host->queue_tail = vcpu;
    host->queue_tail = &vcpu->next;
    host->counter[SIM_WAITING]++;
}

static struct sim_vcpu *dequeue(struct sim_host *host)
{
    struct sim_vcpu *vcpu = host->queue_head;

    if (vcpu) {
        host->queue_head = vcpu->next;
        if (!host->queue_head)
            host->queue_tail = &host->queue_head;
        host->counter[SIM_WAITING]--;
    }
    return vcpu;
}

/* Runs 4 to 40 ms, then sleeps so that over time it is busy as much as its domain wants. */
static uint64_t next_burst(struct sim_host *host)
{
    return (4 + simulated_random(host, 37)) * MS;
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
    host->counter[SIM_HYPERCALLS + simulated_random(host, 4)]++;
}

void simulated_start(struct sim_host *host, struct sim_vcpu *vcpu, uint64_t now)
{
    if (vcpu->domain->busy_percent > 0) {
        wake(host, vcpu, now);
    } else {
        vcpu->until = UINT64_MAX;
        change_state(vcpu, STATS_BLOCKED, now);
    }
}

/* Takes a vCPU off its pCPU when its burst is over, or when its slice is and somebody waits. */
static void deschedule(struct sim_host *host, struct sim_pcpu *pcpu, uint64_t now)
{
    struct sim_vcpu *vcpu = pcpu->running;

    host->counter[SIM_SCHEDULES]++;
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
    pcpu->running = NULL;
}

static void count_switch(struct sim_host *host, struct sim_pcpu *pcpu)
{
    if (pcpu->last == pcpu->running)
        return;
    pcpu->last = pcpu->running;
    host->counter[SIM_SWITCHES]++;
    TABLE_SET(pcpu->record->context_switches, pcpu->record->context_switches + 1);
}

static void dispatch(struct sim_host *host, uint32_t number, bool was_busy, uint64_t now)
{
    struct sim_pcpu *pcpu = &host->pcpu[number];
    struct sim_vcpu *vcpu = dequeue(host);

    if (vcpu) {
        vcpu->pcpu = number;
        vcpu->until = now + vcpu->burst_left;
        vcpu->slice_end = now + SLICE_NS;
        change_state(vcpu, STATS_RUNNING, now);
        pcpu->running = vcpu;
    }
    if (was_busy != !!vcpu)
        change_pcpu(pcpu, vcpu ? STATS_RUNNABLE : STATS_RUNNING, now);
    count_switch(host, pcpu);
}

void simulated_schedule(struct sim_host *host, uint64_t now)
{
    for (uint32_t domid = 0; domid <= host->last_domid; domid++) {
        struct sim_domain *domain = host->domain[domid];

        for (uint32_t i = 0; domain && i < domain->vcpus; i++)
            if (domain->vcpu[i].record->state == STATS_BLOCKED && now >= domain->vcpu[i].until)
                wake(host, &domain->vcpu[i], now);
    }
    for (uint32_t pcpu = 0; pcpu < host->config.pcpus; pcpu++) {
        bool was_busy = host->pcpu[pcpu].running;

        if (host->pcpu[pcpu].offline)
            continue;
        if (was_busy)
            deschedule(host, &host->pcpu[pcpu], now);
        if (!host->pcpu[pcpu].running)
            dispatch(host, pcpu, was_busy, now);
    }
}

/* Takes out of the queue whatever `leaves` says. */
static void filter_queue(struct sim_host *host, const struct sim_domain *domain,
                         const struct sim_vcpu *vcpu)
{
    struct sim_vcpu *queue = host->queue_head, *next;

    host->queue_head = NULL;
    host->queue_tail = &host->queue_head;
    host->counter[SIM_WAITING] = 0;
    for (; queue; queue = next) {
        next = queue->next;
        if (queue->domain != domain && queue != vcpu)
            enqueue(host, queue);
    }
}

static void leave_pcpu(struct sim_pcpu *pcpu, uint64_t now)
{
    pcpu->running = NULL;
    if (!pcpu->offline)
        change_pcpu(pcpu, STATS_RUNNING, now);
}

void simulated_forget(struct sim_host *host, const struct sim_domain *domain, uint64_t now)
{
    for (uint32_t i = 0; i < host->config.pcpus; i++) {
        struct sim_pcpu *pcpu = &host->pcpu[i];

        if (pcpu->running && pcpu->running->domain == domain)
            leave_pcpu(pcpu, now);
        if (pcpu->last && pcpu->last->domain == domain)
            pcpu->last = NULL;
    }
    filter_queue(host, domain, NULL);
}

static void plug_vcpu(struct sim_host *host, struct sim_vcpu *vcpu, uint64_t now)
{
    vcpu->offline = !vcpu->offline;
    if (!vcpu->offline) {
        simulated_start(host, vcpu, now);
        return;
    }
    for (uint32_t i = 0; i < host->config.pcpus; i++)
        if (host->pcpu[i].running == vcpu)
            leave_pcpu(&host->pcpu[i], now);
    filter_queue(host, NULL, vcpu);
    change_state(vcpu, STATS_OFFLINE, now);
}

static void plug_pcpu(struct sim_host *host, struct sim_pcpu *pcpu, uint64_t now)
{
    if (pcpu->running) {
        change_state(pcpu->running, STATS_RUNNABLE, now);
        enqueue(host, pcpu->running);
        pcpu->running = NULL;
    }
    pcpu->offline = !pcpu->offline;
    change_pcpu(pcpu, pcpu->offline ? STATS_OFFLINE : STATS_RUNNING, now);
}

void simulated_plug(struct sim_host *host, uint64_t now)
{
    uint64_t due = (now - host->born) / PLUG_NS;
    uint32_t domid = (uint32_t)simulated_random(host, host->last_domid + 1);
    struct sim_domain *domain = host->domain[domid];

    if (host->plugged >= due)
        return;
    if (host->plugged++ % 2 && host->config.pcpus > 1)
        plug_pcpu(host, &host->pcpu[host->config.pcpus - 1], now);
    else if (domain && domain->vcpus > 1)
        plug_vcpu(host, &domain->vcpu[domain->vcpus - 1], now);
}
