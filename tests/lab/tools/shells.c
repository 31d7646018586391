/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Domain shells: domains as xc_domain_create leaves them, without memory, name or xenstore entry.
 * They cost nothing and come in hundreds.
 *
 *   shells create COUNT VCPUS    prints their domids
 *   shells destroy DOMID...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>

static int create(xc_interface *xc, unsigned int count, unsigned int vcpus)
{
    for (unsigned int i = 0; i < count; i++) {
        struct xen_domctl_createdomain config = {
            .max_vcpus = vcpus,
            .max_evtchn_port = -1,
            .max_grant_frames = 4,
            .max_maptrack_frames = 4,
            .grant_opts = XEN_DOMCTL_GRANT_version(1),
        };
        uint32_t domid = 0;

        for (unsigned int byte = 0; byte < sizeof(config.handle); byte++)
            config.handle[byte] = (uint8_t)(rand() ^ (i + 1));
        if (xc_domain_create(xc, &domid, &config) || xc_domain_max_vcpus(xc, domid, vcpus)) {
            perror("shells: xc_domain_create");
            return 1;
        }
        printf("%u\n", domid);
    }
    return 0;
}

int main(int argc, char **argv)
{
    xc_interface *xc = xc_interface_open(NULL, NULL, 0);
    int failed = 0;

    if (!xc)
        return 1;
    if (argc == 4 && !strcmp(argv[1], "create"))
        return create(xc, (unsigned int)atoi(argv[2]), (unsigned int)atoi(argv[3]));
    if (argc < 3 || strcmp(argv[1], "destroy")) {
        fprintf(stderr, "usage: shells create COUNT VCPUS | shells destroy DOMID...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        if (xc_domain_destroy(xc, (uint32_t)atoi(argv[i]))) {
            perror("shells: xc_domain_destroy");
            failed = 1;
        }
    }
    return failed;
}
