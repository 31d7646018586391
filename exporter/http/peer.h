/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who shares a limit. An IPv4 address is a peer, also when it comes through a socket for both
 * protocols; so is an IPv6 network of 64 bits, within which a host may choose its addresses; and
 * all clients of Unix sockets together are one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct peer {
    sa_family_t family; /* AF_INET, AF_INET6; everything else is AF_UNIX */
    uint64_t address;   /* its bytes, or the first eight of them */
};

/* Total: an address too short for its family counts as a Unix one. */
struct peer peer_of(const struct sockaddr *address, socklen_t length);

static inline bool peer_equal(const struct peer *one, const struct peer *other)
{
    return one->family == other->family && one->address == other->address;
}
