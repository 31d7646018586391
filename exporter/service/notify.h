/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager is told (sd_notify(3)); nothing happens where there is none. */
#pragma once

#include <stdint.h>

/* Ready to serve, with a line for `systemctl status`. */
void notify_ready(const char *source, uint32_t domains);
void notify_status(const char *source, uint32_t domains);
void notify_stopping(void);
