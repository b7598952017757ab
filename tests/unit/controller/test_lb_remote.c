/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of a worker to an agent, with the main thread played here and a real redis-server.
 */
#include "lb_remote.h"

#include "channel.h"
#include "common/unit_test.h"
#include "memory.h"
#include "message_codec.h"
#include "redis_server.h"
#include "shell.h"
#include "text.h"

#include <pthread.h>

#define WAIT_MS  20000 /* sanitizers and a busy machine are slow */
#define SHORT_MS 150

static struct redis_server server;
static struct config config;
static struct lb_agent lb_agents[] = {{.name = "lb1", .has_key = true}};
static struct cluster_config cluster_config = {.lb_agents = lb_agents, .lb_agent_count = 1};
static struct cluster cluster;
static struct shell shell;
static struct lb_remote_port port;

static int start_server(void **state)
{
    struct error err;
    if (scratch_make(state) != 0 || !keys_init(&err))
        return -1;
    redis_server_start(&server, scratch, NULL);
    TEXT_COPY(config.name, "c1");
    TEXT_COPY(cluster_config.name, "git");
    shell = (struct shell){.config = &config, .instance = "0123456789abcdef0123456789abcdef"};
    shell.key = key_pair_new();
    shell.queue = queue_new();
    shell.redis = redis_new(&server.address);
    return redis_connect(shell.redis, deadline_after_ms(WAIT_MS), &err) ? 0 : -1;
}

static int stop_server(void **state)
{
    redis_free(shell.redis);
    queue_free(shell.queue);
    key_pair_free(shell.key);
    redis_server_stop(&server);
    return scratch_remove(state);
}

static void run(const char *first, const char *second, const char *third)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    assert_good(redis_command(shell.redis, deadline_after_ms(WAIT_MS), &reply, &err, first, second,
                              third, (char *)NULL));
}

/* The cluster is led, and the agent lives. */
static int begin(void **state)
{
    char value[LEASE_HOLDER_SIZE];
    (void)state;
    cluster =
        (struct cluster){.config = &cluster_config, .is_led = true, .epoch = 7, .renewed_ms = 1};
    agent_keys_init(&cluster.agent_keys, &config, &cluster_config);
    atomic_store(&cluster.lease_until_ms, INT64_MAX);
    shell.remote = lb_remote_new();
    port = (struct lb_remote_port){&shell, &cluster};
    REPLY_CLEANUP redisReply *reply = NULL;
    assert_good(redis_command(shell.redis, deadline_after_ms(WAIT_MS), &reply, &err, "FLUSHALL",
                              (char *)NULL));
    lease_value(&shell, value);
    run("SET", "shunt:{git}:lease", value);
    run("SET", "shunt:{git}:epoch", "7");
    run("SET", "shunt:{git}:beat:lb1", "{}");
    return 0;
}

static int end(void **state)
{
    (void)state;
    lb_remote_free(shell.remote);
    agent_keys_done(&cluster.agent_keys);
    return 0;
}

#define test_of_calls(test) cmocka_unit_test_setup_teardown(test, begin, end)

/* ---- the worker ---- */

struct worker {
    pthread_t thread;
    int64_t time_ms;
    bool is_done;
    struct report report;
    struct error error;
};

static void *work(void *context)
{
    struct worker *worker = context;
    struct command command = {.verb = VERB_LB_SET, .admin = "drain"};
    TEXT_COPY(command.node, "lb1");
    TEXT_COPY(command.load_balancer, "edge");
    command.members.count = 1;
    TEXT_COPY(command.members.names[0], "bb_http/n1");
    worker->is_done = lb_remote_call(&port, &command, deadline_after_ms(worker->time_ms),
                                     &worker->report, &worker->error);
    return NULL;
}

static void start(struct worker *worker, int64_t time_ms)
{
    *worker = (struct worker){.time_ms = time_ms};
    assert_int_equal(pthread_create(&worker->thread, NULL, work, worker), 0);
}

