/* SPDX-License-Identifier: Apache-2.0 */
#include "source/clock.h"

#include "suite.h"

#define SECOND 1000000000ULL

/* Would catch an anchor that takes the oldest stamp, or an age that is added instead of dropped. */
START_TEST(the_freshest_stamp_anchors)
{
    struct xen_clock clock = {0};

    ck_assert_uint_eq(clock_now(&clock, NULL, 5 * SECOND, 0), 0);
    clock_observe(&clock, 100 * SECOND, 10 * SECOND); /* offset 90 s */
    ck_assert_uint_eq(clock_now(&clock, NULL, 11 * SECOND, 0), 101 * SECOND);
    clock_observe(&clock, 101 * SECOND, 12 * SECOND); /* an older stamp: 1 s of age */
    ck_assert_uint_eq(clock_now(&clock, NULL, 12 * SECOND, 0), 102 * SECOND);
    clock_observe(&clock, 104 * SECOND, 13 * SECOND); /* a better bound: offset 91 s */
    ck_assert_uint_eq(clock_now(&clock, NULL, 13 * SECOND, 0), 104 * SECOND);
}
END_TEST

/* Would catch a bound that is trusted for ever although the two clocks drift apart. */
START_TEST(old_bounds_are_dropped_without_going_back)
{
    struct xen_clock clock = {0};
    uint64_t raw = 10 * SECOND, now = 0, before = 0;

    /* Xen's clock is slower than ours by 100 ppm: the first offset is too large soon. */
    for (unsigned int i = 0; i < 600; i++, raw += SECOND / 2) {
        uint64_t xen = 100 * SECOND + (raw - 10 * SECOND) / 10000 * 9999;

        clock_observe(&clock, xen, raw);
        now = clock_now(&clock, NULL, raw, 0);
        ck_assert_uint_ge(now, before);
        ck_assert_uint_ge(now, xen);
        /* Two windows at 100 ppm. */
        ck_assert_uint_le(now - xen, 2 * CLOCK_WINDOW_NS / 10000 + SECOND / 10000);
        before = now;
    }
}
END_TEST

/* Would catch garbage in a page moving the clock. */
START_TEST(absurd_stamps_are_ignored)
{
    struct xen_clock clock = {0};

    clock_observe(&clock, 0, SECOND);
    clock_observe(&clock, UINT64_MAX, SECOND);
    clock_observe(&clock, 1ULL << 62, SECOND);
    ck_assert(!clock.anchored);
}
END_TEST

/* Values by hand: 1 GHz is 1 tick a nanosecond, mul is a 32-bit fraction. */
START_TEST(tsc_scaling)
{
    struct stats_clock pair = {
        .record.flags = STATS_RECORD_VALID | STATS_CLOCK_TSC_USABLE,
        .tsc = 1000,
        .system_time = 50 * SECOND,
        .tsc_to_ns_mul = 0x80000000U,
        .tsc_shift = 1,
    };
    struct xen_clock clock = {0};

    ck_assert_uint_eq(clock_scale_tsc(&pair, 1000 + 12345), 50 * SECOND + 12345);
    ck_assert_uint_eq(clock_scale_tsc(&pair, 999), 50 * SECOND);
    pair.tsc_shift = -1;
    ck_assert_uint_eq(clock_scale_tsc(&pair, 1000 + 4000), 50 * SECOND + 1000);
    /* 2^40 ticks do not overflow a product of 72 bits. */
    ck_assert_uint_eq(clock_scale_tsc(&pair, 1000 + (1ULL << 40)), 50 * SECOND + (1ULL << 38));

    ck_assert_uint_eq(clock_now(&clock, &pair, 7, 1000 + 4000), 50 * SECOND + 1000);
    /* Never backwards, whatever the next pair says. */
    pair.system_time = 49 * SECOND;
    ck_assert_uint_eq(clock_now(&clock, &pair, 7, 1000 + 4000), 50 * SECOND + 1000);
    pair.tsc_shift = 1000;
    ck_assert_uint_eq(clock_scale_tsc(&pair, 5000), 49 * SECOND);
}
END_TEST

/* Would catch a TSC being used that the hypervisor does not vouch for. */
START_TEST(an_unusable_tsc_is_not_used)
{
    struct stats_clock pair = {
        .record.flags = STATS_RECORD_VALID,
        .tsc = 0,
        .system_time = 50 * SECOND,
        .tsc_to_ns_mul = UINT32_MAX,
    };
    struct xen_clock clock = {0};

    clock_observe(&clock, 60 * SECOND, 1 * SECOND);
    ck_assert_uint_eq(clock_now(&clock, &pair, 2 * SECOND, 1ULL << 40), 61 * SECOND);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clock");
    TCase *tests = tcase_create("clock");

    tcase_add_test(tests, the_freshest_stamp_anchors);
    tcase_add_test(tests, old_bounds_are_dropped_without_going_back);
    tcase_add_test(tests, absurd_stamps_are_ignored);
    tcase_add_test(tests, tsc_scaling);
    tcase_add_test(tests, an_unusable_tsc_is_not_used);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
