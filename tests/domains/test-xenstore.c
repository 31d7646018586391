/* SPDX-License-Identifier: Apache-2.0 */
/* Against the real xenstored, which no-hypervisor.c lets run without a Xen. */
#include "domains/xenstore.h"

#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <xenstore.h>

#include "sampler/topology.h"
#include "suite.h"
#include "util/monotonic.h"

#define SOON_MS 5000
/* One probe later, and a little for the machine. */
#define NOTICED_MS (XENSTORE_PROBE_MS + XENSTORE_SILENT_MS + 1000)

static char directory[64], socket_path[128];
static pid_t daemon_pid;
static struct xs_handle *toolstack;
static struct xenstore *xenstore;

static uint64_t now_ms(void)
{
    return monotonic_ns() / NS_PER_MS;
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void run_daemon(const char *program)
{
    const char *shim = getenv("NO_HYPERVISOR");

    /* It ends with the test, however that ends. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!shim || setenv("LD_PRELOAD", shim, 1) < 0)
        _exit(126);
    execl(program, program, "--no-fork", (char *)NULL);
    _exit(127);
}

/* Starts xenstored and waits until it answers. */
static void start_daemon(void)
{
    glob_t programs;
    uint64_t end;

    ck_assert_msg(glob("/usr/lib/xen-*/bin/xenstored", 0, NULL, &programs) == 0,
                  "no xenstored here: it is in the package xen-utils-4.17");
    daemon_pid = fork();
    ck_assert_int_ge(daemon_pid, 0);
    if (daemon_pid == 0)
        run_daemon(programs.gl_pathv[0]);
    globfree(&programs);

    for (end = now_ms() + SOON_MS; !toolstack; pause_ms(20)) {
        ck_assert_msg(now_ms() < end, "xenstored does not answer");
        ck_assert_int_eq(waitpid(daemon_pid, NULL, WNOHANG), 0);
        toolstack = xs_open(0);
    }
}

static void kill_daemon(void)
{
    if (daemon_pid <= 0)
        return;
    kill(daemon_pid, SIGKILL);
    waitpid(daemon_pid, NULL, 0);
    daemon_pid = 0;
    if (toolstack)
        xs_close(toolstack);
    toolstack = NULL;
}

static void set_up(void)
{
    snprintf(directory, sizeof(directory), "/tmp/xenstore-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(socket_path, sizeof(socket_path), "%s/socket", directory);
    setenv("XENSTORED_RUNDIR", directory, 1);
    setenv("XENSTORED_PATH", socket_path, 1);
}

static void set_up_with_daemon(void)
{
    set_up();
    start_daemon();
    ck_assert_int_eq(xenstore_new(&xenstore), 0);
}

static void tear_down(void)
{
    xenstore = xenstore_free(xenstore);
    kill_daemon();
    unlink(socket_path);
    rmdir(directory);
}

static void write_name_bytes(uint32_t domid, const void *name, size_t length)
{
    char path[64];

    snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
    ck_assert(xs_write(toolstack, XBT_NULL, path, name, (unsigned int)length));
}

static void write_name(uint32_t domid, const char *name)
{
    write_name_bytes(domid, name, strlen(name));
}

/* Takes the next event, waiting for it; false when none comes in time. */
static bool next_event(struct xenstore_event *ret_event, int ms)
{
    for (uint64_t end = now_ms() + (uint64_t)ms; now_ms() < end;) {
        struct pollfd fd = {.fd = xenstore_fd(xenstore), .events = POLLIN};

        if (xenstore_next(xenstore, ret_event))
            return true;
        poll(&fd, 1, 50);
    }
    return xenstore_next(xenstore, ret_event);
}

static bool is_called(const struct xenstore_event *event, const char *name)
{
    return event->name && event->name_length == strlen(name) &&
           memcmp(event->name, name, event->name_length) == 0;
}

/* Waits until `domid` is said to be called `name`; others' news may come in between. */
static void expect_name(uint32_t domid, const char *name)
{
    struct xenstore_event event = {0};

    for (uint64_t end = now_ms() + SOON_MS; now_ms() < end;) {
        bool right;

        if (!next_event(&event, SOON_MS))
            break;
        right = event.type == XENSTORE_NAME && event.domid == domid && is_called(&event, name);
        if (event.type == XENSTORE_NAME)
            free(event.name);
        if (right)
            return;
    }
    ck_abort_msg("domain %u was never said to be called %s", domid, name);
}

static bool connected(void)
{
    struct xenstore_figures figures;

    xenstore_figures(xenstore, &figures);
    return figures.connected;
}

/* Returns how long it took. */
static uint64_t wait_connected(bool wanted, uint64_t ms)
{
    uint64_t start = now_ms();

    while (connected() != wanted) {
        ck_assert_msg(now_ms() - start < ms, "still %sconnected after %llu ms",
                      wanted ? "not " : "", (unsigned long long)ms);
        pause_ms(20);
    }
    return now_ms() - start;
}

/* Would catch names that never arrive, arrive at another domid, or are read once and never again.
 */
START_TEST(names_arrive_and_change)
{
    write_name(3, "three");
    write_name(40, "forty");
    ck_assert_int_eq(xenstore_follow(xenstore, 40), 0);
    ck_assert_int_eq(xenstore_follow(xenstore, 3), 0);
    expect_name(3, "three");
    write_name(40, "renamed");
    expect_name(40, "renamed");

    /* Followed before the toolstack wrote a name. */
    ck_assert_int_eq(xenstore_follow(xenstore, 5), 0);
    pause_ms(100);
    write_name(5, "late");
    expect_name(5, "late");
}
END_TEST

/* Would catch a daemon that does not look for new domains when xenstored has a hint. */
START_TEST(a_connection_asks_for_a_scan)
{
    struct xenstore_event event = {0};

    ck_assert(next_event(&event, SOON_MS));
    ck_assert_int_eq(event.type, XENSTORE_DOMAINS_CHANGED);
}
END_TEST

/* Would catch a name that stays although the toolstack took it away. */
START_TEST(a_name_taken_away_is_news)
{
    struct xenstore_event event = {0};

    write_name(3, "three");
    ck_assert_int_eq(xenstore_follow(xenstore, 3), 0);
    expect_name(3, "three");
    while (next_event(&event, 300))
        if (event.type == XENSTORE_NAME)
            free(event.name);

    ck_assert(xs_rm(toolstack, XBT_NULL, "/local/domain/3/name"));
    ck_assert(next_event(&event, SOON_MS));
    ck_assert_int_eq(event.type, XENSTORE_NAME);
    ck_assert_uint_eq(event.domid, 3);
    ck_assert_ptr_null(event.name);
}
END_TEST

/* Would catch a name longer than the topology takes, or one that ends at its first NUL. */
START_TEST(foreign_bytes_keep_their_length)
{
    struct xenstore_event event = {0};
    const char bytes[] = "a\0b\n\"\xff";
    bool seen = false;

    write_name_bytes(3, bytes, sizeof(bytes) - 1);
    ck_assert_int_eq(xenstore_follow(xenstore, 3), 0);
    while (!seen) {
        ck_assert(next_event(&event, SOON_MS));
        if (event.type != XENSTORE_NAME)
            continue;
        ck_assert_uint_eq(event.name_length, sizeof(bytes) - 1);
        ck_assert_mem_eq(event.name, bytes, sizeof(bytes) - 1);
        free(event.name);
        seen = true;
    }
}
END_TEST

/* Would catch the name of a dead domain being given to the next one that has its domid. */
START_TEST(a_domid_used_again_has_the_new_name)
{
    char name[32];

    for (int round = 0; round < 200; round++) {
        struct xenstore_event event = {0};

        snprintf(name, sizeof(name), "round %d", round);
        write_name(9, name);
        ck_assert_int_eq(xenstore_follow(xenstore, 9), 0);
        /* Whatever is told from here on is about this round's domain. */
        for (bool seen = false; !seen;) {
            ck_assert_msg(next_event(&event, SOON_MS), "no name in round %d", round);
            if (event.type != XENSTORE_NAME)
                continue;
            ck_assert_msg(is_called(&event, name), "round %d: %.*s", round, (int)event.name_length,
                          event.name ? event.name : "");
            free(event.name);
            seen = true;
        }
        /* Half the time the news of this round are still under way when it ends. */
        if (round % 2)
            write_name(9, "on its way");
        for (volatile int i = 0; i < round * 500; i++)
            ;
        xenstore_forget(xenstore, 9);
    }
}
END_TEST

/* Would catch news of a domain that nobody follows any more. */
START_TEST(a_forgotten_domain_is_silent)
{
    struct xenstore_event event = {0};

    write_name(3, "three");
    ck_assert_int_eq(xenstore_follow(xenstore, 3), 0);
    expect_name(3, "three");
    xenstore_forget(xenstore, 3);
    xenstore_forget(xenstore, 4); /* was never followed */
    write_name(3, "unheard");
    while (next_event(&event, 500))
        ck_assert_int_ne(event.type, XENSTORE_NAME);
}
END_TEST

/* Would catch a death of xenstored that goes unnoticed, or after which names stay away. */
START_TEST(a_restart_is_survived)
{
    struct xenstore_figures figures;

    write_name(3, "before");
    ck_assert_int_eq(xenstore_follow(xenstore, 3), 0);
    expect_name(3, "before");
    ck_assert(connected());
    xenstore_figures(xenstore, &figures);
    ck_assert_uint_eq(figures.reconnects, 0);

    kill_daemon();
    wait_connected(false, NOTICED_MS);
    ck_assert_int_eq(xenstore_follow(xenstore, 4), 0);

    start_daemon();
    write_name(3, "after");
    write_name(4, "meanwhile");
    wait_connected(true, NOTICED_MS);
    expect_name(3, "after");
    write_name(4, "and renamed");
    expect_name(4, "and renamed");
    xenstore_figures(xenstore, &figures);
    ck_assert_uint_ge(figures.reconnects, 1);
}
END_TEST

/* Would catch a silent xenstored that passes for a healthy one, and an exit that waits for it. */
START_TEST(silence_is_noticed_and_holds_nobody_up)
{
    uint64_t start;

    wait_connected(true, SOON_MS);
    ck_assert_int_eq(kill(daemon_pid, SIGSTOP), 0);
    wait_connected(false, NOTICED_MS);

    start = now_ms();
    ck_assert_int_eq(xenstore_follow(xenstore, 3), 0);
    xenstore_forget(xenstore, 3);
    xenstore = xenstore_free(xenstore);
    ck_assert_uint_lt(now_ms() - start, 1000);
}
END_TEST

/* Would catch a pause of xenstored that leaves the daemon without names for ever. */
START_TEST(silence_may_end)
{
    wait_connected(true, SOON_MS);
    ck_assert_int_eq(kill(daemon_pid, SIGSTOP), 0);
    wait_connected(false, NOTICED_MS);
    ck_assert_int_eq(xenstore_follow(xenstore, 3), 0);
    ck_assert_int_eq(kill(daemon_pid, SIGCONT), 0);
    wait_connected(true, SOON_MS);
    write_name(3, "three");
    expect_name(3, "three");
}
END_TEST

/* Would catch a probe more often than promised, each of which is a message to xenstored. */
START_TEST(probes_are_rare)
{
    struct xenstore_figures before, after;

    wait_connected(true, SOON_MS);
    xenstore_figures(xenstore, &before);
    pause_ms(XENSTORE_PROBE_MS + 1000);
    xenstore_figures(xenstore, &after);
    ck_assert_uint_eq(after.probes - before.probes, 1);
}
END_TEST

/* Would catch a daemon that cannot start, work or end without xenstored. */
START_TEST(it_may_never_be_there)
{
    struct xenstore_event event;
    uint64_t start = now_ms();

    ck_assert_int_eq(xenstore_new(&xenstore), 0);
    ck_assert_int_eq(xenstore_follow(xenstore, 3), 0);
    ck_assert(!xenstore_next(xenstore, &event));
    ck_assert_uint_lt(now_ms() - start, 1000);

    pause_ms(1500); /* some attempts to connect */
    start = now_ms();
    ck_assert(!connected());
    ck_assert(!xenstore_next(xenstore, &event));
    xenstore_forget(xenstore, 3);
    xenstore = xenstore_free(xenstore);
    ck_assert_uint_lt(now_ms() - start, 1000);
}
END_TEST

/* Would catch a xenstored that comes up after the daemon being missed. */
START_TEST(it_may_come_later)
{
    ck_assert_int_eq(xenstore_new(&xenstore), 0);
    ck_assert_int_eq(xenstore_follow(xenstore, 3), 0);
    pause_ms(300);
    ck_assert(!connected());
    start_daemon();
    write_name(3, "three");
    expect_name(3, "three");
    ck_assert(connected());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("xenstore");
    TCase *with = tcase_create("with xenstored"), *without = tcase_create("without xenstored");

    tcase_add_checked_fixture(with, set_up_with_daemon, tear_down);
    tcase_set_timeout(with, 30);
    tcase_add_test(with, names_arrive_and_change);
    tcase_add_test(with, a_connection_asks_for_a_scan);
    tcase_add_test(with, a_name_taken_away_is_news);
    tcase_add_test(with, foreign_bytes_keep_their_length);
    tcase_add_test(with, a_domid_used_again_has_the_new_name);
    tcase_add_test(with, a_forgotten_domain_is_silent);
    tcase_add_test(with, a_restart_is_survived);
    tcase_add_test(with, silence_is_noticed_and_holds_nobody_up);
    tcase_add_test(with, silence_may_end);
    tcase_add_test(with, probes_are_rare);
    suite_add_tcase(suite, with);

    tcase_add_checked_fixture(without, set_up, tear_down);
    tcase_set_timeout(without, 30);
    tcase_add_test(without, it_may_never_be_there);
    tcase_add_test(without, it_may_come_later);
    suite_add_tcase(suite, without);
    return run_suite(suite);
}
