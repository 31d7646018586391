/* SPDX-License-Identifier: Apache-2.0 */
/* What every Check suite's main() does: run one suite, print the counts, fail when a test failed.
 */
#pragma once

#include <check.h>
#include <stdlib.h>

static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    int failed, run;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    run = srunner_ntests_run(runner);
    srunner_free(runner);

    /* A suite that ran nothing has not passed. */
    return failed == 0 && run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
