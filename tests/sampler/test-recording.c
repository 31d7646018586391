/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings: what was written is read again, and nothing else is believed. */
#include "sampler/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "collectors.h"
#include "exposition/exposition.h"
#include "exposition/host.h"
#include "sampler/recorder.h"
#include "sampler/request_recording.h"
#include "suite.h"

static struct buf file;
static char directory[64], path[128];

static void set_up(void)
{
    file = BUF_NULL;
    recording_write_header(&file);
    snprintf(directory, sizeof(directory), "/tmp/recording-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/recording", directory);
}

static void tear_down(void)
{
    buf_deinit(&file);
    unlink(path);
    ck_assert_msg(rmdir(directory) == 0, "something was left behind in %s", directory);
}

static void add(uint32_t domains, uint32_t vcpus, int hostile)
{
    struct snapshot *snapshot = host_new(domains, vcpus, hostile);

    ck_assert_int_eq(recording_write(&file, snapshot), 0);
    snapshot_unref(snapshot);
}

static size_t header_length(void)
{
    const char *reason;
    size_t used;

    ck_assert_int_eq(recording_read_header(file.data, file.length, &used, &reason), 0);
    return used;
}

static char *render(const struct snapshot *snapshot, enum exposition_format format)
{
    static const struct exposition_options options = {
        .layout = {.version = "1.2.3", .collectors = COLLECTORS_ALL}};
    struct buf out = BUF_NULL;
    char *process;

    ck_assert_int_eq(exposition_render_once(snapshot, format, &options, &out), 0);
    buf_append_byte(&out, '\0');
    ck_assert_int_eq(buf_error(&out), 0);
    process = strstr(out.data, "# TYPE process_");
    ck_assert_ptr_nonnull(process);
    *process = '\0';
    return out.data;
}

static struct snapshot *read_back(size_t at, size_t *ret_used)
{
    struct snapshot *snapshot;
    const char *reason = NULL;
    int r = recording_read(file.data + at, file.length - at, &snapshot, ret_used, &reason);

    ck_assert_msg(r == 0, "%d: %s", r, reason);
    return snapshot;
}

/* Would catch a value, a name or a column that comes back as another. */
START_TEST(what_was_written_is_read_again)
{
    static const struct {
        uint32_t domains, vcpus;
        int hostile;
    } hosts[] = {{0, 0, 0}, {1, 1, 0}, {3, 2, 0}, {40, 3, 1}};
    struct snapshot *original = host_new(hosts[_i].domains, hosts[_i].vcpus, hosts[_i].hostile),
                    *copy;
    size_t start = header_length(), used;
    struct buf again = BUF_NULL;

    original->columns[SNAPSHOT_PCPU] = 0;
    original->now_ns = 12345;
    original->unix_ns = 67890;
    ck_assert_int_eq(recording_write(&file, original), 0);
    copy = read_back(start, &used);
    ck_assert_uint_eq(used, file.length - start);
    ck_assert_uint_eq(copy->now_ns, 12345);
    ck_assert_uint_eq(copy->unix_ns, 67890);
    for (int format = 0; format < FORMATS; format++) {
        char *first = render(original, format), *second = render(copy, format);

        ck_assert_str_eq(first, second);
        free(first);
        free(second);
    }
    /* And byte for byte. */
    ck_assert_int_eq(recording_write(&again, copy), 0);
    ck_assert_uint_eq(again.length, used);
    ck_assert_mem_eq(again.data, file.data + start, used);
    buf_deinit(&again);
    snapshot_unref(original);
    snapshot_unref(copy);
}
END_TEST

static void write_path(const void *bytes, size_t length)
{
    FILE *out = fopen(path, "w");

    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(bytes, 1, length, out), length);
    fclose(out);
}

/* What is wrong with the file, or NULL when it is taken. */
static const char *complaint(const void *bytes, size_t length)
{
    cleanup(cleanup_request_recording) struct request_recording *recording = NULL;
    const char *reason = "no reason";
    int r;

    write_path(bytes, length);
    r = request_recording_new(path, &recording, &reason);
    ck_assert_int_le(r, 0);
    return r == 0 ? NULL : reason ? reason : strerror(-r);
}

/* Would catch a crash, a hang, or a part believed, wherever a file ends. */
START_TEST(a_file_cut_anywhere_is_refused)
{
    size_t first;

    add(3, 2, 1);
    first = file.length;
    add(2, 1, 0);
    for (size_t length = 0; length < file.length; length += 1 + length / 97) {
        const char *said = complaint(file.data, length);

        if (length == first)
            ck_assert_ptr_null(said);
        else
            ck_assert_msg(said && strlen(said) > 10, "%zu of %zu bytes: %s", length, file.length,
                          said);
    }
    ck_assert_ptr_null(complaint(file.data, file.length));
}
END_TEST

