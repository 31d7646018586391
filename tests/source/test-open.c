/* SPDX-License-Identifier: Apache-2.0 */
/* Which source is opened, and what is said when none can be: here, where there is no Xen. */
#include "source/open.h"

#include <errno.h>
#include <string.h>

#include "capture.h"
#include "suite.h"

/* Opens, and leaves what was said in `text`. */
static int open_and_listen(enum options_source which, struct source **ret_source, char *text,
                           size_t size)
{
    const struct options options = {.source = which,
                                    .simulated = {.domains = 1, .vcpus = 1, .pcpus = 1, .seed = 1}};
    struct capture capture;
    int r;

    capture_begin(&capture, STDERR_FILENO);
    r = source_open(&options, ret_source);
    capture_end(&capture, text, size);
    return r;
}

/* Would catch an invented host, a crash, or an error that leaves the reader without a way out. */
START_TEST(without_xen_every_real_source_says_so)
{
    static const enum options_source real[] = {OPTIONS_SOURCE_AUTO, OPTIONS_SOURCE_PAGES,
                                               OPTIONS_SOURCE_HYPERCALLS};
    struct source *source = NULL;
    char text[4096];

    if (access("/dev/xen/privcmd", F_OK) == 0)
        return; /* this is a Dom0 */
    ck_assert_int_lt(open_and_listen(real[_i], &source, text, sizeof(text)), 0);
    ck_assert_ptr_null(source);
    ck_assert_ptr_nonnull(strstr(text, "--source=simulated"));
    ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
}
END_TEST

/* Would catch the one source that is there anywhere failing, or taking another's name. */
START_TEST(simulated_is_asked_for_by_name)
{
    cleanup(cleanup_source) struct source *source = NULL;
    char text[4096];

    ck_assert_int_eq(open_and_listen(OPTIONS_SOURCE_SIMULATED, &source, text, sizeof(text)), 0);
    ck_assert_uint_eq(source->id, SNAPSHOT_SOURCE_SIMULATED);
    ck_assert_str_eq(text, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("open");
    TCase *tests = tcase_create("open");

    tcase_add_loop_test(tests, without_xen_every_real_source_says_so, 0, 3);
    tcase_add_test(tests, simulated_is_asked_for_by_name);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
