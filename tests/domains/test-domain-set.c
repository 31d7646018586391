/* SPDX-License-Identifier: Apache-2.0 */
#include "domains/domain_set.h"

#include "suite.h"

static struct domain_set set;

static void set_up(void)
{
    set = (struct domain_set){0};
}

/* Would catch a walk that misses the ends of words, of the set, or its last member. */
START_TEST(the_walk_meets_every_member_once)
{
    static const uint32_t members[] = {0, 1, 62, 63, 64, 127, 128, 4095, 4096, 32750, 32751};
    uint32_t at = 0;

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        domain_set_add(&set, members[i]);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        at = domain_set_next(&set, at);
        ck_assert_uint_eq(at, members[i]);
        ck_assert(domain_set_has(&set, at));
        at++;
    }
    ck_assert_uint_eq(domain_set_next(&set, at), DOMAIN_SET_LIMIT);
}
END_TEST

/* Would catch a walk that never ends, or reads beyond the set. */
START_TEST(an_empty_set_has_no_members)
{
    for (uint32_t from = 0; from < DOMAIN_SET_LIMIT + 200; from++) {
        ck_assert_uint_eq(domain_set_next(&set, from), DOMAIN_SET_LIMIT);
        ck_assert(!domain_set_has(&set, from));
    }
    ck_assert_uint_eq(domain_set_next(&set, UINT32_MAX), DOMAIN_SET_LIMIT);
}
END_TEST

/* Would catch a removal that takes a neighbour along, or stays without effect. */
START_TEST(removal_takes_one)
{
    for (uint32_t domid = 60; domid < 70; domid++)
        domain_set_add(&set, domid);
    domain_set_remove(&set, 64);
    domain_set_remove(&set, 5);
    for (uint32_t domid = 0; domid < 200; domid++)
        ck_assert_int_eq(domain_set_has(&set, domid), domid >= 60 && domid < 70 && domid != 64);
}
END_TEST

/* Would catch a write beyond the set for what Xen reserves: DOMID_SELF, DOMID_XEN and so on. */
START_TEST(reserved_domids_are_no_members)
{
    static const uint32_t reserved[] = {DOMAIN_SET_LIMIT, 0x7ff2, 0x7fff, 0x8000, UINT32_MAX};

    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        domain_set_add(&set, reserved[i]);
        ck_assert(!domain_set_has(&set, reserved[i]));
        domain_set_remove(&set, reserved[i]);
    }
    for (uint32_t i = 0; i < DOMAIN_SET_WORDS; i++)
        ck_assert_uint_eq(set.word[i], 0);

    /* Bits of a foreign bitmap may be set there all the same. */
    set.word[DOMAIN_SET_WORDS - 1] = UINT64_MAX << 48;
    ck_assert_uint_eq(domain_set_next(&set, 0), DOMAIN_SET_LIMIT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("domain-set");
    TCase *tests = tcase_create("domain-set");

    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, the_walk_meets_every_member_once);
    tcase_add_test(tests, an_empty_set_has_no_members);
    tcase_add_test(tests, removal_takes_one);
    tcase_add_test(tests, reserved_domids_are_no_members);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
