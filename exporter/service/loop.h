/* SPDX-License-Identifier: Apache-2.0 */
/* The main thread's event loop: file descriptors, a timer, signals. The one file that sees
 * sd-event. */
#pragma once

#include <stdint.h>

#include "util/cleanup.h"

struct loop;

/* Called in the loop's thread. */
typedef void (*loop_fn)(void *userdata);

int loop_new(struct loop **ret_loop) must_check;
struct loop *loop_free(struct loop *loop);

/* Calls `fn` whenever `fd` is readable; `fn` must make it unreadable. Borrows the fd. */
int loop_add_fd(struct loop *loop, int fd, loop_fn fn, void *userdata) must_check;

/* Calls `fn` about every `ms` milliseconds. */
int loop_add_timer(struct loop *loop, uint64_t ms, loop_fn fn, void *userdata) must_check;

/* Blocks the signal and calls `fn` for it. Before any other thread is started. */
int loop_add_signal(struct loop *loop, int signal, loop_fn fn, void *userdata) must_check;

/* Runs until loop_stop(). */
int loop_run(struct loop *loop) must_check;
void loop_stop(struct loop *loop);

DEFINE_CLEANUP(struct loop *, cleanup_loop, loop_free)
