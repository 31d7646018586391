/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks Xen by hypercalls, through libxenctrl. The only file that knows it. The interface behind it
 * is not stable: a libxenctrl serves the Xen version it was built for, and no other.
 */
#include "source/xen_hypercall.h"

#include <errno.h>
#include <string.h>

#include <xenctrl.h>

#include <xen/vcpu.h> /* goes by what xenctrl.h defines */

#include "sampler/topology.h"

struct xen_hypervisor {
    struct hypervisor hypervisor;
    xc_interface *xc;
    xc_domaininfo_t domains[HYPERVISOR_DOMAINS_AT_ONCE];
    xc_cpuinfo_t idle[HYPERVISOR_PCPUS_MAX];
    xc_cputopo_t pcpus[HYPERVISOR_PCPUS_MAX];
    xc_meminfo_t nodes[HYPERVISOR_NODES_MAX];
    uint32_t distance[HYPERVISOR_NODES_MAX * HYPERVISOR_NODES_MAX]; /* libxenctrl insists */
};

/* libxenctrl would otherwise print to stderr; its errors are ours to report. */
static void ignore_message(struct xentoollog_logger *logger, xentoollog_level level, int errnoval,
                           const char *context, const char *format, va_list arguments)
{
}

static void ignore_progress(struct xentoollog_logger *logger, const char *context,
                            const char *doing_what, int percent, unsigned long done,
                            unsigned long total)
{
}

static void ignore_destroy(struct xentoollog_logger *logger)
{
}

static struct xentoollog_logger silent_logger = {
    .vmessage = ignore_message,
    .progress = ignore_progress,
    .destroy = ignore_destroy,
};

/*
 * While a guest's own copy of its runstates is updated, Xen sets bit 63 of a time stamp, and sums
 * made of it carry the bit: XEN_RUNSTATE_UPDATE of xen/include/public/vcpu.h.
 */
static uint64_t without_update_mark(uint64_t ns)
{
    return ns & ~XEN_RUNSTATE_UPDATE;
}

static uint32_t guest_type_of(const xc_domaininfo_t *info)
{
    if (!(info->flags & XEN_DOMINF_hvm_guest))
        return TOPOLOGY_GUEST_PV;
#if defined(__x86_64__) || defined(__i386__)
    /* What makes the difference is whether there is a PC around the CPUs. */
    if (info->arch_config.emulation_flags & XEN_X86_EMU_PIC)
        return TOPOLOGY_GUEST_HVM;
#endif
    return TOPOLOGY_GUEST_PVH;
}

void xen_hypercall_domain(const struct xen_domctl_getdomaininfo *info,
                          struct hypervisor_domain *ret_domain)
{
    uint32_t vcpus = info->max_vcpu_id == XEN_INVALID_MAX_VCPU_ID ? 0 : info->max_vcpu_id + 1;

