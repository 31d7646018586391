/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that libxenctrl tells about a host, then /metrics, then everything again, as close
 * together as this process can. Prints lines "before|after WHAT WHOSE VALUE", an empty line, and
 * the body of /metrics. WHAT is libxenctrl's name of it, times are in nanoseconds, memory in pages;
 * WHOSE is a domid, DOMID.VCPU, the number of a pCPU or node, or "-". Usage: readings PORT
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>

#include "scrape.h"

#define MAX_DOMAINS 2048
#define MAX_PCPUS   256
#define MAX_NODES   16

static void print_domain(const char *when, const xc_domaininfo_t *d)
{
    const struct {
        const char *what;
        uint64_t value;
    } values[] = {
        {"domain.cpu_time", d->cpu_time},
        {"domain.nr_online_vcpus", d->nr_online_vcpus},
        {"domain.vcpus", d->max_vcpu_id + 1},
        {"domain.tot_pages", d->tot_pages},
        {"domain.max_pages", d->max_pages},
        {"domain.outstanding_pages", d->outstanding_pages},
        {"domain.shr_pages", d->shr_pages},
        {"domain.paged_pages", d->paged_pages},
        {"domain.cpupool", d->cpupool},
        {"domain.paused", !!(d->flags & XEN_DOMINF_paused)},
        {"domain.shutdown", !!(d->flags & XEN_DOMINF_shutdown)},
        {"domain.dying", !!(d->flags & XEN_DOMINF_dying)},
    };

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        printf("%s %s %u %llu\n", when, values[i].what, d->domain,
               (unsigned long long)values[i].value);
}

static void print_vcpus(xc_interface *xc, const char *when, const xc_domaininfo_t *d)
{
    for (uint32_t vcpu = 0; vcpu <= d->max_vcpu_id && d->max_vcpu_id != ~0U; vcpu++) {
        xc_vcpuinfo_t info;

        if (xc_vcpu_getinfo(xc, d->domain, vcpu, &info))
            continue; /* gone in between */
        printf("%s vcpu.cpu_time %u.%u %llu\n", when, d->domain, vcpu,
               (unsigned long long)info.cpu_time);
        printf("%s vcpu.online %u.%u %u\n", when, d->domain, vcpu, info.online);
        printf("%s vcpu.cpu %u.%u %u\n", when, d->domain, vcpu, info.cpu);
    }
}

static void print_scheduling(xc_interface *xc, const char *when, uint32_t domid)
{
    struct xen_domctl_sched_credit2 credit2;

    if (xc_sched_credit2_domain_get(xc, domid, &credit2))
        return; /* another scheduler has it */
    printf("%s domain.weight %u %u\n", when, domid, credit2.weight);
    printf("%s domain.cap %u %u\n", when, domid, credit2.cap);
}

static void print_host(xc_interface *xc, const char *when)
{
    static xc_cpuinfo_t idle[MAX_PCPUS];
    static xc_cputopo_t place[MAX_PCPUS];
    static xc_meminfo_t memory[MAX_NODES];
    static uint32_t distance[MAX_NODES * MAX_NODES];
    unsigned int pcpus = MAX_PCPUS, nodes = MAX_NODES;
    xc_physinfo_t host = {0};
    int idles = 0;

    if (xc_physinfo(xc, &host) || xc_getcpuinfo(xc, MAX_PCPUS, idle, &idles) ||
        xc_cputopoinfo(xc, &pcpus, place) || xc_numainfo(xc, &nodes, memory, distance)) {
        perror("readings: libxenctrl");
        exit(1);
    }
    printf("%s host.total_pages - %llu\n", when, (unsigned long long)host.total_pages);
    printf("%s host.free_pages - %llu\n", when, (unsigned long long)host.free_pages);
    printf("%s host.outstanding_pages - %llu\n", when, (unsigned long long)host.outstanding_pages);
    printf("%s host.nr_cpus - %u\n", when, host.nr_cpus);
    printf("%s host.nr_nodes - %u\n", when, host.nr_nodes);
    printf("%s host.cpu_khz - %u\n", when, host.cpu_khz);
    for (int i = 0; i < idles; i++)
        printf("%s pcpu.idletime %d %llu\n", when, i, (unsigned long long)idle[i].idletime);
    for (unsigned int i = 0; i < pcpus; i++) {
        printf("%s pcpu.node %u %u\n", when, i, place[i].node);
        printf("%s pcpu.socket %u %u\n", when, i, place[i].socket);
        printf("%s pcpu.core %u %u\n", when, i, place[i].core);
    }
    for (unsigned int i = 0; i < nodes; i++) {
        printf("%s node.memsize %u %llu\n", when, i, (unsigned long long)memory[i].memsize);
        printf("%s node.memfree %u %llu\n", when, i, (unsigned long long)memory[i].memfree);
    }
}

/* What moves fastest stands nearest to the scrape between the two sides. */
static void print_all(xc_interface *xc, const char *when, int first)
{
    static xc_domaininfo_t domains[MAX_DOMAINS];
    const int found = xc_domain_getinfolist(xc, 0, MAX_DOMAINS, domains);

    if (found < 0) {
        perror("readings: libxenctrl");
        exit(1);
    }
    for (int d = 0; first && d < found; d++)
        print_scheduling(xc, when, domains[d].domain);
    for (int d = 0; d < found; d++)
        print_domain(when, &domains[d]);
    if (first)
        print_host(xc, when);
    for (int d = 0; d < found; d++)
        print_vcpus(xc, when, &domains[d]);
    if (!first)
        print_host(xc, when);
    for (int d = 0; !first && d < found; d++)
        print_scheduling(xc, when, domains[d].domain);
}

int main(int argc, char **argv)
{
    xc_interface *xc = xc_interface_open(NULL, NULL, 0);
    char *body;

    if (argc != 2 || !xc) {
        fprintf(stderr, "usage, on a Xen host: readings PORT\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOFBF, 4U << 20); /* nothing is written in between */
    print_all(xc, "before", 1);
    body = scrape_metrics((uint16_t)atoi(argv[1]));
    print_all(xc, "after", 0);
    printf("\n%s", body);
    free(body);
    xc_interface_close(xc);
    return 0;
}
