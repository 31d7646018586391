/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of metrics that can be switched on and off, each with an option. */
#pragma once

#include <stdbool.h>

/* Identifier, name behind "collector.", whether it is on when nobody says anything, help. */
#define COLLECTORS_LIST(X)                                                                         \
    X(DOMAIN, "domain", true, "what each domain is, has and uses")                                 \
    X(VCPU, "vcpu", true, "times, states and dispatches of each vCPU")                             \
    X(WAIT, "wait", true, "how long vCPUs waited for a CPU, as a histogram for each domain")       \
    X(VCPU_WAIT, "vcpu-wait", false, "the same histogram for each vCPU: many series")              \
    X(PCPU, "pcpu", true, "times and switches of each pCPU")                                       \
    X(HOST, "host", true, "memory, domains and CPUs of the host")                                  \
    X(PERFCOUNTERS, "perfcounters", true, "Xen's performance counters, where it has them")         \
    X(PROCESS, "process", true, "what this process uses of its host")

#define COLLECTORS_ENUM(id, name, by_default, help) COLLECTOR_##id,

enum collector {
    COLLECTORS_LIST(COLLECTORS_ENUM) COLLECTORS,
};

#undef COLLECTORS_ENUM

/* Every collector, for whoever wants all there is. */
#define COLLECTORS_ALL ((1U << COLLECTORS) - 1U)

/* The bit of a collector in a set of them. */
#define COLLECTOR_BIT(collector) (1U << (collector))
