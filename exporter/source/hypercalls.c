/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source for a Xen without statistics tables: hypercalls, made by a thread of their own. A
 * hypercall can take long, since it goes through locks that the toolstack needs too; nobody here
 * waits for one. There are two samples: the owner's, which is read, and the thread's, which is
 * filled. They change places when the owner finds the thread's finished.
 */
#include "source/source.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "service/log.h"
#include "source/clock.h"
#include "source/hypercall_columns.h"
#include "source/hypercall_sample.h"
#include "source/hypervisor.h"
#include "util/monotonic.h"
#include "util/pulse.h"
#include "util/thread.h"

/* How long the start waits for the first round, and the end for the last one. */
#define FIRST_MS    5000
#define FAREWELL_MS 200

enum worker_state {
    WORKER_IDLE,
    WORKER_ORDERED, /* `round` shall be made */
    WORKER_BUSY,
    WORKER_FINISHED, /* `filled` is the owner's to take */
};

struct hypercalls {
    struct source source;
    int finished; /* eventfd: a round is finished */

    /* The owner's. */
    struct hypercall_sample *current;
    uint64_t listed_generation;
    bool late; /* the next snapshot does without numbers: they did not come in time */
    struct log_limit failures;
    bool look_again; /* the set of domains may have changed since the round under way began */

    pthread_t thread;
    struct pulse pulse;
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t ordered;
    enum worker_state state;
    enum hypercall_round round;
    uint64_t busy_since_ns;
    bool stopping;

    /* The thread's, but for `filled` while its state is WORKER_IDLE or WORKER_FINISHED. */
    struct hypervisor *hypervisor;
    struct hypercall_sample *filled;

    struct hypercall_sample samples[2];
};

/* One attached domain. */
struct hypercalls_domain {
    uint32_t domid;
    uint64_t incarnation;
};

static struct hypercalls *hypercalls_of(struct source *source)
{
    return (struct hypercalls *)source;
}

static void *run(void *argument)
{
    struct hypercalls *calls = argument;

    pthread_setname_np(pthread_self(), "hypercalls");
    pthread_mutex_lock(&calls->lock);
    while (!calls->stopping) {
        const struct hypercall_sample *before = calls->current;
        enum hypercall_round round = calls->round;

        pulse_answer(&calls->pulse);
        if (calls->state != WORKER_ORDERED) {
            pthread_cond_wait(&calls->ordered, &calls->lock);
            continue;
        }
        calls->state = WORKER_BUSY;
        calls->busy_since_ns = monotonic_ns();
        pthread_mutex_unlock(&calls->lock);

        /* What failed is in the sample. The owner only reads `before` meanwhile, as we do. */
        (void)!hypercall_sample_take(calls->hypervisor, round, before, calls->filled);

        pthread_mutex_lock(&calls->lock);
        calls->state = WORKER_FINISHED;
        eventfd_write(calls->finished, 1);
    }
    pthread_mutex_unlock(&calls->lock);
    return NULL;
}

/* Takes a finished round. Called by every function that looks at the current one. */
static void adopt(struct hypercalls *calls)
{
    struct hypercall_sample *finished;
    eventfd_t value;

    pthread_mutex_lock(&calls->lock);
    if (calls->state == WORKER_FINISHED) {
        eventfd_read(calls->finished, &value);
        finished = calls->filled;
        calls->filled = calls->current;
        calls->current = finished;
        calls->state = WORKER_IDLE;
    }
    pthread_mutex_unlock(&calls->lock);
}

/* Has a round made, unless one is under way. */
static bool order(struct hypercalls *calls, enum hypercall_round round)
{
    bool idle;

    pthread_mutex_lock(&calls->lock);
    idle = calls->state == WORKER_IDLE;
    if (idle) {
        calls->round = round;
        calls->state = WORKER_ORDERED;
        calls->busy_since_ns = monotonic_ns();
        pthread_cond_signal(&calls->ordered);
    }
    pthread_mutex_unlock(&calls->lock);
    return idle;
}

/* For how long the round under way has been; 0: there is none. */
static uint64_t busy_ns(struct hypercalls *calls)
{
    uint64_t ns = 0;

    pthread_mutex_lock(&calls->lock);
    if (calls->state == WORKER_ORDERED || calls->state == WORKER_BUSY)
        ns = monotonic_ns() - calls->busy_since_ns;
    pthread_mutex_unlock(&calls->lock);
    return ns;
}

static int calls_fd(const struct source *source)
{
    return ((const struct hypercalls *)source)->finished;
}

