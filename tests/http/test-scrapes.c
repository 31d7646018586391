/* SPDX-License-Identifier: Apache-2.0 */
#include "http/scrapes.h"

#include <errno.h>
#include <sys/eventfd.h>

#include "http/wall.h"
#include "suite.h"

static struct wall wall;
static struct scrapes *scrapes;
static int suspended, resumed, wake_fd;
static void *last_cut;

/* Connections are addresses that nobody looks behind. */
static char connection[32];

static const struct peer peer_a = {AF_INET, 1}, peer_b = {AF_INET, 2}, peer_c = {AF_INET, 3};

static void suspend(void *which)
{
    suspended++;
}

static void resume(void *which)
{
    resumed++;
}

static void cut(void *userdata, void *which)
{
    ck_assert_ptr_eq(userdata, &wall);
    last_cut = which;
}

static void start(unsigned int max, unsigned int turns)
{
    static const struct scrapes_ops ops = {suspend, resume, cut};
    struct scrapes_limits limits = {.max = max, .turns = turns};

    ck_assert_int_eq(scrapes_new(&wall.wall, &limits, &ops, &wall, wake_fd, &scrapes), 0);
}

static void setup(void)
{
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    wall_init(&wall, 1);
    suspended = resumed = 0;
    last_cut = NULL;
}

static void teardown(void)
{
    scrapes = scrapes_free(scrapes);
    wall_deinit(&wall);
    close(wake_fd);
}

static struct scrape *begin(const struct peer *peer, uint64_t deadline_ns, int which)
{
    struct scrape *scrape = NULL;

    ck_assert_int_eq(scrape_begin(scrapes, peer, deadline_ns, &connection[which], &scrape), 0);
    return scrape;
}

static int answer(struct scrape *scrape, uint64_t now_ns)
{
    struct snapshot *snapshot = NULL;
    int r = scrape_answer(scrape, now_ns, &snapshot);

    ck_assert_int_eq(r == 0, snapshot != NULL);
    snapshot_unref(snapshot);
    return r;
}

/* Would catch a connection that is suspended although its answer is there, and a lost snapshot. */
START_TEST(at_once)
{
    struct scrape *scrape;

    start(2, 4);
    scrape = begin(&peer_a, 100, 0);
    ck_assert(!scrape_waits(scrape));
    ck_assert_int_eq(answer(scrape, 1), 0);
    scrape_end(scrape);
    ck_assert_int_eq(suspended + resumed, 0);
    ck_assert(snapshot_is_mine(wall.snapshot));
}
END_TEST

/* Would catch a connection that is never resumed, or resumed twice. */
START_TEST(waiting)
{
    struct scrape *scrape;

    start(2, 4);
    wall.mode = WALL_KEEP;
    scrape = begin(&peer_a, 100, 0);
    ck_assert(scrape_waits(scrape));
    ck_assert_int_eq(suspended, 1);
    ck_assert_uint_eq(scrapes_expire(scrapes, 99), 100);
    ck_assert_int_eq(resumed, 0);
    wall_release(&wall);
    ck_assert_int_eq(resumed, 1);
    ck_assert_uint_eq(scrapes_expire(scrapes, 1000), UINT64_MAX);
    scrapes_close(scrapes);
    ck_assert_int_eq(resumed, 1);
    ck_assert(!scrape_waits(scrape));
    ck_assert_int_eq(answer(scrape, 1), 0);
    scrape_end(scrape);
}
END_TEST

/* Would catch a use of a scrape that is gone by an answer that comes too late. */
START_TEST(too_late)
{
    struct scrape *expired, *gone, *unasked = NULL;

    start(2, 4);
    wall.mode = WALL_KEEP;
    expired = begin(&peer_a, 100, 0);
    gone = begin(&peer_a, 200, 1);
    ck_assert_int_eq(scrape_begin(scrapes, &peer_a, 200, &connection[2], &unasked), -EAGAIN);
    ck_assert(scrape_waits(expired));
    ck_assert(scrape_waits(gone));
    ck_assert_uint_eq(scrapes_expire(scrapes, 100), 200);
    ck_assert_int_eq(resumed, 1);
    ck_assert(!scrape_waits(expired));
    ck_assert_int_eq(answer(expired, 1), -ETIMEDOUT);
    scrape_end(gone); /* its client went away */
    scrape_end(expired);
    scrapes = scrapes_free(scrapes);
    wall_release(&wall);
    ck_assert_int_eq(resumed, 1);
    ck_assert(snapshot_is_mine(wall.snapshot));
}
END_TEST

