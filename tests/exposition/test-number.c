/* SPDX-License-Identifier: Apache-2.0 */
#include "exposition/number.h"

#include <inttypes.h>
#include <stdio.h>

#include "suite.h"

/* Both formatters against printf(), with a guard byte behind the text. */
static void check(uint64_t value)
{
    char out[NUMBER_MAX + 1], expected[64];
    size_t length;

    memset(out, '~', sizeof(out));
    length = (size_t)(number_put(out, value) - out);
    ck_assert_uint_eq(length, snprintf(expected, sizeof(expected), "%" PRIu64, value));
    ck_assert_mem_eq(out, expected, length);
    ck_assert_int_eq(out[length], '~');

    memset(out, '~', sizeof(out));
    length = (size_t)(number_put_seconds(out, value) - out);
    ck_assert_uint_eq(length, snprintf(expected, sizeof(expected), "%" PRIu64 ".%09" PRIu64,
                                       value / 1000000000U, value % 1000000000U));
    ck_assert_mem_eq(out, expected, length);
    ck_assert_int_eq(out[length], '~');
}

/* Would catch a digit count that is wrong at a border, and so a number a factor of ten off. */
START_TEST(borders)
{
    for (uint64_t power = 1; power; power <<= 1) {
        check(power - 1);
        check(power);
        check(power + 1);
    }
    for (uint64_t power = 1, i = 0; i < 20; i++, power *= 10) {
        check(power - 1);
        check(power);
        check(power + 1);
    }
    check(UINT64_MAX);
}
END_TEST

/* Would catch a pair of digits taken from the wrong place. */
START_TEST(many)
{
    uint64_t value = 88172645463325252U;

    for (int i = 0; i < 100000; i++) {
        value ^= value << 13;
        value ^= value >> 7;
        value ^= value << 17;
        check(value >> (i % 64));
    }
    for (uint64_t small = 0; small < 20000; small++)
        check(small);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("number");
    TCase *tests = tcase_create("number");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, borders);
    tcase_add_test(tests, many);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
