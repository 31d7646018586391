/* SPDX-License-Identifier: Apache-2.0 */
/* Life and possessions of domains, see sched.h. */
#include <sched.h>

#include "shim.h"
#include <xen/stats.h>

static struct domain xen_domain = {.domain_id = DOMID_XEN,
                                   .page_alloc_lock = SPIN_LOCK_NAMED("page_alloc_lock")};
struct domain *dom_xen = &xen_domain;
DEFINE_SPINLOCK(domlist_update_lock);
static DEFINE_SPINLOCK(cpupool_lock);
static struct cpupool pool0;

static struct domain *domains[DOMID_FIRST_RESERVED];
static pthread_mutex_t domains_mutex = PTHREAD_MUTEX_INITIALIZER;

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

struct domain *shim_create_domain(domid_t id, unsigned int max_vcpus)
{
    struct domain *d = calloc(1, sizeof(*d));

    assert(d && id < DOMID_FIRST_RESERVED);
    d->domain_id = id;
    d->max_vcpus = max_vcpus;
    d->vcpu = calloc(max_vcpus ? max_vcpus : 1, sizeof(d->vcpu[0]));
    assert(d->vcpu);
    spin_lock_init(&d->page_alloc_lock);
    spin_lock_init(&d->event_lock);
    spin_lock_init(&d->grant_lock);
    spin_lock_init(&d->maptrack_lock);
    d->cpupool = &pool0;
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
    d->rcu_calls = shim_take_rcu();
}

void shim_wait_for_readers(struct domain *d)
{
    while (__atomic_load_n(&d->references, __ATOMIC_ACQUIRE))
        sched_yield();
    shim_run_rcu(d->rcu_calls);
    d->rcu_calls = NULL;
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

    shim_wait_for_readers(d);
    for (unsigned int i = 0; i < d->max_vcpus; i++)
        free(d->vcpu[i]);
    free((void *)d->vcpu);
    free(d);
}

void shim_unlink_and_link(struct domain *d)
{
    spin_lock(&domlist_update_lock);
    stats_domain_unlinked(d);
    spin_unlock(&domlist_update_lock);
    spin_lock(&domlist_update_lock);
    stats_domain_linked(d);
    spin_unlock(&domlist_update_lock);
}

void shim_kill_domain(struct domain *d)
{
    shim_start_dying(d);
    shim_finish_dying(d);
    shim_destroy_domain(d);
}

void shim_set_memory(struct domain *d, unsigned int tot, unsigned int extra, unsigned int max,
                     unsigned int outstanding)
{
    spin_lock(&d->page_alloc_lock);
    d->tot_pages = tot;
    d->extra_pages = extra;
    d->max_pages = max;
    d->outstanding_pages = outstanding;
    stats_domain_memory(d);
    spin_unlock(&d->page_alloc_lock);
}

void shim_set_evtchns(struct domain *d, unsigned int active, unsigned int max)
{
    spin_lock(&d->event_lock);
    d->active_evtchns = active;
    d->max_evtchns = max;
    stats_domain_set_evtchns(d, active, max);
    spin_unlock(&d->event_lock);
}

void evtchn_update_stats(struct domain *d)
{
    spin_lock(&d->event_lock);
    stats_domain_set_evtchns(d, d->active_evtchns, d->max_evtchns);
    spin_unlock(&d->event_lock);
}

void shim_set_grants(struct domain *d, unsigned int frames, unsigned int max)
{
    spin_lock(&d->grant_lock);
    d->grant_frames = frames;
    d->max_grant_frames = max;
    stats_domain_set_grants(d, frames, max);
    spin_unlock(&d->grant_lock);
}

void shim_set_maptrack(struct domain *d, unsigned int frames, unsigned int max)
{
    spin_lock(&d->maptrack_lock);
    d->maptrack_frames = frames;
    d->max_maptrack_frames = max;
    stats_domain_set_maptrack(d, frames, max);
    spin_unlock(&d->maptrack_lock);
}

void gnttab_update_stats(struct domain *d)
{
    spin_lock(&d->grant_lock);
    stats_domain_set_grants(d, d->grant_frames, d->max_grant_frames);
    spin_unlock(&d->grant_lock);
    spin_lock(&d->maptrack_lock);
    stats_domain_set_maptrack(d, d->maptrack_frames, d->max_maptrack_frames);
    spin_unlock(&d->maptrack_lock);
}

void shim_set_cpupool(struct domain *d, struct cpupool *pool, uint64_t weight, uint64_t cap)
{
    spin_lock(&cpupool_lock);
    d->cpupool = pool;
    d->weight = weight;
    d->cap = cap;
    stats_domain_params(d);
    spin_unlock(&cpupool_lock);
}

unsigned int cpupool_get_id(const struct domain *d)
{
    return d->cpupool->id;
}

int sched_adjust_dom(const struct scheduler *scheduler, struct domain *d,
                     struct xen_domctl_scheduler_op *op)
{
    assert(op->cmd == XEN_DOMCTL_SCHEDOP_getinfo && op->sched_id == scheduler->sched_id);
    if (scheduler->sched_id == XEN_SCHEDULER_CREDIT) {
        op->u.credit.weight = (uint16_t)d->weight;
        op->u.credit.cap = (uint16_t)d->cap;
    } else if (scheduler->sched_id == XEN_SCHEDULER_CREDIT2) {
        op->u.credit2.weight = (uint16_t)d->weight;
        op->u.credit2.cap = (uint16_t)d->cap;
    } else {
        return -EOPNOTSUPP;
    }
    return 0;
}

void shim_set_state(struct domain *d, int pause_count, bool is_shut_down, unsigned int code,
                    int shared, int paged)
{
    d->controller_pause_count = pause_count;
    d->shutdown_code = code;
    d->is_shut_down = is_shut_down;
    atomic_set(&d->shr_pages, shared);
    atomic_set(&d->paged_pages, paged);
    stats_domain_state(d);
}
