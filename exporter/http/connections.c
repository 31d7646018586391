/* SPDX-License-Identifier: Apache-2.0 */
/* A table small enough to be searched from end to end; see connections.h. */
#include "http/connections.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

struct connection {
    int fd;             /* -1: free */
    sa_family_t family; /* of the client; with its address it says who shares a limit */
    uint8_t address[16];
    uint64_t deadline_ns;
};

struct connections {
    pthread_mutex_t lock;
    int wake_fd;
    uint64_t wake_at_ns; /* when connections_cut_late() will be called at the latest */
    unsigned int max;
    unsigned int max_per_address;
    struct connection connection[];
};

int connections_new(unsigned int max, unsigned int max_per_address, int wake_fd,
                    struct connections **ret_connections)
{
    struct connections *connections;
    int r;

    connections = calloc(1, sizeof(*connections) + max * sizeof(connections->connection[0]));
    if (!connections)
        return -ENOMEM;
    r = pthread_mutex_init(&connections->lock, NULL);
    if (r) {
        free(connections);
        return -r;
    }
    connections->wake_fd = wake_fd;
    connections->wake_at_ns = UINT64_MAX;
    connections->max = max;
    connections->max_per_address = max_per_address;
    for (unsigned int i = 0; i < max; i++)
        connections->connection[i].fd = -1;

    *ret_connections = connections;
    return 0;
}

struct connections *connections_free(struct connections *connections)
{
    if (!connections)
        return NULL;
    pthread_mutex_destroy(&connections->lock);
    free(connections);
    return NULL;
}

/* An IPv4 client of a socket for both protocols is the same client. */
static void set_address(struct connection *connection, const struct sockaddr *address,
                        socklen_t length)
{
    connection->family = AF_UNSPEC;
    memset(connection->address, 0, sizeof(connection->address));
    if (address->sa_family == AF_INET && length >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;

        connection->family = AF_INET6;
        connection->address[10] = connection->address[11] = 0xff;
        memcpy(connection->address + 12, &v4->sin_addr, 4);
    } else if (address->sa_family == AF_INET6 && length >= sizeof(struct sockaddr_in6)) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

        connection->family = AF_INET6;
        memcpy(connection->address, &v6->sin6_addr, 16);
    }
}

static int add(struct connections *connections, const struct connection *new)
{
    struct connection *place = NULL;
    unsigned int same = 0;

    for (unsigned int i = 0; i < connections->max; i++) {
        struct connection *connection = &connections->connection[i];

        if (connection->fd < 0)
            place = connection;
        else if (new->family != AF_UNSPEC &&
                 connection->family ==
                     new->family &&memcmp(connection->address, new->address,
                                          sizeof(new->address)) == 0)
            same++;
    }
    if (same >= connections->max_per_address)
        return -EUSERS;
    if (!place)
        return -EMFILE;
    *place = *new;
    return 0;
}

int connections_add(struct connections *connections, int fd, const struct sockaddr *address,
                    socklen_t length, uint64_t deadline_ns)
{
    struct connection new = {.fd = fd, .deadline_ns = deadline_ns};
    int r;

    set_address(&new, address, length);
    pthread_mutex_lock(&connections->lock);
    r = add(connections, &new);
    pthread_mutex_unlock(&connections->lock);
    return r;
}

struct connection *connections_find(struct connections *connections, int fd)
{
    struct connection *found = NULL;

    pthread_mutex_lock(&connections->lock);
    for (unsigned int i = 0; i < connections->max && fd >= 0; i++)
        if (connections->connection[i].fd == fd)
            found = &connections->connection[i];
    pthread_mutex_unlock(&connections->lock);
    return found;
}

void connections_remove(struct connections *connections, struct connection *connection)
{
    pthread_mutex_lock(&connections->lock);
    connection->fd = -1;
    pthread_mutex_unlock(&connections->lock);
}

void connections_set_deadline(struct connections *connections, struct connection *connection,
                              uint64_t deadline_ns)
{
    pthread_mutex_lock(&connections->lock);
    connection->deadline_ns = deadline_ns;
    if (deadline_ns < connections->wake_at_ns) {
        connections->wake_at_ns = deadline_ns;
        eventfd_write(connections->wake_fd, 1);
    }
    pthread_mutex_unlock(&connections->lock);
}

/* What the client has not taken yet is dropped: the kernel would keep it for minutes. */
static void cut(int fd)
{
    const struct linger drop = {.l_onoff = 1, .l_linger = 0};
    int unsent = 0;

    if (ioctl(fd, SIOCOUTQ, &unsent) == 0 && unsent > 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &drop, sizeof(drop));
    shutdown(fd, SHUT_RDWR);
}

uint64_t connections_cut_late(struct connections *connections, uint64_t now_ns)
{
    uint64_t next_ns = UINT64_MAX;

    pthread_mutex_lock(&connections->lock);
    for (unsigned int i = 0; i < connections->max; i++) {
        struct connection *connection = &connections->connection[i];

        if (connection->fd < 0)
            continue;
        if (connection->deadline_ns <= now_ns) {
            cut(connection->fd);
            connection->deadline_ns = UINT64_MAX; /* once is enough; its owner removes it */
        }
        if (connection->deadline_ns < next_ns)
            next_ns = connection->deadline_ns;
    }
    connections->wake_at_ns = next_ns;
    pthread_mutex_unlock(&connections->lock);
    return next_ns;
}
