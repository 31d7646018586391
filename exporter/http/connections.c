/* SPDX-License-Identifier: Apache-2.0 */
/* A table small enough to be searched from end to end; see connections.h. */
#include "http/connections.h"

#include <errno.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

struct connection {
    int fd; /* -1: a free place */
    struct peer peer;
    enum connection_phase phase;
    uint64_t since_ns; /* when the phase began */
    uint64_t deadline_ns;
    bool cut;
    unsigned int siblings; /* open connections of the same peer, with this one */
};

struct connections {
    pthread_mutex_t lock;
    struct connections_limits limits;
    int wake_fd;
    uint64_t wake_at_ns; /* when connections_cut_late() will be called at the latest */
    unsigned int places;
    struct connection connection[];
};

int connections_new(const struct connections_limits *limits, int wake_fd,
                    struct connections **ret_connections)
{
    unsigned int places = limits->max + CONNECTIONS_SLACK;
    struct connections *connections;
    int r;

    connections = calloc(1, sizeof(*connections) + places * sizeof(connections->connection[0]));
    if (!connections)
        return -ENOMEM;
    r = pthread_mutex_init(&connections->lock, NULL);
    if (r) {
        free(connections);
        return -r;
    }
    connections->limits = *limits;
    connections->wake_fd = wake_fd;
    connections->wake_at_ns = UINT64_MAX;
    connections->places = places;
    for (unsigned int i = 0; i < places; i++)
        connections->connection[i].fd = -1;

    *ret_connections = connections;
    return 0;
}

void connections_set_limits(struct connections *connections,
                            const struct connections_limits *limits)
{
    unsigned int most = connections->places - CONNECTIONS_SLACK;

    pthread_mutex_lock(&connections->lock);
    connections->limits = *limits;
    if (connections->limits.max > most)
        connections->limits.max = most;
    pthread_mutex_unlock(&connections->lock);
}

struct connections *connections_free(struct connections *connections)
{
    if (!connections)
        return NULL;
    pthread_mutex_destroy(&connections->lock);
    free(connections);
    return NULL;
}

static bool is_open(const struct connection *connection)
{
    return connection->fd >= 0 && !connection->cut;
}

/* The number of open connections of a peer has changed. */
static void set_siblings(struct connections *connections, const struct peer *peer,
                         unsigned int siblings)
{
    for (unsigned int i = 0; i < connections->places; i++)
        if (is_open(&connections->connection[i]) &&
            peer_equal(&connections->connection[i].peer, peer))
            connections->connection[i].siblings = siblings;
}

/* What the client has not taken yet is dropped: the kernel would keep it for minutes. */
static void cut(struct connections *connections, struct connection *connection)
{
    const struct linger drop = {.l_onoff = 1, .l_linger = 0};
    int unsent = 0;

    if (ioctl(connection->fd, SIOCOUTQ, &unsent) == 0 && unsent > 0)
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &drop, sizeof(drop));
    shutdown(connection->fd, SHUT_RDWR);
    connection->cut = true;
    connection->deadline_ns = UINT64_MAX; /* once is enough; its owner removes it */
    set_siblings(connections, &connection->peer, connection->siblings - 1);
}

static void leave(struct connections *connections, struct connection *connection)
{
    bool open = is_open(connection);

    connection->fd = -1;
    if (open)
        set_siblings(connections, &connection->peer, connection->siblings - 1);
}

/* Whose place to take first: of the larger peer, an idle one, the one that has not moved longest.
 */
static bool goes_before(const struct connection *one, const struct connection *other)
{
    bool one_idle = one->phase == CONNECTION_IDLE, other_idle = other->phase == CONNECTION_IDLE;

    if (one->siblings != other->siblings)
        return one->siblings > other->siblings;
    if (one_idle != other_idle)
        return one_idle;
    return one->since_ns < other->since_ns;
}

/*
 * Makes room for a peer that has `own` open connections, unless all others have about as few: those
 * may be closed only while they are idle, which HTTP allows at any time.
 */
