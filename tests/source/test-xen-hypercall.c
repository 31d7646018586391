/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of libxenctrl's own structures. That a real Xen fills them is for the lab to show.
 */
#include "source/xen_hypercall.h"

#include <string.h>

#include <xenctrl.h>

#include "sampler/topology.h"
#include "suite.h"

#define UPDATE_MARK (1ULL << 63)

/* Would catch a flag mistaken for another, a unit changed, or a field left out. */
START_TEST(a_domain)
{
    struct xen_domctl_getdomaininfo info = {
        .domain = 12,
        .flags = XEN_DOMINF_paused | XEN_DOMINF_blocked,
        .tot_pages = 100,
        .max_pages = 200,
        .outstanding_pages = 3,
        .shr_pages = 4,
        .paged_pages = 5,
        .cpu_time = 123456789,
        .nr_online_vcpus = 2,
        .max_vcpu_id = 7,
        .cpupool = 1,
    };
    struct hypervisor_domain domain;

    memcpy(info.handle, "0123456789abcdef", sizeof(info.handle));
    xen_hypercall_domain(&info, &domain);
    ck_assert_uint_eq(domain.domid, 12);
    ck_assert_uint_eq(domain.guest_type, TOPOLOGY_GUEST_PV);
    ck_assert(domain.paused && domain.blocked);
    ck_assert(!domain.running && !domain.shutdown && !domain.dying);
    ck_assert_uint_eq(domain.vcpus, 8);
    ck_assert_uint_eq(domain.vcpus_online, 2);
    ck_assert_uint_eq(domain.cpu_ns, 123456789);
    ck_assert_uint_eq(domain.pages, 100);
    ck_assert_uint_eq(domain.max_pages, 200);
    ck_assert_uint_eq(domain.outstanding_pages, 3);
    ck_assert_uint_eq(domain.shared_pages, 4);
    ck_assert_uint_eq(domain.paged_pages, 5);
    ck_assert_uint_eq(domain.cpupool, 1);
    ck_assert_mem_eq(domain.uuid, "0123456789abcdef", 16);
}
END_TEST

/* Would catch 4294967296 vCPUs of a domain that has none yet, or as many rows as a bad Xen says. */
START_TEST(numbers_of_vcpus_are_bounded)
{
    struct xen_domctl_getdomaininfo info = {.max_vcpu_id = XEN_INVALID_MAX_VCPU_ID};
    struct hypervisor_domain domain;

    xen_hypercall_domain(&info, &domain);
    ck_assert_uint_eq(domain.vcpus, 0);
    info.max_vcpu_id = XEN_INVALID_MAX_VCPU_ID - 1;
    xen_hypercall_domain(&info, &domain);
    ck_assert_uint_eq(domain.vcpus, HYPERVISOR_VCPUS_MAX);
}
END_TEST

/* Would catch a reason taken from the wrong bits. */
START_TEST(a_crashed_domain)
{
    struct xen_domctl_getdomaininfo info = {.flags = XEN_DOMINF_shutdown | XEN_DOMINF_dying |
                                                     (uint32_t)SHUTDOWN_crash
                                                         << XEN_DOMINF_shutdownshift};
    struct hypervisor_domain domain;

    xen_hypercall_domain(&info, &domain);
    ck_assert(domain.shutdown && domain.dying);
    ck_assert_uint_eq(domain.shutdown_code, SHUTDOWN_crash);
}
END_TEST

#if defined(__x86_64__) || defined(__i386__)
/* Would catch a PVH guest taken for an HVM one, which Xen tells apart by its devices alone. */
START_TEST(kinds_of_guests)
{
    struct xen_domctl_getdomaininfo info = {.flags = XEN_DOMINF_hvm_guest,
                                            .arch_config = {.emulation_flags = XEN_X86_EMU_LAPIC}};
    struct hypervisor_domain domain;

    xen_hypercall_domain(&info, &domain);
    ck_assert_uint_eq(domain.guest_type, TOPOLOGY_GUEST_PVH);
    info.arch_config.emulation_flags = XEN_X86_EMU_ALL;
    xen_hypercall_domain(&info, &domain);
    ck_assert_uint_eq(domain.guest_type, TOPOLOGY_GUEST_HVM);
}
END_TEST
#endif

