/* SPDX-License-Identifier: Apache-2.0 */
/* CPUs that come and go, sets of them, and what each has of its own. */
#pragma once

#include "basics.h"

typedef struct {
    uint32_t bits;
} cpumask_t;
#define cpumask_test_cpu(cpu, mask)  (((mask)->bits >> (cpu)) & 1)
#define cpumask_set_cpu(cpu, mask)   ((void)((mask)->bits |= 1U << (cpu)))
#define cpumask_clear_cpu(cpu, mask) ((void)((mask)->bits &= ~(1U << (cpu))))
static inline bool cpumask_test_and_set_cpu(unsigned int cpu, cpumask_t *mask)
{
    bool was_set = cpumask_test_cpu(cpu, mask);

    cpumask_set_cpu(cpu, mask);
    return was_set;
}

bool cpu_online(unsigned int cpu);
#define cpu_present(cpu) ((cpu) < shim_host.cpus_present)
#define for_each_online_cpu(cpu)                                                                   \
    for ((cpu) = 0; (cpu) < NR_CPUS; (cpu)++)                                                      \
        if (cpu_online(cpu))

#define XEN_INVALID_CORE_ID   (~0U)
#define XEN_INVALID_SOCKET_ID (~0U)
#define XEN_INVALID_NODE_ID   (~0U)
#define NUMA_NO_NODE          0xffU
#define cpu_to_node(cpu)      ((cpu) % 2 ? 1U : NUMA_NO_NODE)
#define cpu_to_socket(cpu)    ((cpu) / 4)
#define cpu_to_core(cpu)      ((cpu) % 4)

enum { CPU_UP_PREPARE = 1, CPU_UP_CANCELED, CPU_STARTING, CPU_ONLINE, CPU_DYING, CPU_DEAD };
#define NOTIFY_DONE 0
struct notifier_block {
    int (*notifier_call)(struct notifier_block *block, unsigned long action, void *cpu);
    int priority;
};
void register_cpu_notifier(struct notifier_block *block);
void shim_notify_cpu(unsigned int cpu, unsigned long action);

/* Performance counters: two alone, of which the second is a gauge, and an array. */
#define CONFIG_PERF_COUNTERS 1
enum { PERFC_single, PERFC_gauge, PERFC_array, NUM_PERFCOUNTERS = PERFC_array + 50 };
typedef unsigned int perfc_t;
/* There while the CPU is. */
extern perfc_t *_Atomic shim_per_cpu_perfcounters[NR_CPUS];
#define per_cpu(name, cpu) (shim_per_cpu_##name[cpu])
bool perfc_get_info(unsigned int idx, const char **name, unsigned int *element);
/* Sets all but gauges to 0, on all CPUs. */
void shim_reset_perfcounters(void);