/* Would catch damage that passes for numbers. */
START_TEST(a_changed_bit_is_refused)
{
    add(2, 2, 0);
    for (size_t at = 0; at < file.length; at += 1 + at / 61) {
        file.data[at] ^= (char)(1 << at % 8);
        ck_assert_msg(complaint(file.data, file.length), "byte %zu", at);
        file.data[at] ^= (char)(1 << at % 8);
    }
    ck_assert_ptr_null(complaint(file.data, file.length));
}
END_TEST

/* The checksum is no secret: whoever changes a file on purpose puts it right. */
static void put_checksum_right(size_t start)
{
    uint64_t sum = 0xcbf29ce484222325ULL;

    for (size_t i = start + 24; i < file.length; i++)
        sum = (sum ^ (uint8_t)file.data[i]) * 0x100000001b3ULL;
    memcpy(file.data + start + 16, &sum, sizeof(sum));
}

/* Would catch any count, length or order that is believed: many lies with a true checksum. */
START_TEST(lies_are_refused_or_harmless)
{
    size_t start = header_length(), values, structure;
    unsigned int refused = 0;
    struct buf truth = BUF_NULL;

    add(5, 2, 0);
    buf_append(&truth, file.data, file.length);
    /* Values may be anything; what says how they are laid out may not. */
    {
        size_t used;
        struct snapshot *snapshot = read_back(start, &used);

        values = 0;
        for (unsigned int kind = 0; kind < SNAPSHOT_KINDS; kind++)
            values += (size_t)snapshot_rows(snapshot->topology, kind) * snapshot->fields[kind] * 8;
        snapshot_unref(snapshot);
    }
    structure = file.length - start - values;
    srand((unsigned int)_i + 1);
    for (int lie = 0; lie < 250; lie++) {
        static const uint32_t favourites[] = {0,          1,          2,      0x7fffffff,
                                              0x80000000, 0xffffffff, 0x7ff0, 4097};
        cleanup(cleanup_snapshot) struct snapshot *snapshot = NULL;
        const char *reason = NULL;
        size_t used, at = start + (size_t)rand() % structure / 4 * 4;
        uint32_t word = rand() % 2 ? favourites[rand() % 8] : (uint32_t)rand();

        memcpy(file.data, truth.data, truth.length);
        memcpy(file.data + at, &word, sizeof(word));
        put_checksum_right(start);
        if (recording_read(file.data + start, file.length - start, &snapshot, &used, &reason) < 0) {
            ck_assert_ptr_nonnull(reason);
            refused++;
            continue;
        }
        /* What is taken can be shown. */
        free(render(snapshot, FORMAT_OPENMETRICS));
    }
    ck_assert_uint_gt(refused, 25);
    buf_deinit(&truth);
}
END_TEST