static void join(struct worker *worker)
{
    assert_int_equal(pthread_join(worker->thread, NULL), 0);
}

static void assert_ended_with(struct worker *worker, enum error_code code, const char *part)
{
    join(worker);
    assert_false(worker->is_done);
    assert_string_equal(error_code_name(worker->error.code), error_code_name(code));
    if (strstr(worker->error.message, part) == NULL)
        fail_msg("'%s' lacks '%s'", worker->error.message, part);
}

/* ---- the main thread ---- */

static struct item *take_item(enum item_kind kind)
{
    struct item *item = queue_take(shell.queue, WAIT_MS);
    assert_non_null(item);
    assert_int_equal(item->kind, kind);
    return item;
}

/* Sends what the worker asked for; the id of its call. */
static void send_call(char id[LIMIT_ID])
{
    struct item *item = take_item(ITEM_LB_CALL);
    text_copy(id, LIMIT_ID, item->request_id);
    lb_remote_send(&shell, &cluster, item);
    item_free(item);
}

static struct report report_of(const char *id, enum report_kind kind)
{
    struct report report = {.cluster = "git", .node = "lb1", .kind = kind, .verb = VERB_LB_SET};
    TEXT_COPY(report.command_id, id);
    return report;
}

static int64_t commands_count(void)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    assert_good(redis_command(shell.redis, deadline_after_ms(WAIT_MS), &reply, &err, "XLEN",
                              "shunt:{git}:command:lb1", (char *)NULL));
    return reply->integer;
}

static void keep_command(void *context, const struct channel_entry *entry)
{
    struct key_public public;
    key_pair_public(shell.key, &public);
    assert_string_equal(entry->signer, "c1");
    assert_good(key_verify(&public, KEY_DOMAIN_COMMAND, entry->body, entry->body_size,
                           entry->signature, &err));
    assert_good(command_read(entry->body, entry->body_size, context, &err));
}

/* ---- cases ---- */

static void command_is_signed_and_fenced_and_its_report_ends_the_call(void **state)
{
    struct worker worker;
    struct command command;
    char id[LIMIT_ID];
    REPLY_CLEANUP redisReply *reply = NULL;
    (void)state;
    start(&worker, WAIT_MS);
    send_call(id);
    assert_good(redis_command(shell.redis, deadline_after_ms(WAIT_MS), &reply, &err, "XREAD",
                              "STREAMS", "shunt:{git}:command:lb1", "0", (char *)NULL));
    assert_good(channel_each(reply, keep_command, &command, &err));
    assert_string_equal(command.id, id);
    assert_int_equal(command.epoch, 7);
    assert_in_range(command.deadline_ms, WAIT_MS / 2, WAIT_MS - 1);
    assert_true(command.expires_ms > command.issued_ms + command.deadline_ms);
    const struct report accepted = report_of(id, REPORT_ACCEPTED),
                        done = report_of(id, REPORT_DONE);
    assert_true(lb_remote_report(&shell, &accepted));
    assert_true(lb_remote_report(&shell, &done));
    join(&worker);
    assert_true(worker.is_done);
    assert_int_equal(worker.report.kind, REPORT_DONE);
}

static void error_of_the_agent_comes_with_code_and_hint(void **state)
{
    struct worker worker;
    char id[LIMIT_ID];
    (void)state;
    start(&worker, WAIT_MS);
    send_call(id);
    struct report failed = report_of(id, REPORT_FAILED);
    error_set(&failed.error, ERROR_DENIED, "Permission denied");
    error_hint(&failed.error, "level admin");
    assert_true(lb_remote_report(&shell, &failed));
    assert_ended_with(&worker, ERROR_DENIED, "Permission denied");
    assert_string_equal(worker.error.hint, "level admin");
}

