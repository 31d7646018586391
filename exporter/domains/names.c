/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted table of followed names; see names.h. */
#include "domains/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "domains/by_domid.h"

struct followed_name {
    uint32_t domid; /* first, for by_domid_position() */
    bool wanted;
    bool watched;
    bool unread;        /* watched already, for a domain that had this domid before */
    bool fresh;         /* the name is news */
    uint64_t following; /* another number each time it is followed */
    char *name;
    size_t length;
};

/* Where `domid` is, or would be inserted. */
static size_t position(const struct names *names, uint32_t domid)
{
    return by_domid_position(names->followed, (uint32_t)names->count, sizeof(*names->followed),
                             domid);
}

static struct followed_name *find(const struct names *names, uint32_t domid)
{
    size_t at = position(names, domid);

    return at < names->count && names->followed[at].domid == domid ? &names->followed[at] : NULL;
}

static void drop(struct names *names, size_t at)
{
    free(names->followed[at].name);
    names->count--;
    memmove(&names->followed[at], &names->followed[at + 1],
            (names->count - at) * sizeof(*names->followed));
}

void names_deinit(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->followed[i].name);
    free(names->followed);
    *names = (struct names){0};
}

static int insert(struct names *names, uint32_t domid)
{
    size_t at = position(names, domid);

    if (names->count == names->capacity) {
        size_t capacity = names->capacity ? names->capacity * 2 : 16;
        void *grown = reallocarray(names->followed, capacity, sizeof(*names->followed));

        if (!grown)
            return -ENOMEM;
        names->followed = grown;
        names->capacity = capacity;
    }
    memmove(&names->followed[at + 1], &names->followed[at],
            (names->count - at) * sizeof(*names->followed));
    names->count++;
    names->followed[at] = (struct followed_name){.domid = domid};
    return 0;
}

int names_follow(struct names *names, uint32_t domid)
{
    struct followed_name *followed;

    if (!find(names, domid)) {
        int r = insert(names, domid);

        if (r < 0)
            return r;
    }
    followed = find(names, domid);
    followed->wanted = followed->unread = true;
    followed->following = ++names->followings;
    return 0;
}

void names_forget(struct names *names, uint32_t domid)
{
    struct followed_name *followed = find(names, domid);

    if (!followed)
        return;
    followed->wanted = followed->fresh = false;
    free(steal(followed->name));
}

void names_unwatched(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        names->followed[i].watched = false;
}

enum names_task names_next_task(struct names *names, uint32_t from, uint32_t *ret_domid)
{
    for (size_t at = position(names, from); at < names->count;) {
        struct followed_name *followed = &names->followed[at];
        bool unread = followed->watched && followed->unread;

        if (!followed->wanted && !followed->watched) {
            drop(names, at);
            continue;
        }
        if (!unread && followed->wanted == followed->watched) {
            at++;
            continue;
        }
        *ret_domid = followed->domid;
        followed->watched = followed->wanted;
        followed->unread = false;
        return !followed->wanted ? NAMES_UNWATCH : unread ? NAMES_READ : NAMES_WATCH;
    }
    return NAMES_NOTHING;
}

uint64_t names_following(const struct names *names, uint32_t domid)
{
    const struct followed_name *followed = find(names, domid);

    return followed && followed->wanted ? followed->following : 0;
}

bool names_set(struct names *names, uint32_t domid, uint64_t following, char *name, size_t length)
{
    struct followed_name *followed = find(names, domid);

    if (!followed || !followed->wanted || followed->following != following)
        return false;
    free(followed->name);
    followed->name = name;
    followed->length = length;
    followed->fresh = true;
    return true;
}

bool names_news(struct names *names, uint32_t *ret_domid, char **ret_name, size_t *ret_length)
{
    for (size_t i = 0; i < names->count; i++) {
        struct followed_name *followed = &names->followed[i];

        if (!followed->fresh || !followed->wanted)
            continue;
        *ret_domid = followed->domid;
        *ret_name = steal(followed->name);
        *ret_length = followed->length;
        followed->fresh = false;
        return true;
    }
    return false;
}
