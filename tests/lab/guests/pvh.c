/* SPDX-License-Identifier: Apache-2.0 */
/* The PVH guest: 32 bits, paging off, entered with %ebx at its hvm_start_info. */
#include "guest.h"

#include <xen/arch-x86/hvm/start_info.h>
#include <xen/hvm/hvm_vcpu.h>

__asm__(
    ".pushsection .note.xen, \"a\", @note\n"
    "    .balign 4; .long 4, 4, 18; .asciz \"Xen\"; .long _start\n" /* XEN_ELFNOTE_PHYS32_ENTRY */
    ".popsection\n"
    ".globl _start\n"
    "_start:\n"
    "    mov $stacks+1024-64, %esp\n"
    "    push %ebx\n"
    "    call boot\n");

/*
 * vmmcall as such instead of through the hypercall page: QEMU emulates an AMD processor. A Xen with
 * assertions spoils the registers of arguments that a call does not have.
 */
static long hypercall(unsigned long number, unsigned long a1, unsigned long a2, const void *a3)
{
    long result = (long)number;

    __asm__ volatile("vmmcall"
                     : "+a"(result), "+b"(a1), "+c"(a2), "+d"(a3)
                     :
                     : "esi", "edi", "memory");
    return result;
}

static char how;

static void other_vcpu(void)
{
    behave(how);
}

void boot(const struct hvm_start_info *info) __attribute__((used, noreturn));
void boot(const struct hvm_start_info *info)
{
    /* Flat segments with the attributes of 32-bit code, data and a busy TSS. */
    static struct vcpu_hvm_context context = {
        .mode = VCPU_HVM_MODE_32B,
        .cpu_regs.x86_32 =
            {
                .cs_limit = ~0U,
                .ss_limit = ~0U,
                .ds_limit = ~0U,
                .es_limit = ~0U,
                .tr_limit = 0x67,
                .cs_ar = 0xc9b,
                .ss_ar = 0xc93,
                .ds_ar = 0xc93,
                .es_ar = 0xc93,
                .tr_ar = 0x8b,
                .cr0 = 1, /* protected mode */
                .eip = 0,
            },
    };

    how = ((const char *)(unsigned long)info->cmdline_paddr)[0];
    context.cpu_regs.x86_32.eip = (uint32_t)other_vcpu;
    for (unsigned long vcpu = 1; vcpu < MAX_VCPUS; vcpu++) {
        context.cpu_regs.x86_32.esp = (uint32_t)stack_of(vcpu);
        if (hypercall(__HYPERVISOR_vcpu_op, VCPUOP_initialise, vcpu, &context))
            break; /* there is no such vCPU */
        hypercall(__HYPERVISOR_vcpu_op, VCPUOP_up, vcpu, 0);
    }
    behave(how);
    __builtin_unreachable();
}
