/* SPDX-License-Identifier: Apache-2.0 */
/* The thread at the door; see acceptor.h. */
#include "http/acceptor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>

#include "util/monotonic.h"

/* Clients taken from one socket before the others and the clock get their turn. */
#define ACCEPT_BURST 64

/* How long nobody is accepted after the process or the system ran out of descriptors. */
#define EXHAUSTED_PAUSE_NS (100 * NS_PER_MS)

struct acceptor {
    pthread_t thread;
    bool stop; /* atomic */
    int wake_fd;
    const struct acceptor_ops *ops;
    void *userdata;
    size_t sockets;
    struct pollfd poll[ACCEPTOR_SOCKETS_MAX + 1]; /* the last one in use is wake_fd */
};

/* False when no descriptor or memory is left to accept with. */
static bool accept_some(struct acceptor *acceptor, int listening_fd)
{
    for (int i = 0; i < ACCEPT_BURST; i++) {
        struct sockaddr_storage address;
        socklen_t length = sizeof(address);
        int fd = accept4(listening_fd, (struct sockaddr *)&address, &length,
                         SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0)
            acceptor->ops->accepted(acceptor->userdata, fd, (struct sockaddr *)&address, length);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            return false;
        else if (errno == EAGAIN)
            return true;
        /* Any other error is the one client's, see accept(2): the next one may be there. */
    }
    return true;
}

static void wait_until(struct acceptor *acceptor, uint64_t until_ns, bool only_wake)
{
    size_t first = only_wake ? acceptor->sockets : 0;
    uint64_t now_ns = monotonic_ns();
    uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
    struct timespec timeout = {.tv_sec = (time_t)(left_ns / NS_PER_S),
                               .tv_nsec = (long)(left_ns % NS_PER_S)};
    eventfd_t count;

    for (size_t i = 0; i <= acceptor->sockets; i++)
        acceptor->poll[i].revents = 0;
    ppoll(acceptor->poll + first, acceptor->sockets + 1 - first,
          until_ns == UINT64_MAX ? NULL : &timeout, NULL);
    if (acceptor->poll[acceptor->sockets].revents)
        (void)eventfd_read(acceptor->wake_fd, &count);
}

static void *run(void *userdata)
{
    struct acceptor *acceptor = userdata;
    uint64_t paused_until_ns = 0;

    pthread_setname_np(pthread_self(), "acceptor");
    while (!__atomic_load_n(&acceptor->stop, __ATOMIC_ACQUIRE)) {
        uint64_t now_ns = monotonic_ns();
        uint64_t until_ns = acceptor->ops->tick(acceptor->userdata, now_ns);
        bool paused = paused_until_ns > now_ns;

        if (paused && paused_until_ns < until_ns)
            until_ns = paused_until_ns;
        wait_until(acceptor, until_ns, paused);

        for (size_t i = 0; i < acceptor->sockets; i++)
            if (acceptor->poll[i].revents && !accept_some(acceptor, acceptor->poll[i].fd))
                paused_until_ns = monotonic_ns() + EXHAUSTED_PAUSE_NS;
    }
    return NULL;
}

int acceptor_new(const int *fds, size_t count, int wake_fd, const struct acceptor_ops *ops,
                 void *userdata, struct acceptor **ret_acceptor)
{
    cleanup(cleanup_free) struct acceptor *acceptor = calloc(1, sizeof(*acceptor));
    int r;

    if (count > ACCEPTOR_SOCKETS_MAX)
        return -EINVAL;
    if (!acceptor)
        return -ENOMEM;
    acceptor->wake_fd = wake_fd;
    acceptor->ops = ops;
    acceptor->userdata = userdata;
    acceptor->sockets = count;
    for (size_t i = 0; i < count; i++)
        acceptor->poll[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    acceptor->poll[count] = (struct pollfd){.fd = wake_fd, .events = POLLIN};

    r = pthread_create(&acceptor->thread, NULL, run, acceptor);
    if (r)
        return -r;
    *ret_acceptor = steal(acceptor);
    return 0;
}

struct acceptor *acceptor_free(struct acceptor *acceptor)
{
    if (!acceptor)
        return NULL;
    __atomic_store_n(&acceptor->stop, true, __ATOMIC_RELEASE);
    eventfd_write(acceptor->wake_fd, 1);
    pthread_join(acceptor->thread, NULL);
    free(acceptor);
    return NULL;
}
