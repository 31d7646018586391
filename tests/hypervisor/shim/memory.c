/* SPDX-License-Identifier: Apache-2.0 */
/* See memory.h. A pool of pages of which the one freed last is the first to be used again; what is
 * free is poisoned for AddressSanitizer, and full of junk for everyone else.
 */
#include <sys/mman.h>

#include "shim.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size)   ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)0)
#endif

#define POOL_PAGES 4096U
#define JUNK_NEW   0xa5
#define JUNK_FREE  0xdd

unsigned long total_pages = 1UL << 20;

static pthread_mutex_t pool_mutex = PTHREAD_MUTEX_INITIALIZER;
static uint8_t *pool;
static struct page_info pages[POOL_PAGES];
static unsigned int free_stack[POOL_PAGES], free_count;

static unsigned int fail_countdown, allocations, pages_used;
static bool has_failed;

static void __attribute__((constructor)) make_pool(void)
{
    pool = mmap(NULL, (size_t)POOL_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(pool != MAP_FAILED);
    for (unsigned int i = 0; i < POOL_PAGES; i++) {
        pages[i].is_free = true;
        free_stack[free_count++] = POOL_PAGES - 1 - i;
    }
    ASAN_POISON_MEMORY_REGION(pool, (size_t)POOL_PAGES * PAGE_SIZE);
}

mfn_t page_to_mfn(const struct page_info *page)
{
    assert(page >= pages && page < pages + POOL_PAGES);
    return _mfn((unsigned long)(page - pages));
}

struct page_info *mfn_to_page(mfn_t mfn)
{
    assert(mfn_x(mfn) < POOL_PAGES);
    return &pages[mfn_x(mfn)];
}

struct page_info *virt_to_page(const void *address)
{
    size_t offset = (size_t)((const uint8_t *)address - pool);

    assert(offset % PAGE_SIZE == 0 && offset / PAGE_SIZE < POOL_PAGES);
    return &pages[offset / PAGE_SIZE];
}

void *page_to_virt(const struct page_info *page)
{
    return pool + mfn_x(page_to_mfn(page)) * PAGE_SIZE;
}

void shim_fail_allocation(unsigned int nth)
{
    __atomic_store_n(&has_failed, false, __ATOMIC_RELAXED);
    __atomic_store_n(&fail_countdown, nth, __ATOMIC_RELAXED);
}

bool shim_allocation_failed(void)
{
    return __atomic_load_n(&has_failed, __ATOMIC_RELAXED);
}

static bool shall_fail(void)
{
    if (!__atomic_load_n(&fail_countdown, __ATOMIC_RELAXED) ||
        __atomic_sub_fetch(&fail_countdown, 1, __ATOMIC_RELAXED) != 0)
        return false;
    __atomic_store_n(&has_failed, true, __ATOMIC_RELAXED);
    return true;
}

void *shim_zalloc(size_t size)
{
    void *memory = shall_fail() ? NULL : calloc(1, size);

    if (memory)
        __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
    return memory;
}

void xfree(void *memory)
{
    if (memory)
        __atomic_sub_fetch(&allocations, 1, __ATOMIC_RELAXED);
    free(memory);
}

unsigned int shim_allocations_in_use(void)
{
    return __atomic_load_n(&allocations, __ATOMIC_RELAXED);
}

unsigned int shim_pages_in_use(void)
{
    return __atomic_load_n(&pages_used, __ATOMIC_RELAXED);
}

void *alloc_xenheap_page(void)
{
    struct page_info *page;
    void *address;

    if (shall_fail())
        return NULL;
    pthread_mutex_lock(&pool_mutex);
    assert(free_count);
    page = &pages[free_stack[--free_count]];
    assert(page->is_free);
    page->is_free = false;
    pthread_mutex_unlock(&pool_mutex);
    __atomic_add_fetch(&pages_used, 1, __ATOMIC_RELAXED);

    address = page_to_virt(page);
    ASAN_UNPOISON_MEMORY_REGION(address, PAGE_SIZE);
    memset(address, JUNK_NEW, PAGE_SIZE);
    write_atomic(&page->owner, NULL);
    write_atomic(&page->count_info, PGC_xen_heap);
    return address;
}

/* Nobody may refer to it, nor find it in a list, by now. */
void free_xenheap_page(void *address)
{
    struct page_info *page;

    if (!address)
        return;
    page = virt_to_page(address);
    assert(read_atomic(&page->count_info) == PGC_xen_heap);
    assert(!page->is_listed);
    /* A page that someone could map needs a flush of TLBs, for which its owner is remembered. */
    assert(!page->type_info || page_get_owner(page));
    page->type_info = 0;
    memset(address, JUNK_FREE, PAGE_SIZE);
    write_atomic(&page->count_info, 0);
    ASAN_POISON_MEMORY_REGION(address, PAGE_SIZE);

    __atomic_sub_fetch(&pages_used, 1, __ATOMIC_RELAXED);
    pthread_mutex_lock(&pool_mutex);
    assert(!page->is_free);
    page->is_free = true;
    free_stack[free_count++] = (unsigned int)(page - pages);
    pthread_mutex_unlock(&pool_mutex);
}

void clear_page(void *address)
{
    memset(address, 0, PAGE_SIZE);
}

void share_xen_page_with_guest(struct page_info *page, struct domain *d, enum XENSHARE_flags flags)
{
    assert(flags == SHARE_ro);
    if (page_get_owner(page) == d)
        return;
    spin_lock(&d->page_alloc_lock);
    assert(!page->is_free && !page->is_listed);
    assert((read_atomic(&page->count_info) & ~PGC_xen_heap) == 0);
    page->type_info = 1;
    page->is_listed = true;
    d->xenheap_pages++;
    write_atomic(&page->owner, d);
    __atomic_fetch_or(&page->count_info, PGC_allocated | 1, __ATOMIC_RELEASE);
    spin_unlock(&d->page_alloc_lock);
}

/* For a page of Xen's heap: takes it from its owner's list. It is still to be freed. */
void free_domheap_page(struct page_info *page)
{
    struct domain *d = page_get_owner(page);

    assert(d && is_xen_heap_page(page));
    spin_lock(&d->page_alloc_lock);
    assert(page->is_listed && "a page was freed twice");
    page->is_listed = false;
    d->xenheap_pages--;
    spin_unlock(&d->page_alloc_lock);
}

bool get_page(struct page_info *page, const struct domain *owner)
{
    unsigned long seen, count = read_atomic(&page->count_info);

    do {
        seen = count;
        if (!(seen & PGC_count_mask))
            return false;
        count = cmpxchg(&page->count_info, seen, seen + 1);
    } while (count != seen);
    if (page_get_owner(page) == owner)
        return true;
    put_page(page);
    return false;
}

void put_page(struct page_info *page)
{
    unsigned long seen, count = read_atomic(&page->count_info);

    do {
        seen = count;
        assert(seen & PGC_count_mask);
        count = cmpxchg(&page->count_info, seen, seen - 1);
    } while (count != seen);
    if (!((seen - 1) & PGC_count_mask))
        free_domheap_page(page);
}

void put_page_alloc_ref(struct page_info *page)
{
    if (__atomic_fetch_and(&page->count_info, ~PGC_allocated, __ATOMIC_SEQ_CST) & PGC_allocated)
        put_page(page);
}
