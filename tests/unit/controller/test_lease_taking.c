/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets the lease of a cluster that Redis knows nothing of: with a real redis-server. */
#include "lease_taking.h"

#include "channel.h"
#include "common/unit_test.h"
#include "redis_server.h"
#include "text.h"

#include <unistd.h>

#define WAIT_MS  20000
#define LEASE_MS 300

static struct redis_server server;
static struct cluster_config cluster_config;

/* One of two controllers that have just started. */
struct candidate {
    struct config config;
    struct cluster cluster;
    struct shell shell;
};

static int start_server(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    redis_server_start(&server, scratch, NULL);
    TEXT_COPY(cluster_config.name, "git");
    return 0;
}

static int stop_server(void **state)
{
    redis_server_stop(&server);
    return scratch_remove(state);
}

/* Its copy of the journal ends there. It has waited for who led, and may found. */
static void open_candidate(struct candidate *candidate, const char *name, uint64_t epoch,
                           uint64_t sequence)
{
    *candidate = (struct candidate){.config.lease_ms = LEASE_MS};
    TEXT_COPY(candidate->config.name, name);
    candidate->cluster = (struct cluster){.config = &cluster_config,
                                          .epoch = epoch,
                                          .copy_head = {.epoch = epoch, .sequence = sequence},
                                          .found_at_ms = 1};
    candidate->shell = (struct shell){.config = &candidate->config,
                                      .clusters = &candidate->cluster,
                                      .cluster_count = 1,
                                      .redis = redis_new(&server.address)};
    TEXT_COPY(candidate->shell.instance, "0123456789abcdef0123456789abcdef");
    assert_good(redis_connect(candidate->shell.redis, deadline_after_ms(WAIT_MS), &err));
}

static void close_candidate(struct candidate *candidate)
{
    redis_free(candidate->shell.redis);
}

/* Redis has lost everything. */
static void wipe(struct candidate *candidate)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    assert_good(redis_command(candidate->shell.redis, deadline_after_ms(WAIT_MS), &reply, &err,
                              "FLUSHALL", (char *)NULL));
}

static bool takes(struct candidate *candidate)
{
    struct taking taking;
    REPLY_CLEANUP redisReply *reply = NULL;
    taking_begin(&candidate->shell, &candidate->cluster, NULL, &taking);
    assert_good(redis_eval(candidate->shell.redis, deadline_after_ms(WAIT_MS), &taking_script,
                           TAKING_KEYS, taking.arguments, TAKING_ARGUMENTS, &reply, &err));
    assert_good(taking_has_shape(reply, &err));
    return reply->element[0]->integer == 1;
}

/* It may not found yet: what it has is all that Redis learns. */
static void only_tells(struct candidate *candidate)
{
    candidate->cluster.found_at_ms = INT64_MAX;
    assert_false(takes(candidate));
}

static void who_has_asked_and_knows_more_comes_first(void **state)
{
    static const struct {
        uint64_t epoch, sequence;
        bool is_further; /* than the tenth record of epoch 9 */
    } rows[] = {{9, 11, true}, {10, 1, true}, {9, 10, true}, {9, 9, false}, {8, 99, false}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct candidate first, second;
        open_candidate(&first, "c1", 9, 10);
        open_candidate(&second, "c2", rows[i].epoch, rows[i].sequence);
        wipe(&first);
        only_tells(&first);
        assert_int_equal(takes(&second), rows[i].is_further);
        close_candidate(&first);
        close_candidate(&second);
    }
}

static void who_knew_more_and_is_gone_is_not_waited_for(void **state)
{
    struct candidate gone, other;
    struct deadline deadline = deadline_after_ms(WAIT_MS);
    (void)state;
    open_candidate(&gone, "c1", 9, 10);
    open_candidate(&other, "c2", 9, 9);
    wipe(&other);
    only_tells(&gone);
    int64_t asked_ms = clock_monotonic_ms();
    while (!takes(&other)) {
        assert_false(deadline_is_over(deadline));
        (void)usleep(10000);
    }
    assert_true(clock_monotonic_ms() - asked_ms >= LEASE_MS - 20);
    close_candidate(&gone);
    close_candidate(&other);
}

/* It was overtaken while it was stopped, and knows nothing of that. */
static void who_led_and_knows_less_stands_back(void **state)
{
    struct candidate led, newer;
    (void)state;
    open_candidate(&led, "c1", 9, 10);
    open_candidate(&newer, "c2", 10, 1);
    wipe(&newer);
    only_tells(&newer);
    led.cluster.has_term = true;
    led.cluster.is_led = true;
    assert_false(takes(&led));
    newer.cluster.found_at_ms = 1;
    assert_true(takes(&newer));
    close_candidate(&led);
    close_candidate(&newer);
}

static void a_lease_that_redis_knows_is_nobodys_because_of_a_copy(void **state)
{
    struct candidate holder, other;
    (void)state;
    open_candidate(&holder, "c1", 9, 10);
    open_candidate(&other, "c2", 99, 99);
    wipe(&holder);
    assert_true(takes(&holder));
    atomic_store(&other.cluster.lease_until_ms, INT64_MAX); /* it believes its connection */
    assert_false(takes(&other));
    atomic_store(&holder.cluster.lease_until_ms, INT64_MAX);
    holder.cluster.is_led = true;
    assert_true(takes(&holder));
    close_candidate(&holder);
    close_candidate(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_asked_and_knows_more_comes_first),
        cmocka_unit_test(who_knew_more_and_is_gone_is_not_waited_for),
        cmocka_unit_test(who_led_and_knows_less_stands_back),
        cmocka_unit_test(a_lease_that_redis_knows_is_nobodys_because_of_a_copy),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