    *ret_domain = (struct hypervisor_domain){
        .domid = info->domain,
        .guest_type = guest_type_of(info),
        .vcpus = vcpus < HYPERVISOR_VCPUS_MAX ? vcpus : HYPERVISOR_VCPUS_MAX,
        .vcpus_online = info->nr_online_vcpus,
        .shutdown_code = (info->flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask,
        .cpupool = info->cpupool,
        .running = info->flags & XEN_DOMINF_running,
        .blocked = info->flags & XEN_DOMINF_blocked,
        .paused = info->flags & XEN_DOMINF_paused,
        .shutdown = info->flags & XEN_DOMINF_shutdown,
        .dying = info->flags & XEN_DOMINF_dying,
        .cpu_ns = without_update_mark(info->cpu_time),
        .pages = info->tot_pages,
        .max_pages = info->max_pages,
        .outstanding_pages = info->outstanding_pages,
        .shared_pages = info->shr_pages,
        .paged_pages = info->paged_pages,
    };
    ret_domain->crashed = ret_domain->shutdown && ret_domain->shutdown_code == SHUTDOWN_crash;
    memcpy(ret_domain->uuid, info->handle, sizeof(ret_domain->uuid));
}

void xen_hypercall_vcpu(const struct xen_domctl_getvcpuinfo *info, struct hypervisor_vcpu *ret_vcpu)
{
    *ret_vcpu = (struct hypervisor_vcpu){
        .running_ns = without_update_mark(info->cpu_time),
        .pcpu = info->cpu,
        .online = info->online,
    };
}

void xen_hypercall_host(const struct xen_sysctl_physinfo *info, struct hypervisor_host *ret_host)
{
    *ret_host = (struct hypervisor_host){
        .pcpus_online = info->nr_cpus,
        .pcpus =
            info->max_cpu_id < HYPERVISOR_PCPUS_MAX ? info->max_cpu_id + 1 : HYPERVISOR_PCPUS_MAX,
        .nodes_online = info->nr_nodes,
        .cpu_khz = info->cpu_khz,
        .total_pages = info->total_pages,
        .free_pages = info->free_pages,
        .outstanding_pages = info->outstanding_pages,
    };
}

void xen_hypercall_pcpu(const struct xen_sysctl_cputopo *info, struct hypervisor_pcpu *ret_pcpu)
{
    *ret_pcpu = (struct hypervisor_pcpu){
        .core = info->core == XEN_INVALID_CORE_ID ? HYPERVISOR_UNKNOWN : info->core,
        .socket = info->socket == XEN_INVALID_SOCKET_ID ? HYPERVISOR_UNKNOWN : info->socket,
        .node = info->node == XEN_INVALID_NODE_ID ? HYPERVISOR_UNKNOWN : info->node,
    };
}

static struct xen_hypervisor *xen_of(struct hypervisor *hypervisor)
{
    return (struct xen_hypervisor *)hypervisor;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static int ask_domains(struct hypervisor *hypervisor, uint32_t first, uint32_t limit,
                       struct hypervisor_domain *ret_domains)
{
    struct xen_hypervisor *xen = xen_of(hypervisor);
    int found;

    limit = smaller(limit, HYPERVISOR_DOMAINS_AT_ONCE);
    found = xc_domain_getinfolist(xen->xc, first, limit, xen->domains);
    if (found < 0)
        return -errno;
    found = (int)smaller((uint32_t)found, limit);
    for (int i = 0; i < found; i++)
        xen_hypercall_domain(&xen->domains[i], &ret_domains[i]);
    return found;
}

static int ask_vcpu(struct hypervisor *hypervisor, uint32_t domid, uint32_t vcpu,
                    struct hypervisor_vcpu *ret_vcpu)
{
    xc_vcpuinfo_t info;

    if (xc_vcpu_getinfo(xen_of(hypervisor)->xc, domid, vcpu, &info) < 0)
        return -errno;
    xen_hypercall_vcpu(&info, ret_vcpu);
    return 0;
}

static int ask_credit2(struct xen_hypervisor *xen, uint32_t domid,
                       struct hypervisor_scheduling *ret_scheduling)
{
    struct xen_domctl_sched_credit2 is;

    if (xc_sched_credit2_domain_get(xen->xc, domid, &is) < 0)
        return -errno;
    *ret_scheduling = (struct hypervisor_scheduling){.weight = is.weight, .cap = is.cap};
    return 0;
}

static int ask_credit(struct xen_hypervisor *xen, uint32_t domid,
                      struct hypervisor_scheduling *ret_scheduling)
{
    struct xen_domctl_sched_credit is;

    if (xc_sched_credit_domain_get(xen->xc, domid, &is) < 0)
        return -errno;
    *ret_scheduling = (struct hypervisor_scheduling){.weight = is.weight, .cap = is.cap};
    return 0;
}

/* Each cpupool may have another scheduler. Asked about another than the domain's, Xen says EINVAL.
 */
static int ask_scheduling(struct hypervisor *hypervisor, uint32_t domid,
                          struct hypervisor_scheduling *ret_scheduling)
{
    struct xen_hypervisor *xen = xen_of(hypervisor);
    int r;

