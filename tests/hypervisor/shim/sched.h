/* SPDX-License-Identifier: Apache-2.0 */
/* Domains, vCPUs and CPUs, and what happens to them. */
#pragma once

#include "locks.h"
#include "memory.h"
#include "time.h"

struct xen_stats_vcpu;
struct xen_stats_pcpu;

struct vcpu_runstate_info {
    int state;
    uint64_t state_entry_time;
    uint64_t time[4];
};

struct vcpu {
    unsigned int vcpu_id;
    _Atomic unsigned int processor;
    struct domain *domain;
    struct vcpu_runstate_info runstate;
    _Atomic unsigned long pause_flags;
#include <added/struct-vcpu.h>
};

#define SHUTDOWN_CODE_INVALID ~0u

struct scheduler {
    unsigned int sched_id;
};
struct cpupool {
    unsigned int id;
    struct scheduler scheduler;
};

/* What is read without a lock in Xen is atomic here, for ThreadSanitizer's sake. */
struct domain {
    domid_t domain_id;
    unsigned int max_vcpus;
    struct vcpu *_Atomic *vcpu;
    xen_domain_handle_t handle;
    _Atomic enum { DOMDYING_alive, DOMDYING_dying, DOMDYING_dead } is_dying;
    spinlock_t page_alloc_lock; /* Of these: */
    unsigned int tot_pages, extra_pages, max_pages, outstanding_pages, xenheap_pages;
    spinlock_t event_lock;
    unsigned int active_evtchns, max_evtchns;
    spinlock_t grant_lock;
    unsigned int grant_frames, max_grant_frames;
    spinlock_t maptrack_lock;
    unsigned int maptrack_frames, max_maptrack_frames;
    /* That of cpupools: */
    struct cpupool *_Atomic cpupool;
    _Atomic uint64_t weight, cap;
    /* None: */
    _Atomic int controller_pause_count;
    _Atomic bool is_shut_down;
    _Atomic unsigned int shutdown_code;
    atomic_t shr_pages, paged_pages;
    unsigned int references;
    struct rcu_head *rcu_calls; /* of its death */
#include <added/struct-domain.h>
};

#define VPF_blocked       1UL
#define VPF_down          2UL
#define is_vcpu_online(v) (!((v)->pause_flags & VPF_down))

extern struct domain *dom_xen;
extern struct vcpu *_Atomic idle_vcpu[NR_CPUS];
extern spinlock_t domlist_update_lock;

#define is_idle_domain(d) ((d)->domain_id == DOMID_IDLE)
#define is_idle_vcpu(v)   is_idle_domain((v)->domain)

struct domain *rcu_lock_domain(struct domain *d);
struct domain *rcu_lock_domain_by_id(domid_t id);
void rcu_unlock_domain(struct domain *d);
/* Without a reference: nothing else may be going on. */
struct domain *shim_find_domain(domid_t id);

#define domain_tot_pages(d) ((d)->tot_pages - (d)->extra_pages)
void evtchn_update_stats(struct domain *d);
void gnttab_update_stats(struct domain *d);
unsigned int cpupool_get_id(const struct domain *d);

enum { XEN_SCHEDULER_NULL, XEN_SCHEDULER_CREDIT, XEN_SCHEDULER_CREDIT2 };
enum { XEN_DOMCTL_SCHEDOP_getinfo = 1 };
struct xen_domctl_scheduler_op {
    uint32_t sched_id, cmd;
    union {
        struct {
            uint16_t weight, cap;
        } credit;
        struct {
            uint16_t weight, cap;
        } credit2;
    } u;
};
#define dom_scheduler(d) (&(d)->cpupool->scheduler)
int sched_adjust_dom(const struct scheduler *scheduler, struct domain *d,
                     struct xen_domctl_scheduler_op *op);

/* CPUs: each has a lock for what is scheduled on it. */
unsigned int smp_processor_id(void);
void shim_set_processor_id(unsigned int cpu);
extern rcu_read_lock_t sched_res_rculock;
bool get_sched_res(unsigned int cpu);
spinlock_t *pcpu_schedule_lock_irq(unsigned int cpu);
void pcpu_schedule_unlock_irq(spinlock_t *lock, unsigned int cpu);

/* Life of a domain. Of a domain that is destroyed nothing is left. */
struct domain *shim_create_domain(domid_t id, unsigned int max_vcpus);
struct vcpu *shim_create_vcpu(struct domain *d, unsigned int id);
struct domain *shim_create_domain_with_vcpus(domid_t id, unsigned int vcpus);
void shim_set_handle(struct domain *d, const uint8_t handle[16]);
void shim_start_dying(struct domain *d);
void shim_finish_dying(struct domain *d);
/* Nobody looks at it any more: does what its death has left to RCU. */
void shim_wait_for_readers(struct domain *d);
void shim_destroy_domain(struct domain *d);
/* As if one were destroyed and another created, and nothing else done about it. */
void shim_unlink_and_link(struct domain *d);
/* All three of them. */
void shim_kill_domain(struct domain *d);

void shim_runstate_change(struct vcpu *v, int state, s_time_t now);
/* The guest brings one of its vCPUs up, or down. */
void shim_vcpu_up(struct vcpu *v);
void shim_vcpu_down(struct vcpu *v);
/* One of them has a CPU from now on, and the other not any more. */
void shim_switch_context(unsigned int cpu, struct vcpu *from, int state, struct vcpu *to);
void shim_cpu_up(unsigned int cpu);
void shim_cpu_down(unsigned int cpu);

/* Under the locks that Xen has around them; what is published is in struct domain. */
void shim_set_memory(struct domain *d, unsigned int tot, unsigned int extra, unsigned int max,
                     unsigned int outstanding);
void shim_set_evtchns(struct domain *d, unsigned int active, unsigned int max);
void shim_set_grants(struct domain *d, unsigned int frames, unsigned int max);
void shim_set_maptrack(struct domain *d, unsigned int frames, unsigned int max);
void shim_set_cpupool(struct domain *d, struct cpupool *pool, uint64_t weight, uint64_t cap);
void shim_set_state(struct domain *d, int pause_count, bool is_shut_down, unsigned int code,
                    int shared, int paged);

void shim_move_vcpu(struct vcpu *v, unsigned int cpu);
