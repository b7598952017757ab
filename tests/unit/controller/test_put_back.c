/* SPDX-License-Identifier: Apache-2.0 */
#include "put_back.h"

#include "channel.h"
#include "common/unit_test.h"
#include "memory.h"
#include "redis_server.h"

#include <string.h>

#define STREAM  "shunt:{git}:report"
#define GROUP   "controller"
#define WAIT_MS 20000

static struct redis_server server;
static struct redis *redis;

static struct deadline soon(void)
{
    return deadline_after_ms(WAIT_MS);
}

#define command(reply, ...) redis_command(redis, soon(), reply, &err, __VA_ARGS__, (char *)NULL)

static int start(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    redis_server_start(&server, scratch, NULL);
    return 0;
}

static int stop(void **state)
{
    redis_server_stop(&server);
    return scratch_remove(state);
}

static int connect_empty(void **state)
{
    struct error err;
    REPLY_CLEANUP redisReply *reply = NULL;
    (void)state;
    redis = redis_new(&server.address);
    return redis_connect(redis, soon(), &err) && command(&reply, "FLUSHALL") &&
                   channel_make_group(redis, soon(), STREAM, GROUP, &err)
               ? 0
               : -1;
}

static int disconnect(void **state)
{
    (void)state;
    redis_free(redis);
    return 0;
}

#define test_with_redis(test) cmocka_unit_test_setup_teardown(test, connect_empty, disconnect)

static void add(const char *body)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    assert_good(command(&reply, "XADD", STREAM, "*", "body", body, "key", "bb1", "sig", "s"));
}

/* Whether the connection has borne the reply. */
static bool read_as(const char *consumer, redisReply **ret_reply)
{
    struct error err;
    return command(ret_reply, "XREADGROUP", "GROUP", GROUP, consumer, "STREAMS", STREAM, ">");
}

static void assert_given(const char *consumer, const char *const *bodies, size_t count)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    assert_true(read_as(consumer, &reply));
    const redisReply *entries =
        reply->type == REDIS_REPLY_NIL ? reply : reply->element[0]->element[1];
    assert_int_equal(entries->elements, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(entries->element[i]->element[1]->element[1]->str, bodies[i]);
}

static unsigned put_back_of(const char *consumer)
{
    unsigned dropped = 99;
    assert_good(put_back(redis, soon(), STREAM, GROUP, consumer, &dropped, &err));
    return dropped;
}

static void what_was_given_and_not_acknowledged_is_given_again(void **state)
{
    const char *const bodies[] = {"one", "two"};
    (void)state;
    add("one");
    add("two");
    assert_given("c1", bodies, 2);
    assert_given("c2", NULL, 0);
    assert_int_equal(put_back_of("c1"), 0);
    assert_given("c2", bodies, 2);
    assert_int_equal(put_back_of("c1"), 0);
    assert_given("c1", NULL, 0);
}

static void what_is_acknowledged_or_another_controllers_stays(void **state)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    const char *const one[] = {"one"}, *const two[] = {"two"};
    (void)state;
    add("one");
    assert_true(read_as("c1", &reply));
    assert_good(channel_acknowledge(redis, soon(), STREAM, GROUP,
                                    reply->element[0]->element[1]->element[0]->element[0]->str,
                                    &err));
    add("two");
    assert_given("c2", two, 1);
    assert_int_equal(put_back_of("c1"), 0);
    assert_given("c1", NULL, 0);
    add("one");
    assert_given("c1", one, 1);
}

static void an_entry_that_fails_each_read_is_dropped_and_hides_no_other(void **state)
{
    size_t size = REDIS_REPLY_BYTES + 1;
    FREE_CLEANUP char *body = memory_zeroed(size + 1, 1);
    REPLY_CLEANUP redisReply *reply = NULL;
    const char *const bodies[] = {"one", "two"};
    (void)state;
    memset(body, ' ', size);
    add("one");
    add(body);
    add("two");
    assert_false(read_as("c1", &reply));
    assert_good(redis_connect(redis, soon(), &err));
    assert_int_equal(put_back_of("c1"), 1);
    assert_given("c1", bodies, 2);
}

static void an_entry_that_is_no_message_is_dropped(void **state)
{
    REPLY_CLEANUP redisReply *added = NULL, *reply = NULL;
    (void)state;
    assert_good(command(&added, "XADD", STREAM, "*", "key", "value"));
    assert_true(read_as("c1", &reply));
    assert_int_equal(put_back_of("c1"), 1);
    assert_given("c1", NULL, 0);
}

static void where_nobody_has_read_there_is_nothing(void **state)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    (void)state;
    assert_good(command(&reply, "DEL", STREAM));
    assert_int_equal(put_back_of("c1"), 0);
}

/* Redis takes no writes: nothing is lost, and the next attempt is good. */
static void what_cannot_be_put_back_stays_ours(void **state)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    const char *const bodies[] = {"one"};
    unsigned dropped;
    (void)state;
    add("one");
    assert_given("c1", bodies, 1);
    assert_good(command(&reply, "CONFIG", "SET", "min-replicas-to-write", "1"));
    assert_fails(put_back(redis, soon(), STREAM, GROUP, "c1", &dropped, &err), ERROR_UNAVAILABLE,
                 "NOREPLICAS");
    redis_reply_cleanup(&reply);
    assert_good(command(&reply, "CONFIG", "SET", "min-replicas-to-write", "0"));
    assert_int_equal(put_back_of("c1"), 0);
    assert_given("c1", bodies, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_redis(what_was_given_and_not_acknowledged_is_given_again),
        test_with_redis(what_is_acknowledged_or_another_controllers_stays),
        test_with_redis(an_entry_that_fails_each_read_is_dropped_and_hides_no_other),
        test_with_redis(an_entry_that_is_no_message_is_dropped),
        test_with_redis(where_nobody_has_read_there_is_nothing),
        test_with_redis(what_cannot_be_put_back_stays_ours),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
