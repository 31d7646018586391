/* SPDX-License-Identifier: Apache-2.0 */
/* Types, macros, atomic accesses and parameters. */
#pragma once

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s_time_t;
typedef uint16_t domid_t;
typedef unsigned long xen_pfn_t;
typedef uint8_t xen_domain_handle_t[16];

#define DOMID_FIRST_RESERVED 0x7FF0U
#define DOMID_IO             0x7FF1U
#define DOMID_XEN            0x7FF2U
#define DOMID_INVALID        0x7FF4U
#define DOMID_IDLE           0x7FFFU

#define RUNSTATE_running     0
#define RUNSTATE_runnable    1
#define RUNSTATE_blocked     2
#define RUNSTATE_offline     3

#define NR_CPUS              8U
#define nr_cpu_ids           NR_CPUS
#define MAX_NUMNODES         4U

#define PAGE_SHIFT           12
#define PAGE_SIZE            4096U

#define likely(x)            __builtin_expect(!!(x), 1)
#define unlikely(x)          __builtin_expect(!!(x), 0)
#define noinline             __attribute__((__noinline__))
#define always_inline        __inline__ __attribute__((__always_inline__))
#define cf_check
#define __init
#define __initdata
#define __initconst
#define __read_mostly
#define __ro_after_init
#define __must_check       __attribute__((__warn_unused_result__))
#define __maybe_unused     __attribute__((__unused__))
#define fallthrough        __attribute__((__fallthrough__))

#define ARRAY_SIZE(a)      (sizeof(a) / sizeof((a)[0]))
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))
#define ROUNDUP(x, a)      (((x) + (a)-1) & ~((a)-1))
#define MIN(x, y)          ((x) < (y) ? (x) : (y))
#define MAX(x, y)          ((x) > (y) ? (x) : (y))
#define min(x, y)                                                                                  \
    ({                                                                                             \
        const __typeof__(x) min_x = (x);                                                           \
        const __typeof__(y) min_y = (y);                                                           \
        (void)(&min_x == &min_y);                                                                  \
        min_x < min_y ? min_x : min_y;                                                             \
    })
#define max(x, y)                                                                                  \
    ({                                                                                             \
        const __typeof__(x) max_x = (x);                                                           \
        const __typeof__(y) max_y = (y);                                                           \
        (void)(&max_x == &max_y);                                                                  \
        max_x > max_y ? max_x : max_y;                                                             \
    })
#define min_t(type, x, y)                   MIN((type)(x), (type)(y))
#define max_t(type, x, y)                   MAX((type)(x), (type)(y))
#define BITS_PER_LONG                       64
#define ilog2(n)                            (63 - __builtin_clzll(n))
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* Asserts hold in every build, as in a debug build of Xen. */
#define ASSERT(condition)            assert(condition)
#define ASSERT_UNREACHABLE()         assert(!"reached")
#define BUG()                        assert(!"BUG")
#define BUG_ON(condition)            assert(!(condition))
#define BUILD_BUG_ON_ZERO(condition) (0 * sizeof(struct { int positive : (condition) ? -1 : 1; }))
#define BUILD_BUG_ON(condition)      ((void)BUILD_BUG_ON_ZERO(condition))
#define printk(...)                  ((void)0)

/* Atomics that ThreadSanitizer knows, as strong as Xen's on the machine it runs on. */
#define read_atomic(p)       __atomic_load_n(p, __ATOMIC_RELAXED)
#define write_atomic(p, v)   __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define ACCESS_ONCE(x)       (*(volatile __typeof__(x) *)&(x))
#define cmpxchg(p, old, new) __sync_val_compare_and_swap(p, old, new)
#define xchg(p, new)         __atomic_exchange_n(p, new, __ATOMIC_SEQ_CST)
#if defined(__x86_64__)
#define barrier() __asm__ __volatile__("" ::: "memory")
#define smp_mb()  __asm__ __volatile__("lock; addl $0, -4(%%rsp)" ::: "memory", "cc")
#define smp_wmb() barrier()
#define smp_rmb() barrier()
#elif defined(__aarch64__)
#define barrier() __asm__ __volatile__("" ::: "memory")
#define smp_mb()  __asm__ __volatile__("dmb ish" ::: "memory")
#define smp_wmb() __asm__ __volatile__("dmb ishst" ::: "memory")
#define smp_rmb() __asm__ __volatile__("dmb ishld" ::: "memory")
#endif

typedef struct {
    _Atomic int counter;
} atomic_t;
#define atomic_read(a)   ((a)->counter)
#define atomic_set(a, n) ((a)->counter = (n))

/* The command line options and initcalls that the code registers. */
typedef int shim_param_fn(const char *value);
typedef int shim_init_fn(void);
void shim_register_param(const char *name, shim_param_fn *parse);
void shim_register_init(shim_init_fn *call);
#define custom_param(name, fn)                                                                     \
    static void __attribute__((__constructor__)) shim_param_##fn(void)                             \
    {                                                                                              \
        shim_register_param(name, fn);                                                             \
    }
#define __initcall(fn)                                                                             \
    static void __attribute__((__constructor__)) shim_init_##fn(void)                              \
    {                                                                                              \
        shim_register_init(fn);                                                                    \
    }
#define presmp_initcall(fn) __initcall(fn)

int parse_bool(const char *s, const char *end);
unsigned long simple_strtoul(const char *s, const char **end, unsigned int base);
size_t strlcpy(char *to, const char *from, size_t size);
#define safe_strcpy(to, from) strlcpy(to, from, sizeof(to))

/* What the command line parser would do, and boot. */
int shim_param(const char *name, const char *value);
void shim_boot(void);
