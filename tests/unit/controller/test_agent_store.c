/* SPDX-License-Identifier: Apache-2.0 */
/* Files in a directory of the test and a real redis-server, whose lease is ours. */
#include "agent_store.h"

#include "controller/accepting.h"
#include "redis_server.h"

#include <sys/stat.h>
#include <unistd.h>

#define HASH "shunt:{git}:agents"

static struct redis_server server;
static struct shell shell;
static struct cluster cluster;

static int start_server(void **state)
{
    if (scratch_make(state) != 0 || !accepting_begin())
        return -1;
    redis_server_start(&server, scratch, NULL);
    return 0;
}

static int stop_server(void **state)
{
    redis_server_stop(&server);
    accepting_end();
    return scratch_remove(state);
}

/* The reply's text, "" where there is none. */
static void call(char *text, size_t size, const char *first, const char *second, const char *third,
                 const char *fourth)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    assert_good(redis_command(shell.redis, deadline_after_ms(5000), &reply, &err, first, second,
                              third, fourth, (char *)NULL));
    (void)text_copy(text, size, reply->type == REDIS_REPLY_STRING ? reply->str : "");
}

static void run(const char *first, const char *second, const char *third, const char *fourth)
{
    char ignored[8];
    call(ignored, sizeof(ignored), first, second, third, fourth);
}

/* As after a start of the controller. */
static void start_controller(void)
{
    cluster = (struct cluster){.config = &cluster_config, .is_led = true, .epoch = 7};
    agent_keys_init(&cluster.agent_keys, &config, &cluster_config);
    agent_store_load(&shell, &cluster);
}

static int begin(void **state)
{
    char lease[LEASE_HOLDER_SIZE];
    struct error err;
    (void)state;
    TEXT_COPY(config.state_dir, scratch_path("state"));
    shell = (struct shell){.config = &config, .instance = "0123456789abcdef0123456789abcdef"};
    shell.redis = redis_new(&server.address);
    if (!redis_connect(shell.redis, deadline_after_ms(5000), &err))
        return -1;
    run("FLUSHALL", NULL, NULL, NULL);
    lease_value(&shell, lease);
    run("SET", "shunt:{git}:lease", lease, NULL);
    run("SET", "shunt:{git}:epoch", "7", NULL);
    start_controller();
    return 0;
}

static int end(void **state)
{
    struct error err;
    (void)state;
    agent_keys_done(&cluster.agent_keys);
    redis_free(shell.redis);
    return file_remove_tree(scratch_path("state"), &err) ? 0 : -1;
}

static void restart(void)
{
    agent_keys_done(&cluster.agent_keys);
    start_controller();
}

static void assert_shared(const char *agent, const char *expected)
{
    char text[ACCEPTANCE_BYTES];
    call(text, sizeof(text), "HGET", HASH, agent, NULL);
    assert_string_equal(text, expected);
}

static void assert_kept(const char *agent, const char *expected)
{
    BUFFER_CLEANUP struct buffer text;
    char name[128];
    (void)snprintf(name, sizeof(name), "state/accepted/git/%s", agent);
    buffer_init(&text, ACCEPTANCE_BYTES);
    assert_good(file_read(scratch_path(name), &text, &err));
    assert_string_equal(buffer_text(&text), expected);
}