static void calls_look(struct source *source)
{
    struct hypercalls *calls = hypercalls_of(source);

    adopt(calls);
    calls->look_again = !order(calls, HYPERCALL_LIST);
}

static bool calls_prepare(struct source *source, uint64_t asked_ns)
{
    struct hypercalls *calls = hypercalls_of(source);
    uint64_t now_ns = monotonic_ns();

    adopt(calls);
    if (calls->current->full_ns && calls->current->full_ns + SOURCE_SHARED_NS >= asked_ns) {
        calls->late = false;
        return true;
    }
    order(calls, HYPERCALL_FULL);
    if (now_ns < asked_ns + SOURCE_PATIENCE_NS && busy_ns(calls) < SOURCE_PATIENCE_NS)
        return false;
    calls->late = true;
    return true;
}

static bool calls_changed(struct source *source)
{
    struct hypercalls *calls = hypercalls_of(source);

    adopt(calls);
    if (calls->look_again)
        calls->look_again = !order(calls, HYPERCALL_LIST);
    return calls->current->generation != calls->listed_generation;
}

static int calls_list(struct source *source, struct domain_set *ret_domains)
{
    struct hypercalls *calls = hypercalls_of(source);

    *ret_domains = (struct domain_set){0};
    for (uint32_t i = 0; i < calls->current->domains; i++)
        domain_set_add(ret_domains, calls->current->domain[i].is.domid);
    calls->listed_generation = calls->current->generation;
    return 0;
}

static const struct hypercall_domain *find(const struct hypercalls *calls,
                                           const struct hypercalls_domain *attached)
{
    const struct hypercall_domain *domain = hypercall_sample_find(calls->current, attached->domid);

    return domain && domain->incarnation == attached->incarnation ? domain : NULL;
}

static int calls_attach(struct source *source, uint32_t domid, void **ret_attachment)
{
    const struct hypercall_domain *domain =
        hypercall_sample_find(hypercalls_of(source)->current, domid);
    struct hypercalls_domain *attached;

    if (!domain)
        return SOURCE_GONE;
    attached = malloc(sizeof(*attached));
    if (!attached)
        return -ENOMEM;
    *attached = (struct hypercalls_domain){.domid = domid, .incarnation = domain->incarnation};
    *ret_attachment = attached;
    return 0;
}

static void calls_detach(struct source *source, void *attachment)
{
    free(attachment);
}

static bool calls_gone(struct source *source, const void *attachment)
{
    return !find(hypercalls_of(source), attachment);
}

static int calls_describe(struct source *source, void *attachment, struct source_domain *ret_domain)
{
    const struct hypercall_domain *domain = find(hypercalls_of(source), attachment);

    if (!domain)
        return SOURCE_UNREADABLE;
    *ret_domain = (struct source_domain){
        .guest_type = domain->is.guest_type,
        .vcpus = domain->is.vcpus,
        .incarnation = domain->incarnation,
    };
    memcpy(ret_domain->uuid, domain->is.uuid, sizeof(ret_domain->uuid));
    return 0;
}

/* Whether the current round has numbers for this snapshot. */
static bool has_numbers(const struct hypercalls *calls)
{
    return !calls->late && !calls->current->error;
}

static void log_failure(struct hypercalls *calls)
{
    uint64_t suppressed;

    if (!has_numbers(calls) && log_limited(&calls->failures, &suppressed))
        log_warning("no numbers from Xen: %s (%llu more like this)",
                    calls->late ? "a hypercall has not returned yet"
                                : strerror(-calls->current->error),
                    (unsigned long long)suppressed);
}

static void calls_describe_host(struct source *source, struct topology_host *ret_host)
{
    const struct hypercall_sample *current = hypercalls_of(source)->current;

    *ret_host = (struct topology_host){.pcpus = current->pcpus, .nodes = current->nodes};
}

/* The source's own figures: how the round went that the numbers are from. */
static void put_self(struct hypercalls *calls, struct snapshot *snapshot)
{
    uint64_t *self = snapshot_row(snapshot, SNAPSHOT_SELF, 0);

    self[SELF_HYPERCALLS] = calls->current->calls;
    self[SELF_SAMPLE_OK] = has_numbers(calls);
    self[SELF_SAMPLE_NS] =
        calls->late ? busy_ns(calls) : calls->current->ended_ns - calls->current->began_ns;
}

