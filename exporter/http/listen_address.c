/* SPDX-License-Identifier: Apache-2.0 */
/* From text to an address; see listen.h. */
#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

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

static int parse_path(const char *path, struct listen_address *address)
{
    struct sockaddr_un *local = (struct sockaddr_un *)&address->address;
    size_t length = strlen(path);

    if (path[0] != '/' || path[length - 1] == '/' || length >= sizeof(local->sun_path))
        return -EINVAL;
    local->sun_family = AF_UNIX;
    memcpy(local->sun_path, path, length + 1);
    address->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    return 0;
}

static int parse_ip(const char *text, struct listen_address *address)
{
    const char *colon = strrchr(text, ':');
    in_port_t port;

    if (!colon || parse_port(colon + 1, &port))
        return -EINVAL;
    return parse_host(text, (size_t)(colon - text), port, address);
}

int listen_address_parse(const char *text, struct listen_address *ret_address, char *error,
                         size_t error_size)
{
    struct listen_address address = {0};
    int r = -EINVAL;

    if (strncmp(text, LISTEN_UNIX, strlen(LISTEN_UNIX)) == 0)
        r = parse_path(text + strlen(LISTEN_UNIX), &address);
    else if (strlen(text) < sizeof(address.text))
        r = parse_ip(text, &address);
    if (r) {
        snprintf(error, error_size,
                 "'%.100s' is not an address to listen on: give an IP address and a port, such as "
                 "127.0.0.1:9603, [::1]:9603 or :9603, or unix:/path of at most %zu bytes",
                 text, sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
        return r;
    }
    memcpy(address.text, text, strlen(text) + 1);
    *ret_address = address;
    return 0;
}
