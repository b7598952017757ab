/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an agent does about commands that a restart has cut off: they stand in its record without an
 * end, and nobody works on them. Jobs are real processes; reports go to a real redis-server.
 */
#include "dispatch.h"

#include "channel.h"
#include "common/unit_test.h"
#include "memory.h"
#include "message_codec.h"
#include "redis_server.h"
#include "text.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#define WAIT_MS 20000 /* sanitizers and a busy machine are slow */
#define LIFE_MS 60000

static struct redis_server server;
static struct redis *redis;
static struct key_pair *controller_key, *agent_key;
static struct agent_config config;
static struct record *record;
static struct outbox *outbox;
static struct dispatch dispatch;
static struct lb lb;
static int listener, client; /* a connection that keeps the node from being empty */

static int start_server(void **state)
{
    struct error err;
    if (scratch_make(state) != 0 || !keys_init(&err))
        return -1;
    redis_server_start(&server, scratch, NULL);
    redis = redis_new(&server.address);
    controller_key = key_pair_new();
    agent_key = key_pair_new();
    TEXT_COPY(config.cluster, "git");
    TEXT_COPY(config.node, "bb1");
    TEXT_COPY(config.state_dir, scratch_path("state"));
    TEXT_COPY(config.bitbucket.releases, scratch_path("releases"));
    TEXT_COPY(config.bitbucket.install_link, scratch_path("current"));
    TEXT_COPY(config.bitbucket.home, scratch_path("home"));
    config.has_bitbucket = true;
    config.bitbucket.service = SERVICE_SCRIPT;
    config.controller_count = 1;
    TEXT_COPY(config.controllers[0].name, "c1");
    key_pair_public(controller_key, &config.controllers[0].key);
    return file_make_directory(config.state_dir, 0700, &err) &&
                   file_make_directory(config.bitbucket.releases, 0755, &err)
               ? 0
               : -1;
}

/* A load balancer whose socket is Bitbucket's port here: it takes a question and says nothing. */
static void configure_silent_lb(void)
{
    lb = (struct lb){.driver = lb_driver_find("haproxy"), .name = "edge"};
    (void)snprintf(lb.options.addresses[0], LIMIT_PATH, "tcp:127.0.0.1:%d",
                   config.bitbucket.http_port);
    lb.options.address_count = 1;
    config.lbs = &lb;
    config.lb_count = 1;
}

/* One that is not there. */
static void configure_absent_lb(void)
{
    configure_silent_lb();
    (void)snprintf(lb.options.addresses[0], LIMIT_PATH, "unix:%s", scratch_path("no.sock"));
}

static int stop_server(void **state)
{
    redis_free(redis);
    key_pair_free(controller_key);
    key_pair_free(agent_key);
    redis_server_stop(&server);
    return scratch_remove(state);
}

/* Bitbucket's port, with somebody at work on it. */
static bool open_traffic(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        return false;
    config.bitbucket.http_port = ntohs(address.sin_port);
    return connect(client, (struct sockaddr *)&address, size) == 0;
}

static int open_node(void **state)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    struct error err;
    size_t torn_bytes;
    (void)state;
    (void)unlink(scratch_path("record"));
    return open_traffic() && redis_connect(redis, deadline_after_ms(WAIT_MS), &err) &&
                   redis_command(redis, deadline_after_ms(WAIT_MS), &reply, &err, "FLUSHALL",
                                 (char *)NULL) &&
                   record_open(scratch_path("record"), &record, &torn_bytes, &err)
               ? 0
               : -1;
}

static void end_processes(void)
{
    for (size_t i = 0; i < INBOX_JOBS_MOST; i++) {
        const struct running_job *job = &dispatch.jobs.jobs[i];
        if (!job->is_used || job->pid <= 0)
            continue;
        (void)kill(-job->pid, SIGKILL);
        (void)waitpid(job->pid, NULL, 0);
    }
}

static int close_node(void **state)
{
    (void)state;
    end_processes();
    dispatch_done(&dispatch);
    outbox_free(outbox);
    record_close(record);
    (void)close(client);
    (void)close(listener);
    return 0;
}

#define test_of_dispatch(test) cmocka_unit_test_setup_teardown(test, open_node, close_node)

