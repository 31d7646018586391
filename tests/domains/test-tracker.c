/* SPDX-License-Identifier: Apache-2.0 */
#include "domains/tracker.h"

#include <stdlib.h>

#include "suite.h"

static struct domain_set wanted, known, gone;
static struct tracker_plan plan;

static void set_up(void)
{
    wanted = known = gone = (struct domain_set){0};
}

static uint32_t count(const struct domain_set *set)
{
    uint32_t members = 0;

    for (uint32_t domid = domain_set_next(set, 0); domid < DOMAIN_SET_LIMIT;
         domid = domain_set_next(set, domid + 1))
        members++;
    return members;
}

/* Would catch a domain missed, or one let go that is still there. */
START_TEST(the_difference_is_the_plan)
{
    domain_set_add(&wanted, 0);
    domain_set_add(&wanted, 7);
    domain_set_add(&wanted, DOMAIN_SET_LIMIT - 1);
    domain_set_add(&known, 0);
    domain_set_add(&known, 9);
    tracker_compare(&wanted, &known, &gone, &plan);
    ck_assert_uint_eq(count(&plan.add), 2);
    ck_assert(domain_set_has(&plan.add, 7));
    ck_assert(domain_set_has(&plan.add, DOMAIN_SET_LIMIT - 1));
    ck_assert_uint_eq(count(&plan.remove), 1);
    ck_assert(domain_set_has(&plan.remove, 9));
}
END_TEST

/* Would catch a new domain taken for the one that had its domid before. */
START_TEST(who_is_another_now_is_let_go_and_followed_anew)
{
    domain_set_add(&wanted, 3);
    domain_set_add(&known, 3);
    domain_set_add(&known, 4);
    domain_set_add(&gone, 3);
    domain_set_add(&gone, 4);
    tracker_compare(&wanted, &known, &gone, &plan);
    ck_assert(domain_set_has(&plan.remove, 3));
    ck_assert(domain_set_has(&plan.add, 3));
    ck_assert(domain_set_has(&plan.remove, 4));
    ck_assert(!domain_set_has(&plan.add, 4));
}
END_TEST

/* Would catch work without an occasion. */
START_TEST(nothing_changed_nothing_to_do)
{
    for (uint32_t domid = 0; domid < 100; domid += 3) {
        domain_set_add(&wanted, domid);
        domain_set_add(&known, domid);
    }
    tracker_compare(&wanted, &known, &gone, &plan);
    ck_assert_uint_eq(count(&plan.add), 0);
    ck_assert_uint_eq(count(&plan.remove), 0);
}
END_TEST

static bool leads_to_what_is_wanted(uint32_t domid)
{
    bool follows = domain_set_has(&known, domid), removed = domain_set_has(&plan.remove, domid),
         added = domain_set_has(&plan.add, domid), is_another = domain_set_has(&gone, domid);

    if ((removed && !follows) || (added && follows && !removed) ||
        (follows && is_another && !removed))
        return false;
    return ((follows && !removed) || added) == domain_set_has(&wanted, domid);
}

/* Would catch any case of the eight that one domid can be in: carrying out a plan gives `wanted`.
 */
START_TEST(a_plan_carried_out_leads_to_what_is_wanted)
{
    srand(1);
    for (int round = 0; round < 50; round++) {
        set_up();
        for (uint32_t domid = 0; domid < DOMAIN_SET_LIMIT; domid += 1 + (uint32_t)rand() % 50) {
            int dice = rand();

            if (dice & 1)
                domain_set_add(&wanted, domid);
            if (dice & 2)
                domain_set_add(&known, domid);
            if (dice & 4)
                domain_set_add(&gone, domid);
        }
        tracker_compare(&wanted, &known, &gone, &plan);
        for (uint32_t domid = 0; domid < DOMAIN_SET_LIMIT; domid++)
            if (!leads_to_what_is_wanted(domid))
                ck_abort_msg("domid %u in round %d", domid, round);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tracker");
    TCase *tests = tcase_create("tracker");

    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, the_difference_is_the_plan);
    tcase_add_test(tests, who_is_another_now_is_let_go_and_followed_anew);
    tcase_add_test(tests, nothing_changed_nothing_to_do);
    tcase_add_test(tests, a_plan_carried_out_leads_to_what_is_wanted);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