    r = ask_credit2(xen, domid, ret_scheduling);
    if (r != -EINVAL)
        return r;
    hypervisor->calls++;
    r = ask_credit(xen, domid, ret_scheduling);
    return r == -EINVAL ? -EOPNOTSUPP : r;
}

static int ask_host(struct hypervisor *hypervisor, struct hypervisor_host *ret_host)
{
    xc_physinfo_t info = {0};

    if (xc_physinfo(xen_of(hypervisor)->xc, &info) < 0)
        return -errno;
    xen_hypercall_host(&info, ret_host);
    return 0;
}

static int ask_idle(struct hypervisor *hypervisor, uint32_t limit, uint64_t *ret_ns)
{
    struct xen_hypervisor *xen = xen_of(hypervisor);
    int count = 0;

    limit = smaller(limit, HYPERVISOR_PCPUS_MAX);
    if (xc_getcpuinfo(xen->xc, (int)limit, xen->idle, &count) < 0)
        return -errno;
    count = (int)smaller(count > 0 ? (uint32_t)count : 0, limit);
    for (int i = 0; i < count; i++)
        ret_ns[i] = without_update_mark(xen->idle[i].idletime);
    return count;
}

static int ask_pcpus(struct hypervisor *hypervisor, uint32_t limit,
                     struct hypervisor_pcpu *ret_pcpus)
{
    struct xen_hypervisor *xen = xen_of(hypervisor);
    unsigned int count = smaller(limit, HYPERVISOR_PCPUS_MAX);

    limit = count;
    if (xc_cputopoinfo(xen->xc, &count, xen->pcpus) < 0)
        return -errno;
    count = smaller(count, limit);
    for (unsigned int i = 0; i < count; i++)
        xen_hypercall_pcpu(&xen->pcpus[i], &ret_pcpus[i]);
    return (int)count;
}

static int ask_nodes(struct hypervisor *hypervisor, uint32_t limit,
                     struct hypervisor_node *ret_nodes)
{
    struct xen_hypervisor *xen = xen_of(hypervisor);
    unsigned int count = smaller(limit, HYPERVISOR_NODES_MAX);

    limit = count;
    if (xc_numainfo(xen->xc, &count, xen->nodes, xen->distance) < 0)
        return -errno;
    count = smaller(count, limit);
    for (unsigned int i = 0; i < count; i++) {
        bool there = xen->nodes[i].memsize != XEN_INVALID_MEM_SZ;

        ret_nodes[i].total = there ? xen->nodes[i].memsize : UINT64_MAX;
        ret_nodes[i].free = there ? xen->nodes[i].memfree : UINT64_MAX;
    }
    return (int)count;
}

static void xen_free(struct hypervisor *hypervisor)
{
    xc_interface_close(xen_of(hypervisor)->xc);
    free(hypervisor);
}

int xen_hypervisor_new(struct hypervisor **ret_hypervisor)
{
    static const struct hypervisor_ops ops = {
        .domains = ask_domains,
        .vcpu = ask_vcpu,
        .scheduling = ask_scheduling,
        .host = ask_host,
        .idle = ask_idle,
        .pcpus = ask_pcpus,
        .nodes = ask_nodes,
        .free = xen_free,
    };
    cleanup(cleanup_free) struct xen_hypervisor *xen = calloc(1, sizeof(*xen));

    if (!xen)
        return -ENOMEM;
    xen->hypervisor.ops = &ops;
    xen->xc = xc_interface_open(&silent_logger, &silent_logger, XC_OPENFLAG_NON_REENTRANT);
    if (!xen->xc)
        return errno ? -errno : -ENOENT;

    *ret_hypervisor = &steal(xen)->hypervisor;
    return 0;
}
