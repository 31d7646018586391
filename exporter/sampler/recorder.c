/* SPDX-License-Identifier: Apache-2.0 */
/* A new file, appended to, renamed at the end; see recorder.h. */
#include "sampler/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sampler/recording.h"
#include "service/log.h"
#include "util/buf.h"

struct recorder {
    int fd; /* -1: the recording is complete, or given up */
    char *path, *part;
    uint64_t bytes;
    uint32_t snapshots;
    struct buf buf;
};

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

static void give_up(struct recorder *recorder, const char *what, int error)
{
    log_error("the recording %s is given up: cannot %s: %s", recorder->path, what,
              strerror(-error));
    unlink(recorder->part);
    cleanup_close(&recorder->fd);
    recorder->fd = -1;
}

/* Gives the file its name. */
static void complete(struct recorder *recorder)
{
    if (recorder->snapshots == 0) {
        unlink(recorder->part);
    } else if (fsync(recorder->fd) < 0 || rename(recorder->part, recorder->path) < 0) {
        give_up(recorder, "complete it", -errno);
        return;
    } else {
        log_info("recorded %u snapshots, %llu bytes, in %s", recorder->snapshots,
                 (unsigned long long)recorder->bytes, recorder->path);
    }
    cleanup_close(&recorder->fd);
    recorder->fd = -1;
}

void recorder_add(struct recorder *recorder, const struct snapshot *snapshot)
{
    int r;

    if (recorder->fd < 0)
        return;
    recorder->buf.length = 0;
    r = recording_write(&recorder->buf, snapshot);
    if (r < 0) {
        give_up(recorder, "hold this host", r);
        return;
    }
    if (recorder->bytes + recorder->buf.length > RECORDING_BYTES_MAX) {
        complete(recorder);
        return;
    }
    r = write_all(recorder->fd, recorder->buf.data, recorder->buf.length);
    if (r < 0) {
        give_up(recorder, "write", r);
        return;
    }
    recorder->bytes += recorder->buf.length;
    if (++recorder->snapshots == RECORDING_SNAPSHOTS_MAX)
        complete(recorder);
}

/* A link is followed by nobody: rename() would replace it, and a device must not be replaced. */
static int check_target(const char *path)
{
    struct stat status;

    if (lstat(path, &status) < 0)
        return errno == ENOENT ? 0 : -errno;
    return S_ISREG(status.st_mode) ? 0 : -EEXIST;
}

/* mkostemp() makes it with mode 0600. */
static int begin(struct recorder *recorder, const char *path)
{
    recorder->path = strdup(path);
    if (!recorder->path || asprintf(&recorder->part, "%s.XXXXXX", path) < 0) {
        recorder->part = NULL;
        return -ENOMEM;
    }
    recorder->fd = mkostemp(recorder->part, O_CLOEXEC);
    if (recorder->fd < 0)
        return -errno;
    recording_write_header(&recorder->buf);
    recorder->bytes = recorder->buf.length;
    return buf_error(&recorder->buf)
               ? buf_error(&recorder->buf)
               : write_all(recorder->fd, recorder->buf.data, recorder->buf.length);
}

int recorder_new(const char *path, struct recorder **ret_recorder)
{
    cleanup(cleanup_recorder) struct recorder *recorder = NULL;
    int r;

    r = check_target(path);
    if (r < 0)
        return r;
    recorder = calloc(1, sizeof(*recorder));
    if (!recorder)
        return -ENOMEM;
    recorder->fd = -1;
    r = begin(recorder, path);
    if (r < 0)
        return r;
    *ret_recorder = steal(recorder);
    return 0;
}

struct recorder *recorder_free(struct recorder *recorder)
{
    if (!recorder)
        return NULL;
    if (recorder->fd >= 0)
        complete(recorder);
    buf_deinit(&recorder->buf);
    free(recorder->path);
    free(recorder->part);
    free(recorder);
    return NULL;
}
