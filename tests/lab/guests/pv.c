/* SPDX-License-Identifier: Apache-2.0 */
/* The PV guest: 64 bits, loaded by the domain builder, entered with %rsi at its start_info. */
#include "guest.h"

__asm__(".pushsection .note.xen, \"a\", @note\n"
        ".macro xen_note type, directive, value:vararg\n"
        "    .balign 4; .long 4, 2f - 1f, \\type; .asciz \"Xen\"\n"
        "1:  \\directive \\value\n"
        "2:\n"
        ".endm\n"
        "xen_note 6, .asciz, \"generic\"\n" /* XEN_ELFNOTE_GUEST_OS */
        "xen_note 5, .asciz, \"xen-3.0\"\n" /* XEN_ELFNOTE_XEN_VERSION */
        "xen_note 8, .asciz, \"generic\"\n" /* XEN_ELFNOTE_LOADER */
        "xen_note 3, .quad, 0\n"            /* XEN_ELFNOTE_VIRT_BASE */
        "xen_note 4, .quad, 0\n"            /* XEN_ELFNOTE_PADDR_OFFSET */
        "xen_note 1, .quad, _start\n"       /* XEN_ELFNOTE_ENTRY */
        ".popsection\n"
        ".globl _start\n"
        "_start:\n"
        "    lea stacks+1024-64(%rip), %rsp\n"
        "    mov %rsi, %rdi\n"
        "    call boot\n");

/* A Xen with assertions spoils the registers of arguments that a call does not have. */
static long hypercall(unsigned long number, unsigned long a1, unsigned long a2, const void *a3)
{
    long result = (long)number;

    __asm__ volatile("syscall"
                     : "+a"(result), "+D"(a1), "+S"(a2), "+d"(a3)
                     :
                     : "rcx", "r8", "r9", "r10", "r11", "memory");
    return result;
}

void boot(const struct start_info *info) __attribute__((used, noreturn));
void boot(const struct start_info *info)
{
    static struct vcpu_guest_context context;
    const char how = info->cmd_line[0];
    unsigned long page_tables;

    __asm__("mov %%cr3, %0" : "=r"(page_tables));
    context.flags = VGCF_in_kernel;
    context.user_regs.cs = FLAT_KERNEL_CS;
    context.user_regs.ss = context.kernel_ss = FLAT_KERNEL_SS;
    context.user_regs.rip = (unsigned long)behave;
    context.user_regs.rdi = (unsigned long)how;
    context.ctrlreg[3] = page_tables;
    for (unsigned long vcpu = 1; vcpu < MAX_VCPUS; vcpu++) {
        context.user_regs.rsp = context.kernel_sp = (unsigned long)stack_of(vcpu) - 8;
        if (hypercall(__HYPERVISOR_vcpu_op, VCPUOP_initialise, vcpu, &context))
            break; /* there is no such vCPU */
        hypercall(__HYPERVISOR_vcpu_op, VCPUOP_up, vcpu, 0);
    }
    behave(how);
    __builtin_unreachable();
}