static struct command command_of(const char *id, enum verb verb)
{
    int64_t now_ms = clock_wall_ms();
    struct command command = {.cluster = "git",
                              .node = "bb1",
                              .epoch = 1,
                              .issued_ms = now_ms,
                              .expires_ms = now_ms + LIFE_MS,
                              .verb = verb};
    TEXT_COPY(command.id, id);
    if (verb_required_arguments(verb) & ARGUMENT_VERSION)
        TEXT_COPY(command.version, "7.9.4");
    if (verb_required_arguments(verb) & ARGUMENT_DEADLINE)
        command.deadline_ms = LIFE_MS;
    if (verb_subject(verb) == SUBJECT_LB) {
        TEXT_COPY(command.load_balancer, "edge");
        TEXT_COPY(command.members.names[0], "bb_http/n1");
        command.members.count = 1;
    }
    if (verb_required_arguments(verb) & ARGUMENT_ADMIN)
        TEXT_COPY(command.admin, "drain");
    return command;
}

static struct command cancel_of(const char *id, const char *target_id)
{
    struct command command = command_of(id, VERB_CANCEL);
    TEXT_COPY(command.target_id, target_id);
    return command;
}

/* As the agent before this one has left it. */
static void leave_unfinished(const struct command *command)
{
    assert_good(record_accept(record, command, clock_wall_ms(), &err));
}

static void start_agent(void)
{
    outbox = outbox_new(&config, agent_key, record);
    dispatch_init(&dispatch, &config, agent_key, record, outbox);
    dispatch_settle(&dispatch);
}

static void send_command(const struct command *command)
{
    FREE_CLEANUP char *body = command_write(command);
    char signature[KEY_SIGNATURE_TEXT_SIZE];
    key_sign(controller_key, KEY_DOMAIN_COMMAND, body, strlen(body), signature);
    const struct channel_entry entry = {.id = "1-1",
                                        .body = body,
                                        .body_size = strlen(body),
                                        .signer = "c1",
                                        .signature = signature};
    dispatch_command(&dispatch, &entry);
}

static void look_at_jobs(void)
{
    (void)poll(NULL, 0, 5);
    for (size_t i = 0; i < INBOX_JOBS_MOST; i++)
        dispatch_job(&dispatch, &dispatch.jobs.jobs[i]);
    job_runner_reap(&dispatch.jobs);
    job_runner_kill_overdue(&dispatch.jobs);
    dispatch_settle(&dispatch);
}

static void run_until_ended(const char *id)
{
    struct deadline deadline = deadline_after_ms(WAIT_MS);
    while (record_find(record, id)->report == NULL) {
        assert_false(deadline_is_over(deadline));
        look_at_jobs();
    }
}

static void run_until_idle(void)
{
    struct deadline deadline = deadline_after_ms(WAIT_MS);
    while (job_runner_count(&dispatch.jobs) > 0) {
        assert_false(deadline_is_over(deadline));
        look_at_jobs();
    }
}

static void assert_unended(const char *id)
{
    assert_null(record_find(record, id)->report);
}

static void assert_unfinished(const char *id)
{
    assert_unended(id);
    assert_null(job_runner_find(&dispatch.jobs, id));
}

static struct report end_of(const char *id)
{
    const struct record_entry *entry = record_find(record, id);
    struct report report;
    assert_non_null(entry->report);
    record_entry_report(entry, &report);
    return report;
}

static void assert_cancelled(const char *id, const char *text)
{
    const struct report report = end_of(id);
    assert_int_equal(report.kind, REPORT_FAILED);
    assert_int_equal(report.error.code, ERROR_CANCELLED);
    assert_non_null(strstr(report.error.message, text));
}

struct told {
    char texts[4096]; /* "ID kind|" of each but hello; "ID kind: code|" where there is an error */
};

static void add_told(void *context, const struct channel_entry *entry)
{
    struct told *told = context;
    struct report report;
    size_t used = strlen(told->texts);
    assert_good(report_read(entry->body, entry->body_size, &report, &err));
    bool is_good = report.error.code == ERROR_NONE;
    if (report.kind != REPORT_HELLO)
        (void)snprintf(told->texts + used, sizeof(told->texts) - used, "%s %s%s%s|",
                       report.command_id, report_kind_name(report.kind), is_good ? "" : ": ",
                       is_good ? "" : error_code_name(report.error.code));
}

