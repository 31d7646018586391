/* SPDX-License-Identifier: Apache-2.0 */
/* Parses and binds; see listen.h. */
#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* As many as a burst of scrapers might be; more are only a queue for whoever floods us. */
#define LISTEN_BACKLOG 128

static int parse_port(const char *text, in_port_t *ret_port)
{
    unsigned long port = 0;
    size_t length = strlen(text);

    if (length < 1 || length > 5 || strspn(text, "0123456789") != length)
        return -EINVAL;
    for (size_t i = 0; i < length; i++)
        port = port * 10 + (unsigned long)(text[i] - '0');
    if (port > UINT16_MAX)
        return -EINVAL;
    *ret_port = htons((in_port_t)port);
    return 0;
}

static int parse_host(const char *host, size_t length, in_port_t port,
                      struct listen_address *address)
{
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address->address;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address->address;
    bool brackets = length >= 2 && host[0] == '[' && host[length - 1] == ']';
    char text[INET6_ADDRSTRLEN];

    if (brackets) {
        host++;
        length -= 2;
    }
    if (length >= sizeof(text))
        return -EINVAL;
    memcpy(text, host, length);
    text[length] = '\0';

    if (brackets || length == 0) {
        *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
        address->length = sizeof(*v6);
        return length == 0 && !brackets                         ? 0
               : inet_pton(AF_INET6, text, &v6->sin6_addr) == 1 ? 0
                                                                : -EINVAL;
    }
    *v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
    address->length = sizeof(*v4);
    return inet_pton(AF_INET, text, &v4->sin_addr) == 1 ? 0 : -EINVAL;
}

int listen_address_parse(const char *text, struct listen_address *ret_address, char *error,
                         size_t error_size)
{
    struct listen_address address = {0};
    const char *colon = strrchr(text, ':');
    in_port_t port;

    if (strlen(text) >= sizeof(address.text) || !colon || parse_port(colon + 1, &port) ||
        parse_host(text, (size_t)(colon - text), port, &address)) {
        snprintf(error, error_size,
                 "'%.100s' is not an address to listen on: give an IP address and a port, such as "
                 "127.0.0.1:9603, [::1]:9603 or :9603",
                 text);
        return -EINVAL;
    }
    memcpy(address.text, text, strlen(text) + 1);
    *ret_address = address;
    return 0;
}

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
        return "ports below 1024 need privileges; choose a higher one with --web.listen-address";
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

static int open_socket(const struct listen_address *address, int *ret_fd)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->address;
    cleanup(cleanup_close) int fd = -1;
    int r;

    fd = socket(address->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    /* A restart must not wait until the old connections have left TIME_WAIT. */
    r = set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (r)
        return r;
    if (v6->sin6_family == AF_INET6) {
        r = set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, !IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr));
        if (r)
            return r;
    }
    if (bind(fd, (const struct sockaddr *)&address->address, address->length) ||
        listen(fd, LISTEN_BACKLOG))
        return -errno;

    *ret_fd = steal_fd(&fd);
    return 0;
}

int listen_open(const struct listen_address *address, int *ret_fd, char *error, size_t error_size)
{
    int r;

    r = open_socket(address, ret_fd);
    if (r == -EAFNOSUPPORT && address->text[0] == ':') {
        /* Every address of a host without IPv6. */
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->address;
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = v6->sin6_port};
        struct listen_address every = {.length = sizeof(v4)};

        memcpy(&every.address, &v4, sizeof(v4));
        r = open_socket(&every, ret_fd);
    }
    if (r)
        snprintf(error, error_size, "cannot listen on %s: %s: %s", address->text, strerror(-r),
                 way_out(-r));
    return r;
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
