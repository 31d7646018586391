/* SPDX-License-Identifier: Apache-2.0 */
/* See locks.h. What is kept about the order uses relaxed atomics: it must not order what
 * ThreadSanitizer is to find unordered.
 */
#include "locks.h"

#define KINDS_MAX 48
#define HELD_MAX  8

static pthread_mutex_t names_mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *names[KINDS_MAX];
static int names_count = 1;

/* Bit k of after[h]: a lock of kind k was taken while one of kind h was held. */
static uint64_t after[KINDS_MAX];

static __thread spinlock_t *held[HELD_MAX];
static __thread unsigned int held_count;
static __thread char myself;

static unsigned long self(void)
{
    return (unsigned long)&myself;
}

static int kind_of(spinlock_t *lock)
{
    int kind = __atomic_load_n(&lock->kind, __ATOMIC_RELAXED);

    if (kind)
        return kind;
    assert(lock->name && "a lock that was never initialised");
    pthread_mutex_lock(&names_mutex);
    for (kind = 1; kind < names_count && strcmp(names[kind], lock->name) != 0; kind++)
        ;
    if (kind == names_count) {
        assert(names_count < KINDS_MAX);
        names[names_count++] = lock->name;
    }
    pthread_mutex_unlock(&names_mutex);
    __atomic_store_n(&lock->kind, kind, __ATOMIC_RELAXED);
    return kind;
}

/* Everything that was ever taken after `kind`, directly or over others. */
static uint64_t reachable(int kind)
{
    uint64_t found = __atomic_load_n(&after[kind], __ATOMIC_RELAXED), looked_at = 0;

    while (found & ~looked_at) {
        int next = __builtin_ctzll(found & ~looked_at);

        looked_at |= 1ULL << next;
        found |= __atomic_load_n(&after[next], __ATOMIC_RELAXED);
    }
    return found;
}

static void check_order(spinlock_t *lock)
{
    int kind = kind_of(lock);

    for (unsigned int i = 0; i < held_count; i++) {
        int other = kind_of(held[i]);

        if (held[i] == lock || other == kind || (reachable(kind) >> other & 1)) {
            fprintf(stderr, "lock order: %s is taken while %s is held\n", lock->name,
                    held[i]->name);
            abort();
        }
        __atomic_fetch_or(&after[other], 1ULL << kind, __ATOMIC_RELAXED);
    }
}

static void note_held(spinlock_t *lock)
{
    assert(held_count < HELD_MAX);
    held[held_count++] = lock;
    __atomic_store_n(&lock->holder, self(), __ATOMIC_RELAXED);
}

void spin_lock(spinlock_t *lock)
{
    check_order(lock);
    pthread_mutex_lock(&lock->mutex);
    note_held(lock);
}

bool spin_trylock(spinlock_t *lock)
{
    if (spin_is_locked(lock) || pthread_mutex_trylock(&lock->mutex) != 0)
        return false;
    note_held(lock);
    return true;
}

void spin_unlock(spinlock_t *lock)
{
    unsigned int i = held_count;

    assert(spin_is_locked(lock));
    while (held[--i] != lock)
        ;
    memmove(&held[i], &held[i + 1], (--held_count - i) * sizeof(held[0]));
    __atomic_store_n(&lock->holder, 0, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&lock->mutex);
}

void spin_barrier(spinlock_t *lock)
{
    spin_lock(lock);
    spin_unlock(lock);
}

bool spin_is_locked(const spinlock_t *lock)
{
    return __atomic_load_n(&lock->holder, __ATOMIC_RELAXED) == self();
}

void shim_lock_pair(spinlock_t *one, spinlock_t *other)
{
    spinlock_t *first = one < other ? one : other, *second = one < other ? other : one;

    spin_lock(first);
    if (first == second)
        return;
    pthread_mutex_lock(&second->mutex);
    note_held(second);
}

static __thread struct rcu_head *waiting;

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
    *head = (struct rcu_head){.next = waiting, .func = func};
    waiting = head;
}

struct rcu_head *shim_take_rcu(void)
{
    struct rcu_head *calls = waiting;

    waiting = NULL;
    return calls;
}

void shim_run_rcu(struct rcu_head *calls)
{
    while (calls) {
        struct rcu_head *head = calls;

        calls = head->next;
        head->func(head);
    }
}