static void assert_told(const char *expected)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    struct told told = {.texts = ""};
    assert_good(outbox_flush(outbox, redis, &err));
    assert_good(redis_command(redis, deadline_after_ms(WAIT_MS), &reply, &err, "XREAD", "STREAMS",
                              "shunt:{git}:report", "0", (char *)NULL));
    assert_good(channel_each(reply, add_told, &told, &err));
    assert_string_equal(told.texts, expected);
}

static void unfinished_command_is_not_begun_at_a_start(void **state)
{
    const struct command command = command_of("a", VERB_FACTS);
    (void)state;
    leave_unfinished(&command);
    start_agent();
    dispatch_settle(&dispatch);
    assert_int_equal(job_runner_count(&dispatch.jobs), 0);
    assert_unfinished("a");
    assert_told("");
}

static void unfinished_command_goes_on_when_it_is_sent_again(void **state)
{
    const struct command command = command_of("a", VERB_FACTS);
    (void)state;
    leave_unfinished(&command);
    start_agent();
    send_command(&command);
    assert_non_null(job_runner_find(&dispatch.jobs, "a"));
    run_until_ended("a");
    assert_int_equal(end_of("a").kind, REPORT_DONE);
    assert_told("a done|");
}

static void unfinished_command_goes_on_for_the_next_leader(void **state)
{
    struct command command = command_of("a", VERB_CONNECTIONS);
    (void)state;
    leave_unfinished(&command);
    start_agent();
    command.epoch = 2;
    command.expires_ms += LIFE_MS;
    command.deadline_ms = LIFE_MS / 2; /* what is left of it */
    send_command(&command);
    const struct running_job *job = job_runner_find(&dispatch.jobs, "a");
    assert_non_null(job);
    assert_int_equal(job->command.deadline_ms, LIFE_MS / 2);
    assert_told("a accepted|");
}

static void command_that_goes_on_is_begun_once(void **state)
{
    const struct command command = command_of("a", VERB_CONNECTIONS);
    (void)state;
    leave_unfinished(&command);
    start_agent();
    send_command(&command);
    send_command(&command);
    assert_int_equal(job_runner_count(&dispatch.jobs), 1);
}

/* As where the disk is full: whoever believed such an end would go on, and the next start of the
 * agent would know nothing of it. */
static void end_that_is_not_in_the_record_is_told_to_nobody(void **state)
{
    const struct command command = command_of("a", VERB_FACTS);
    struct deadline deadline = deadline_after_ms(WAIT_MS);
    (void)state;
    start_agent();
    send_command(&command);
    struct running_job *job = job_runner_find(&dispatch.jobs, "a");
    while (!job->has_ended) {
        assert_false(deadline_is_over(deadline));
        (void)poll(NULL, 0, 5);
        dispatch_job(&dispatch, job);
    }
    send_command(&command);
    assert_unended("a");
    assert_told("a accepted|");
    run_until_ended("a");
    assert_told("a accepted|a done|");
}

static void command_that_was_being_cancelled_ends_at_a_start(void **state)
{
    const struct command command = command_of("a", VERB_FACTS), cancel = cancel_of("b", "a");
    (void)state;
    leave_unfinished(&command);
    leave_unfinished(&cancel);
    start_agent();
    assert_int_equal(job_runner_count(&dispatch.jobs), 0);
    assert_cancelled("a", "cancelled");
    assert_int_equal(end_of("b").kind, REPORT_DONE);
    assert_told("a failed: cancelled|b done|");
}

static void unfinished_command_that_is_cancelled_ends_without_a_job(void **state)
{
    const struct command command = command_of("a", VERB_FACTS), cancel = cancel_of("b", "a");
    (void)state;
    leave_unfinished(&command);
    start_agent();
    send_command(&cancel);
    assert_cancelled("a", "cancelled");
    assert_int_equal(end_of("b").kind, REPORT_DONE);
    send_command(&command);
    assert_int_equal(job_runner_count(&dispatch.jobs), 0);
}

