/* SPDX-License-Identifier: Apache-2.0 */
/* Plays a recording back; see request_recording.h. */
#include "sampler/request_recording.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/stat.h>

#include "sampler/recording.h"

struct request_recording {
    struct request_wall wall;
    struct snapshot **snapshot;
    uint32_t snapshots;

    pthread_mutex_t lock;
    uint32_t next;
};

struct snapshot *request_recording_take(struct request_recording *recording)
{
    struct snapshot *snapshot;

    pthread_mutex_lock(&recording->lock);
    snapshot = snapshot_ref(recording->snapshot[recording->next]);
    if (recording->next + 1 < recording->snapshots)
        recording->next++;
    pthread_mutex_unlock(&recording->lock);
    return snapshot;
}

static int ask(struct request_wall *wall, uint64_t deadline_ns, request_done_fn done,
               void *userdata)
{
    struct request_recording *recording =
        (struct request_recording *)((char *)wall - offsetof(struct request_recording, wall));

    done(userdata, 0, request_recording_take(recording));
    return 0;
}

/* A regular file and no more of it than a recording can be long. */
static int read_file(const char *path, struct buf *out, const char **ret_reason)
{
    cleanup(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode)) {
        *ret_reason = "it is not a file";
        return -EINVAL;
    }
    if ((uint64_t)status.st_size > RECORDING_BYTES_MAX) {
        *ret_reason = "it is longer than a recording can be";
        return -EFBIG;
    }
    while (out->length <= RECORDING_BYTES_MAX) {
        ssize_t got;

        if (buf_reserve(out, 1U << 16) < 0)
            return -ENOMEM;
        got = read(fd, out->data + out->length, 1U << 16);
        if (got < 0)
            return -errno;
        if (got == 0)
            return 0;
        out->length += (size_t)got;
    }
    *ret_reason = "it is longer than a recording can be";
    return -EFBIG;
}

static int add(struct request_recording *recording, struct snapshot *snapshot)
{
    void *grown =
        reallocarray(recording->snapshot, recording->snapshots + 1, sizeof(*recording->snapshot));

    if (!grown)
        return -ENOMEM;
    recording->snapshot = grown;
    snapshot->source = SNAPSHOT_SOURCE_RECORDING; /* whatever it was recorded from */
    recording->snapshot[recording->snapshots++] = snapshot;
    return 0;
}

static int load(struct request_recording *recording, const struct buf *file,
                const char **ret_reason)
{
    size_t at, used;
    int r;

    r = recording_read_header(file->data, file->length, &at, ret_reason);
    if (r < 0)
        return r;
    for (; at < file->length; at += used) {
        cleanup(cleanup_snapshot) struct snapshot *snapshot = NULL;

        if (recording->snapshots == RECORDING_SNAPSHOTS_MAX) {
            *ret_reason = "it has more snapshots than a recording can have";
            return -EFBIG;
        }
        r = recording_read(file->data + at, file->length - at, &snapshot, &used, ret_reason);
        if (r == 0)
            r = add(recording, snapshot);
        if (r < 0)
            return r;
        snapshot = NULL;
    }
    if (recording->snapshots == 0) {
        *ret_reason = "there is no snapshot in it";
        return -EBADMSG;
    }
    return 0;
}

int request_recording_new(const char *path, struct request_recording **ret_recording,
                          const char **ret_reason)
{
    static const struct request_wall_ops ops = {.ask = ask};
    cleanup(cleanup_request_recording) struct request_recording *recording =
        calloc(1, sizeof(*recording));
    cleanup(buf_deinit) struct buf file = BUF_NULL;
    int r;

    *ret_reason = NULL;
    if (!recording)
        return -ENOMEM;
    recording->wall.ops = &ops;
    pthread_mutex_init(&recording->lock, NULL);

    r = read_file(path, &file, ret_reason);
    if (r == 0)
        r = load(recording, &file, ret_reason);
    if (r < 0)
        return r;
    *ret_recording = steal(recording);
    return 0;
}

struct request_recording *request_recording_free(struct request_recording *recording)
{
    if (!recording)
        return NULL;
    for (uint32_t i = 0; i < recording->snapshots; i++)
        snapshot_unref(recording->snapshot[i]);
    free(recording->snapshot);
    pthread_mutex_destroy(&recording->lock);
    free(recording);
    return NULL;
}

struct request_wall *request_recording_wall(struct request_recording *recording)
{
    return &recording->wall;
}

uint32_t request_recording_snapshots(const struct request_recording *recording)
{
    return recording->snapshots;
}

uint32_t request_recording_domains(const struct request_recording *recording)
{
    return recording->snapshot[0]->topology->domains;
}
