/* SPDX-License-Identifier: Apache-2.0 */
/* Reads /proc/self through descriptors that stay open; see process.h. */
#include "exposition/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "sampler/snapshot.h"
#include "util/cleanup.h"
#include "util/monotonic.h"

/* A directory of more descriptors than this is not counted. */
#define FDS_COUNTED_MAX 65536U

/* There is one configuration for each process. */
static uint64_t reloaded = SNAPSHOT_ABSENT, reloaded_ns = SNAPSHOT_ABSENT; /* atomic */

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    if (clock_gettime(clock, &now))
        return SNAPSHOT_ABSENT;
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* proc(5): field 22 of /proc/self/stat is the start in clock ticks since boot. */
static uint64_t read_start_ns(void)
{
    cleanup(cleanup_close) int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    long ticks_per_s = sysconf(_SC_CLK_TCK);
    uint64_t real = clock_ns(CLOCK_REALTIME), boot = clock_ns(CLOCK_BOOTTIME);
    char text[1024], *at;
    uint64_t ticks;
    ssize_t length;

    if (fd < 0 || ticks_per_s <= 0 || real < boot)
        return SNAPSHOT_ABSENT;
    length = read(fd, text, sizeof(text) - 1);
    if (length <= 0)
        return SNAPSHOT_ABSENT;
    text[length] = '\0';

    /* The name in field 2 may contain anything, but no field behind it has a parenthesis. */
    at = strrchr(text, ')');
    for (unsigned int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (!at)
        return SNAPSHOT_ABSENT;

    errno = 0;
    ticks = strtoull(at + 1, NULL, 10);
    if (errno || ticks > UINT64_MAX / NS_PER_S)
        return SNAPSHOT_ABSENT;
    return real - boot + ticks * NS_PER_S / (uint64_t)ticks_per_s;
}

void process_note_reload(bool successful)
{
    if (successful)
        __atomic_store_n(&reloaded_ns, clock_ns(CLOCK_REALTIME), __ATOMIC_RELAXED);
    __atomic_store_n(&reloaded, successful, __ATOMIC_RELAXED);
}

void process_init(struct process *process)
{
    *process = (struct process){
        .statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC),
        .fds_fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        .start_ns = read_start_ns(),
    };
}

void process_deinit(struct process *process)
{
    cleanup_close(&process->statm_fd);
    cleanup_close(&process->fds_fd);
    *process = PROCESS_NULL;
}

static void read_memory(int fd, uint64_t values[PROCESS_FIELDS])
{
    unsigned long long pages, resident;
    long page = sysconf(_SC_PAGESIZE);
    char text[256];
    ssize_t length;

    length = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);
    if (length <= 0 || page <= 0)
        return;
    text[length] = '\0';
    if (sscanf(text, "%llu %llu", &pages, &resident) != 2)
        return;
    values[PROCESS_VIRTUAL_BYTES] = pages * (unsigned long)page;
    values[PROCESS_RESIDENT_BYTES] = resident * (unsigned long)page;
}

/* Since Linux 6.2 the size of /proc/self/fd is the number of open descriptors; before, 0. */
static uint64_t count_fds(int fd)
{
    struct stat status;
    uint64_t count = 0;

    if (fd < 0 || fstat(fd, &status))
        return SNAPSHOT_ABSENT;
    if (status.st_size > 0)
        return (uint64_t)status.st_size;

    if (lseek(fd, 0, SEEK_SET) < 0)
        return SNAPSHOT_ABSENT;
    while (count < FDS_COUNTED_MAX) {
        char entries[4096] __attribute__((aligned(8)));
        ssize_t length = getdents64(fd, entries, sizeof(entries));

        if (length < 0)
            return SNAPSHOT_ABSENT;
        if (length == 0)
            return count < 2 ? SNAPSHOT_ABSENT : count - 2; /* "." and ".." */
        for (ssize_t at = 0; at < length; count++)
            at += ((const struct dirent64 *)(entries + at))->d_reclen;
    }
    return SNAPSHOT_ABSENT;
}

void process_read(struct process *process, uint64_t ret_values[PROCESS_FIELDS])
{
    struct rlimit limit;

    memset(ret_values, 0xff, PROCESS_FIELDS * sizeof(*ret_values));
    ret_values[PROCESS_CPU_NS] = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    ret_values[PROCESS_START_NS] = process->start_ns;
    ret_values[PROCESS_RELOADED] = __atomic_load_n(&reloaded, __ATOMIC_RELAXED);
    ret_values[PROCESS_RELOADED_NS] = __atomic_load_n(&reloaded_ns, __ATOMIC_RELAXED);
    ret_values[PROCESS_OPEN_FDS] = count_fds(process->fds_fd);
    read_memory(process->statm_fd, ret_values);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        ret_values[PROCESS_MAX_FDS] = limit.rlim_cur;
}
