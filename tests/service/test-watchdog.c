/* SPDX-License-Identifier: Apache-2.0 */
#include "service/watchdog.h"

#include <string.h>

#include "suite.h"
#include "util/pulse.h"

#define PATIENCE_NS 1000

struct thread {
    struct pulse pulse;
    unsigned int asked;
    bool excused;
};

static struct thread one, two;
static struct watchdog watchdog;

static void ask(void *userdata)
{
    struct thread *thread = userdata;

    pulse_ask(&thread->pulse);
    thread->asked++;
}

static bool answered(void *userdata)
{
    struct thread *thread = userdata;

    return thread->excused || pulse_answered(&thread->pulse);
}

static void set_up(void)
{
    memset(&one, 0, sizeof(one));
    memset(&two, 0, sizeof(two));
    watchdog = (struct watchdog){.patience_ns = PATIENCE_NS};
    watchdog_add(&watchdog, &(struct watchdog_thread){"one", ask, answered, &one});
    watchdog_add(&watchdog, &(struct watchdog_thread){"two", ask, answered, &two});
}

/* Would catch a thread that is asked once and then forgotten. */
START_TEST(who_answers_is_asked_again)
{
    for (unsigned int turn = 1; turn < 10; turn++) {
        ck_assert_ptr_null(watchdog_check(&watchdog, turn * 10 * PATIENCE_NS));
        ck_assert_uint_eq(one.asked, turn);
        ck_assert_uint_eq(two.asked, turn);
        pulse_answer(&one.pulse);
        pulse_answer(&two.pulse);
    }
}
END_TEST

/* Would catch a silent thread that is covered by one that answers, or blamed too early. */
START_TEST(who_is_silent_is_named)
{
    const struct watchdog_thread *late;

    ck_assert_ptr_null(watchdog_check(&watchdog, 5000));
    for (uint64_t ns = 5000; ns <= 5000 + PATIENCE_NS; ns += PATIENCE_NS / 4) {
        pulse_answer(&one.pulse);
        ck_assert_ptr_null(watchdog_check(&watchdog, ns));
    }
    pulse_answer(&one.pulse);
    late = watchdog_check(&watchdog, 5000 + PATIENCE_NS + 1);
    ck_assert_ptr_nonnull(late);
    ck_assert_str_eq(late->name, "two");
    ck_assert_uint_eq(two.asked, 1); /* a question that is open is not repeated */

    /* It answers after all. */
    pulse_answer(&one.pulse);
    pulse_answer(&two.pulse);
    ck_assert_ptr_null(watchdog_check(&watchdog, 7000));
    ck_assert_uint_eq(two.asked, 2);
}
END_TEST

/* Would catch a restart for something that a restart cannot mend. */
START_TEST(who_is_excused_is_well)
{
    two.excused = true;
    for (uint64_t ns = 1; ns < 100 * PATIENCE_NS; ns += PATIENCE_NS) {
        pulse_answer(&one.pulse);
        ck_assert_ptr_null(watchdog_check(&watchdog, ns));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watchdog");
    TCase *tests = tcase_create("watchdog");

    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, who_answers_is_asked_again);
    tcase_add_test(tests, who_is_silent_is_named);
    tcase_add_test(tests, who_is_excused_is_well);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
