/* SPDX-License-Identifier: Apache-2.0 */
#include "http/scrapes.h"

#include <errno.h>

#include "http/wall.h"
#include "suite.h"

static struct wall wall;
static struct scrapes *scrapes;
static int suspended, resumed;

static void suspend(void *connection)
{
    ck_assert_ptr_eq(connection, &wall);
    suspended++;
}

static void resume(void *connection)
{
    ck_assert_ptr_eq(connection, &wall);
    resumed++;
}

static void setup(void)
{
    static const struct scrapes_ops ops = {suspend, resume};

    wall_init(&wall, 1);
    suspended = resumed = 0;
    ck_assert_int_eq(scrapes_new(&wall.wall, 2, &ops, &scrapes), 0);
}

static void teardown(void)
{
    scrapes = scrapes_free(scrapes);
    wall_deinit(&wall);
}

/* Would catch a connection that is suspended although its answer is there, and a lost snapshot. */
START_TEST(at_once)
{
    struct snapshot *snapshot = NULL;
    struct scrape *scrape = NULL;

    ck_assert_int_eq(scrape_begin(scrapes, 100, &wall, &scrape), 0);
    ck_assert(!scrape_waits(scrape));
    ck_assert_int_eq(scrape_answer(scrape, &snapshot), 0);
    ck_assert_ptr_eq(snapshot, wall.snapshot);
    snapshot_unref(snapshot);
    scrape_end(scrape);
    ck_assert_int_eq(suspended + resumed, 0);
    ck_assert(snapshot_is_mine(wall.snapshot));
}
END_TEST

/* Would catch a connection that is never resumed, or resumed twice. */
START_TEST(waiting)
{
    struct snapshot *snapshot = NULL;
    struct scrape *scrape = NULL;

    wall.mode = WALL_KEEP;
    ck_assert_int_eq(scrape_begin(scrapes, 100, &wall, &scrape), 0);
    ck_assert(scrape_waits(scrape));
    ck_assert_int_eq(suspended, 1);
    ck_assert_uint_eq(scrapes_expire(scrapes, 99), 100);
    ck_assert_int_eq(resumed, 0);
    wall_release(&wall);
    ck_assert_int_eq(resumed, 1);
    ck_assert_uint_eq(scrapes_expire(scrapes, 1000), UINT64_MAX);
    scrapes_close(scrapes);
    ck_assert_int_eq(resumed, 1);
    ck_assert(!scrape_waits(scrape));
    ck_assert_int_eq(scrape_answer(scrape, &snapshot), 0);
    snapshot_unref(snapshot);
    scrape_end(scrape);
}
END_TEST

/* Would catch a use of a scrape that is gone by an answer that comes too late. */
START_TEST(too_late)
{
    struct snapshot *snapshot = NULL;
    struct scrape *expired = NULL, *gone = NULL, *unasked = NULL;

    wall.mode = WALL_KEEP;
    ck_assert_int_eq(scrape_begin(scrapes, 100, &wall, &expired), 0);
    ck_assert_int_eq(scrape_begin(scrapes, 200, &wall, &gone), 0);
    ck_assert_int_eq(scrape_begin(scrapes, 200, &wall, &unasked), -EAGAIN);
    ck_assert(scrape_waits(expired));
    ck_assert_uint_eq(scrapes_expire(scrapes, 100), 200);
    ck_assert_int_eq(resumed, 1);
    ck_assert_int_eq(scrape_answer(expired, &snapshot), -ETIMEDOUT);
    scrape_end(gone); /* its client went away before it was suspended */
    scrape_end(expired);
    scrapes = scrapes_free(scrapes);
    wall_release(&wall);
    ck_assert_int_eq(resumed, 1);
    ck_assert(snapshot_is_mine(wall.snapshot));
}
END_TEST

/* Would catch a stop that leaves a connection suspended, and a refusal that leaks a place. */
START_TEST(closing)
{
    struct snapshot *snapshot = NULL;
    struct scrape *scrape = NULL, *second = NULL;

    wall.mode = WALL_REFUSE;
    wall.error = -EIO;
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(scrape_begin(scrapes, 100, &wall, &scrape), -EIO);
    wall.mode = WALL_KEEP;
    ck_assert_int_eq(scrape_begin(scrapes, 100, &wall, &scrape), 0);
    ck_assert(scrape_waits(scrape));
    scrapes_close(scrapes);
    ck_assert_int_eq(resumed, 1);
    ck_assert(!scrape_waits(scrape));
    ck_assert_int_eq(scrape_answer(scrape, &snapshot), -ESHUTDOWN);
    ck_assert_int_eq(scrape_begin(scrapes, 100, &wall, &second), -ESHUTDOWN);
    wall_release(&wall);
    ck_assert_int_eq(resumed, 1);
    scrape_end(scrape);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scrapes");
    TCase *tests = tcase_create("scrapes");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, at_once);
    tcase_add_test(tests, waiting);
    tcase_add_test(tests, too_late);
    tcase_add_test(tests, closing);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
