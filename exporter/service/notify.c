/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the service manager; see notify.h. */
#include "service/notify.h"

#include <systemd/sd-daemon.h>

#define STATUS "STATUS=Following %u domains, source: %s"

void notify_ready(const char *source, uint32_t domains)
{
    sd_notifyf(0, "READY=1\n" STATUS, domains, source);
}

void notify_status(const char *source, uint32_t domains)
{
    sd_notifyf(0, STATUS, domains, source);
}

void notify_stopping(void)
{
    sd_notify(0, "STOPPING=1");
}