static void refusal_of_a_stale_epoch_may_pass(void **state)
{
    struct worker worker;
    char id[LIMIT_ID];
    (void)state;
    start(&worker, WAIT_MS);
    send_call(id);
    struct report refused = report_of(id, REPORT_REFUSED);
    error_set(&refused.error, ERROR_STALE, "overtaken");
    assert_true(lb_remote_report(&shell, &refused));
    assert_ended_with(&worker, ERROR_UNAVAILABLE, "overtaken");
}

static void agent_that_does_not_answer_is_given_up_and_its_command_withdrawn(void **state)
{
    struct worker worker;
    char id[LIMIT_ID];
    (void)state;
    start(&worker, SHORT_MS);
    send_call(id);
    assert_int_equal(commands_count(), 1);
    assert_ended_with(&worker, ERROR_TIMEOUT, "does not answer");
    assert_string_not_equal(worker.error.hint, "");
    struct item *item = take_item(ITEM_LB_WITHDRAW);
    lb_remote_withdraw(&shell, &cluster, item);
    item_free(item);
    assert_int_equal(commands_count(), 0);
    const struct report late = report_of(id, REPORT_DONE);
    assert_true(lb_remote_report(&shell, &late));
}

static void agent_without_a_heartbeat_is_not_waited_for(void **state)
{
    struct worker worker;
    char id[LIMIT_ID];
    REPLY_CLEANUP redisReply *reply = NULL;
    (void)state;
    assert_good(redis_command(shell.redis, deadline_after_ms(WAIT_MS), &reply, &err, "DEL",
                              "shunt:{git}:beat:lb1", (char *)NULL));
    start(&worker, WAIT_MS);
    send_call(id);
    assert_ended_with(&worker, ERROR_TIMEOUT, "no sign of life");
    assert_int_equal(commands_count(), 0);
}

static void report_of_another_agent_is_no_answer(void **state)
{
    struct worker worker;
    char id[LIMIT_ID];
    (void)state;
    start(&worker, SHORT_MS);
    send_call(id);
    struct report foreign = report_of(id, REPORT_DONE);
    TEXT_COPY(foreign.node, "bb1");
    assert_true(lb_remote_report(&shell, &foreign));
    assert_ended_with(&worker, ERROR_TIMEOUT, "does not answer");
    item_free(take_item(ITEM_LB_WITHDRAW));
}

static void report_about_anything_else_is_not_taken(void **state)
{
    const struct report other = report_of("20260921-141320-0001.bb1.stop.1", REPORT_DONE);
    const struct report hello = report_of("", REPORT_HELLO);
    (void)state;
    assert_false(lb_remote_report(&shell, &other));
    assert_false(lb_remote_report(&shell, &hello));
}

static void nothing_is_sent_when_the_cluster_is_not_led(void **state)
{
    struct worker worker;
    char id[LIMIT_ID];
    (void)state;
    cluster.is_led = false;
    start(&worker, WAIT_MS);
    send_call(id);
    assert_ended_with(&worker, ERROR_UNAVAILABLE, "not led");
    cluster.is_led = true;
    atomic_store(&cluster.lease_until_ms, 0);
    start(&worker, WAIT_MS);
    send_call(id);
    assert_ended_with(&worker, ERROR_UNAVAILABLE, "lease");
    assert_int_equal(commands_count(), 0);
}

/* Its answer would be refused. */
static void nothing_is_sent_to_an_agent_whose_key_is_not_known(void **state)
{
    struct worker worker;
    char id[LIMIT_ID];
    (void)state;
    agent_keys_done(&cluster.agent_keys);
    lb_agents[0].has_key = false;
    agent_keys_init(&cluster.agent_keys, &config, &cluster_config);
    start(&worker, WAIT_MS);
    send_call(id);
    assert_ended_with(&worker, ERROR_NOT_FOUND, "the key of agent 'lb1' is not known");
    assert_int_equal(commands_count(), 0);
    lb_agents[0].has_key = true;
}

