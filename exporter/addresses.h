/* SPDX-License-Identifier: Apache-2.0 */
/* Where the daemon serves: from options, or sockets of systemd's, to what the web server takes. */
#pragma once

#include "http/server.h"
#include "options.h"

struct addresses {
    struct listen_address address[HTTP_SERVER_SOCKETS_MAX];
    size_t count;
};

/*
 * The addresses asked for, which must all bind; else the sockets passed, if they are wanted; else
 * the default ones, of which [::1] may be missing. What is passed and not wanted is closed. Sockets
 * that are wanted belong to the web server. A negative errno, logged.
 */
int addresses_gather(const struct options *options, struct addresses *ret_addresses) must_check;

/* Says on the log where `server` serves, and how to let others in where nobody else can reach it.
 */
void addresses_say(const struct addresses *addresses, const struct options *options,
                   const struct http_server *server);
