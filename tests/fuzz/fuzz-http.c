/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes sent to the real server over a socket, in pieces: what comes back are well-formed
 * responses, and afterwards it still serves. The first byte says how the rest is cut.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "http/server.h"
#include "http/wall.h"

#define NEXT      "GET /-/healthy HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

#define INPUT_MAX 4096U

static struct listen_address address;
static struct wall wall;
static struct http_server *server;
static char directory[] = "/tmp/fuzz-http-XXXXXX";

static void stop(void)
{
    server = http_server_free(server);
    wall_deinit(&wall);
    rmdir(directory);
}

static void start(void)
{
    char text[64], error[256] = "";
    struct http_server_config config = {
        HTTP_SERVER_DEFAULTS,  .addresses = &address, .addresses_count = 1,
        .source = "simulated", .wall = &wall.wall,    .exposition = {.layout = {.version = "1"}},
    };

    if (server)
        return;
    PROMISE(mkdtemp(directory));
    snprintf(text, sizeof(text), "unix:%s/socket", directory);
    PROMISE(listen_address_parse(text, &address, error, sizeof(error)) == 0);
    wall_init(&wall, 1);
    /* A client that has nothing more to say is not waited for. */
    config.header_timeout_ns = config.idle_timeout_ns = 100 * NS_PER_MS;
    PROMISE(http_server_new(&config, &server, error, sizeof(error)) == 0);
    atexit(stop);
}

static int dial(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    PROMISE(fd >= 0);
    PROMISE(connect(fd, (struct sockaddr *)&address.address, address.length) == 0);
    return fd;
}

/* Until the server closes; gives the number of bytes. */
static size_t receive(int fd, char *text, size_t size)
{
    size_t length = 0;
    ssize_t got = 1;

    while (got > 0) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int r = poll(&ready, 1, 30000);

        if (r < 0 && errno == EINTR)
            continue; /* libFuzzer's alarm */
        PROMISE(r == 1);
        got = recv(fd, text + length, size - 1 - length, 0);
        length += got > 0 ? (size_t)got : 0;
        PROMISE(length < size - 1);
    }
    text[length] = '\0';
    return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[2 << 20];
    size_t piece, length;
    int fd;

    if (size > INPUT_MAX)
        return -1; /* no use for the corpus */
    start();
    piece = fuzz_take(&data, &size, 1);
    piece = piece < 128 ? size + 1 : piece - 127;
    fd = dial();
    while (size > 0) {
        ssize_t sent = send(fd, data, size < piece ? size : piece, MSG_NOSIGNAL);

        if (sent <= 0)
            break;
        data += sent;
        size -= (size_t)sent;
    }
    shutdown(fd, SHUT_WR);
    length = receive(fd, text, sizeof(text));
    PROMISE(length == 0 || strncmp(text, "HTTP/1.1 ", 9) == 0);
    close(fd);

    fd = dial();
    PROMISE(send(fd, NEXT, strlen(NEXT), MSG_NOSIGNAL) == (ssize_t)strlen(NEXT));
    receive(fd, text, sizeof(text));
    PROMISE(strncmp(text, "HTTP/1.1 200 ", 13) == 0 && strstr(text, "Healthy.\n"));
    close(fd);
    return 0;
}