static bool take_place(struct connections *connections, unsigned int own)
{
    struct connection *victim = NULL;

    for (unsigned int i = 0; i < connections->places; i++) {
        struct connection *connection = &connections->connection[i];
        bool idle = connection->phase == CONNECTION_IDLE;

        if (is_open(connection) && connection->siblings + idle > own + 1 &&
            (!victim || goes_before(connection, victim)))
            victim = connection;
    }
    if (victim)
        cut(connections, victim);
    return victim;
}

static int add(struct connections *connections, const struct connection *new)
{
    struct connection *place = NULL;
    unsigned int open = 0, own = 0;

    for (unsigned int i = 0; i < connections->places; i++) {
        struct connection *connection = &connections->connection[i];

        /* The descriptor is new, so who had it before went without saying so. */
        if (connection->fd == new->fd)
            leave(connections, connection);
        if (connection->fd < 0)
            place = connection;
        open += is_open(connection);
        own += is_open(connection) && peer_equal(&connection->peer, &new->peer);
    }
    if (own >= connections->limits.max_per_peer)
        return -EUSERS;
    if (!place || (open >= connections->limits.max && !take_place(connections, own)))
        return -EMFILE;
    *place = *new;
    set_siblings(connections, &new->peer, own + 1);
    return 0;
}

int connections_add(struct connections *connections, int fd, const struct peer *peer,
                    uint64_t now_ns)
{
    struct connection new = {
        .fd = fd,
        .peer = *peer,
        .phase = CONNECTION_READING,
        .since_ns = now_ns,
    };
    int r;

    pthread_mutex_lock(&connections->lock);
    new.deadline_ns = now_ns + connections->limits.timeout_ns[CONNECTION_READING];
    r = add(connections, &new);
    pthread_mutex_unlock(&connections->lock);
    return r;
}

struct connection *connections_find(struct connections *connections, int fd)
{
    struct connection *found = NULL;

    pthread_mutex_lock(&connections->lock);
    for (unsigned int i = 0; i < connections->places && fd >= 0; i++)
        if (connections->connection[i].fd == fd)
            found = &connections->connection[i];
    pthread_mutex_unlock(&connections->lock);
    return found;
}

const struct peer *connection_peer(const struct connection *connection)
{
    return &connection->peer;
}

void connections_remove(struct connections *connections, struct connection *connection)
{
    pthread_mutex_lock(&connections->lock);
    leave(connections, connection);
    pthread_mutex_unlock(&connections->lock);
}

void connections_enter(struct connections *connections, struct connection *connection,
                       enum connection_phase phase, uint64_t now_ns)
{
    uint64_t deadline_ns;

    pthread_mutex_lock(&connections->lock);
    deadline_ns = now_ns + connections->limits.timeout_ns[phase];
    if (!connection->cut) {
        if (phase == CONNECTION_READING && deadline_ns > connection->deadline_ns)
            deadline_ns = connection->deadline_ns;
        connection->phase = phase;
        connection->since_ns = now_ns;
        connection->deadline_ns = deadline_ns;
        if (deadline_ns < connections->wake_at_ns) {
            connections->wake_at_ns = deadline_ns;
            eventfd_write(connections->wake_fd, 1);
        }
    }
    pthread_mutex_unlock(&connections->lock);
}

void connections_cut(struct connections *connections, struct connection *connection)
{
    pthread_mutex_lock(&connections->lock);
    if (is_open(connection))
        cut(connections, connection);
    pthread_mutex_unlock(&connections->lock);
}

uint64_t connections_cut_late(struct connections *connections, uint64_t now_ns)
{
    uint64_t next_ns = UINT64_MAX;

    pthread_mutex_lock(&connections->lock);
    for (unsigned int i = 0; i < connections->places; i++) {
        struct connection *connection = &connections->connection[i];

        if (!is_open(connection))
            continue;
        if (connection->deadline_ns <= now_ns)
            cut(connections, connection);
        if (connection->deadline_ns < next_ns)
            next_ns = connection->deadline_ns;
    }
    connections->wake_at_ns = next_ns;
    pthread_mutex_unlock(&connections->lock);
    return next_ns;
}
