/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager hears: this test listens in its place. */
#include "supervision.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "suite.h"
#include "util/monotonic.h"

static char directory[] = "/tmp/test-supervision-XXXXXX", heard[1024];
static int manager;
static struct supervision supervision;

static const struct supervision_facts well = {.source = "pages", .domains = 3, .all_mapped = true};

static void set_up(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    strcpy(directory, "/tmp/test-supervision-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(manager, (struct sockaddr *)&address, sizeof(address)), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

static void tear_down(void)
{
    unlink(getenv("NOTIFY_SOCKET"));
    rmdir(directory);
    close(manager);
}

/* The next message; "" when there is none. */
static const char *hear(void)
{
    ssize_t length = recv(manager, heard, sizeof(heard) - 1, 0);

    heard[length > 0 ? length : 0] = '\0';
    return heard;
}

/* Would catch READY before the numbers are there, or never because one domain resists. */
START_TEST(ready_waits_for_the_first_full_mapping)
{
    struct supervision_facts facts = well;

    ck_assert_uint_eq(supervision_init(&supervision, NULL, NULL, NULL), 0);
    facts.all_mapped = false;
    ck_assert(!supervision_update(&supervision, &facts));
    ck_assert_str_eq(hear(), "");
    ck_assert(supervision_update(&supervision, &well));
    ck_assert_str_eq(hear(), "READY=1\nSTATUS=Serving 3 domains from pages");

    (void)supervision_init(&supervision, NULL, NULL, NULL);
    ck_assert(!supervision_update(&supervision, &facts));
    supervision.started_ns -= SUPERVISION_MAPPING_MS * NS_PER_MS; /* as if that had passed */
    ck_assert(supervision_update(&supervision, &facts));
    ck_assert_str_eq(hear(), "READY=1\nSTATUS=Serving 3 domains from pages; some cannot be mapped, "
                             "see the log");
}
END_TEST

/* Would catch a status of yesterday, and one that is repeated four times a second. */
START_TEST(status_follows)
{
    struct supervision_facts facts = well;

    (void)supervision_init(&supervision, NULL, NULL, NULL);
    facts.domains = 1;
    facts.xenstore_away = true; /* READY does not wait for it */
    ck_assert(supervision_update(&supervision, &facts));
    ck_assert_str_eq(hear(), "READY=1\nSTATUS=Serving 1 domain from pages; xenstored does not "
                             "answer, new names wait");
    ck_assert(supervision_update(&supervision, &facts));
    ck_assert_str_eq(hear(), "");
    facts.xenstore_away = false;
    facts.reload_failed = true;
    ck_assert(supervision_update(&supervision, &facts));
    ck_assert_str_eq(hear(), "STATUS=Serving 1 domain from pages; the last reload failed, the "
                             "configuration before it is in use");
    ck_assert(supervision_update(&supervision, &well));
    ck_assert_str_eq(hear(), "STATUS=Serving 3 domains from pages");
}
END_TEST

/* Would catch a reload during which READY is said before there is anything to serve. */
START_TEST(a_reload_is_framed)
{
    unsigned long long us;

    (void)supervision_init(&supervision, NULL, NULL, NULL);
    supervision_reload_begins(&supervision);
    supervision_reload_ended(&supervision, &well);
    ck_assert_str_eq(hear(), "");
    ck_assert(supervision_update(&supervision, &well));
    (void)hear();
    supervision_reload_begins(&supervision);
    ck_assert_int_eq(sscanf(hear(), "RELOADING=1\nMONOTONIC_USEC=%llu", &us), 1);
    ck_assert_uint_le(us, monotonic_ns() / NS_PER_US);
    supervision_reload_ended(&supervision, &well);
    ck_assert_str_eq(hear(), "READY=1\nSTATUS=Serving 3 domains from pages");
}
END_TEST

static bool silent;

static void ask(void *userdata)
{
}

static bool answered(void *userdata)
{
    return !silent;
}

/* Would catch a sign of life from a daemon that is half dead, or a status that hides it. */
START_TEST(a_silent_thread_is_told)
{
    setenv("WATCHDOG_USEC", "8000000", 1);
    ck_assert_uint_eq(supervision_init(&supervision, NULL, NULL, NULL), 2000);
    ck_assert_uint_eq(supervision.watchdog.patience_ns, 4 * NS_PER_S);
    watchdog_add(&supervision.watchdog,
                 &(struct watchdog_thread){.name = "test", .ask = ask, .answered = answered});
    ck_assert(supervision_update(&supervision, &well));
    (void)hear();
    supervision_check(&supervision);
    ck_assert_str_eq(hear(), "WATCHDOG=1");

    silent = true;
    supervision.watchdog.thread[0].asked_ns -= 5 * NS_PER_S;
    supervision_check(&supervision);
    ck_assert_str_eq(hear(), "WATCHDOG=trigger\nSTATUS=The test thread stands still");
    supervision_check(&supervision);
    ck_assert_str_eq(hear(), "");
    ck_assert(supervision_update(&supervision, &well));
    ck_assert_str_eq(hear(), "");

    silent = false;
    supervision_check(&supervision);
    ck_assert_str_eq(hear(), "WATCHDOG=1");
    ck_assert(supervision_update(&supervision, &well));
    ck_assert_str_eq(hear(), "STATUS=Serving 3 domains from pages");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("supervision");
    TCase *tests = tcase_create("supervision");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, ready_waits_for_the_first_full_mapping);
    tcase_add_test(tests, status_follows);
    tcase_add_test(tests, a_reload_is_framed);
    tcase_add_test(tests, a_silent_thread_is_told);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
