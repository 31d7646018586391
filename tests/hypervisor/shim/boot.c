/* SPDX-License-Identifier: Apache-2.0 */
/* Command line, initcalls, strings, and what an architecture provides. */
#include "shim.h"
#include <xen/stats.h>

struct shim_host shim_host;
unsigned long cpu_khz = 2400000;

static struct {
    const char *name;
    shim_param_fn *parse;
} params[8];
static unsigned int params_count;
static shim_init_fn *inits[8];
static unsigned int inits_count;

void shim_register_param(const char *name, shim_param_fn *parse)
{
    assert(params_count < ARRAY_SIZE(params));
    params[params_count].name = name;
    params[params_count++].parse = parse;
}

void shim_register_init(shim_init_fn *call)
{
    assert(inits_count < ARRAY_SIZE(inits));
    inits[inits_count++] = call;
}

int shim_param(const char *name, const char *value)
{
    for (unsigned int i = 0; i < params_count; i++)
        if (!strcmp(params[i].name, name))
            return params[i].parse(value);
    assert(!"no such option");
}

void shim_boot(void)
{
    for (unsigned int i = 0; i < inits_count; i++)
        inits[i]();
}

int parse_bool(const char *s, const char *end)
{
    static const char *const words[][2] = {
        {"no", "yes"}, {"off", "on"}, {"false", "true"}, {"0", "1"}};
    size_t length = end ? (size_t)(end - s) : strlen(s);

    for (unsigned int i = 0; i < ARRAY_SIZE(words); i++)
        for (int value = 0; value < 2; value++)
            if (strlen(words[i][value]) == length && !strncmp(s, words[i][value], length))
                return value;
    return -1;
}

unsigned long simple_strtoul(const char *s, const char **end, unsigned int base)
{
    char *rest;
    unsigned long value = strtoul(s, &rest, (int)base);

    if (end)
        *end = rest;
    return value;
}

size_t strlcpy(char *to, const char *from, size_t size)
{
    size_t length = strlen(from);

    if (size) {
        size_t copied = length < size ? length : size - 1;

        memcpy(to, from, copied);
        to[copied] = '\0';
    }
    return length;
}

unsigned int arch_stats_guest_type(const struct domain *d)
{
    return XEN_STATS_GUEST_pv;
}

/* The counter runs twice as fast as the clock. */
void arch_stats_clock(struct stats_clock *clock)
{
    *clock = (struct stats_clock){
        .ticks = (uint64_t)NOW() * 2, .stime = NOW(), .mul = 1U << 31, .shift = 0, .usable = true};
}

/* Two idle states, in which more time is spent with every look. */
void arch_stats_refresh_pcpu(struct xen_stats_pcpu *rec, unsigned int cpu)
{
    write_atomic(&rec->frequency_khz, 1000000 + cpu);
    write_atomic(&rec->cstate_time[1], (uint64_t)NOW() + cpu);
    write_atomic(&rec->cstate_entries[1], rec->cstate_entries[1] + 1);
    write_atomic(&rec->cstates, 2);
}
