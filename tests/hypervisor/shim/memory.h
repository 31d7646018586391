/* SPDX-License-Identifier: Apache-2.0 */
/* Pages with reference counts as Xen has them, and the allocators, which can be told to fail. */
#pragma once

#include "basics.h"
#include "list.h"

struct domain;

struct page_info {
    unsigned long count_info;
    struct domain *owner;
    unsigned long type_info;
    bool is_free, is_listed;
};

#define PGC_allocated  (1UL << 63)
#define _PGC_allocated 63
#define PGC_xen_heap   (1UL << 62)
#define PGC_broken     (1UL << 60)
#define PGC_count_mask ((1UL << 55) - 1)

typedef struct {
    unsigned long mfn;
} mfn_t;
#define mfn_x(m) ((m).mfn)
#define _mfn(n)  ((mfn_t){n})

mfn_t page_to_mfn(const struct page_info *page);
struct page_info *mfn_to_page(mfn_t mfn);
struct page_info *virt_to_page(const void *address);
void *page_to_virt(const struct page_info *page);
#define virt_to_mfn(address)   mfn_x(page_to_mfn(virt_to_page(address)))
#define page_get_owner(page)   read_atomic(&(page)->owner)
#define is_xen_heap_page(page) (read_atomic(&(page)->count_info) & PGC_xen_heap)

void *alloc_xenheap_page(void);
void free_xenheap_page(void *address);
void free_domheap_page(struct page_info *page);
void clear_page(void *address);

enum XENSHARE_flags { SHARE_rw, SHARE_ro };
void share_xen_page_with_guest(struct page_info *page, struct domain *d, enum XENSHARE_flags flags);
#define share_xen_page_with_privileged_guests(page, flags)                                         \
    share_xen_page_with_guest(page, dom_xen, flags)

bool get_page(struct page_info *page, const struct domain *owner);
void put_page(struct page_info *page);
void put_page_alloc_ref(struct page_info *page);

void *shim_zalloc(size_t size);
void xfree(void *memory);
#define xzalloc(type)                           ((type *)shim_zalloc(sizeof(type)))
#define xmalloc(type)                           xzalloc(type)
#define xzalloc_array(type, count)              ((type *)shim_zalloc(sizeof(type) * (count)))
#define xmalloc_array(type, count)              xzalloc_array(type, count)
#define xzalloc_bytes(size)                     shim_zalloc(size)
#define xzalloc_flex_struct(type, field, count) ((type *)shim_zalloc(offsetof(type, field[count])))
#define xvzalloc_array(type, count)             xzalloc_array(type, count)
#define vzalloc(size)                           shim_zalloc(size)
#define vfree(memory)                           xfree(memory)
#define XFREE(p)                                (xfree(p), (p) = NULL)

/* The n-th allocation from now fails, counting from 1; 0: none does. */
void shim_fail_allocation(unsigned int nth);
/* Has it come to that? */
bool shim_allocation_failed(void);
/* Pages and pieces of memory that are allocated now. */
unsigned int shim_pages_in_use(void);
unsigned int shim_allocations_in_use(void);

extern unsigned long total_pages;