static void acceptance_is_kept_in_a_private_file_and_in_redis(void **state)
{
    struct stat status;
    FREE_CLEANUP char *text = accepting(ANNA, "bb1", KEY_A, 1000);
    (void)state;
    assert_good(agent_store_take(&shell, &cluster, "bb1", text, &err));
    assert_has_key(&cluster.agent_keys, "bb1", KEY_A);
    assert_kept("bb1", text);
    assert_shared("bb1", text);
    assert_int_equal(stat(scratch_path("state/accepted/git/bb1"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    restart();
    assert_has_key(&cluster.agent_keys, "bb1", KEY_A);
    assert_has_none(&cluster.agent_keys, "bb2");
}

static void later_one_is_known_and_nothing_changes(void **state)
{
    FREE_CLEANUP char *later = accepting(ANNA, "bb1", KEY_A, 2000);
    FREE_CLEANUP char *earlier = accepting(AMOS, "bb1", KEY_B, 1000);
    (void)state;
    assert_good(agent_store_take(&shell, &cluster, "bb1", later, &err));
    assert_fails(agent_store_take(&shell, &cluster, "bb1", earlier, &err), ERROR_STALE,
                 "a later acceptance of agent 'bb1' is known");
    assert_kept("bb1", later);
    assert_shared("bb1", later);
}

/* What cannot be written down is not believed either. */
static void acceptance_that_cannot_be_kept_is_not_taken(void **state)
{
    FREE_CLEANUP char *text = accepting(ANNA, "bb1", KEY_A, 1000);
    (void)state;
    assert_good(file_replace(scratch_path("state-file"), "x", 1, 0600, &err));
    TEXT_COPY(config.state_dir, scratch_path("state-file"));
    assert_fails(agent_store_take(&shell, &cluster, "bb1", text, &err), ERROR_CONFLICT, "");
    assert_has_none(&cluster.agent_keys, "bb1");
    assert_shared("bb1", "");
}

static void one_that_stands_by_takes_what_redis_has(void **state)
{
    FREE_CLEANUP char *text = accepting(ANNA, "lb1", KEY_A, 1000);
    (void)state;
    cluster.is_led = false;
    run("HSET", HASH, "lb1", text);
    agent_store_look(&shell, &cluster);
    assert_has_key(&cluster.agent_keys, "lb1", KEY_A);
    assert_kept("lb1", text);
    assert_true(cluster.agents_due_ms > clock_monotonic_ms());
}

static void leader_puts_back_what_redis_has_lost_or_has_in_an_older_state(void **state)
{
    FREE_CLEANUP char *older = accepting(ANNA, "bb1", KEY_B, 500);
    FREE_CLEANUP char *text = accepting(ANNA, "bb1", KEY_A, 1000);
    const char *const found[] = {NULL, older, "nonsense"};
    (void)state;
    assert_good(agent_store_take(&shell, &cluster, "bb1", text, &err));
    for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
        run("HDEL", HASH, "bb1", NULL);
        if (found[i] != NULL)
            run("HSET", HASH, "bb1", found[i]);
        agent_store_look(&shell, &cluster);
        assert_shared("bb1", text);
        assert_kept("bb1", text);
        assert_has_key(&cluster.agent_keys, "bb1", KEY_A);
    }
}

static void one_that_does_not_lead_puts_nothing_back(void **state)
{
    FREE_CLEANUP char *text = accepting(ANNA, "bb1", KEY_A, 1000);
    (void)state;
    assert_good(agent_store_take(&shell, &cluster, "bb1", text, &err));
    run("DEL", HASH, NULL, NULL);
    cluster.is_led = false;
    agent_store_look(&shell, &cluster);
    assert_shared("bb1", "");
    cluster.is_led = true; /* or believes so */
    cluster.epoch = 6;
    agent_store_look(&shell, &cluster);
    assert_shared("bb1", "");
    assert_int_equal(cluster.agents_due_ms, 0);
    cluster.epoch = 7;
    agent_store_look_if_due(&shell, &cluster);
    assert_shared("bb1", text);
    run("DEL", HASH, NULL, NULL);
    agent_store_look_if_due(&shell, &cluster); /* it is not, for a while */
    assert_shared("bb1", "");
}

static void acceptance_while_redis_is_away_is_put_there_later(void **state)
{
    FREE_CLEANUP char *text = accepting(ANNA, "bb1", KEY_A, 1000);
    (void)state;
    redis_disconnect(shell.redis);
    assert_good(agent_store_take(&shell, &cluster, "bb1", text, &err));
    assert_has_key(&cluster.agent_keys, "bb1", KEY_A);
    assert_good(redis_connect(shell.redis, deadline_after_ms(5000), &err));
    assert_shared("bb1", "");
    agent_store_look_if_due(&shell, &cluster);
    assert_shared("bb1", text);
}

static void forged_ones_are_taken_neither_from_redis_nor_from_a_file(void **state)
{
    FREE_CLEANUP char *text = accepting(OTTO, "bb1", KEY_A, 1000);
    (void)state;
    run("HSET", HASH, "bb1", text);
    agent_store_look(&shell, &cluster);
    assert_has_none(&cluster.agent_keys, "bb1");
    assert_good(file_make_directory(scratch_path("state/accepted/git"), 0700, &err));
    assert_good(
        file_replace(scratch_path("state/accepted/git/bb1"), text, strlen(text), 0600, &err));
    restart();
    assert_has_none(&cluster.agent_keys, "bb1");
}

static void hash_that_is_none_is_survived(void **state)
{
    (void)state;
    run("SET", HASH, "x", NULL);
    agent_store_look(&shell, &cluster);
    assert_has_none(&cluster.agent_keys, "bb1");
    assert_true(redis_is_connected(shell.redis));
}

#define test_store(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_store(acceptance_is_kept_in_a_private_file_and_in_redis),
        test_store(later_one_is_known_and_nothing_changes),
        test_store(acceptance_that_cannot_be_kept_is_not_taken),
        test_store(one_that_stands_by_takes_what_redis_has),
        test_store(leader_puts_back_what_redis_has_lost_or_has_in_an_older_state),
        test_store(one_that_does_not_lead_puts_nothing_back),
        test_store(acceptance_while_redis_is_away_is_put_there_later),
        test_store(forged_ones_are_taken_neither_from_redis_nor_from_a_file),
        test_store(hash_that_is_none_is_survived),
    };
    return cmocka_run_group_tests_name("controller/agent_store", tests, start_server, stop_server);
}
