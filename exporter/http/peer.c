/* SPDX-License-Identifier: Apache-2.0 */
/* See peer.h. */
#include "http/peer.h"

#include <netinet/in.h>
#include <string.h>

struct peer peer_of(const struct sockaddr *address, socklen_t length)
{
    struct peer peer = {.family = AF_UNIX};

    if (length >= sizeof(struct sockaddr_in) && address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;

        peer.family = AF_INET;
        memcpy(&peer.address, &v4->sin_addr, 4);
    } else if (length >= sizeof(struct sockaddr_in6) && address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
            peer.family = AF_INET;
            memcpy(&peer.address, v6->sin6_addr.s6_addr + 12, 4);
        } else {
            peer.family = AF_INET6;
            memcpy(&peer.address, &v6->sin6_addr, 8);
        }
    }
    return peer;
}
