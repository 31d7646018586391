/* SPDX-License-Identifier: Apache-2.0 */
/* See sched.h. The calls of the statistics code are where the series puts them. */
#include <sched.h>

#include "shim.h"
#include <xen/stats.h>

static struct domain xen_domain = {.domain_id = DOMID_XEN,
                                   .page_alloc_lock = SPIN_LOCK_NAMED("page_alloc_lock")};
struct domain *dom_xen = &xen_domain;
DEFINE_SPINLOCK(domlist_update_lock);
rcu_read_lock_t sched_res_rculock;

static struct domain *domains[DOMID_FIRST_RESERVED];
static pthread_mutex_t domains_mutex = PTHREAD_MUTEX_INITIALIZER;

static spinlock_t schedule_locks[NR_CPUS];
static __thread unsigned int this_processor;

static void __attribute__((constructor)) init_locks(void)
{
    for (unsigned int i = 0; i < NR_CPUS; i++)
        schedule_locks[i] = (spinlock_t)SPIN_LOCK_NAMED("schedule_lock");
}

unsigned int smp_processor_id(void)
{
    return this_processor;
}

void shim_set_processor_id(unsigned int cpu)
{
    assert(cpu < NR_CPUS);
    this_processor = cpu;
}

spinlock_t *pcpu_schedule_lock_irq(unsigned int cpu)
{
    assert(cpu < NR_CPUS);
    spin_lock(&schedule_locks[cpu]);
    return &schedule_locks[cpu];
}

void pcpu_schedule_unlock_irq(spinlock_t *lock, unsigned int cpu)
{
    assert(lock == &schedule_locks[cpu]);
    spin_unlock(lock);
}

#include <added/sched-core.h>

/* References stand for RCU: nobody frees what someone has looked up. */
struct domain *rcu_lock_domain(struct domain *d)
{
    __atomic_add_fetch(&d->references, 1, __ATOMIC_RELAXED);
    return d;
}

struct domain *rcu_lock_domain_by_id(domid_t id)
{
    struct domain *d;

    pthread_mutex_lock(&domains_mutex);
    d = domains[id] ? rcu_lock_domain(domains[id]) : NULL;
    pthread_mutex_unlock(&domains_mutex);
    return d;
}

void rcu_unlock_domain(struct domain *d)
{
    assert(__atomic_fetch_sub(&d->references, 1, __ATOMIC_ACQ_REL));
}

struct domain *shim_find_domain(domid_t id)
{
    return domains[id];
}

struct vcpu *shim_next_vcpu(const struct domain *d, unsigned int id)
{
    for (; id < d->max_vcpus; id++)
        if (d->vcpu[id])
            return d->vcpu[id];
    return NULL;
}

struct domain *shim_create_domain(domid_t id, unsigned int max_vcpus)
{
    struct domain *d = calloc(1, sizeof(*d));

    assert(d && id < DOMID_FIRST_RESERVED);
    d->domain_id = id;
    d->max_vcpus = max_vcpus;
    d->vcpu = calloc(max_vcpus ? max_vcpus : 1, sizeof(d->vcpu[0]));
    assert(d->vcpu);
    spin_lock_init(&d->page_alloc_lock);
    stats_domain_init(d);

    spin_lock(&domlist_update_lock);
    pthread_mutex_lock(&domains_mutex);
    assert(!domains[id]);
    domains[id] = d;
    pthread_mutex_unlock(&domains_mutex);
    stats_domain_linked(d);
    spin_unlock(&domlist_update_lock);

    stats_domain_handle(d);
    return d;
}

struct vcpu *shim_create_vcpu(struct domain *d, unsigned int id)
{
    struct vcpu *v = calloc(1, sizeof(*v));

