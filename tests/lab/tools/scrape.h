/* SPDX-License-Identifier: Apache-2.0 */
/* One scrape, in the process that also asks libxenctrl. */
#pragma once

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCRAPE_MAX (16U << 20)

/* The body of /metrics, to be freed; the process ends when there is none. */
static inline char *scrape_metrics(uint16_t port)
{
    static const char request[] =
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        "Accept: application/openmetrics-text;version=1.0.0\r\n\r\n";
    const struct sockaddr_in peer = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char *reply = calloc(1, SCRAPE_MAX), *body;
    size_t length = 0;
    ssize_t got;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (!reply || connect(fd, (const struct sockaddr *)&peer, sizeof(peer)) ||
        write(fd, request, sizeof(request) - 1) != sizeof(request) - 1) {
        perror("/metrics");
        exit(1);
    }
    while (length < SCRAPE_MAX - 1 && (got = read(fd, reply + length, SCRAPE_MAX - 1 - length)) > 0)
        length += (size_t)got;
    close(fd);

    body = strstr(reply, "\r\n\r\n");
    if (strncmp(reply, "HTTP/1.1 200", 12) || !body) {
        fprintf(stderr, "/metrics said: %.200s\n", reply);
        exit(1);
    }
    memmove(reply, body + 4, strlen(body + 4) + 1);
    return reply;
}
