/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the service manager; see notify.h. */
#include "service/notify.h"

#include <errno.h>
#include <systemd/sd-daemon.h>

#include "util/monotonic.h"

void notify_ready(const char *status)
{
    sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void notify_status(const char *status)
{
    sd_notifyf(0, "STATUS=%s", status);
}

void notify_reloading(void)
{
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
               (unsigned long long)(monotonic_ns() / NS_PER_US));
}

void notify_stopping(void)
{
    sd_notify(0, "STOPPING=1\nSTATUS=Stopping");
}

uint64_t notify_watchdog_ns(void)
{
    uint64_t us = 0;

    return sd_watchdog_enabled(0, &us) > 0 ? us * NS_PER_US : 0;
}

void notify_alive(void)
{
    sd_notify(0, "WATCHDOG=1");
}

void notify_stuck(const char *status)
{
    sd_notifyf(0, "WATCHDOG=trigger\nSTATUS=%s", status);
}

int notify_sockets(int *ret_fds, size_t max)
{
    int count = sd_listen_fds(1);

    if (count > 0 && (size_t)count > max)
        return -E2BIG;
    for (int i = 0; i < count; i++)
        ret_fds[i] = SD_LISTEN_FDS_START + i;
    return count;
}
