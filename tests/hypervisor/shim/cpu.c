/* SPDX-License-Identifier: Apache-2.0 */
/* See cpu.h. */
#include "shim.h"
#include <xen/stats.h>

static struct notifier_block *notifiers[8];
static unsigned int notifiers_count;

perfc_t *_Atomic shim_per_cpu_perfcounters[NR_CPUS];

void register_cpu_notifier(struct notifier_block *block)
{
    assert(notifiers_count < ARRAY_SIZE(notifiers));
    notifiers[notifiers_count++] = block;
}

void shim_notify_cpu(unsigned int cpu, unsigned long action)
{
    for (unsigned int i = 0; i < notifiers_count; i++)
        notifiers[i]->notifier_call(notifiers[i], action, (void *)(unsigned long)cpu);
}

bool perfc_get_info(unsigned int idx, const char **name, unsigned int *element)
{
    static const char *const names[] = {"one alone", "a gauge", "some of them"};

    assert(idx < NUM_PERFCOUNTERS);
    *name = names[idx < PERFC_array ? idx : PERFC_array];
    *element = idx < PERFC_array ? ~0U : idx - PERFC_array;
    return idx == PERFC_gauge;
}

void shim_reset_perfcounters(void)
{
    unsigned int cpu;

    stats_perfc_reset_begin();
    for_each_online_cpu(cpu) for (unsigned int i = 0; i < NUM_PERFCOUNTERS;
                                  i++) if (i != PERFC_gauge)
        write_atomic(&shim_per_cpu_perfcounters[cpu][i], 0);
    stats_perfc_reset_end();
}