/* Would catch a stop that leaves a connection suspended, and a refusal that leaks a place. */
START_TEST(closing)
{
    struct scrape *scrape, *queued, *second = NULL;

    start(2, 2);
    wall.mode = WALL_REFUSE;
    wall.error = -EIO;
    for (int i = 0; i < 5; i++) {
        scrape = begin(&peer_a, 100, 0);
        ck_assert(!scrape_waits(scrape));
        ck_assert_int_eq(answer(scrape, 1), -EIO);
        scrape_end(scrape);
    }
    wall.mode = WALL_KEEP;
    scrape = begin(&peer_a, 100, 0);
    queued = begin(&peer_a, 100, 1);
    ck_assert(scrape_waits(scrape));
    ck_assert(scrape_waits(queued));
    scrapes_close(scrapes);
    ck_assert_int_eq(resumed, 2);
    ck_assert(!scrape_waits(scrape));
    ck_assert_int_eq(answer(scrape, 1), -ESHUTDOWN);
    ck_assert(!scrape_waits(queued));
    ck_assert_int_eq(answer(queued, 1), -ESHUTDOWN);
    ck_assert_int_eq(scrape_begin(scrapes, &peer_a, 100, &connection[2], &second), -ESHUTDOWN);
    wall_release(&wall);
    ck_assert_int_eq(resumed, 2);
    scrape_end(scrape);
    scrape_end(queued);
}
END_TEST

/* Would catch one peer that has all turns, a queue that is not served in order, and a turn that is
 * never given back. */
START_TEST(turns)
{
    struct scrape *a[5], *b;

    start(10, 4);
    for (int i = 0; i < 5; i++) {
        a[i] = begin(&peer_a, 100, i);
        ck_assert_int_eq(scrape_waits(a[i]), i >= 2);
    }
    ck_assert_int_eq(suspended, 3);
    ck_assert_int_eq(eventfd_read(wake_fd, &(eventfd_t){0}), 0);
    b = begin(&peer_b, 100, 5);
    ck_assert(!scrape_waits(b));
    ck_assert_int_eq(atomic_load(&wall.asked), 3);

    scrape_end(b);
    ck_assert_int_eq(resumed, 0);
    scrape_end(a[1]);
    ck_assert_int_eq(resumed, 1);
    ck_assert(scrape_waits(a[3]));
    ck_assert(!scrape_waits(a[2]));

    /* Nobody is asked on behalf of who has no turn: it is told that others were first. */
    ck_assert_uint_eq(scrapes_expire(scrapes, 100), UINT64_MAX);
    ck_assert_int_eq(atomic_load(&wall.asked), 4);
    ck_assert(!scrape_waits(a[3]));
    ck_assert_int_eq(answer(a[3], 1), -EAGAIN);
    for (int i = 0; i < 5; i++)
        if (i != 1)
            scrape_end(a[i]);
}
END_TEST

/* Would catch a peer that fills all places, and one thrown out for another that has as many. */
START_TEST(places)
{
    struct scrape *a[4], *b[3], *refused = NULL;

    start(4, 2);
    for (int i = 0; i < 4; i++) {
        a[i] = begin(&peer_a, 100, i);
        ck_assert_int_eq(scrape_waits(a[i]), i >= 1);
    }
    ck_assert_int_eq(scrape_begin(scrapes, &peer_a, 100, &connection[4], &refused), -EAGAIN);
    for (int i = 0; i < 2; i++) {
        b[i] = begin(&peer_b, 100, 5 + i);
        ck_assert_int_eq(scrape_waits(b[i]), i >= 1);
        ck_assert(!scrape_waits(a[3 - i])); /* the last ones had to go */
        ck_assert_int_eq(answer(a[3 - i], 1), -EAGAIN);
    }
    ck_assert_int_eq(scrape_begin(scrapes, &peer_b, 100, &connection[7], &refused), -EAGAIN);
    b[2] = begin(&peer_c, 100, 7);
    for (int i = 0; i < 4; i++)
        scrape_end(a[i]);
    for (int i = 0; i < 3; i++)
        scrape_end(b[i]);
}
END_TEST

/* Would catch a newcomer refused because of those who have been refused, but do not know it yet. */
START_TEST(places_of_the_late)
{
    struct scrape *late[4], *next;

    start(4, 2);
    wall.mode = WALL_KEEP;
    for (int i = 0; i < 4; i++) {
        late[i] = begin(i % 2 ? &peer_a : &peer_b, 100, i);
        ck_assert(scrape_waits(late[i]));
    }
    ck_assert_uint_eq(scrapes_expire(scrapes, 100), UINT64_MAX);
    next = begin(&peer_c, 200, 4);
    for (int i = 0; i < 4; i++)
        scrape_end(late[i]);
    scrape_end(next);
}
END_TEST

