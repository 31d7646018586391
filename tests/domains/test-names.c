/* SPDX-License-Identifier: Apache-2.0 */
/* The table of followed names, without any xenstore. */
#include "domains/names.h"

#include <stdlib.h>
#include <string.h>

#include "suite.h"

static struct names names;

static void set_up(void)
{
    names = (struct names){0};
}

static void tear_down(void)
{
    names_deinit(&names);
}

static void follow(uint32_t domid)
{
    ck_assert_int_eq(names_follow(&names, domid), 0);
}

static void check_task(enum names_task task, uint32_t domid)
{
    uint32_t whom = UINT32_MAX;

    ck_assert_int_eq(names_next_task(&names, 0, &whom), task);
    if (task != NAMES_NOTHING)
        ck_assert_uint_eq(whom, domid);
}

static bool set(uint32_t domid, uint64_t following, const char *text)
{
    char *name = text ? strdup(text) : NULL;
    bool taken = names_set(&names, domid, following, name, text ? strlen(text) : 0);

    if (!taken)
        free(name);
    return taken;
}

/* Would catch a domain never watched, watched twice, or a watch left behind. */
START_TEST(each_is_watched_once_and_unwatched_once)
{
    follow(9);
    follow(2);
    check_task(NAMES_WATCH, 2);
    check_task(NAMES_WATCH, 9);
    check_task(NAMES_NOTHING, 0);
    names_forget(&names, 2);
    check_task(NAMES_UNWATCH, 2);
    check_task(NAMES_NOTHING, 0);
    ck_assert_uint_eq(names.count, 1);
}
END_TEST

/* Would catch a domain that came and went before its turn, and is watched for ever. */
START_TEST(who_left_before_being_watched_is_dropped)
{
    follow(5);
    names_forget(&names, 5);
    check_task(NAMES_NOTHING, 0);
    ck_assert_uint_eq(names.count, 0);
}
END_TEST

/* Would catch the name of the dead given to the next domain of its domid. */
START_TEST(a_name_reaches_only_the_domain_it_was_read_for)
{
    uint64_t first, second;
    char *name = NULL;
    uint32_t domid;
    size_t length;

    follow(5);
    check_task(NAMES_WATCH, 5);
    first = names_following(&names, 5);
    names_forget(&names, 5);
    ck_assert_uint_eq(names_following(&names, 5), 0);
    follow(5);
    second = names_following(&names, 5);
    ck_assert_uint_ne(second, first);
    ck_assert(!set(5, first, "the dead"));
    ck_assert(!names_news(&names, &domid, &name, &length));

    /* The watch is still there, so nobody will say the new one's name unasked. */
    check_task(NAMES_READ, 5);
    check_task(NAMES_NOTHING, 0);
    ck_assert(set(5, second, "the living"));
    ck_assert(names_news(&names, &domid, &name, &length));
    ck_assert_uint_eq(domid, 5);
    ck_assert_uint_eq(length, 10);
    ck_assert_mem_eq(name, "the living", length);
    free(name);
    ck_assert(!names_news(&names, &domid, &name, &length));
}
END_TEST

/* Would catch a name told although its domain was given up meanwhile, and one lost by another. */
START_TEST(news_is_about_the_wanted)
{
    uint32_t domid;
    char *name = NULL;
    size_t length;

    follow(1);
    follow(2);
    ck_assert(set(1, names_following(&names, 1), "one"));
    ck_assert(set(2, names_following(&names, 2), "two"));
    ck_assert(set(2, names_following(&names, 2), NULL)); /* it lost its name again */
    names_forget(&names, 1);
    ck_assert(names_news(&names, &domid, &name, &length));
    ck_assert_uint_eq(domid, 2);
    ck_assert_ptr_null(name);
    ck_assert(!names_news(&names, &domid, &name, &length));
    ck_assert(!set(77, 1, "nobody"));
}
END_TEST

/* Would catch watches that a new connection does not have. */
START_TEST(a_new_connection_watches_everything_again)
{
    follow(1);
    follow(2);
    check_task(NAMES_WATCH, 1);
    check_task(NAMES_WATCH, 2);
    names_forget(&names, 2);
    names_unwatched(&names);
    check_task(NAMES_WATCH, 1);
    check_task(NAMES_NOTHING, 0);
    ck_assert_uint_eq(names.count, 1);
}
END_TEST

/* Would catch a table that grows wrongly, or a walk from the middle that starts at the front. */
START_TEST(many)
{
    uint32_t whom;

    for (uint32_t domid = 1000; domid-- > 0;)
        follow(domid);
    ck_assert_int_eq(names_next_task(&names, 600, &whom), NAMES_WATCH);
    ck_assert_uint_eq(whom, 600);
    for (uint32_t domid = 0; domid < 1000; domid++)
        if (domid != 600)
            check_task(NAMES_WATCH, domid);
    check_task(NAMES_NOTHING, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("names");
    TCase *tests = tcase_create("names");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, each_is_watched_once_and_unwatched_once);
    tcase_add_test(tests, who_left_before_being_watched_is_dropped);
    tcase_add_test(tests, a_name_reaches_only_the_domain_it_was_read_for);
    tcase_add_test(tests, news_is_about_the_wanted);
    tcase_add_test(tests, a_new_connection_watches_everything_again);
    tcase_add_test(tests, many);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
