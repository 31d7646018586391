/* SPDX-License-Identifier: Apache-2.0 */
#include "http/wall.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "exposition/host.h"

struct later {
    struct wall *wall;
    struct wall_kept kept;
};

static void *answer_soon(void *userdata)
{
    struct later *later = userdata;

    usleep(2000);
    later->kept.done(later->kept.userdata, 0, snapshot_ref(later->wall->snapshot));
    atomic_fetch_sub(&later->wall->threads, 1);
    free(later);
    return NULL;
}

static int ask(struct request_wall *request_wall, uint64_t deadline_ns, request_done_fn done,
               void *userdata)
{
    struct wall *wall = (struct wall *)((char *)request_wall - offsetof(struct wall, wall));
    struct later *later;
    pthread_t thread;

    atomic_fetch_add(&wall->asked, 1);
    switch (wall->mode) {
    case WALL_AT_ONCE:
        done(userdata, 0, snapshot_ref(wall->snapshot));
        return 0;
    case WALL_THREAD:
        later = malloc(sizeof(*later));
        if (!later)
            abort();
        *later = (struct later){wall, {done, userdata}};
        atomic_fetch_add(&wall->threads, 1);
        if (pthread_create(&thread, NULL, answer_soon, later))
            abort();
        pthread_detach(thread);
        return 0;
    case WALL_KEEP:
        if (atomic_load(&wall->kept_count) == WALL_KEPT_MAX)
            abort();
        wall->kept[atomic_load(&wall->kept_count)] = (struct wall_kept){done, userdata};
        atomic_fetch_add(&wall->kept_count, 1);
        return 0;
    case WALL_FAIL:
        done(userdata, wall->error, NULL);
        return 0;
    case WALL_REFUSE:
    default:
        return wall->error;
    }
}

void wall_init(struct wall *wall, uint32_t domains)
{
    static const struct request_wall_ops ops = {.ask = ask};

    *wall = (struct wall){.wall.ops = &ops, .snapshot = host_new(domains, 2, 0)};
}

void wall_deinit(struct wall *wall)
{
    wall_release(wall);
    while (atomic_load(&wall->threads) > 0)
        usleep(1000);
    snapshot_unref(wall->snapshot);
}

void wall_release(struct wall *wall)
{
    int count = atomic_exchange(&wall->kept_count, 0);

    for (int i = 0; i < count; i++)
        wall->kept[i].done(wall->kept[i].userdata, 0, snapshot_ref(wall->snapshot));
}