/* Would catch clients that take their time holding up another's scrape, or being cut off although
 * nobody waits. */
START_TEST(slow_clients)
{
    struct scrape *a[2], *b[2], *c;

    start(10, 4);
    for (int i = 0; i < 2; i++) {
        a[i] = begin(&peer_a, NS_PER_S * 100, i);
        ck_assert(!scrape_waits(a[i]));
        ck_assert_int_eq(answer(a[i], 20 - (uint64_t)i), 0);
        b[i] = begin(&peer_b, NS_PER_S * 100, 2 + i);
        ck_assert(!scrape_waits(b[i]));
        ck_assert_int_eq(answer(b[i], 30), 0);
    }
    ck_assert_uint_eq(scrapes_expire(scrapes, NS_PER_S * 50), UINT64_MAX);
    ck_assert_ptr_null(last_cut);

    c = begin(&peer_c, NS_PER_S * 100, 4);
    ck_assert(scrape_waits(c));
    ck_assert_uint_lt(scrapes_expire(scrapes, 10 + SCRAPES_PATIENCE_NS), NS_PER_S * 2);
    ck_assert_ptr_null(last_cut);
    scrapes_expire(scrapes, 19 + SCRAPES_PATIENCE_NS);
    ck_assert_ptr_eq(last_cut, &connection[1]);

    /* One is enough. */
    last_cut = NULL;
    scrapes_expire(scrapes, NS_PER_S * 3);
    ck_assert_ptr_null(last_cut);
    scrape_end(a[1]);
    ck_assert_int_eq(resumed, 1);
    ck_assert(!scrape_waits(c));
    scrape_end(c);
    scrape_end(a[0]);
    for (int i = 0; i < 2; i++)
        scrape_end(b[i]);
}
END_TEST

/* Would catch peers that want much coming before one that wants little, by having come first. */
START_TEST(modest)
{
    struct scrape *a[3], *b, *c;

    start(10, 1);
    for (int i = 0; i < 3; i++) {
        a[i] = begin(&peer_a, NS_PER_S * 100, i);
        ck_assert_int_eq(scrape_waits(a[i]), i > 0);
    }
    ck_assert_int_eq(answer(a[0], 10), 0);
    b = begin(&peer_b, NS_PER_S * 100, 3);
    ck_assert(scrape_waits(b));
    scrapes_expire(scrapes, 10 + SCRAPES_PATIENCE_NS);
    ck_assert_ptr_eq(last_cut, &connection[0]);
    c = begin(&peer_b, NS_PER_S * 100, 4);
    ck_assert(scrape_waits(c));
    scrape_end(c);
    scrape_end(a[0]);
    ck_assert(!scrape_waits(b));
    for (int i = 1; i < 3; i++)
        scrape_end(a[i]);
    scrape_end(b);
}
END_TEST

/* Would catch one peer keeping bodies from all others for as long as a modest one may. */
START_TEST(hurry)
{
    struct scrape *a[2], *b;

    start(10, 4);
    for (int i = 0; i < 2; i++) {
        a[i] = begin(&peer_a, NS_PER_S * 100, i);
        ck_assert(!scrape_waits(a[i]));
        ck_assert_int_eq(answer(a[i], 10), 0);
    }
    b = begin(&peer_b, NS_PER_S * 100, 2);
    ck_assert(!scrape_waits(b));
    ck_assert_int_eq(answer(b, 10), 0);
    scrapes_hurry(scrapes, 9 + SCRAPES_PATIENCE_NS);
    ck_assert_ptr_null(last_cut);
    scrapes_hurry(scrapes, 10 + SCRAPES_PATIENCE_NS);
    ck_assert_ptr_eq(last_cut, &connection[1]); /* and the first one before */
    for (int i = 0; i < 2; i++)
        scrape_end(a[i]);
    scrapes_hurry(scrapes, 9 + 4 * SCRAPES_PATIENCE_NS);
    ck_assert_ptr_eq(last_cut, &connection[1]);
    scrapes_hurry(scrapes, 10 + 4 * SCRAPES_PATIENCE_NS);
    ck_assert_ptr_eq(last_cut, &connection[2]);
    scrape_end(b);
}
END_TEST

