/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at statistics tables between two readings of what Xen says by hypercalls, as close together
 * as one process can. Prints one JSON object: "before", "tables", "after". The tables are in
 * hexadecimal, record by record: what they mean is xenlab/tables.py's business.
 *
 *   look TARGET...    TARGET: a domid, "host", "descriptors", or "all" for the host and every
 * domain
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xencall.h>
#include <xenctrl.h>

#include <xen/platform.h>

#include "tables.h"

#define MAX_TARGETS 1024U
#define MAX_DOMAINS 1024U
#define MAX_PORTS   4096U
#define MAX_CPUS    64U

static xc_interface *xc;
static xencall_handle *xencall;
static uint32_t targets[MAX_TARGETS];
static unsigned int nr_targets;

/* Xen's clock and each pCPU's idle time, by one hypercall that libxenctrl has no function for. */
static void print_time(void)
{
    struct xen_platform_op *op = xencall_alloc_buffer(xencall, sizeof(*op));
    uint8_t *map = xencall_alloc_buffer(xencall, MAX_CPUS / 8);
    uint64_t *idle = xencall_alloc_buffer(xencall, MAX_CPUS * sizeof(*idle));

    if (!op || !map || !idle)
        exit(1);
    memset(op, 0, sizeof(*op));
    memset(idle, 0, MAX_CPUS * sizeof(*idle));
    memset(map, 0xff, MAX_CPUS / 8);
    op->cmd = XENPF_getidletime;
    op->interface_version = XENPF_INTERFACE_VERSION;
    set_xen_guest_handle_raw(op->u.getidletime.cpumap_bitmap, map);
    set_xen_guest_handle_raw(op->u.getidletime.idletime, idle);
    op->u.getidletime.cpumap_nr_cpus = MAX_CPUS;
    if (xencall1(xencall, __HYPERVISOR_platform_op, (uint64_t)(uintptr_t)op) < 0)
        printf("\"now\":null,\"idle\":{");
    else
        printf("\"now\":%llu,\"idle\":{", (unsigned long long)op->u.getidletime.now);
    for (unsigned int cpu = 0, some = 0; cpu < MAX_CPUS; cpu++) {
        if (map[cpu / 8] & (1U << (cpu % 8)))
            printf("%s\"%u\":%llu", some++ ? "," : "", cpu, (unsigned long long)idle[cpu]);
    }
    printf("}");
    xencall_free_buffer(xencall, op);
    xencall_free_buffer(xencall, map);
    xencall_free_buffer(xencall, idle);
}

static void print_host(void)
{
    static xc_cputopo_t cpus[MAX_CPUS];
    static xc_meminfo_t nodes[MAX_CPUS];
    unsigned int nr_cpus = MAX_CPUS, nr_nodes = MAX_CPUS;
    xc_physinfo_t info = {0};

    if (xc_physinfo(xc, &info) || xc_cputopoinfo(xc, &nr_cpus, cpus) ||
        xc_numainfo(xc, &nr_nodes, nodes, NULL)) {
        printf("\"physical\":null");
        return;
    }
    printf("\"physical\":{\"total_pages\":%llu,\"free_pages\":%llu,\"scrub_pages\":%llu,"
           "\"outstanding_pages\":%llu,\"nr_cpus\":%u,\"max_cpu_id\":%u,\"nr_nodes\":%u,"
           "\"cpu_khz\":%u},\"topology\":[",
           (unsigned long long)info.total_pages, (unsigned long long)info.free_pages,
           (unsigned long long)info.scrub_pages, (unsigned long long)info.outstanding_pages,
           info.nr_cpus, info.max_cpu_id, info.nr_nodes, info.cpu_khz);
    for (unsigned int cpu = 0; cpu < nr_cpus && cpu < MAX_CPUS; cpu++)
        printf("%s[%u,%u,%u]", cpu ? "," : "", cpus[cpu].core, cpus[cpu].socket, cpus[cpu].node);
    printf("],\"nodes\":[");
    for (unsigned int node = 0; node < nr_nodes && node < MAX_CPUS; node++)
        printf("%s[%llu,%llu]", node ? "," : "", (unsigned long long)nodes[node].memsize,
               (unsigned long long)nodes[node].memfree);
    printf("]");
}

/* Ports in any state but closed. */
static unsigned int count_ports(uint32_t domid)
{
    unsigned int used = 0;

    for (uint32_t port = 1; port < MAX_PORTS; port++) {
        xc_evtchn_status_t status = {.dom = (domid_t)domid, .port = port};

        if (xc_evtchn_status(xc, &status))
            break;
        used += status.status != EVTCHNSTAT_closed;
    }
    return used;
}

static void print_scheduler(uint32_t domid)
{
    struct xen_domctl_sched_credit2 credit2 = {0};
    struct xen_domctl_sched_credit credit = {0};

    if (!xc_sched_credit2_domain_get(xc, domid, &credit2))
        printf(",\"weight\":%u,\"cap\":%u", credit2.weight, credit2.cap);
    else if (!xc_sched_credit_domain_get(xc, domid, &credit))
        printf(",\"weight\":%u,\"cap\":%u", credit.weight, credit.cap);
    else
        printf(",\"weight\":null,\"cap\":null");
}

static void print_vcpus(const xc_domaininfo_t *info)
{
    const uint32_t count = info->max_vcpu_id + 1; /* 0 for a domain without */

    printf(",\"vcpus\":[");
    for (uint32_t id = 0; id < count; id++) {
        xc_vcpuinfo_t vcpu;

        if (xc_vcpu_getinfo(xc, info->domain, id, &vcpu))
            printf("%snull", id ? "," : "");
        else
            printf("%s{\"online\":%u,\"blocked\":%u,\"running\":%u,\"time\":%llu,\"cpu\":%u}",
                   id ? "," : "", vcpu.online, vcpu.blocked, vcpu.running,
                   (unsigned long long)vcpu.cpu_time, vcpu.cpu);
    }
    printf("]");
}

