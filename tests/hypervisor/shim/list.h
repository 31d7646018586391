/* SPDX-License-Identifier: Apache-2.0 */
/* Doubly linked lists. */
#pragma once

#include "basics.h"

struct list_head {
    struct list_head *next, *prev;
};

#define LIST_HEAD(name) struct list_head name = {&(name), &(name)}

static inline void INIT_LIST_HEAD(struct list_head *head)
{
    head->next = head->prev = head;
}

static inline bool list_empty(const struct list_head *head)
{
    return head->next == head;
}

static inline void list_insert(struct list_head *entry, struct list_head *prev)
{
    entry->prev = prev;
    entry->next = prev->next;
    prev->next->prev = entry;
    prev->next = entry;
}

static inline void list_add(struct list_head *entry, struct list_head *head)
{
    list_insert(entry, head);
}

static inline void list_add_tail(struct list_head *entry, struct list_head *head)
{
    list_insert(entry, head->prev);
}

static inline void list_del_init(struct list_head *entry)
{
    entry->prev->next = entry->next;
    entry->next->prev = entry->prev;
    INIT_LIST_HEAD(entry);
}

/* A second removal of the same entry is a crash. */
static inline void list_del(struct list_head *entry)
{
    list_del_init(entry);
    entry->next = entry->prev = NULL;
}

static inline void list_move_tail(struct list_head *entry, struct list_head *head)
{
    list_del_init(entry);
    list_add_tail(entry, head);
}

#define list_entry(pointer, type, member)    container_of(pointer, type, member)
#define list_first_entry(head, type, member) list_entry((head)->next, type, member)
#define list_next_entry(entry, member)                                                             \
    list_entry((entry)->member.next, __typeof__(*(entry)), member)
#define list_for_each_entry(entry, head, member)                                                   \
    for ((entry) = list_first_entry(head, __typeof__(*(entry)), member);                           \
         &(entry)->member != (head); (entry) = list_next_entry(entry, member))
#define list_for_each_entry_safe(entry, after, head, member)                                       \
    for ((entry) = list_first_entry(head, __typeof__(*(entry)), member),                           \
        (after) = list_next_entry(entry, member);                                                  \
         &(entry)->member != (head); (entry) = (after), (after) = list_next_entry(after, member))
