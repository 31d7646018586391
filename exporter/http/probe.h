/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client inside the process, by which the engine's thread shows that it serves: asks for the
 * health page over a socket pair, which counts against no limit of the clients outside.
 */
#pragma once

#include <stdbool.h>

struct engine;

struct probe {
    struct engine *engine; /* borrowed */
    int fd;                /* -1: not connected */
};

#define PROBE_NULL ((struct probe){.fd = -1})

/* Ends the connection. */
void probe_deinit(struct probe *probe);

/* Sends a request. Never blocks. */
void probe_ask(struct probe *probe);

/* Whether the engine answered since. Asks anew where the connection broke. */
bool probe_answered(struct probe *probe);
