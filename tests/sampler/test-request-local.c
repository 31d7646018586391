/* SPDX-License-Identifier: Apache-2.0 */
#include "sampler/request_local.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>

#include "sampler/sampler.h"
#include "source/source.h"
#include "suite.h"
#include "util/monotonic.h"

static struct sampler *sampler;
static struct request_local *requests;
static struct request_wall *wall;

/* What an asker was told. */
struct answer {
    unsigned int times;
    int error;
    struct snapshot *snapshot;
};

static void done(void *userdata, int error, struct snapshot *snapshot)
{
    struct answer *answer = userdata;

    answer->error = error;
    answer->snapshot = snapshot;
    __atomic_add_fetch(&answer->times, 1, __ATOMIC_RELEASE);
}

static uint64_t in_a_minute(void)
{
    return monotonic_ns() + 60 * NS_PER_S;
}

static bool somebody_waits(void)
{
    struct pollfd fd = {.fd = request_local_fd(requests), .events = POLLIN};

    return poll(&fd, 1, 0) == 1;
}

static void set_up(void)
{
    const struct simulated_config config = {.domains = 2, .vcpus = 1, .pcpus = 2, .seed = 1};
    struct frames *frames;
    struct source *source;
    const char *reason;

    ck_assert_int_eq(simulated_frames_new(&config, &frames), 0);
    ck_assert_int_eq(pages_source_new(frames, SNAPSHOT_SOURCE_SIMULATED, &source, &reason), 0);
    ck_assert_int_eq(sampler_new(source, NULL, &sampler), 0);
    ck_assert_int_eq(request_local_new(sampler, NULL, &requests), 0);
    wall = request_local_wall(requests);
}

static void tear_down(void)
{
    requests = request_local_free(requests);
    sampler = sampler_free(sampler);
}

/* Would catch a sample per asker, an answer given twice, or one reference for two owners. */
START_TEST(askers_share_one_snapshot)
{
    struct answer answers[3] = {{0}};

    ck_assert(!somebody_waits());
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(request_ask(wall, in_a_minute(), done, &answers[i]), 0);
    ck_assert(somebody_waits());
    request_local_answer(requests);
    ck_assert(!somebody_waits());
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(answers[i].times, 1);
        ck_assert_int_eq(answers[i].error, 0);
        ck_assert_ptr_nonnull(answers[i].snapshot);
        ck_assert_ptr_eq(answers[i].snapshot, answers[0].snapshot);
    }
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(answers[i].snapshot->topology->domains, 3);
        snapshot_unref(answers[i].snapshot);
    }

    request_local_answer(requests); /* nobody waits: nobody is told anything */
    ck_assert_uint_eq(answers[0].times, 1);
}
END_TEST

/* Would catch an asker who gave up being handed a snapshot that nobody will release. */
START_TEST(a_passed_deadline_is_an_error)
{
    struct answer late = {0}, patient = {0};

    ck_assert_int_eq(request_ask(wall, monotonic_ns() - 1, done, &late), 0);
    ck_assert_int_eq(request_ask(wall, in_a_minute(), done, &patient), 0);
    request_local_answer(requests);
    ck_assert_uint_eq(late.times, 1);
    ck_assert_int_eq(late.error, -ETIMEDOUT);
    ck_assert_ptr_null(late.snapshot);
    ck_assert_int_eq(patient.error, 0);
    ck_assert_ptr_nonnull(patient.snapshot);
    snapshot_unref(patient.snapshot);
}
END_TEST

/* Would catch a request that is left without an answer when the daemon ends. */
START_TEST(stopping_answers_everybody)
{
    struct answer waiting = {0}, refused = {0};

    ck_assert_int_eq(request_ask(wall, in_a_minute(), done, &waiting), 0);
    request_local_stop(requests);
    ck_assert_uint_eq(waiting.times, 1);
    ck_assert_int_eq(waiting.error, -ESHUTDOWN);
    ck_assert_ptr_null(waiting.snapshot);
    ck_assert_int_eq(request_ask(wall, in_a_minute(), done, &refused), -ESHUTDOWN);
    request_local_answer(requests);
    request_local_stop(requests);
    ck_assert_uint_eq(waiting.times, 1);
    ck_assert_uint_eq(refused.times, 0);
}
END_TEST

