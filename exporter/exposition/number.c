/* SPDX-License-Identifier: Apache-2.0 */
/* The tables behind number.h. */
#include "exposition/number.h"

#define ROW(tens)                                                                                  \
    tens, '0', tens, '1', tens, '2', tens, '3', tens, '4', tens, '5', tens, '6', tens, '7', tens,  \
        '8', tens, '9'

const char number_pairs[200] = {
    ROW('0'), ROW('1'), ROW('2'), ROW('3'), ROW('4'),
    ROW('5'), ROW('6'), ROW('7'), ROW('8'), ROW('9'),
};

const uint64_t number_powers_of_10[20] = {
    1U,
    10U,
    100U,
    1000U,
    10000U,
    100000U,
    1000000U,
    10000000U,
    100000000U,
    1000000000U,
    10000000000U,
    100000000000U,
    1000000000000U,
    10000000000000U,
    100000000000000U,
    1000000000000000U,
    10000000000000000U,
    100000000000000000U,
    1000000000000000000U,
    10000000000000000000U,
};