static int calls_begin(struct source *source, struct snapshot *snapshot)
{
    struct hypercalls *calls = hypercalls_of(source);

    log_failure(calls);
    for (unsigned int kind = 0; kind < SNAPSHOT_KINDS; kind++)
        snapshot->columns[kind] |= hypercalls_columns[kind];
    put_self(calls, snapshot);
    if (has_numbers(calls))
        hypercall_columns_host(calls->current, snapshot);

    snapshot->source = source->id;
    snapshot->now_ns = clock_raw_ns();
    snapshot->unix_ns = unix_now_ns();
    return 0;
}

static void calls_read(struct source *source, void *attachment, struct snapshot *snapshot,
                       uint32_t row)
{
    struct hypercalls *calls = hypercalls_of(source);
    const struct hypercall_domain *domain = find(calls, attachment);

    if (domain && has_numbers(calls))
        hypercall_columns_domain(calls->current, domain, snapshot, row);
}

/* A round under way is no excuse: one that takes as long as the watchdog's patience is stuck. */
static void calls_wake(struct source *source)
{
    struct hypercalls *calls = hypercalls_of(source);

    pthread_mutex_lock(&calls->lock);
    pthread_cond_signal(&calls->ordered);
    pthread_mutex_unlock(&calls->lock);
}

static void release(struct hypercalls *calls)
{
    for (unsigned int i = 0; i < 2; i++)
        hypercall_sample_deinit(&calls->samples[i]);
    hypervisor_free(calls->hypervisor);
    if (calls->finished >= 0)
        close(calls->finished);
    pthread_cond_destroy(&calls->ordered);
    pthread_mutex_destroy(&calls->lock);
    free(calls);
}

static void calls_free(struct source *source)
{
    static struct hypercalls *left_behind; /* so that it is not lost to who looks for leaks */
    struct hypercalls *calls = hypercalls_of(source);
    struct timespec deadline;
    uint64_t end_ns;

    pthread_mutex_lock(&calls->lock);
    calls->stopping = true;
    pthread_cond_signal(&calls->ordered);
    pthread_mutex_unlock(&calls->lock);

    end_ns = monotonic_ns() + FAREWELL_MS * NS_PER_MS;
    deadline = (struct timespec){.tv_sec = (time_t)(end_ns / NS_PER_S),
                                 .tv_nsec = (long)(end_ns % NS_PER_S)};
    if (pthread_clockjoin_np(calls->thread, NULL, CLOCK_MONOTONIC, &deadline) == 0) {
        release(calls);
        return;
    }
    pthread_detach(calls->thread); /* it still uses all of this, until the process ends */
    __atomic_store_n(&left_behind, calls, __ATOMIC_RELAXED);
}

/* The first round, waited for: whether this Xen answers at all, and who lives on it. */
static int make_first_round(struct hypercalls *calls)
{
    struct pollfd fd = {.fd = calls->finished, .events = POLLIN};

    order(calls, HYPERCALL_FULL);
    if (poll(&fd, 1, FIRST_MS) <= 0)
        return -ETIMEDOUT;
    adopt(calls);
    return calls->current->error;
}

int hypercalls_source_new(struct hypervisor *hypervisor, struct source **ret_source)
{
    static const struct source_ops ops = {
        .fd = calls_fd,
        .look = calls_look,
        .prepare = calls_prepare,
        .changed = calls_changed,
        .list = calls_list,
        .attach = calls_attach,
        .detach = calls_detach,
        .gone = calls_gone,
        .describe = calls_describe,
        .describe_host = calls_describe_host,
        .begin = calls_begin,
        .read = calls_read,
        .wake = calls_wake,
        .free = calls_free,
    };
    struct hypercalls *calls = calloc(1, sizeof(*calls));
    int r;

    if (!calls) {
        hypervisor_free(hypervisor);
        return -ENOMEM;
    }
    calls->source =
        (struct source){.ops = &ops, .pulse = &calls->pulse, .id = SNAPSHOT_SOURCE_HYPERCALLS};
    calls->hypervisor = hypervisor;
    calls->current = &calls->samples[0];
    calls->filled = &calls->samples[1];
    pthread_mutex_init(&calls->lock, NULL);
    pthread_cond_init(&calls->ordered, NULL);

    calls->finished = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = calls->finished < 0 ? -errno : thread_start(&calls->thread, run, calls);
    if (r < 0) {
        release(calls);
        return r;
    }
    r = make_first_round(calls);
    if (r < 0) {
        calls_free(&calls->source);
        return r;
    }
    *ret_source = &calls->source;
    return 0;
}