static void nothing_is_sent_when_redis_knows_another_leader(void **state)
{
    struct worker worker;
    char id[LIMIT_ID];
    (void)state;
    run("SET", "shunt:{git}:lease", "c2:somebody");
    start(&worker, WAIT_MS);
    send_call(id);
    assert_ended_with(&worker, ERROR_UNAVAILABLE, "not ours any more");
    assert_int_equal(commands_count(), 0);
    assert_int_equal(cluster.renewed_ms, 0);
}

static void call_whose_time_is_over_is_not_sent(void **state)
{
    struct worker worker;
    (void)state;
    start(&worker, SHORT_MS);
    struct item *item = take_item(ITEM_LB_CALL);
    assert_ended_with(&worker, ERROR_UNAVAILABLE, "could not be sent in time");
    lb_remote_send(&shell, &cluster, item);
    item_free(item);
    assert_int_equal(commands_count(), 0);
}

static void lost_lease_ends_the_calls_of_its_cluster_at_once(void **state)
{
    struct cluster other = {.config = &cluster_config};
    struct worker worker;
    char id[LIMIT_ID];
    (void)state;
    start(&worker, WAIT_MS);
    send_call(id);
    lb_remote_end(&shell, &other);
    lb_remote_end(&shell, &cluster);
    assert_ended_with(&worker, ERROR_UNAVAILABLE, "lease");
}

static void end_of_the_controller_ends_all_calls_and_begins_none(void **state)
{
    struct worker sent, waiting, late;
    char id[LIMIT_ID];
    (void)state;
    start(&sent, WAIT_MS);
    send_call(id);
    start(&waiting, WAIT_MS);
    struct item *item = take_item(ITEM_LB_CALL);
    lb_remote_close(&shell);
    start(&late, WAIT_MS);
    assert_ended_with(&sent, ERROR_UNAVAILABLE, "stopping");
    assert_ended_with(&waiting, ERROR_UNAVAILABLE, "stopping");
    assert_ended_with(&late, ERROR_UNAVAILABLE, "stopping");
    item_free(item);
    assert_null(queue_take(shell.queue, 0));
}

static void calls_at_one_time_get_their_own_answers(void **state)
{
    struct worker first, second;
    char first_id[LIMIT_ID], second_id[LIMIT_ID];
    (void)state;
    start(&first, WAIT_MS);
    send_call(first_id);
    start(&second, WAIT_MS);
    send_call(second_id);
    assert_string_not_equal(first_id, second_id);
    struct report report = report_of(second_id, REPORT_FAILED);
    error_set(&report.error, ERROR_NOT_FOUND, "no such server");
    assert_true(lb_remote_report(&shell, &report));
    assert_ended_with(&second, ERROR_NOT_FOUND, "no such server");
    report = report_of(first_id, REPORT_DONE);
    assert_true(lb_remote_report(&shell, &report));
    join(&first);
    assert_true(first.is_done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_of_calls(command_is_signed_and_fenced_and_its_report_ends_the_call),
        test_of_calls(error_of_the_agent_comes_with_code_and_hint),
        test_of_calls(refusal_of_a_stale_epoch_may_pass),
        test_of_calls(agent_that_does_not_answer_is_given_up_and_its_command_withdrawn),
        test_of_calls(agent_without_a_heartbeat_is_not_waited_for),
        test_of_calls(report_of_another_agent_is_no_answer),
        test_of_calls(report_about_anything_else_is_not_taken),
        test_of_calls(nothing_is_sent_when_the_cluster_is_not_led),
        test_of_calls(nothing_is_sent_to_an_agent_whose_key_is_not_known),
        test_of_calls(nothing_is_sent_when_redis_knows_another_leader),
        test_of_calls(call_whose_time_is_over_is_not_sent),
        test_of_calls(lost_lease_ends_the_calls_of_its_cluster_at_once),
        test_of_calls(end_of_the_controller_ends_all_calls_and_begins_none),
        test_of_calls(calls_at_one_time_get_their_own_answers),
    };
    return cmocka_run_group_tests_name("controller/lb_remote", tests, start_server, stop_server);
}