/* Would catch 292 years of running time: Xen's mark of an update under way. */
START_TEST(bit_63_is_masked)
{
    struct xen_domctl_getdomaininfo info = {.cpu_time = UPDATE_MARK | 42};
    struct xen_domctl_getvcpuinfo vcpu_info = {.cpu_time = UPDATE_MARK | 77, .cpu = 3, .online = 1};
    struct hypervisor_domain domain;
    struct hypervisor_vcpu vcpu;

    xen_hypercall_domain(&info, &domain);
    ck_assert_uint_eq(domain.cpu_ns, 42);
    xen_hypercall_vcpu(&vcpu_info, &vcpu);
    ck_assert_uint_eq(vcpu.running_ns, 77);
    ck_assert_uint_eq(vcpu.pcpu, 3);
    ck_assert(vcpu.online);
}
END_TEST

/* Would catch the largest number of a pCPU taken for their count. */
START_TEST(a_host)
{
    struct xen_sysctl_physinfo info = {.nr_cpus = 3,
                                       .max_cpu_id = 3,
                                       .nr_nodes = 2,
                                       .cpu_khz = 2400000,
                                       .total_pages = 10,
                                       .free_pages = 4,
                                       .outstanding_pages = 1};
    struct hypervisor_host host;

    xen_hypercall_host(&info, &host);
    ck_assert_uint_eq(host.pcpus, 4);
    ck_assert_uint_eq(host.pcpus_online, 3);
    ck_assert_uint_eq(host.nodes_online, 2);
    ck_assert_uint_eq(host.cpu_khz, 2400000);
    ck_assert_uint_eq(host.total_pages, 10);
    ck_assert_uint_eq(host.free_pages, 4);
    ck_assert_uint_eq(host.outstanding_pages, 1);
    info.max_cpu_id = UINT32_MAX;
    xen_hypercall_host(&info, &host);
    ck_assert_uint_eq(host.pcpus, HYPERVISOR_PCPUS_MAX);
}
END_TEST

/* Would catch a pCPU that is away shown on node 4294967295. */
START_TEST(a_pcpu_that_is_away)
{
    struct xen_sysctl_cputopo info = {XEN_INVALID_CORE_ID, XEN_INVALID_SOCKET_ID,
                                      XEN_INVALID_NODE_ID};
    struct hypervisor_pcpu pcpu;

    xen_hypercall_pcpu(&info, &pcpu);
    ck_assert_uint_eq(pcpu.core, HYPERVISOR_UNKNOWN);
    ck_assert_uint_eq(pcpu.socket, HYPERVISOR_UNKNOWN);
    ck_assert_uint_eq(pcpu.node, HYPERVISOR_UNKNOWN);
    info = (struct xen_sysctl_cputopo){.core = 1, .socket = 2, .node = 3};
    xen_hypercall_pcpu(&info, &pcpu);
    ck_assert_uint_eq(pcpu.core, 1);
    ck_assert_uint_eq(pcpu.socket, 2);
    ck_assert_uint_eq(pcpu.node, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("xen-hypercall");
    TCase *tests = tcase_create("conversion");

    tcase_add_test(tests, a_domain);
    tcase_add_test(tests, numbers_of_vcpus_are_bounded);
    tcase_add_test(tests, a_crashed_domain);
#if defined(__x86_64__) || defined(__i386__)
    tcase_add_test(tests, kinds_of_guests);
#endif
    tcase_add_test(tests, bit_63_is_masked);
    tcase_add_test(tests, a_host);
    tcase_add_test(tests, a_pcpu_that_is_away);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
