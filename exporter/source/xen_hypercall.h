/* SPDX-License-Identifier: Apache-2.0 */
/* What xen_hypercall.c makes of libxenctrl's structures; for its tests. */
#pragma once

#include "source/hypervisor.h"

struct xen_domctl_getdomaininfo;
struct xen_domctl_getvcpuinfo;
struct xen_sysctl_cputopo;
struct xen_sysctl_physinfo;

void xen_hypercall_domain(const struct xen_domctl_getdomaininfo *info,
                          struct hypervisor_domain *ret_domain);
void xen_hypercall_vcpu(const struct xen_domctl_getvcpuinfo *info,
                        struct hypervisor_vcpu *ret_vcpu);
void xen_hypercall_host(const struct xen_sysctl_physinfo *info, struct hypervisor_host *ret_host);
void xen_hypercall_pcpu(const struct xen_sysctl_cputopo *info, struct hypervisor_pcpu *ret_pcpu);
