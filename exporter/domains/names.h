/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose names are followed in xenstore, and what is to be done about them: plain data between the
 * sampler, who wants names, and the thread that asks xenstored (xenstore.c), which has the lock
 * around it. A domid can be given up and wanted again, for another domain, at any time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct followed_name;

/* { 0 } is the null state: nobody is followed. */
struct names {
    struct followed_name *followed; /* ascending domid */
    size_t count, capacity;
    uint64_t followings; /* the last number given out */
};

enum names_task {
    NAMES_NOTHING,
    NAMES_WATCH,   /* set a watch, which fires once at once */
    NAMES_UNWATCH, /* take it away */
    NAMES_READ,    /* it is watched already, but another domain has the domid now */
};

void names_deinit(struct names *names);

/* Wants the name of a domain. -ENOMEM. */
int names_follow(struct names *names, uint32_t domid) must_check;

/* Wants it no more. */
void names_forget(struct names *names, uint32_t domid);

/* A new connection: nothing is watched any more. */
void names_unwatched(struct names *names);

/*
 * The next thing to do for a domid of at least `from`, and for whom; it counts as done. What was
 * given up and is not watched is dropped on the way.
 */
enum names_task names_next_task(struct names *names, uint32_t from, uint32_t *ret_domid);

/*
 * Stands for the domain that is followed under this domid now; 0: nobody is. Asked for before a
 * name is read, it keeps that name from reaching a later domain.
 */
uint64_t names_following(const struct names *names, uint32_t domid);

/* Takes over `name` (NULL: it has none), unless `following` is over; says whether it did. */
bool names_set(struct names *names, uint32_t domid, uint64_t following, char *name, size_t length);

/* Gives the next name that is news; false when there is none. */
bool names_news(struct names *names, uint32_t *ret_domid, char **ret_name, size_t *ret_length);
