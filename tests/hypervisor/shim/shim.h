/* SPDX-License-Identifier: Apache-2.0 */
/* What the hypervisor's statistics code uses of Xen, on threads of this process: every header that
 * it includes leads here. Names and meanings are Xen's; names in shim_ are for the tests.
 */
#pragma once

#define CONFIG_STATS_TABLES 1
#define CONFIG_MEM_SHARING  1
#define CONFIG_MEM_PAGING   1

#include "basics.h"
#include "cpu.h"
#include "host.h"
#include "list.h"
#include "locks.h"
#include "memory.h"
#include "sched.h"
#include "time.h"
