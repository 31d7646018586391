/* SPDX-License-Identifier: Apache-2.0 */
/* The sampler on a source that a test scripts: who is followed, and for how long. */
#include "sampler/sampler.h"

#include <poll.h>
#include <string.h>

#include "source/clock.h"
#include "source/source.h"
#include "suite.h"

#define DOMIDS 8U

struct scripted {
    struct source source;
    struct domain_set exist;
    bool changed;
    bool dead[DOMIDS];         /* the dead mark */
    bool out_of_reach[DOMIDS]; /* exists, but cannot be attached */
    unsigned int attached[DOMIDS], attempts[DOMIDS];
};

static struct scripted host;
static struct sampler *sampler;

static bool changed(struct source *source)
{
    return host.changed;
}

static int list(struct source *source, struct domain_set *ret_domains)
{
    *ret_domains = host.exist;
    return 0;
}

static int attach(struct source *source, uint32_t domid, void **ret_attachment)
{
    host.attempts[domid]++;
    if (host.out_of_reach[domid])
        return SOURCE_GONE;
    host.attached[domid]++;
    *ret_attachment = &host.attached[domid];
    return 0;
}

static uint32_t domid_of(const void *attachment)
{
    return (uint32_t)((const unsigned int *)attachment - host.attached);
}

static void detach(struct source *source, void *attachment)
{
    ck_assert_uint_gt(host.attached[domid_of(attachment)], 0);
    host.attached[domid_of(attachment)]--;
}

static bool gone(struct source *source, const void *attachment)
{
    return host.dead[domid_of(attachment)];
}

static int describe(struct source *source, void *attachment, struct source_domain *ret_domain)
{
    *ret_domain = (struct source_domain){.vcpus = 1, .incarnation = 1};
    return 0;
}

static int begin(struct source *source, struct snapshot *snapshot)
{
    return 0;
}

static void read_domain(struct source *source, void *attachment, struct snapshot *snapshot,
                        uint32_t row)
{
}

static void free_source(struct source *source)
{
}

static void set_up(void)
{
    static const struct source_ops ops = {
        .changed = changed,
        .list = list,
        .attach = attach,
        .detach = detach,
        .gone = gone,
        .describe = describe,
        .begin = begin,
        .read = read_domain,
        .free = free_source,
    };

    memset(&host, 0, sizeof(host));
    host.source.ops = &ops;
    domain_set_add(&host.exist, 1);
    domain_set_add(&host.exist, 2);
    host.changed = true;
    ck_assert_int_eq(sampler_new(&host.source, NULL, &sampler), 0);
    ck_assert_int_eq(sampler_scan(sampler), 0);
    host.changed = false;
}

static void tear_down(void)
{
    sampler = sampler_free(sampler);
    for (uint32_t domid = 0; domid < DOMIDS; domid++)
        ck_assert_uint_eq(host.attached[domid], 0);
}

static uint64_t self(unsigned int column)
{
    struct snapshot *snapshot;
    uint64_t value;

    ck_assert_int_eq(sampler_take(sampler, &snapshot), 0);
    value = snapshot_row(snapshot, SNAPSHOT_SELF, 0)[column];
    snapshot_unref(snapshot);
    return value;
}

/* Would catch a dead domain that stays mapped, or one let go of twice. */
START_TEST(the_dead_are_let_go_of)
{
    ck_assert_uint_eq(sampler_domains(sampler), 2);
    host.dead[2] = true; /* no event, no sign of a change: the mark alone */
    domain_set_remove(&host.exist, 2);
    ck_assert_int_eq(sampler_scan(sampler), 0);
    ck_assert_uint_eq(host.attached[2], 0);
    ck_assert_uint_eq(host.attached[1], 1);
    ck_assert_uint_eq(self(SELF_DOMAINS_UNMAPPED), 1);
}
END_TEST

/* Would catch a domain that has the domid of a dead one and is taken for it. */
START_TEST(the_next_of_a_domid_is_attached_anew)
{
    host.dead[2] = true;
    host.changed = true;
    ck_assert_int_eq(sampler_scan(sampler), 0);
    ck_assert_uint_eq(host.attempts[2], 2);
    ck_assert_uint_eq(host.attached[2], 1);
}
END_TEST

/* Would catch a delay counted from long before the death, as while the set changes all the time. */
START_TEST(the_delay_is_since_it_was_seen_alive)
{
    uint64_t alive_ns = 0, let_go_ns;

    host.changed = true;
    for (int scan = 0; scan < 5; scan++) {
        alive_ns = clock_raw_ns();
        ck_assert_int_eq(sampler_scan(sampler), 0);
        poll(NULL, 0, 30);
    }
    host.dead[2] = true;
    ck_assert_int_eq(sampler_scan(sampler), 0);
    let_go_ns = clock_raw_ns();
    host.dead[2] = host.changed = false;
    ck_assert_uint_gt(self(SELF_UNMAP_DELAY_NS), 0);
    ck_assert_uint_le(self(SELF_UNMAP_DELAY_NS), let_go_ns - alive_ns);
    ck_assert_uint_ge(self(SELF_UNMAP_DELAY_MAX_NS), self(SELF_UNMAP_DELAY_NS));
}
END_TEST

/* Would catch a hypercall per scrape for a domain that stays out of reach, or one never tried
 * again. */
START_TEST(who_is_out_of_reach_is_tried_again_but_not_by_scrapes)
{
    unsigned int attempts;

    host.out_of_reach[3] = true;
    domain_set_add(&host.exist, 3);
    host.changed = true;
    sampler_scan(sampler);
    host.changed = false;
    attempts = host.attempts[3];
    ck_assert_uint_gt(attempts, 0);
    for (int scrape = 0; scrape < 50; scrape++)
        self(SELF_SAMPLE_OK);
    ck_assert_uint_eq(host.attempts[3], attempts);

    host.out_of_reach[3] = false;
    for (int scan = 0; scan < 600 && !host.attached[3]; scan++) {
        sampler_scan(sampler);
        poll(NULL, 0, 50);
    }
    ck_assert_uint_eq(host.attached[3], 1);
    ck_assert_uint_le(host.attempts[3], attempts + 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sampler");
    TCase *tests = tcase_create("sampler");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_dead_are_let_go_of);
    tcase_add_test(tests, the_next_of_a_domid_is_attached_anew);
    tcase_add_test(tests, the_delay_is_since_it_was_seen_alive);
    tcase_add_test(tests, who_is_out_of_reach_is_tried_again_but_not_by_scrapes);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
