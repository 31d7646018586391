/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a file in one piece; see write_file.h. */
#include "util/write_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, data, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        data += written;
        length -= (size_t)written;
    }
    return 0;
}

/* The new name must outlive a crash as well. */
static void sync_directory_of(const char *path)
{
    char copy[PATH_MAX];
    cleanup(cleanup_close) int fd = -1;

    snprintf(copy, sizeof(copy), "%s", path);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        fsync(fd);
}

/* A pipe or a device is written to, not replaced. */
static int write_through(const char *path, const char *data, size_t length)
{
    cleanup(cleanup_close) int fd = open(path, O_WRONLY | O_CLOEXEC);

    return fd < 0 ? -errno : write_all(fd, data, length);
}

int write_file(const char *path, const char *data, size_t length)
{
    cleanup(cleanup_close) int fd = -1;
    char fresh[PATH_MAX], target[PATH_MAX];
    struct stat status;
    int r;

    if (!*path)
        return write_all(STDOUT_FILENO, data, length);
    if (stat(path, &status) == 0) {
        if (!S_ISREG(status.st_mode))
            return write_through(path, data, length);
        /* Of a symbolic link the file behind it is replaced. */
        if (!realpath(path, target))
            return -errno;
        path = target;
    }

    if ((size_t)snprintf(fresh, sizeof(fresh), "%s.XXXXXX", path) >= sizeof(fresh))
        return -ENAMETOOLONG;
    fd = mkostemp(fresh, O_CLOEXEC);
    if (fd < 0)
        return -errno;

    r = write_all(fd, data, length);
    if (r == 0 && (fchmod(fd, 0644) < 0 || fsync(fd) < 0 || rename(fresh, path) < 0))
        r = -errno;
    if (r < 0)
        unlink(fresh);
    else
        sync_directory_of(path);
    return r;
}
