/* SPDX-License-Identifier: Apache-2.0 */
/* Asks and listens; see probe.h. */
#include "http/probe.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "http/engine.h"

#define REQUEST "GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n"

void probe_deinit(struct probe *probe)
{
    cleanup_close(&probe->fd);
    probe->fd = -1;
}

static void connect_engine(struct probe *probe)
{
    const struct sockaddr_un nameless = {.sun_family = AF_UNIX};
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return;
    probe->fd = pair[0];
    engine_add(probe->engine, pair[1], (const struct sockaddr *)&nameless,
               sizeof(nameless.sun_family));
}

/* Takes what has come. Positive: something; 0: the connection is over; -EAGAIN: nothing yet. */
static int take(struct probe *probe)
{
    char bytes[1024];
    ssize_t got, total = 0;

    while ((got = recv(probe->fd, bytes, sizeof(bytes), 0)) > 0)
        total += got;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return total > 0 ? 1 : -EAGAIN;
    return 0;
}

void probe_ask(struct probe *probe)
{
    /* The rest of the answer before this one. */
    if (probe->fd >= 0 && take(probe) == 0)
        probe_deinit(probe);
    if (probe->fd < 0)
        connect_engine(probe);
    if (probe->fd >= 0 && send(probe->fd, REQUEST, strlen(REQUEST), MSG_NOSIGNAL) < 0)
        probe_deinit(probe);
}

bool probe_answered(struct probe *probe)
{
    int r = probe->fd < 0 ? 0 : take(probe);

    if (r == 0)
        probe_ask(probe);
    return r > 0;
}
