/* SPDX-License-Identifier: Apache-2.0 */
/* CPUs and what runs on them, see sched.h. The calls of the statistics code are where the series
 * puts them. */
#include "shim.h"
#include <xen/common/stats/runstate.h>
#include <xen/stats.h>

static struct domain idle_domain = {.domain_id = DOMID_IDLE, .max_vcpus = NR_CPUS};
struct vcpu *_Atomic idle_vcpu[NR_CPUS];

rcu_read_lock_t sched_res_rculock;
/* Whether something can be scheduled on a CPU, which is so while it is online. */
static DEFINE_SPINLOCK(sched_res_update_lock);
static _Atomic bool has_sched_res[NR_CPUS];
static _Atomic bool is_online[NR_CPUS];

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

bool cpu_online(unsigned int cpu)
{
    return is_online[cpu];
}

bool get_sched_res(unsigned int cpu)
{
    /* It is in the CPU's own data, as these are: not to be looked at when the CPU is gone. */
    assert(shim_per_cpu_perfcounters[cpu]);
    return has_sched_res[cpu];
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

static void vcpu_runstate_change(struct vcpu *v, int new_state, s_time_t new_entry_time)
{
    int old_state = v->runstate.state;
    s_time_t delta = new_entry_time - (s_time_t)v->runstate.state_entry_time;

    if (old_state == new_state)
        return;
    if (delta > 0) {
        v->runstate.time[old_state] += (uint64_t)delta;
        v->runstate.state_entry_time = (uint64_t)new_entry_time;
    }
    v->runstate.state = new_state;
    stats_runstate_change(v, (unsigned long)old_state, (unsigned int)new_state);
}

void shim_runstate_change(struct vcpu *v, int state, s_time_t now)
{
    unsigned int cpu;
    spinlock_t *lock = lock_vcpu(v, &cpu);

    vcpu_runstate_change(v, state, now);
    pcpu_schedule_unlock_irq(lock, cpu);
}

void shim_vcpu_up(struct vcpu *v)
{
    unsigned int cpu;
    spinlock_t *lock;

    v->pause_flags &= ~VPF_down;
    lock = lock_vcpu(v, &cpu);
    if (v->runstate.state >= RUNSTATE_blocked)
        vcpu_runstate_change(v, RUNSTATE_runnable, NOW());
    else
        stats_pause_flags(v);
    pcpu_schedule_unlock_irq(lock, cpu);
}

void shim_vcpu_down(struct vcpu *v)
{
    unsigned int cpu;
    spinlock_t *lock;

    v->pause_flags |= VPF_down;
    lock = lock_vcpu(v, &cpu);
    if (v->runstate.state == RUNSTATE_runnable)
        vcpu_runstate_change(v, RUNSTATE_offline, NOW());
    stats_pause_flags(v);
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

void shim_switch_context(unsigned int cpu, struct vcpu *from, int state, struct vcpu *to)
{
    spinlock_t *lock = pcpu_schedule_lock_irq(cpu);

    vcpu_runstate_change(from, state, NOW());
    vcpu_runstate_change(to, RUNSTATE_running, NOW());
    if (from != to)
        stats_context_switch(cpu);
    pcpu_schedule_unlock_irq(lock, cpu);
}

static void idle_runstate_change(unsigned int cpu, int state)
{
    spinlock_t *lock = pcpu_schedule_lock_irq(cpu);

    vcpu_runstate_change(idle_vcpu[cpu], state, NOW());
    pcpu_schedule_unlock_irq(lock, cpu);
}

/* The idle vCPU comes into being when the CPU does so for the first time, and stays. */
void shim_cpu_up(unsigned int cpu)
{
    bool is_new = !idle_vcpu[cpu];

    assert(!is_online[cpu]);
    shim_per_cpu_perfcounters[cpu] = calloc(NUM_PERFCOUNTERS, sizeof(perfc_t));
    assert(shim_per_cpu_perfcounters[cpu]);
    shim_notify_cpu(cpu, CPU_UP_PREPARE);
    spin_lock(&sched_res_update_lock);
    has_sched_res[cpu] = true;
    if (!is_new) {
        idle_runstate_change(cpu, RUNSTATE_running);
        stats_pcpu_back(idle_vcpu[cpu]);
    }
    spin_unlock(&sched_res_update_lock);
    if (is_new) {
        struct vcpu *v = calloc(1, sizeof(*v));

        assert(v);
        v->vcpu_id = cpu;
        v->processor = cpu;
        v->domain = &idle_domain;
        v->runstate.state = RUNSTATE_running;
        v->runstate.state_entry_time = (uint64_t)NOW();
        idle_vcpu[cpu] = v;
        stats_vcpu_created(v);
    }
    is_online[cpu] = true;
}

void shim_cpu_down(unsigned int cpu)
{
    assert(is_online[cpu]);
    is_online[cpu] = false;
    spin_lock(&sched_res_update_lock);
    idle_runstate_change(cpu, RUNSTATE_offline);
    has_sched_res[cpu] = false;
    spin_unlock(&sched_res_update_lock);
    shim_notify_cpu(cpu, CPU_DEAD);
    free(shim_per_cpu_perfcounters[cpu]);
    shim_per_cpu_perfcounters[cpu] = NULL;
}