/* Would catch as many slow peers as there are turns having them all. */
START_TEST(slow_peers)
{
    struct scrape *a, *b, *c;

    start(10, 2);
    a = begin(&peer_a, NS_PER_S * 100, 0);
    ck_assert(!scrape_waits(a));
    ck_assert_int_eq(answer(a, 10), 0);
    b = begin(&peer_b, NS_PER_S * 100, 1);
    ck_assert(!scrape_waits(b));
    ck_assert_int_eq(answer(b, 20), 0);
    c = begin(&peer_c, NS_PER_S * 100, 2);
    ck_assert(scrape_waits(c));
    scrapes_expire(scrapes, 2 * SCRAPES_PATIENCE_NS);
    ck_assert_ptr_null(last_cut);
    scrapes_expire(scrapes, 5 * SCRAPES_PATIENCE_NS);
    ck_assert_ptr_eq(last_cut, &connection[0]);
    scrape_end(a);
    ck_assert(!scrape_waits(c));
    scrape_end(b);
    scrape_end(c);
}
END_TEST

/* Would catch a scrape for which there is no body that is refused at once, waits for ever, or for
 * whom nobody is made to hurry; and one that asks without a pause. */
START_TEST(short_of_bodies)
{
    struct scrape *slow, *scrape;

    start(10, 4);
    slow = begin(&peer_a, NS_PER_S * 100, 0);
    ck_assert(!scrape_waits(slow));
    ck_assert_int_eq(answer(slow, NS_PER_S), 0);
    scrape = begin(&peer_b, NS_PER_S * 8, 1);
    ck_assert(!scrape_waits(scrape));
    ck_assert_int_eq(answer(scrape, NS_PER_S * 3), 0);
    ck_assert(scrape_again(scrape, NS_PER_S * 3));
    ck_assert_int_eq(suspended, 1);
    ck_assert_ptr_null(last_cut);
    ck_assert_uint_gt(scrapes_expire(scrapes, NS_PER_S * 3), NS_PER_S * 3);
    ck_assert_int_eq(resumed, 0);

    /* A while later it asks for another snapshot, and so it does when somebody has gone. */
    scrapes_expire(scrapes, NS_PER_S * 6);
    ck_assert_int_eq(resumed, 1);
    ck_assert(!scrape_waits(scrape));
    ck_assert_int_eq(atomic_load(&wall.asked), 3);
    ck_assert_int_eq(answer(scrape, NS_PER_S * 6), 0);
    ck_assert(scrape_again(scrape, NS_PER_S * 6));
    ck_assert_ptr_eq(last_cut, &connection[0]);
    scrape_end(slow);
    ck_assert_int_eq(resumed, 2);
    ck_assert(!scrape_waits(scrape));
    ck_assert_int_eq(answer(scrape, NS_PER_S * 7), 0);
    ck_assert(scrape_again(scrape, NS_PER_S * 7));

    ck_assert_uint_eq(scrapes_expire(scrapes, NS_PER_S * 8), UINT64_MAX);
    ck_assert_int_eq(resumed, 3);
    ck_assert(!scrape_waits(scrape));
    ck_assert_int_eq(answer(scrape, NS_PER_S * 8), -EAGAIN);
    scrape_end(scrape);
}
END_TEST

/* Would catch a connection that stays suspended for want of a body when everything stops. */
START_TEST(closing_short)
{
    struct scrape *scrape;

    start(10, 4);
    scrape = begin(&peer_a, NS_PER_S * 8, 0);
    ck_assert(!scrape_waits(scrape));
    ck_assert_int_eq(answer(scrape, 1), 0);
    ck_assert(scrape_again(scrape, 1));
    scrapes_close(scrapes);
    ck_assert_int_eq(resumed, 1);
    ck_assert(!scrape_waits(scrape));
    ck_assert_int_eq(answer(scrape, 1), -ESHUTDOWN);
    scrape_end(scrape);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scrapes");
    TCase *tests = tcase_create("scrapes");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, at_once);
    tcase_add_test(tests, waiting);
    tcase_add_test(tests, too_late);
    tcase_add_test(tests, closing);
    tcase_add_test(tests, turns);
    tcase_add_test(tests, places);
    tcase_add_test(tests, places_of_the_late);
    tcase_add_test(tests, slow_clients);
    tcase_add_test(tests, modest);
    tcase_add_test(tests, hurry);
    tcase_add_test(tests, slow_peers);
    tcase_add_test(tests, short_of_bodies);
    tcase_add_test(tests, closing_short);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
