/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said to the service manager, and what it passed on (sd_notify(3), sd_listen_fds(3)).
 * Nothing happens where there is none. The one file that sees sd-daemon.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Ready to serve, with a line for `systemctl status`; also after notify_reloading(). */
void notify_ready(const char *status);
void notify_status(const char *status);

/* The configuration is read anew: until notify_ready(). */
void notify_reloading(void);
void notify_stopping(void);

/* How often it wants to hear notify_alive(), in nanoseconds; 0: never. */
uint64_t notify_watchdog_ns(void);
void notify_alive(void);

/* Something stands still: what the unit says about a missed watchdog shall happen at once. */
void notify_stuck(const char *status);

/*
 * The sockets that were passed, up to `max`. Gives the descriptors, close-on-exec; once, later
 * calls find none. Returns how many, or a negative errno; -E2BIG: more than `max`.
 */
int notify_sockets(int *ret_fds, size_t max);
