/* SPDX-License-Identifier: Apache-2.0 */
/* From an address to a socket; see listen.h. */
#include "http/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "util/monotonic.h"

/*
 * As long as the host allows by default. Where it is full, the kernel has a client wait for a
 * second and more; the acceptor empties it in milliseconds, and turns away who is too many.
 */
#define LISTEN_BACKLOG 4096

/*
 * What the kernel keeps for one client, at most: it takes twice these numbers, within the host's
 * limits. Requests are small. Of a response, what is not sent stays in memory after its connection
 * was closed: some megabytes, if the kernel had its way.
 */
#define RECEIVE_BUFFER (16 * 1024)
#define SEND_BUFFER    (256 * 1024)

/* What a person can do about it. */
static const char *way_out(int error)
{
    switch (error) {
    case EADDRINUSE:
        return "another program listens there; stop it, or choose another port with "
               "--web.listen-address";
    case EADDRNOTAVAIL:
        return "this host does not have that address; see 'ip address'";
    case EACCES:
        return "ports below 1024 and other users' directories need privileges; choose another "
               "address with --web.listen-address";
    case EPROTOTYPE:
        return "a socket unit needs ListenStream= and Accept=no";
    case ENOENT:
    case ENOTDIR:
        return "its directory must exist";
    case EAFNOSUPPORT:
        return "this kernel has no such protocol; choose another address with "
               "--web.listen-address";
    default:
        return "choose another address with --web.listen-address";
    }
}

static int set_flag(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

/* Set on the listening socket, TCP connections inherit these; Unix sockets have bounds already. */
static int limit(int fd, sa_family_t family, uint64_t send_timeout_ns)
{
    int r;

    if (family == AF_UNIX)
        return 0;
    r = set_flag(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
    if (r == 0)
        r = set_flag(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER);
    if (r == 0)
        r = set_flag(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)(send_timeout_ns / NS_PER_MS));
    return r;
}

void listen_set_send_timeout(int fd, uint64_t send_timeout_ns)
{
    /* A Unix socket has no such timeout, and what was possible at first is possible again. */
    (void)set_flag(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)(send_timeout_ns / NS_PER_MS));
}

static int bind_socket(int fd, const struct listen_address *address)
{
    return bind(fd, (const struct sockaddr *)&address->address, address->length) ? -errno : 0;
}

static const char *path_of(const struct listen_address *address)
{
    return ((const struct sockaddr_un *)&address->address)->sun_path;
}

/* A Unix socket at which nobody listens any more. Other files refuse connections too. */
static bool is_left_behind(const struct listen_address *address)
{
    cleanup(cleanup_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct stat status;

    return fd >= 0 && address->address.ss_family == AF_UNIX &&
           lstat(path_of(address), &status) == 0 && S_ISSOCK(status.st_mode) &&
           connect(fd, (const struct sockaddr *)&address->address, address->length) != 0 &&
           errno == ECONNREFUSED;
}

static int open_socket(const struct listen_address *address, uint64_t send_timeout_ns, int *ret_fd)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->address;
    sa_family_t family = address->address.ss_family;
    cleanup(cleanup_close) int fd = -1;
    int r;

    fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    /* A restart must not wait until the old connections have left TIME_WAIT. */
    r = set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (r == 0 && family == AF_INET6)
        r = set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, !IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr));
    if (r == 0)
        r = limit(fd, family, send_timeout_ns);
    if (r == 0)
        r = bind_socket(fd, address);
    if (r == -EADDRINUSE && is_left_behind(address) && unlink(path_of(address)) == 0)
        r = bind_socket(fd, address);
    if (r)
        return r;
    if (listen(fd, LISTEN_BACKLOG))
        return -errno;

    *ret_fd = steal_fd(&fd);
    return 0;
}

static bool get_option(int fd, int option, int *ret_value)
{
    socklen_t length = sizeof(*ret_value);

    return getsockopt(fd, SOL_SOCKET, option, ret_value, &length) == 0;
}

/* -EPROTOTYPE: it does not listen, or not for connections. */
static int adopt_socket(int fd, uint64_t send_timeout_ns)
{
    int type, family, listening, flags = fcntl(fd, F_GETFL);

    if (flags < 0 || !get_option(fd, SO_TYPE, &type) || !get_option(fd, SO_DOMAIN, &family) ||
        !get_option(fd, SO_ACCEPTCONN, &listening) || type != SOCK_STREAM || !listening ||
        (family != AF_INET && family != AF_INET6 && family != AF_UNIX))
        return -EPROTOTYPE;
    if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC))
        return -errno;
    return limit(fd, (sa_family_t)family, send_timeout_ns);
}

int listen_open(const struct listen_address *address, uint64_t send_timeout_ns, int *ret_fd,
                char *error, size_t error_size)
{
    int r;

    if (address->inherited)
        r = adopt_socket(address->fd, send_timeout_ns);
    else
        r = open_socket(address, send_timeout_ns, ret_fd);
    if (r == -EAFNOSUPPORT && address->text[0] == ':') {
        /* Every address of a host without IPv6. */
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->address;
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = v6->sin6_port};
        struct listen_address every = {.length = sizeof(v4)};

        memcpy(&every.address, &v4, sizeof(v4));
        r = open_socket(&every, send_timeout_ns, ret_fd);
    }
    if (r)
        snprintf(error, error_size, "cannot listen on %s: %s: %s", address->text, strerror(-r),
                 way_out(-r));
    else if (address->inherited)
        *ret_fd = address->fd;
    return r;
}

void listen_close(const struct listen_address *address, int *fd)
{
    if (*fd >= 0 && !address->inherited && address->address.ss_family == AF_UNIX)
        unlink(path_of(address));
    cleanup_close(fd);
    *fd = -1;
}

uint16_t listen_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &length))
        return 0;
    if (address.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&address)->sin_port);
    if (address.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
    return 0;
}