    assert(v && id < d->max_vcpus && !d->vcpu[id]);
    v->vcpu_id = id;
    v->domain = d;
    v->processor = id % NR_CPUS;
    v->runstate.state = RUNSTATE_offline;
    v->runstate.state_entry_time = (uint64_t)NOW();
    d->vcpu[id] = v;
    stats_vcpu_created(v);
    return v;
}

struct domain *shim_create_domain_with_vcpus(domid_t id, unsigned int vcpus)
{
    struct domain *d = shim_create_domain(id, vcpus);

    for (unsigned int i = 0; i < vcpus; i++)
        shim_create_vcpu(d, i);
    return d;
}

/* Xen's readers of the handle may meet it half changed, and are told afterwards. */
static void __attribute__((no_sanitize("thread")))
copy_handle(struct domain *d, const uint8_t *handle)
{
    for (unsigned int i = 0; i < sizeof(d->handle); i++)
        d->handle[i] = handle[i];
}

void shim_set_handle(struct domain *d, const uint8_t handle[16])
{
    copy_handle(d, handle);
    stats_domain_handle(d);
}

void shim_start_dying(struct domain *d)
{
    d->is_dying = DOMDYING_dying;
    stats_domain_dying(d);
}

void shim_finish_dying(struct domain *d)
{
    d->is_dying = DOMDYING_dead;
    stats_domain_retire(d);
}

void shim_destroy_domain(struct domain *d)
{
    assert(d->is_dying == DOMDYING_dead);
    spin_lock(&domlist_update_lock);
    pthread_mutex_lock(&domains_mutex);
    domains[d->domain_id] = NULL;
    pthread_mutex_unlock(&domains_mutex);
    stats_domain_unlinked(d);
    spin_unlock(&domlist_update_lock);

    while (__atomic_load_n(&d->references, __ATOMIC_ACQUIRE))
        sched_yield();
    for (unsigned int i = 0; i < d->max_vcpus; i++)
        free(d->vcpu[i]);
    free((void *)d->vcpu);
    free(d);
}

void shim_kill_domain(struct domain *d)
{
    shim_start_dying(d);
    shim_finish_dying(d);
    shim_destroy_domain(d);
}

static spinlock_t *lock_vcpu(struct vcpu *v, unsigned int *ret_cpu)
{
    for (;;) {
        unsigned int cpu = v->processor;
        spinlock_t *lock = pcpu_schedule_lock_irq(cpu);

        if (cpu == v->processor) {
            *ret_cpu = cpu;
            return lock;
        }
        pcpu_schedule_unlock_irq(lock, cpu);
    }
}

/* What the series adds to it is compiled here. */
static void vcpu_runstate_change(struct vcpu *v, int new_state, s_time_t new_entry_time)
{
    s_time_t delta;

    if (v->runstate.state == new_state)
        return;
    delta = new_entry_time - (s_time_t)v->runstate.state_entry_time;
    if (delta > 0) {
        v->runstate.time[v->runstate.state] += (uint64_t)delta;
        v->runstate.state_entry_time = (uint64_t)new_entry_time;
    }
#include <added/runstate-change.h>
    v->runstate.state = new_state;
}

void shim_runstate_change(struct vcpu *v, int state, s_time_t now)
{
    unsigned int cpu;
    spinlock_t *lock = lock_vcpu(v, &cpu);

    vcpu_runstate_change(v, state, now);
    pcpu_schedule_unlock_irq(lock, cpu);
}

/* Needs the locks of both CPUs. */
void shim_move_vcpu(struct vcpu *v, unsigned int cpu)
{
    for (;;) {
        unsigned int from = v->processor;

        shim_lock_pair(&schedule_locks[from], &schedule_locks[cpu]);
        if (from == v->processor) {
            v->processor = cpu;
            spin_unlock(&schedule_locks[from]);
            if (from != cpu)
                spin_unlock(&schedule_locks[cpu]);
            return;
        }
        spin_unlock(&schedule_locks[from]);
        if (from != cpu)
            spin_unlock(&schedule_locks[cpu]);
    }
}
