/* SPDX-License-Identifier: Apache-2.0 */
/* See addresses.h. */
#include "addresses.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "service/notify.h"

static int add_text(struct addresses *addresses, const char *text, bool optional)
{
    struct listen_address *address = &addresses->address[addresses->count];
    char error[256];
    int r;

    if (addresses->count == HTTP_SERVER_SOCKETS_MAX) {
        log_error("more than %u addresses and sockets to serve", HTTP_SERVER_SOCKETS_MAX);
        return -E2BIG;
    }
    r = listen_address_parse(text, address, error, sizeof(error));
    if (r < 0) {
        log_error("%s", error);
        return r;
    }
    address->optional = optional;
    addresses->count++;
    return 0;
}

/* The sockets that the service manager passed, where they are wanted. */
static int add_sockets(struct addresses *addresses, bool wanted)
{
    int fds[HTTP_SERVER_SOCKETS_MAX];
    int count = notify_sockets(fds, HTTP_SERVER_SOCKETS_MAX);

    if (count < 0) {
        log_error("the sockets that systemd passed cannot be taken: %s", strerror(-count));
        return count;
    }
    if (count == 0 && wanted) {
        log_error("web.systemd-socket: systemd passed no socket; start xen-stats-exporter.socket, "
                  "or leave this option out");
        return -EINVAL;
    }
    if (count > 0 && !wanted)
        log_warning("systemd passed sockets that are not served; --web.systemd-socket serves them");
    for (int i = 0; i < count; i++) {
        struct listen_address *address = &addresses->address[addresses->count];

        if (!wanted) {
            close(fds[i]);
            continue;
        }
        *address = (struct listen_address){.inherited = true, .fd = fds[i]};
        snprintf(address->text, sizeof(address->text), "socket %d of systemd's", i + 1);
        addresses->count++;
    }
    return 0;
}

int addresses_gather(const struct options *options, struct addresses *ret_addresses)
{
    struct addresses addresses = {0};
    int r;

    r = add_sockets(&addresses, options->systemd_socket);
    for (size_t i = 0; r == 0 && i < options->listen_addresses; i++)
        r = add_text(&addresses, options->listen_address[i], false);
    if (r == 0 && addresses.count == 0)
        r = add_text(&addresses, "127.0.0.1:" OPTIONS_DEFAULT_PORT, false);
    if (r == 0 && options->listen_addresses == 0 && !options->systemd_socket)
        r = add_text(&addresses, "[::1]:" OPTIONS_DEFAULT_PORT, true);
    if (r == 0)
        *ret_addresses = addresses;
    return r;
}

void addresses_say(const struct addresses *addresses, const struct options *options,
                   const struct http_server *server)
{
    for (size_t i = 0; i < addresses->count; i++) {
        const struct listen_address *given = &addresses->address[i];
        uint16_t port = given->inherited ? 0 : http_server_port(server, i);
        char text[LISTEN_TEXT_MAX + 8];

        /* The port that it got, which need not be the one it was given: that may be 0. */
        snprintf(text, sizeof(text), "%s", given->text);
        if (port)
            snprintf(strrchr(text, ':'), 7, ":%u", port);
        if (!http_server_listens(server, i))
            log_event(LOG_LEVEL_WARNING, LOG_FIELDS({"address", text}),
                      "not serving %s: it is in use, or there is no such address here", text);
        else
            log_event(LOG_LEVEL_INFO, LOG_FIELDS({"address", text}), "serving %s%s%s",
                      port ? "http://" : "", text, port ? options->telemetry_path : "");
    }
    if (options->listen_addresses == 0 && !options->systemd_socket)
        log_info("only this host reaches these addresses; "
                 "--web.listen-address=ADDRESS:" OPTIONS_DEFAULT_PORT
                 " lets a remote Prometheus in, there is no password");
}
