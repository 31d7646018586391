/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads every vCPU's running time through libxenctrl, then /metrics, then libxenctrl again, as
 * close together as this process can. Prints lines "before|after DOMID VCPU NANOSECONDS", an empty
 * line, and the body of /metrics. Usage: bracket PORT
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <xenctrl.h>

#include "scrape.h"

#define MAX_DOMAINS 256
#define MAX_VCPUS   4096

struct reading {
    uint32_t domid, vcpu;
    uint64_t running;
};

static unsigned int read_all(xc_interface *xc, struct reading *readings)
{
    static xc_domaininfo_t domains[MAX_DOMAINS];
    const int found = xc_domain_getinfolist(xc, 0, MAX_DOMAINS, domains);
    unsigned int count = 0;

    for (int d = 0; d < found; d++) {
        for (uint32_t vcpu = 0; vcpu <= domains[d].max_vcpu_id && count < MAX_VCPUS; vcpu++) {
            xc_vcpuinfo_t info;

            if (xc_vcpu_getinfo(xc, domains[d].domain, vcpu, &info))
                continue; /* gone in between */
            readings[count++] = (struct reading){domains[d].domain, vcpu, info.cpu_time};
        }
    }
    return count;
}

static void print_all(const char *when, const struct reading *readings, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        printf("%s %u %u %llu\n", when, readings[i].domid, readings[i].vcpu,
               (unsigned long long)readings[i].running);
}

int main(int argc, char **argv)
{
    static struct reading before[MAX_VCPUS], after[MAX_VCPUS];
    xc_interface *xc = xc_interface_open(NULL, NULL, 0);
    unsigned int nr_before, nr_after;
    char *body;

    if (argc != 2 || !xc) {
        fprintf(stderr, "usage, on a Xen host: bracket PORT\n");
        return 2;
    }
    nr_before = read_all(xc, before);
    body = scrape_metrics((uint16_t)atoi(argv[1]));
    nr_after = read_all(xc, after);

    print_all("before", before, nr_before);
    print_all("after", after, nr_after);
    printf("\n%s", body);
    free(body);
    xc_interface_close(xc);
    return 0;
}