static void print_domain(const xc_domaininfo_t *info)
{
    struct gnttab_query_size grants = {.dom = info->domain};

    printf("\"%u\":{\"flags\":%u,\"pages\":%llu,\"max_pages\":%llu,\"outstanding_pages\":%llu,"
           "\"shared_pages\":%llu,\"paged_pages\":%llu,\"cpu_time\":%llu,\"online_vcpus\":%u,"
           "\"cpupool\":%u,\"handle\":\"",
           info->domain, info->flags, (unsigned long long)info->tot_pages,
           (unsigned long long)info->max_pages, (unsigned long long)info->outstanding_pages,
           (unsigned long long)info->shr_pages, (unsigned long long)info->paged_pages,
           (unsigned long long)info->cpu_time, info->nr_online_vcpus, info->cpupool);
    for (unsigned int i = 0; i < sizeof(info->handle); i++)
        printf("%02x", info->handle[i]);
    printf("\"");
    if (!xc_gnttab_query_size(xc, &grants) && grants.status == GNTST_okay)
        printf(",\"grant_frames\":%u,\"max_grant_frames\":%u", grants.nr_frames,
               grants.max_nr_frames);
    printf(",\"event_channels\":%u", count_ports(info->domain));
    print_scheduler(info->domain);
    print_vcpus(info);
    printf("}");
}

static bool wanted(uint32_t domid)
{
    for (unsigned int i = 0; i < nr_targets; i++) {
        if (targets[i] == domid)
            return true;
    }
    return false;
}

static void print_facts(void)
{
    static xc_domaininfo_t domains[MAX_DOMAINS];
    const int found = xc_domain_getinfolist(xc, 0, MAX_DOMAINS, domains);

    print_host();
    printf(",\"domids\":[");
    for (int i = 0; i < found; i++)
        printf("%s%u", i ? "," : "", domains[i].domain);
    printf("],\"domains\":{");
    for (int i = 0, some = 0; i < found; i++) {
        if (!wanted(domains[i].domain))
            continue;
        if (some++)
            printf(",");
        print_domain(&domains[i]);
    }
    printf("}");
}

static void print_hex(const unsigned char *bytes, size_t count)
{
    printf("\"");
    for (size_t i = 0; i < count; i++)
        printf("%02x", bytes[i]);
    printf("\"");
}

static void print_kind(const struct table *table, const struct stats_kind *kind)
{
    static unsigned char copy[STATS_FRAME_SIZE];
    uint64_t retries = 0;

    printf("{\"kind\":%u,\"first_frame\":%u,\"offset\":%u,\"size\":%u,\"stride\":%u,"
           "\"per_frame\":%u,\"count\":%u,\"records\":[",
           kind->kind, kind->first_frame, kind->offset, kind->size, kind->stride, kind->per_frame,
           kind->count);
    for (uint32_t i = 0; i < kind->count; i++) {
        const unsigned char *record = table_record(table, kind, i);

        /* The bitmap's records have no head, so no sequence of their own either. */
        if (kind->kind == STATS_KIND_BITMAP)
            memcpy(copy, record, kind->size);
        else
            record_copy(record, copy, kind->size, &retries);
        printf("%s", i ? "," : "");
        print_hex(copy, kind->size);
    }
    printf("]}");
}

static void print_table(uint32_t target)
{
    const struct stats_frame *head;
    struct table table;
    const int error = table_map(target, &table);

    if (error) {
        printf("{\"error\":\"%s\"}", strerror(-error));
        return;
    }
    head = (const void *)table.frames;
    printf("{\"frames\":[");
    for (uint32_t i = 0; i < table.nr_frames; i++) {
        printf("%s", i ? "," : "");
        print_hex(table.frames + (size_t)i * STATS_FRAME_SIZE, sizeof(struct stats_frame));
    }
    printf("],\"kinds\":[");
    for (uint32_t i = 0; i < head->nr_kinds; i++) {
        printf("%s", i ? "," : "");
        print_kind(&table, table_entry(&table, i));
    }
    printf("]}");
    table_unmap(&table);
}

static void add_all(void)
{
    static xc_domaininfo_t domains[MAX_DOMAINS];
    const int found = xc_domain_getinfolist(xc, 0, MAX_DOMAINS, domains);

    targets[nr_targets++] = STATS_DOMID_XEN;
    for (int i = 0; i < found && nr_targets < MAX_TARGETS; i++)
        targets[nr_targets++] = domains[i].domain;
}

int main(int argc, char **argv)
{
    xc = xc_interface_open(NULL, NULL, 0);
    xencall = xencall_open(NULL, 0);
    if (argc < 2 || !xc || !xencall) {
        fprintf(stderr, "usage, on a Xen host: look DOMID|host|descriptors|all...\n");
        return 2;
    }
    for (int i = 1; i < argc && nr_targets < MAX_TARGETS; i++) {
        if (!strcmp(argv[i], "all"))
            add_all();
        else
            targets[nr_targets++] = table_target(argv[i]);
    }
    setvbuf(stdout, NULL, _IOFBF, 4U << 20); /* so that writing does not come in between */
    printf("{\"before\":{");
    print_facts();
    printf(",");
    print_time(); /* next to the tables, on either side */
    printf("},\"tables\":{");
    for (unsigned int i = 0; i < nr_targets; i++) {
        printf("%s\"%u\":", i ? "," : "", targets[i]);
        print_table(targets[i]);
    }
    printf("},\"after\":{");
    print_time();
    printf(",");
    print_facts();
    printf("}}\n");
    return 0;
}
