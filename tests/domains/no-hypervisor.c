/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into the real xenstored, so that it runs without a Xen: it finds an interface page and
 * an event channel of Domain-0, and is told that every domain it asks about exists.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>

static int something;

int open(const char *path, int flags, ...)
{
    va_list arguments;
    int mode, fd;

    va_start(arguments, flags);
    mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
    va_end(arguments);

    if (strcmp(path, "/proc/xen/xsd_port") == 0) {
        fd = memfd_create("xsd_port", MFD_CLOEXEC);
        if (fd >= 0 && pwrite(fd, "1", 1, 0) != 1)
            return -1;
        return fd;
    }
    if (strcmp(path, "/proc/xen/xsd_kva") == 0) {
        fd = memfd_create("xsd_kva", MFD_CLOEXEC);
        if (fd >= 0 && ftruncate(fd, 4096) < 0)
            return -1;
        return fd;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild_logger,
                                unsigned open_flags)
{
    return (xc_interface *)&something;
}

int xc_interface_close(xc_interface *handle)
{
    return 0;
}

int xc_domain_getinfo(xc_interface *handle, uint32_t first, unsigned int count, xc_dominfo_t *info)
{
    *info = (xc_dominfo_t){.domid = first};
    return 1;
}

xengnttab_handle *xengnttab_open(xentoollog_logger *logger, unsigned flags)
{
    return (xengnttab_handle *)&something;
}

int xengnttab_close(xengnttab_handle *handle)
{
    return 0;
}

int xengnttab_set_max_grants(xengnttab_handle *handle, uint32_t count)
{
    return 0;
}

xenevtchn_handle *xenevtchn_open(xentoollog_logger *logger, unsigned flags)
{
    return (xenevtchn_handle *)&something;
}

/* Never readable: nothing happens to any domain. */
int xenevtchn_fd(xenevtchn_handle *handle)
{
    static int fd = -1;

    if (fd < 0)
        fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd;
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *handle, unsigned int virq)
{
    return 1;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *handle, uint32_t domid,
                                                     evtchn_port_t remote_port)
{
    return 2;
}

int xenevtchn_notify(xenevtchn_handle *handle, evtchn_port_t port)
{
    return 0;
}

int xenevtchn_unbind(xenevtchn_handle *handle, evtchn_port_t port)
{
    return 0;
}
