/* SPDX-License-Identifier: Apache-2.0 */
#include "util/printable.h"

#include <string.h>

#include "suite.h"

/* Would catch a byte that ends a line or drives a terminal. */
START_TEST(every_byte_is_harmless)
{
    char text[16];

    for (unsigned int byte = 0; byte < 256; byte++) {
        char bytes[] = {'a', (char)byte, 'b'};
        size_t length = printable(bytes, sizeof(bytes), text, sizeof(text));

        ck_assert_uint_eq(length, strlen(text));
        ck_assert_uint_eq(length, byte >= 0x20 && byte < 0x7f ? 3 : 6);
        for (size_t i = 0; i < length; i++)
            ck_assert(text[i] >= 0x20 && text[i] < 0x7f);
    }
}
END_TEST

/* Would catch a write behind the text, a cut within an escape, and a cut that does not show. */
START_TEST(what_does_not_fit_is_cut)
{
    for (size_t size = 8; size < 40; size++)
        for (size_t plain = 0; plain < 40; plain++) {
            char bytes[40], text[64], whole[200];
            size_t length, full;

            memset(bytes, '\x01', sizeof(bytes));
            memset(bytes, 'a', plain);
            memset(text, 'Z', sizeof(text));
            full = printable(bytes, sizeof(bytes), whole, sizeof(whole));
            ck_assert_uint_eq(full, plain + (sizeof(bytes) - plain) * 4);
            length = printable(bytes, sizeof(bytes), text, size);
            ck_assert_uint_eq(length, strlen(text));
            ck_assert_uint_lt(length, size);
            ck_assert_int_eq(text[size], 'Z');
            ck_assert_str_eq(text + length - 3, "...");
            ck_assert_uint_gt(length + 4, size - 4);
            ck_assert_int_eq(memcmp(text, whole, length - 3), 0);
            ck_assert(length - 3 <= plain || (length - 3 - plain) % 4 == 0);
        }
}
END_TEST

/* Would catch dots behind a text that just fits. */
START_TEST(what_fits_is_whole)
{
    char text[9];

    ck_assert_uint_eq(printable("12345678", 8, text, sizeof(text)), 8);
    ck_assert_str_eq(text, "12345678");
    ck_assert_uint_eq(printable("1234\n", 5, text, sizeof(text)), 8);
    ck_assert_str_eq(text, "1234\\x0a");
    ck_assert_uint_eq(printable("", 0, text, sizeof(text)), 0);
    ck_assert_str_eq(text, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("printable");
    TCase *tests = tcase_create("printable");

    tcase_add_test(tests, every_byte_is_harmless);
    tcase_add_test(tests, what_does_not_fit_is_cut);
    tcase_add_test(tests, what_fits_is_whole);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
