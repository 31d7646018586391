/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for xen_hypercall.c in a build without libxenctrl. */
#include "source/hypervisor.h"

#include <errno.h>

int xen_hypervisor_new(struct hypervisor **ret_hypervisor)
{
    return -EOPNOTSUPP;
}
