/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for xenstore.c in a build without Xen's libraries: there is never a connection. */
#include "domains/xenstore.h"

#include <errno.h>

int xenstore_new(struct xenstore **ret_xenstore)
{
    return -EOPNOTSUPP;
}

struct xenstore *xenstore_free(struct xenstore *xenstore)
{
    return NULL;
}

int xenstore_fd(const struct xenstore *xenstore)
{
    return -1;
}

bool xenstore_next(struct xenstore *xenstore, struct xenstore_event *ret_event)
{
    return false;
}

int xenstore_follow(struct xenstore *xenstore, uint32_t domid)
{
    return -EOPNOTSUPP;
}

void xenstore_forget(struct xenstore *xenstore, uint32_t domid)
{
}

void xenstore_figures(struct xenstore *xenstore, struct xenstore_figures *ret_figures)
{
    *ret_figures = (struct xenstore_figures){0};
}

void xenstore_ask(struct xenstore *xenstore)
{
}

bool xenstore_answered(struct xenstore *xenstore)
{
    return true;
}
