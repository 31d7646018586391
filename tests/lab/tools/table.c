/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maps a statistics table by libxenforeignmemory.
 *
 *   table read TARGET     prints its vCPU records: "vcpu INDEX STATE ENTRY_TIME TIME0 .. TIME3"
 *   table size TARGET     prints how many frames Xen says it has
 *   table write TARGET    maps it writable and stores into it, in a child: prints "refused: ERROR",
 *                         "died: SIGNAL" or "stored"; exits 0 if nothing could be stored
 *   table reuse TARGET    maps it read-only, makes the mapping writable, stores: likewise
 *   table hold TARGET...  maps all of each, prints "held" and sleeps
 *   table pin DOMID GFN   maps a page of a domain's own memory, prints "held" and sleeps
 *   table try ID FRAME COUNT   maps these frames of whatever, prints "mapped" or "refused: ERROR"
 *
 * TARGET is a domid, or "host".
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenforeignmemory.h>

#include "tables.h"

static xenforeignmemory_handle *xen;
static uint32_t target;

static void *map(unsigned long frame, int protection)
{
    void *address = NULL;

    if (!xenforeignmemory_map_resource(xen, STATS_DOMID_XEN, STATS_RESOURCE_TYPE, target, frame, 1,
                                       &address, protection, 0))
        return NULL;
    return address;
}

/* In a child: a refused store is a signal there, and a mapping made writable dies with it. */
static int try_store(int protection)
{
    const pid_t child = fork();
    int status;

    if (child == 0) {
        volatile uint32_t *word;

        alarm(3); /* Linux takes such a fault again and again: the store never happens */
        /* Mappings of foreign pages are not inherited, so the child opens its own. */
        xen = xenforeignmemory_open(NULL, 0);
        word = xen ? map(0, protection) : NULL;
        if (!word) {
            printf("refused: %s\n", strerror(errno));
            fflush(stdout);
            _exit(0);
        }
        if (!(protection & PROT_WRITE) &&
            mprotect((void *)word, STATS_FRAME_SIZE, PROT_READ | PROT_WRITE)) {
            printf("refused: %s\n", strerror(errno));
            fflush(stdout);
            _exit(0);
        }
        word[1] = word[1]; /* the version, as it is: no harm done should it succeed */
        printf("stored\n");
        fflush(stdout);
        _exit(1);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 2;
    if (WIFSIGNALED(status)) {
        printf("died: %s\n", strsignal(WTERMSIG(status)));
        return 0;
    }
    return WEXITSTATUS(status);
}

static int print_vcpus(void)
{
    const struct stats_frame *head = map(0, PROT_READ);
    const struct stats_kind *kind, *vcpus = NULL;

    if (!head || head->magic != STATS_MAGIC) {
        fprintf(stderr, "table: %s\n", head ? "no magic" : strerror(errno));
        return 1;
    }
    printf("generation %llu flags %u frames %u\n", (unsigned long long)head->generation,
           head->flags, head->nr_frames);
    for (uint32_t i = 0; i < head->nr_kinds; i++) {
        kind = (const void *)((const char *)head + STATS_DIRECTORY_OFFSET +
                              (size_t)i * head->kind_size);
        if (kind->kind == STATS_KIND_VCPU)
            vcpus = kind;
    }
    for (uint32_t i = 0; vcpus && i < vcpus->count; i++) {
        const char *frame = map(vcpus->first_frame + i / vcpus->per_frame, PROT_READ);
        struct stats_vcpu vcpu;
        unsigned int tries = 0;

        if (!frame)
            return 1;
        do { /* a consistent copy, or the last one of many tries */
            memcpy(&vcpu, frame + vcpus->offset + (size_t)(i % vcpus->per_frame) * vcpus->stride,
                   sizeof(vcpu));
            __sync_synchronize();
        } while ((vcpu.record.seq & 1) && ++tries < 1000);
        printf("vcpu %u %u %llu", vcpu.record.index, vcpu.state,
               (unsigned long long)vcpu.state_entry_time);
        for (unsigned int state = 0; state < STATS_RUNSTATES; state++)
            printf(" %llu", (unsigned long long)vcpu.time[state]);
        printf("\n");
    }
    return 0;
}

static int hold(char **names, int count)
{
    for (int i = 0; i < count; i++) {
        struct table table;
        const int error = table_map(table_target(names[i]), &table);

        if (error) {
            fprintf(stderr, "table: hold %s: %s\n", names[i], strerror(-error));
            return 1;
        }
    }
    printf("held\n");
    fflush(stdout);
    sleep(600);
    return 0;
}

static int pin(const char *domid, const char *gfn)
{
    const xen_pfn_t page = strtoul(gfn, NULL, 0);
    int error = 0;

    if (!xenforeignmemory_map(xen, (uint32_t)strtoul(domid, NULL, 0), PROT_READ, 1, &page,
                              &error) ||
        error) {
        fprintf(stderr, "table: pin: %s\n", strerror(error ? -error : errno));
        return 1;
    }
    printf("held\n");
    fflush(stdout);
    sleep(600);
    return 0;
}

static int try_frames(const char *frame, const char *count)
{
    void *address = NULL;

    if (xenforeignmemory_map_resource(xen, STATS_DOMID_XEN, STATS_RESOURCE_TYPE, target,
                                      strtoul(frame, NULL, 0), strtoul(count, NULL, 0), &address,
                                      PROT_READ, 0))
        printf("mapped\n");
    else
        printf("refused: %s\n", strerror(errno));
    return 0;
}

int main(int argc, char **argv)
{
    size_t frames = 0;

    if (argc < 3) {
        fprintf(stderr, "usage: table read|size|write|reuse|hold|pin|try DOMID|host...\n");
        return 2;
    }
    if (!strcmp(argv[1], "hold"))
        return hold(argv + 2, argc - 2);
    target = table_target(argv[2]);
    if (!strcmp(argv[1], "write"))
        return try_store(PROT_READ | PROT_WRITE);
    if (!strcmp(argv[1], "reuse"))
        return try_store(PROT_READ);

    xen = xenforeignmemory_open(NULL, 0);
    if (!xen) {
        perror("table: /dev/xen/privcmd");
        return 1;
    }
    if (!strcmp(argv[1], "read"))
        return print_vcpus();
    if (!strcmp(argv[1], "pin") && argc == 4)
        return pin(argv[2], argv[3]);
    if (!strcmp(argv[1], "try") && argc == 5)
        return try_frames(argv[3], argv[4]);
    if (!strcmp(argv[1], "size") &&
        !xenforeignmemory_resource_size(xen, STATS_DOMID_XEN, STATS_RESOURCE_TYPE, target,
                                        &frames)) {
        printf("%zu\n", frames / STATS_FRAME_SIZE);
        return 0;
    }
    fprintf(stderr, "table: %s: %s\n", argv[1], strerror(errno));
    return 1;
}