static void unfinished_command_ends_when_it_has_expired(void **state)
{
    struct command old = command_of("a", VERB_FACTS), young = command_of("b", VERB_FACTS);
    (void)state;
    old.expires_ms = clock_wall_ms() - 1;
    leave_unfinished(&old);
    leave_unfinished(&young);
    start_agent();
    assert_cancelled("a", "not asked for again");
    assert_unfinished("b");
}

/* Its time is counted anew: whoever asks again, wants it. */
static void command_that_goes_on_does_not_end_because_it_has_expired(void **state)
{
    struct command command = command_of("a", VERB_CONNECTIONS);
    (void)state;
    command.expires_ms = clock_wall_ms() + 200;
    leave_unfinished(&command);
    start_agent();
    send_command(&command);
    while (clock_wall_ms() <= command.expires_ms)
        (void)poll(NULL, 0, 20);
    dispatch_settle(&dispatch);
    assert_null(record_find(record, "a")->report);
    assert_non_null(job_runner_find(&dispatch.jobs, "a"));
}

/* A job that changes the node, and does so for as long as its server says nothing. */
static void begin_to_stage(void)
{
    struct command stage = command_of("stage", VERB_STAGE);
    (void)snprintf(stage.artifact, sizeof(stage.artifact), "http://127.0.0.1:%d/a.tar.gz",
                   config.bitbucket.http_port);
    memset(stage.sha256, '0', sizeof(stage.sha256) - 1);
    send_command(&stage);
    assert_non_null(job_runner_busy(&dispatch.jobs, SUBJECT_NODE));
}

static void unfinished_change_is_refused_while_another_runs(void **state)
{
    const struct command command = command_of("a", VERB_UNSTAGE);
    (void)state;
    leave_unfinished(&command);
    start_agent();
    begin_to_stage();
    send_command(&command);
    assert_unfinished("a");
    assert_int_equal(dispatch.refused[REFUSAL_BUSY], 1);
    assert_told("stage accepted|a refused: busy|");
}

static void refused_change_goes_on_when_the_other_has_ended(void **state)
{
    const struct command command = command_of("a", VERB_UNSTAGE);
    const struct command cancel = cancel_of("b", "stage");
    (void)state;
    leave_unfinished(&command);
    start_agent();
    begin_to_stage();
    send_command(&command);
    send_command(&cancel);
    run_until_ended("stage");
    send_command(&command);
    run_until_ended("a");
    assert_int_not_equal(end_of("a").error.code, ERROR_BUSY);
}

static void unfinished_look_goes_on_beside_a_change(void **state)
{
    const struct command command = command_of("a", VERB_FACTS);
    (void)state;
    leave_unfinished(&command);
    start_agent();
    begin_to_stage();
    send_command(&command);
    run_until_ended("a");
    assert_int_equal(end_of("a").kind, REPORT_DONE);
}

static void unfinished_command_is_refused_while_too_many_jobs_run(void **state)
{
    const struct command command = command_of("a", VERB_FACTS);
    (void)state;
    leave_unfinished(&command);
    start_agent();
    for (int i = 0; i < INBOX_JOBS_MOST; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "c%d", i);
        const struct command connections = command_of(id, VERB_CONNECTIONS);
        send_command(&connections);
    }
    assert_int_equal(job_runner_count(&dispatch.jobs), INBOX_JOBS_MOST);
    send_command(&command);
    assert_unfinished("a");
    assert_int_equal(dispatch.refused[REFUSAL_TOO_MANY_JOBS], 1);
}

static void question_is_answered_and_leaves_nothing_in_the_record(void **state)
{
    const struct command question = command_of("q", VERB_LB_READ);
    (void)state;
    configure_absent_lb();
    start_agent();
    send_command(&question);
    run_until_idle();
    assert_int_equal(record_count(record), 0);
    assert_told("q failed: unavailable|");
    send_command(&question);
    run_until_idle();
    assert_told("q failed: unavailable|q failed: unavailable|");
}

static void question_that_is_delivered_twice_is_asked_once(void **state)
{
    const struct command question = command_of("q", VERB_LB_READ);
    (void)state;
    configure_silent_lb();
    start_agent();
    send_command(&question);
    send_command(&question);
    assert_int_equal(job_runner_count(&dispatch.jobs), 1);
    assert_told("");
}

