/* SPDX-License-Identifier: Apache-2.0 */
#include "util/write_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "capture.h"
#include "suite.h"

static char directory[64], path[96], other[96];

static void set_up(void)
{
    snprintf(directory, sizeof(directory), "/tmp/write-file-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/metrics", directory);
    snprintf(other, sizeof(other), "%s/other", directory);
}

static void tear_down(void)
{
    unlink(path);
    rmdir(path);
    unlink(other);
    rmdir(directory);
}

static void expect_content(const char *file, const char *content)
{
    char found[256];
    ssize_t length;
    int fd = open(file, O_RDONLY | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    length = read(fd, found, sizeof(found));
    close(fd);
    ck_assert_int_eq(length, (ssize_t)strlen(content));
    ck_assert_mem_eq(found, content, strlen(content));
}

static int files_in_directory(void)
{
    DIR *listing = opendir(directory);
    int count = -2; /* . and .. */

    ck_assert_ptr_nonnull(listing);
    while (readdir(listing))
        count++;
    closedir(listing);
    return count;
}

/* Would catch a file that others cannot read, or that stands beside what it was made from. */
START_TEST(a_file_is_written_and_replaced)
{
    struct stat status;
    mode_t mask = umask(0077);

    ck_assert_int_eq(write_file(path, "one\n", 4), 0);
    expect_content(path, "one\n");
    ck_assert_int_eq(write_file(path, "2\n", 2), 0);
    expect_content(path, "2\n");
    ck_assert_int_eq(write_file(path, "", 0), 0);
    expect_content(path, "");
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0644);
    ck_assert_int_eq(files_in_directory(), 1);
    umask(mask);
}
END_TEST

/* Would catch writing into the file that a reader has open: it would see half of each. */
START_TEST(a_reader_keeps_what_it_opened)
{
    char found[8];
    int fd;

    ck_assert_int_eq(write_file(path, "old", 3), 0);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write_file(path, "fresh", 5), 0);
    ck_assert_int_eq(read(fd, found, sizeof(found)), 3);
    ck_assert_mem_eq(found, "old", 3);
    close(fd);
}
END_TEST

/* Would catch an error that goes unsaid, or leaves something behind. */
START_TEST(errors_leave_everything_as_it_was)
{
    static char long_path[PATH_MAX + 10];

    ck_assert_int_eq(mkdir(path, 0755), 0);
    ck_assert_int_eq(write_file(path, "x", 1), -EISDIR);
    ck_assert_int_eq(files_in_directory(), 1);
    ck_assert_int_eq(rmdir(path), 0);

    snprintf(other, sizeof(other), "%s/missing/file", directory);
    ck_assert_int_eq(write_file(other, "x", 1), -ENOENT);
    memset(long_path, 'a', sizeof(long_path) - 1);
    ck_assert_int_eq(write_file(long_path, "x", 1), -ENAMETOOLONG);
    ck_assert_int_eq(files_in_directory(), 0);
}
END_TEST

/* Would catch /dev/null or a pipe being replaced by a file: as root that is for everybody. */
START_TEST(what_is_no_file_is_written_to)
{
    char found[8];
    struct stat status;
    int fd;

    ck_assert_int_eq(mkfifo(path, 0600), 0);
    fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write_file(path, "fifo", 4), 0);
    ck_assert_int_eq(read(fd, found, sizeof(found)), 4);
    ck_assert_mem_eq(found, "fifo", 4);
    close(fd);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert(S_ISFIFO(status.st_mode));
    ck_assert_int_eq(files_in_directory(), 1);
}
END_TEST

/* Would catch /dev/stdout, a link, being replaced. */
START_TEST(a_link_is_followed)
{
    struct stat status;

    ck_assert_int_eq(write_file(other, "something long", 14), 0);
    ck_assert_int_eq(symlink(other, path), 0);
    ck_assert_int_eq(write_file(path, "short", 5), 0);
    expect_content(other, "short");
    ck_assert_int_eq(lstat(path, &status), 0);
    ck_assert(S_ISLNK(status.st_mode));
}
END_TEST

/* Would catch metrics lost on their way to a terminal or a pipe, and a full disk that is not told.
 */
START_TEST(an_empty_path_is_standard_output)
{
    struct capture capture;
    char found[64];
    int before, full, r;

    capture_begin(&capture, STDOUT_FILENO);
    r = write_file("", "to\0all", 6);
    ck_assert_uint_eq(capture_end(&capture, found, sizeof(found)), 6);
    ck_assert_int_eq(r, 0);
    ck_assert_mem_eq(found, "to\0all", 6);

    before = dup(STDOUT_FILENO);
    full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(full, 0);
    fflush(stdout);
    dup2(full, STDOUT_FILENO);
    r = write_file("", "x", 1);
    dup2(before, STDOUT_FILENO);
    close(before);
    close(full);
    ck_assert_int_eq(r, -ENOSPC);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("write-file");
    TCase *tests = tcase_create("write-file");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_file_is_written_and_replaced);
    tcase_add_test(tests, a_reader_keeps_what_it_opened);
    tcase_add_test(tests, errors_leave_everything_as_it_was);
    tcase_add_test(tests, what_is_no_file_is_written_to);
    tcase_add_test(tests, a_link_is_followed);
    tcase_add_test(tests, an_empty_path_is_standard_output);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
