/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the simulated host: what it consists of, shared by simulated.c (domains come and
 * go, the pages they are written to) and simulated_schedule.c (who runs where). Everything is under
 * the host's lock.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "domains/domain_set.h"
#include "source/frames.h"
#include "source/source.h"
#include "source/table_writer.h"
#include "util/pulse.h"

#define MS        1000000ULL
#define TICK_NS   (2 * MS)           /* the thread looks this often */
#define SLICE_NS  (10 * MS)          /* a running vCPU makes room for a waiting one after this */
#define UPTIME_NS (3600 * 1000 * MS) /* a fresh host has been up for an hour */
#define PLUG_NS   (3000 * MS)        /* where there is churn, CPUs come and go this often */

struct sim_domain;

struct sim_vcpu {
    struct sim_domain *domain;
    struct stats_vcpu *record;
    uint32_t pcpu;
    uint64_t until;        /* blocked: wakes then; running: its burst ends then */
    uint64_t slice_end;    /* running: makes room then */
    uint64_t burst_left;   /* runnable: what it still wants to run before it blocks */
    bool offline;          /* the guest has it down */
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

struct sim_pcpu {
    struct stats_pcpu *record;
    struct sim_vcpu *running; /* or NULL */
    struct sim_vcpu *last;    /* ran here last; only compared */
    bool offline;
};

/* What the hypervisor counts, as its performance counters. */
enum sim_counter {
    SIM_SCHEDULES,
    SIM_SWITCHES,
    SIM_HYPERCALLS, /* an array */
    SIM_WAITING = SIM_HYPERCALLS + 4,
    SIM_COUNTERS,
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
    struct sim_pcpu *pcpu;
    uint64_t counter[SIM_COUNTERS];
    uint64_t plugged; /* how often vCPUs and pCPUs were taken away or given back */
    struct sim_vcpu *queue_head;
    struct sim_vcpu **queue_tail;
};

/* The same seed gives the same numbers. Below `below`; 0 when that is 0. */
uint64_t simulated_random(struct sim_host *host, uint64_t below);

/* A vCPU whose record is filled in begins to run, or to sleep. */
void simulated_start(struct sim_host *host, struct sim_vcpu *vcpu, uint64_t now);

/* Takes a domain's vCPUs off the pCPUs and out of the queue, for good. */
void simulated_forget(struct sim_host *host, const struct sim_domain *domain, uint64_t now);

/* Lets time pass: who has slept enough wakes, who has run enough makes room. */
void simulated_schedule(struct sim_host *host, uint64_t now);

/* Gives a guest's last vCPU, or the last pCPU, or takes it away. */
void simulated_plug(struct sim_host *host, uint64_t now);