static void question_of_a_new_leader_raises_the_epoch(void **state)
{
    struct command question = command_of("q", VERB_LB_READ);
    const struct command old = command_of("old", VERB_LB_SET);
    (void)state;
    configure_silent_lb();
    start_agent();
    question.epoch = 2;
    send_command(&question);
    assert_int_equal(record_epoch(record), 2);
    send_command(&old);
    assert_told("old refused: stale|");
}

static void change_of_a_load_balancer_is_recorded_and_not_done_twice(void **state)
{
    const struct command set = command_of("s", VERB_LB_SET);
    (void)state;
    configure_absent_lb();
    start_agent();
    send_command(&set);
    run_until_ended("s");
    assert_int_equal(end_of("s").error.code, ERROR_UNAVAILABLE);
    assert_told("s failed: unavailable|");
    run_until_idle();
    send_command(&set);
    assert_int_equal(job_runner_count(&dispatch.jobs), 0);
    assert_told("s failed: unavailable|s failed: unavailable|");
}

static void load_balancer_is_changed_beside_the_node_and_one_at_a_time(void **state)
{
    const struct command set = command_of("s", VERB_LB_SET), cut = command_of("c", VERB_LB_CUT);
    (void)state;
    configure_silent_lb();
    start_agent();
    begin_to_stage();
    send_command(&set);
    send_command(&cut);
    assert_int_equal(job_runner_count(&dispatch.jobs), 2);
    assert_told("stage accepted|s accepted|c refused: busy|");
    assert_string_equal(dispatch_verb_name(&dispatch), "stage");
}

static void load_balancer_that_is_not_configured_is_named_with_those_there_are(void **state)
{
    struct command set = command_of("s", VERB_LB_SET);
    (void)state;
    configure_absent_lb();
    start_agent();
    TEXT_COPY(set.load_balancer, "inner");
    send_command(&set);
    run_until_ended("s");
    const struct report report = end_of("s");
    assert_int_equal(report.error.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(report.error.message, "'inner' here; there are: edge"));
    assert_string_not_equal(report.error.hint, "");
}

static void member_that_the_driver_does_not_know_the_like_of_is_refused(void **state)
{
    struct command set = command_of("s", VERB_LB_SET);
    (void)state;
    configure_absent_lb();
    start_agent();
    TEXT_COPY(set.members.names[0], "bb_http/n1 state ready");
    send_command(&set);
    run_until_ended("s");
    assert_int_equal(end_of("s").error.code, ERROR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_of_dispatch(unfinished_command_is_not_begun_at_a_start),
        test_of_dispatch(unfinished_command_goes_on_when_it_is_sent_again),
        test_of_dispatch(unfinished_command_goes_on_for_the_next_leader),
        test_of_dispatch(command_that_goes_on_is_begun_once),
        test_of_dispatch(end_that_is_not_in_the_record_is_told_to_nobody),
        test_of_dispatch(command_that_was_being_cancelled_ends_at_a_start),
        test_of_dispatch(unfinished_command_that_is_cancelled_ends_without_a_job),
        test_of_dispatch(unfinished_command_ends_when_it_has_expired),
        test_of_dispatch(command_that_goes_on_does_not_end_because_it_has_expired),
        test_of_dispatch(unfinished_change_is_refused_while_another_runs),
        test_of_dispatch(refused_change_goes_on_when_the_other_has_ended),
        test_of_dispatch(unfinished_look_goes_on_beside_a_change),
        test_of_dispatch(unfinished_command_is_refused_while_too_many_jobs_run),
        test_of_dispatch(question_is_answered_and_leaves_nothing_in_the_record),
        test_of_dispatch(question_that_is_delivered_twice_is_asked_once),
        test_of_dispatch(question_of_a_new_leader_raises_the_epoch),
        test_of_dispatch(change_of_a_load_balancer_is_recorded_and_not_done_twice),
        test_of_dispatch(load_balancer_is_changed_beside_the_node_and_one_at_a_time),
        test_of_dispatch(load_balancer_that_is_not_configured_is_named_with_those_there_are),
        test_of_dispatch(member_that_the_driver_does_not_know_the_like_of_is_refused),
    };
    return cmocka_run_group_tests_name("node-agent/dispatch", tests, start_server, stop_server);
}