/* Would catch a file of another program, or of another version, read as one of ours. */
START_TEST(others_are_named)
{
    add(1, 1, 0);
    ck_assert_str_eq(complaint("", 0), "it is not a recording");
    ck_assert_str_eq(complaint("# TYPE a counter\n", 17), "it is not a recording");
    file.data[8]++;
    ck_assert_str_eq(complaint(file.data, file.length), "another version of this program wrote it");
    file.data[8]--;
    ck_assert_str_eq(complaint(file.data, header_length()), "there is no snapshot in it");
    unlink(path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    {
        struct request_recording *recording;
        const char *reason;

        ck_assert_int_lt(request_recording_new(path, &recording, &reason), 0);
        ck_assert_int_eq(rmdir(path), 0);
        ck_assert_int_eq(request_recording_new(path, &recording, &reason), -ENOENT);
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        ck_assert_int_eq(request_recording_new(path, &recording, &reason), -EINVAL);
        ck_assert_str_eq(reason, "it is not a file");
    }
}
END_TEST

/* Would catch a file longer than the bound read into memory. */
START_TEST(a_file_beyond_the_bound_is_not_read)
{
    struct request_recording *recording;
    const char *reason;

    add(1, 1, 0);
    write_path(file.data, file.length);
    ck_assert_int_eq(truncate(path, RECORDING_BYTES_MAX + 1L), 0);
    ck_assert_int_eq(request_recording_new(path, &recording, &reason), -EFBIG);
}
END_TEST

struct answer {
    int error;
    struct snapshot *snapshot;
};

static void done(void *userdata, int error, struct snapshot *snapshot)
{
    *(struct answer *)userdata = (struct answer){error, snapshot};
}

/* Would catch snapshots skipped, out of order, or a recording that starts anew with lower counters.
 */
START_TEST(requests_get_one_snapshot_after_the_other)
{
    cleanup(cleanup_request_recording) struct request_recording *recording = NULL;
    const char *reason;

    for (uint32_t domains = 1; domains <= 3; domains++)
        add(domains, 1, 0);
    write_path(file.data, file.length);
    ck_assert_int_eq(request_recording_new(path, &recording, &reason), 0);
    ck_assert_uint_eq(request_recording_snapshots(recording), 3);
    ck_assert_uint_eq(request_recording_domains(recording), 1);
    for (uint32_t turn = 1; turn <= 5; turn++) {
        struct answer answer = {-1, NULL};

        ck_assert_int_eq(request_ask(request_recording_wall(recording), 0, done, &answer), 0);
        ck_assert_int_eq(answer.error, 0);
        ck_assert_uint_eq(answer.snapshot->topology->domains, turn < 3 ? turn : 3);
        ck_assert_uint_eq(answer.snapshot->source, SNAPSHOT_SOURCE_RECORDING);
        snapshot_unref(answer.snapshot);
    }
}
END_TEST

static unsigned int files_there(void)
{
    char pattern[160];
    glob_t found;
    size_t count;

    snprintf(pattern, sizeof(pattern), "%s/*", directory);
    count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return (unsigned int)count;
}

/* Would catch a file that is seen half, that others can read, or that is left behind. */
START_TEST(a_recording_appears_when_it_is_complete)
{
    struct snapshot *snapshot = host_new(3, 2, 1);
    struct request_recording *recording;
    struct recorder *recorder;
    struct stat status;
    const char *reason;
    mode_t before = umask(0);

    ck_assert_int_eq(recorder_new(path, &recorder), 0);
    recorder_add(recorder, snapshot);
    recorder_add(recorder, snapshot);
    ck_assert_int_ne(access(path, F_OK), 0);
    recorder_free(recorder);
    umask(before);
    ck_assert_uint_eq(files_there(), 1);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0600);
    ck_assert_int_eq(request_recording_new(path, &recording, &reason), 0);
    ck_assert_uint_eq(request_recording_snapshots(recording), 2);
    request_recording_free(recording);
    snapshot_unref(snapshot);
}
END_TEST

/* Would catch a good recording lost to one of nothing. */
START_TEST(nothing_recorded_nothing_replaced)
{
    struct recorder *recorder;

    write_path("before", 6);
    ck_assert_int_eq(recorder_new(path, &recorder), 0);
    recorder_free(recorder);
    ck_assert_uint_eq(files_there(), 1);
    ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

/* Would catch a disk filled by whoever scrapes. */
START_TEST(a_recording_is_bounded)
{
    struct snapshot *snapshot = host_new(1000, 4, 0);
    struct request_recording *recording;
    struct recorder *recorder;
    struct stat status;
    const char *reason;

    ck_assert_int_eq(recorder_new(path, &recorder), 0);
    for (int i = 0; i < 1000 && access(path, F_OK) != 0; i++)
        recorder_add(recorder, snapshot);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_le(status.st_size, RECORDING_BYTES_MAX);
    recorder_add(recorder, snapshot);
    recorder_free(recorder);
    ck_assert_int_eq(request_recording_new(path, &recording, &reason), 0);
    ck_assert_uint_gt(request_recording_snapshots(recording), 1);
    request_recording_free(recording);
    snapshot_unref(snapshot);
}
END_TEST

/* Would catch a device or a link replaced by a file. */
START_TEST(only_files_are_replaced)
{
    struct recorder *recorder;

    ck_assert_int_eq(symlink("/dev/null", path), 0);
    ck_assert_int_eq(recorder_new(path, &recorder), -EEXIST);
    ck_assert_uint_eq(files_there(), 1);
    ck_assert_int_eq(recorder_new("/nowhere/at/all", &recorder), -ENOENT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recording");
    TCase *tests = tcase_create("recording");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, what_was_written_is_read_again, 0, 4);
    tcase_add_test(tests, a_file_cut_anywhere_is_refused);
    tcase_add_test(tests, a_changed_bit_is_refused);
    tcase_add_loop_test(tests, lies_are_refused_or_harmless, 0, 4);
    tcase_add_test(tests, others_are_named);
    tcase_add_test(tests, a_file_beyond_the_bound_is_not_read);
    tcase_add_test(tests, requests_get_one_snapshot_after_the_other);
    tcase_add_test(tests, a_recording_appears_when_it_is_complete);
    tcase_add_test(tests, nothing_recorded_nothing_replaced);
    tcase_add_test(tests, a_recording_is_bounded);
    tcase_add_test(tests, only_files_are_replaced);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
