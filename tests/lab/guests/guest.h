/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that does one thing for ever, on each of its vCPUs. There is no memory management, no
 * interrupt and no device: only what a scheduler sees. pv.c and pvh.c say how such a guest starts
 * and how it calls Xen; what it does is the same for both, and is the first letter of its command
 * line.
 */
#include <stdint.h>

/* Without this the headers mean the hypercalls of Xen 3.0. */
#define __XEN_INTERFACE_VERSION__ __XEN_LATEST_INTERFACE_VERSION__
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/xen.h>

static long hypercall(unsigned long number, unsigned long a1, unsigned long a2, const void *a3);

/* Asks for the statistics of Dom0, as a guest must not, and ends with a code that tells the answer.
 */
#define ANSWER 100 /* plus the errno */
static void ask(void)
{
    static xen_pfn_t frame;
    static struct xen_mem_acquire_resource request = {
        .domid = DOMID_XEN, .type = 3 /* XENMEM_resource_stats_table */, .id = 0, .nr_frames = 1};
    struct sched_shutdown end;
    long answer;

    set_xen_guest_handle(request.frame_list, &frame);
    answer = hypercall(__HYPERVISOR_memory_op, XENMEM_acquire_resource, (unsigned long)&request, 0);
    end.reason = ANSWER + (unsigned int)-(int)answer;
    hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (unsigned long)&end, 0);
}

static void behave(char how)
{
    if (how == 'a') /* asking */
        ask();
    if (how == 'c') /* crashing: nobody handles this */
        __builtin_trap();
    for (;;) {
        struct sched_poll poll = {.timeout = 0}; /* for ever: there is no port to wait for */

        if (how == 'b') { /* busy: never gives the CPU away */
            __asm__ volatile("pause");
            continue;
        }
        if (how == 's') /* switching: blocks for a moment, as fast as Xen lets it */
            poll.timeout = 1;
        hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, (unsigned long)&poll, 0);
    }
}

/* Stacks of the vCPUs. What they run needs a few words. */
#define MAX_VCPUS 16
static uint8_t stacks[MAX_VCPUS][1024] __attribute__((aligned(16)));

static void *stack_of(unsigned int vcpu)
{
    return stacks[vcpu] + sizeof(stacks[vcpu]) - 64;
}
