/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks for torn reads. Xen adds to a vCPU's times what passed since the entry into its state, and
 * notes the new entry, under one lock: so the sum of the times minus the entry time never changes.
 * A copy made of two updates breaks that.
 *
 *   torn READS [unprotected] DOMID...
 *
 * Reads every vCPU record of these domains (and, with "host" among them, every pCPU record) in
 * turns until READS are made. With "unprotected" it goes past the protocol, and must find something
 * if it can find anything. Prints one line:
 *
 *   records N reads N updates N retries N torn N back N
 *
 * updates: reads that found a record changed since the one before; back: reads in which something
 * that only grows was smaller than before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tables.h"

#define MAX_RECORDS 4096U
#define COPY_MAX    256U

/* Where a kind of record keeps its runstate. */
struct layout {
    uint32_t kind, entry_time, times;
    uint32_t grow_from, grow_to; /* 64-bit fields that only grow, beyond those */
};

static const struct layout layouts[] = {
    {STATS_KIND_VCPU, 24, 32, 72, 224},
    {STATS_KIND_PCPU, 24, 32, 72, 88},
};

struct watched {
    const struct layout *layout;
    const unsigned char *record;
    uint32_t target, index, size;
    uint64_t constant; /* sum of the times minus the entry time */
    uint64_t waited;   /* wait_sum minus time[runnable], where there is a wait_sum */
    unsigned char last[COPY_MAX];
};

struct found {
    uint64_t reads, updates, retries, torn, back;
};

static struct watched watched[MAX_RECORDS];
static unsigned int nr_watched;

static uint64_t word(const unsigned char *copy, size_t offset)
{
    uint64_t value;

    memcpy(&value, copy + offset, sizeof(value));
    return value;
}

static uint64_t constant_of(const struct layout *layout, const unsigned char *copy)
{
    uint64_t sum = 0;

    for (unsigned int state = 0; state < STATS_RUNSTATES; state++)
        sum += word(copy, layout->times + state * sizeof(uint64_t));
    return sum - word(copy, layout->entry_time);
}

/* The wait histogram belongs to the same update: its sum grows with time[runnable]. */
static bool has_waits(const struct watched *w)
{
    return w->layout->kind == STATS_KIND_VCPU && w->size >= 224;
}

static uint64_t waited_of(const unsigned char *copy)
{
    return word(copy, 88) - word(copy, 40);
}

static void read_once(struct watched *w, unsigned char *copy, bool protected, struct found *found)
{
    /* Skipping the protocol: no look at seq, and room for an update between the two halves. */
    if (protected) {
        record_copy(w->record, copy, w->size, &found->retries);
    } else {
        for (uint32_t at = 0; at < w->size; at += sizeof(uint64_t)) {
            const uint64_t value = *(const volatile uint64_t *)(const void *)(w->record + at);

            memcpy(copy + at, &value, sizeof(value));
            if (at == w->layout->entry_time)
                for (volatile int pause = 0; pause < 50; pause++)
                    ;
        }
    }
    found->reads++;
}

static bool went_back(const struct watched *w, const unsigned char *copy)
{
    bool back = word(copy, w->layout->entry_time) < word(w->last, w->layout->entry_time);

    for (unsigned int state = 0; state < STATS_RUNSTATES; state++) {
        const size_t at = w->layout->times + state * sizeof(uint64_t);

        back |= word(copy, at) < word(w->last, at);
    }
    for (uint32_t at = w->layout->grow_from; at < w->layout->grow_to && at + 8 <= w->size; at += 8)
        back |= word(copy, at) < word(w->last, at);
    return back;
}

static void check(struct watched *w, const unsigned char *copy, bool verbose, struct found *found)
{
    const bool torn = constant_of(w->layout, copy) != w->constant ||
                      (has_waits(w) && waited_of(copy) != w->waited);
    const bool back = went_back(w, copy);

    found->updates += memcmp(copy, w->last, w->size) != 0;
    found->torn += torn;
    found->back += back;
    if (verbose && (torn || back) && found->torn + found->back < 4)
        fprintf(stderr, "torn: target %u kind %u record %u: %s, sum - entry %llu, was %llu\n",
                w->target, w->layout->kind, w->index, torn ? "torn" : "went back",
                (unsigned long long)constant_of(w->layout, copy), (unsigned long long)w->constant);
    memcpy(w->last, copy, w->size);
}

static int watch(const struct layout *layout, uint32_t target)
{
    const struct stats_kind *kind;
    struct table table;
    const int error = table_map(target, &table);

    if (error) {
        fprintf(stderr, "torn: %u: %s\n", target, strerror(-error));
        return 1;
    }
    kind = table_kind(&table, layout->kind);
    for (uint32_t i = 0; kind && i < kind->count && nr_watched < MAX_RECORDS; i++) {
        struct watched *w = &watched[nr_watched];
        uint64_t retries = 0;

        *w = (struct watched){.layout = layout,
                              .record = table_record(&table, kind, i),
                              .target = target,
                              .index = i,
                              .size = kind->size < COPY_MAX ? kind->size : COPY_MAX};
        record_copy(w->record, w->last, w->size, &retries);
        if (!(((const struct stats_record *)(const void *)w->last)->flags & STATS_RECORD_VALID))
            continue;
        w->constant = constant_of(layout, w->last);
        if (has_waits(w))
            w->waited = waited_of(w->last);
        nr_watched++;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct found found = {0};
    bool protected = true;
    uint64_t wanted;

    if (argc < 3) {
        fprintf(stderr, "usage: torn READS [unprotected] DOMID|host...\n");
        return 2;
    }
    wanted = strtoull(argv[1], NULL, 10);
    for (int i = 2; i < argc; i++) {
        const uint32_t target = table_target(argv[i]);

        if (!strcmp(argv[i], "unprotected"))
        protected = false;
        else if (watch(&layouts[target == STATS_DOMID_XEN], target)) return 1;
    }
    if (nr_watched == 0) {
        fprintf(stderr, "torn: no valid record\n");
        return 1;
    }
    while (found.reads < wanted) {
        for (unsigned int i = 0; i < nr_watched; i++) {
            unsigned char copy[COPY_MAX];

            read_once(&watched[i], copy, protected, &found);
            check(&watched[i], copy, protected, &found);
        }
    }
    printf("records %u reads %llu updates %llu retries %llu torn %llu back %llu\n", nr_watched,
           (unsigned long long)found.reads, (unsigned long long)found.updates,
           (unsigned long long)found.retries, (unsigned long long)found.torn,
           (unsigned long long)found.back);
    return 0;
}