/* The same for the end without a stop before it. */
START_TEST(freeing_answers_everybody)
{
    struct answer waiting = {0};

    ck_assert_int_eq(request_ask(wall, in_a_minute(), done, &waiting), 0);
    requests = request_local_free(requests);
    ck_assert_uint_eq(waiting.times, 1);
    ck_assert_int_eq(waiting.error, -ESHUTDOWN);
}
END_TEST

/* Would catch a write behind the queue, and a queue that stays full. */
START_TEST(the_queue_has_an_end)
{
    static struct answer answers[REQUEST_LOCAL_MAX + 1];

    for (int i = 0; i < REQUEST_LOCAL_MAX; i++)
        ck_assert_int_eq(request_ask(wall, in_a_minute(), done, &answers[i]), 0);
    ck_assert_int_eq(request_ask(wall, in_a_minute(), done, &answers[REQUEST_LOCAL_MAX]), -EAGAIN);
    request_local_answer(requests);
    for (int i = 0; i < REQUEST_LOCAL_MAX; i++) {
        ck_assert_uint_eq(answers[i].times, 1);
        ck_assert_int_eq(answers[i].error, 0);
        snapshot_unref(answers[i].snapshot);
    }
    ck_assert_uint_eq(answers[REQUEST_LOCAL_MAX].times, 0);
    ck_assert_int_eq(request_ask(wall, in_a_minute(), done, &answers[REQUEST_LOCAL_MAX]), 0);
    request_local_answer(requests);
    ck_assert_uint_eq(answers[REQUEST_LOCAL_MAX].times, 1);
    snapshot_unref(answers[REQUEST_LOCAL_MAX].snapshot);
}
END_TEST

#define THREADS 4
#define ASKS    2000

static void *ask_on(void *userdata)
{
    struct answer *answers = userdata;

    for (int i = 0; i < ASKS;) {
        int r = request_ask(wall, in_a_minute(), done, &answers[i]);

        if (r == 0)
            i++;
        else
            ck_assert_int_eq(r, -EAGAIN);
    }
    return NULL;
}

/* Would catch an asker who is forgotten between two threads, and so waits for ever. */
START_TEST(nobody_is_forgotten)
{
    static struct answer answers[THREADS][ASKS];
    uint64_t end = in_a_minute();
    pthread_t threads[THREADS];
    unsigned int answered;

    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_on, answers[i]), 0);
    do {
        struct pollfd fd = {.fd = request_local_fd(requests), .events = POLLIN};

        /* By its descriptor alone, as the loop does it: a lost wake-up would show. */
        if (poll(&fd, 1, 1000) == 1)
            request_local_answer(requests);
        answered = 0;
        for (int i = 0; i < THREADS; i++)
            for (int j = 0; j < ASKS; j++)
                answered += __atomic_load_n(&answers[i][j].times, __ATOMIC_ACQUIRE);
        ck_assert(monotonic_ns() < end);
    } while (answered < THREADS * ASKS);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++)
        for (int j = 0; j < ASKS; j++) {
            ck_assert_uint_eq(answers[i][j].times, 1);
            ck_assert_int_eq(answers[i][j].error, 0);
            snapshot_unref(answers[i][j].snapshot);
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("request-local");
    TCase *tests = tcase_create("request-local");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 90);
    tcase_add_test(tests, askers_share_one_snapshot);
    tcase_add_test(tests, a_passed_deadline_is_an_error);
    tcase_add_test(tests, stopping_answers_everybody);
    tcase_add_test(tests, freeing_answers_everybody);
    tcase_add_test(tests, the_queue_has_an_end);
    tcase_add_test(tests, nobody_is_forgotten);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
