/* SPDX-License-Identifier: Apache-2.0 */
/* Spin locks: mutexes that know their holder, and that abort when two of them are ever taken in an
 * order that contradicts an earlier one, or when one is taken twice.
 */
#pragma once

#include <pthread.h>

#include "basics.h"

typedef struct spinlock {
    pthread_mutex_t mutex;
    const char *name;
    int kind; /* Number of the name, 0 until the lock is first taken. */
    unsigned long holder;
} spinlock_t;

#define SPIN_LOCK_NAMED(text)                                                                      \
    {                                                                                              \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .name = (text)                                         \
    }
#define DEFINE_SPINLOCK(lock) spinlock_t lock = SPIN_LOCK_NAMED(#lock)
#define spin_lock_init(lock)  (*(lock) = (spinlock_t)SPIN_LOCK_NAMED(strrchr("->" #lock, '>') + 1))

void spin_lock(spinlock_t *lock);
bool spin_trylock(spinlock_t *lock);
void spin_unlock(spinlock_t *lock);
/* Waits for whoever holds it. */
void spin_barrier(spinlock_t *lock);
/* True for the holder only, which is stricter than Xen's. */
bool spin_is_locked(const spinlock_t *lock);
/* Two locks of one name, lower address first. */
void shim_lock_pair(spinlock_t *one, spinlock_t *other);

#define spin_lock_irq(lock)                 spin_lock(lock)
#define spin_unlock_irq(lock)               spin_unlock(lock)
#define spin_lock_irqsave(lock, flags)      ((flags) = 0, spin_lock(lock))
#define spin_unlock_irqrestore(lock, flags) ((void)(flags), spin_unlock(lock))
/* What later releases call locks that their holder may take again. */
#define rspin_lock(lock)            spin_lock(lock)
#define nrspin_lock(lock)           spin_lock(lock)
#define nrspin_unlock(lock)         spin_unlock(lock)
#define rspin_unlock(lock)          spin_unlock(lock)
#define rspin_is_locked(lock)       spin_is_locked(lock)
#define spin_lock_recursive(lock)   spin_lock(lock)
#define spin_unlock_recursive(lock) spin_unlock(lock)
#define local_irq_save(flags)       ((flags) = 0)
#define local_irq_restore(flags)    ((void)(flags))
#define local_irq_disable()         ((void)0)
#define local_irq_enable()          ((void)0)
#define local_irq_is_enabled()      true

typedef struct {
    int unused;
} rcu_read_lock_t;
#define DEFINE_RCU_READ_LOCK(name) rcu_read_lock_t name
#define rcu_read_lock(lock)        ((void)(lock))
#define rcu_read_unlock(lock)      ((void)(lock))
#define rcu_dereference(p)         (p)

/* A thread's calls wait until they are taken, and run when whoever took them knows of no reader. */
struct rcu_head {
    struct rcu_head *next;
    void (*func)(struct rcu_head *head);
};
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head));
struct rcu_head *shim_take_rcu(void);
void shim_run_rcu(struct rcu_head *calls);
