/* SPDX-License-Identifier: Apache-2.0 */
#include "cases_haproxy.h"

#include "haproxy_socket.h"
#include "haproxy_workers.h"

#include "check.h"
#include "client.h"
#include "cmocka_setup.h"
#include "fake_server.h"
#include "file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STATE_FILE 0 /* the settings of the driver, in its order */
#define RAMP       1

static bool find_workers(struct haproxy_workers *ret_workers)
{
    struct buffer answer BUFFER_CLEANUP = {0};
    struct error err;

    buffer_init(&answer, LIMIT_MESSAGE_BYTES);
    return haproxy_ask(contract_lb.options.addresses[HAPROXY_MASTER], "show proc",
                       deadline_after_ms(CALL_MS), &answer, &err) &&
           haproxy_read_workers(buffer_text(&answer), answer.length, ret_workers, &err);
}

static bool has_old_workers(const void *count)
{
    struct haproxy_workers workers;
    return find_workers(&workers) && workers.count == *(const size_t *)count;
}

static void wait_for_old_workers(size_t count)
{
    assert_true(contract_eventually(has_old_workers, &count));
}

/* The state that a reload brings differs from the one before: it can be waited for. */
static bool is_up_at_master(const void *member)
{
    struct lb lb = contract_one_process(HAPROXY_MASTER);
    struct lb_member_state state;
    struct error err;
    const char *name = member;
    return lb.driver->read_members(&lb, &name, 1, deadline_after_ms(CALL_MS), &state, &err) &&
           state.admin == LB_ADMIN_UP;
}

/* The process behind the master alone, with settings. */
static struct lb master_with(char *state_file, char *ramp)
{
    struct lb lb = contract_one_process(HAPROXY_MASTER);
    lb.options.values[STATE_FILE] = state_file;
    lb.options.values[RAMP] = ramp;
    return lb;
}

/* Lets the agent-check of the first process ask on that port. */
static void ask_agent_on(int port)
{
    char command[256];
    struct error err;

    snprintf(command, sizeof(command), "set server bb_agent/n1 agent-addr 127.0.0.1 port %d", port);
    assert_true(
        haproxy_order(contract_lb.options.addresses[0], command, deadline_after_ms(CALL_MS), &err));
}

/* One request waits at each node, through the master's worker. */
static void a_reload_during_a_drain_does_not_read_as_empty(void **unused)
{
    const char *member = contract_fixture.http_members[0];
    struct lb lb = contract_one_process(HAPROXY_MASTER);
    int fds[NODE_COUNT];

    (void)unused;
    nodes_hold();
    for (size_t i = 0; i < NODE_COUNT; i++)
        fds[i] = client_begin(contract_fixture.http_port(HAPROXY_MASTER), "/hold", NULL);
    assert_true(contract_has_sessions(member, 1));
    contract_set_one(&lb, member, LB_ADMIN_DRAIN);
    haproxy_server_reload();
    wait_for_old_workers(1);
    assert_true(contract_eventually(is_up_at_master, member)); /* what it was told is forgotten */
    contract_set_one(&lb, member, LB_ADMIN_DOWN);
    assert_int_equal(contract_read(&lb, member).sessions, 1);
    nodes_release();
    for (size_t i = 0; i < NODE_COUNT; i++)
        assert_int_equal(client_finish(fds[i]).status, 200);
    wait_for_old_workers(0);
    assert_int_equal(contract_read(&lb, member).sessions, 0);
}

static void sessions_of_old_workers_are_cut_as_well(void **unused)
{
    struct lb lb = contract_one_process(HAPROXY_MASTER);
    struct error err;
    int64_t sessions = 0;
    int fds[NODE_COUNT];
    char node[32];

    (void)unused;
    for (size_t i = 0; i < NODE_COUNT; i++)
        fds[i] = client_open_ssh(contract_fixture.ssh_port(HAPROXY_MASTER), node);
    haproxy_server_reload();
    wait_for_old_workers(1);
    for (size_t i = 0; i < NODE_COUNT; i++)
        sessions += contract_read(&lb, contract_fixture.ssh_members[i]).sessions;
    assert_int_equal(sessions, NODE_COUNT);
    assert_true(lb.driver->cut_sessions(&lb, contract_fixture.ssh_members, NODE_COUNT,
                                        deadline_after_ms(CALL_MS), &err));
    for (size_t i = 0; i < NODE_COUNT; i++) {
        assert_true(client_sees_end(fds[i]));
        close(fds[i]);
    }
    wait_for_old_workers(0);
}

static void reload_and_wait(void)
{
    char member[] = "bb_static/n1"; /* down in the old worker, and saved by nobody */
    struct lb lb = contract_one_process(HAPROXY_MASTER);
    contract_set_one(&lb, member, LB_ADMIN_DOWN);
    haproxy_server_reload();
    assert_true(contract_eventually(is_up_at_master, member));
    wait_for_old_workers(0);
}

static void a_saved_state_survives_reloads_until_it_is_taken_back(void **unused)
{
    const char *member = contract_fixture.http_members[0];
    char path[LIMIT_PATH];
    struct lb lb = master_with(path, NULL);

    (void)unused;
    snprintf(path, sizeof(path), "%s", haproxy_server_state_file());
    for (enum lb_admin admin = LB_ADMIN_DRAIN; admin <= LB_ADMIN_DOWN; admin++) {
        contract_set_one(&lb, member, admin);
        reload_and_wait();
        assert_int_equal(contract_read(&lb, member).admin, admin);
    }
    contract_set_one(&lb, member, LB_ADMIN_UP);
    reload_and_wait();
    assert_int_equal(contract_read(&lb, member).admin, LB_ADMIN_UP);
    assert_int_equal(unlink(haproxy_server_state_file()), 0);
}

static void a_state_that_cannot_be_saved_is_told(void **unused)
{
    char path[] = "/nonexistent/haproxy/states";
    const char *member = contract_fixture.http_members[0];
    struct lb lb = master_with(path, NULL);
    struct error err;

    (void)unused;
    assert_false(
        lb.driver->set_members(&lb, &member, 1, LB_ADMIN_DRAIN, deadline_after_ms(CALL_MS), &err));
    assert_non_null(strstr(err.message, path));
    assert_string_not_equal(err.hint, "");
}

static void a_state_file_is_of_one_process_on_this_host(void **unused)
{
    char path[] = "/var/lib/haproxy/states";
    struct lb_options options = contract_lb.options;
    struct error err;

    (void)unused;
    options.values[STATE_FILE] = path;
    assert_false(contract_lb.driver->check_options(&options, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    options.address_count = 1;
    assert_true(contract_lb.driver->check_options(&options, &err));
    memcpy(options.addresses[0], options.addresses[1], sizeof(options.addresses[0])); /* tcp: */
    assert_false(contract_lb.driver->check_options(&options, &err));
}

static bool share(const char *member, unsigned percent, struct error *err)
{
    return contract_lb.driver->set_share(&contract_lb, &member, 1, percent,
                                         deadline_after_ms(CALL_MS), err);
}

static void a_share_of_the_weight_is_set_in_every_process_and_given_back(void **unused)
{
    static const unsigned percents[] = {10, 55, 100, 1, 100};
    const char *member = contract_fixture.http_members[0];
    struct error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
        assert_true(share(member, percents[i], &err));
        for (size_t process = 0; process < HAPROXY_PROCESSES; process++) {
            struct lb lb = contract_one_process(process);
            assert_int_equal(contract_read(&lb, member).weight, percents[i]);
        }
        assert_int_equal(contract_read(&contract_lb, member).admin, LB_ADMIN_UP);
    }
}

static void no_share_drains_a_member_of_little_weight(void **unused)
{
    const char *member = contract_fixture.ssh_members[0];
    struct error err;

    (void)unused;
    assert_true(share(member, 1, &err));
    assert_int_equal(contract_read(&contract_lb, member).weight, 1);
    assert_int_equal(contract_read(&contract_lb, member).admin, LB_ADMIN_UP);
}

static void a_weight_that_cannot_change_is_told_with_what_to_do(void **unused)
{
    struct error err;

    (void)unused;
    assert_false(share("bb_static/n1", 10, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    assert_non_null(strstr(err.hint, "roundrobin"));
}

static void a_ramp_without_weight_is_told_before_anything_is_drained(void **unused)
{
    char ramp[] = "3000";
    const char *members[] = {contract_fixture.http_members[0], contract_fixture.ssh_members[0]};
    struct lb lb = master_with(NULL, ramp);
    struct error err;

    (void)unused;
    assert_false(
        lb.driver->set_members(&lb, members, 2, LB_ADMIN_DRAIN, deadline_after_ms(CALL_MS), &err));
    assert_int_equal(err.code, ERROR_INVALID);
    assert_non_null(strstr(err.message, members[1]));
    assert_int_equal(contract_read(&lb, members[0]).admin, LB_ADMIN_UP);
    contract_set(&lb, members, 1, LB_ADMIN_DRAIN);
}

#define AGENT_MEMBER "bb_agent/n1"
#define UNDONE_MS    4500 /* longer than a change must hold */

static bool set_agents_member(enum lb_admin admin, struct error *err)
{
    static const char *const member = AGENT_MEMBER;
    struct lb lb = contract_one_process(0);
    return lb.driver->set_members(&lb, &member, 1, admin, deadline_after_ms(CALL_MS), err);
}

/* Whether the agent comes between setting and reading is chance; that it comes is not. */
static void assert_agent_is_named(const char *words, enum lb_admin admin)
{
    struct deadline end = deadline_after_ms(UNDONE_MS);
    struct error err;

    ask_agent_on(fake_server_start(FAKE_ANSWERS, "", words, strlen(words), 1));
    while (!deadline_is_over(end)) {
        assert_false(set_agents_member(admin, &err));
        assert_true(err.code == ERROR_CONFLICT || err.code == ERROR_BUSY);
        assert_non_null(strstr(err.message, AGENT_MEMBER));
        assert_non_null(strstr(err.hint, "agent-check"));
        clock_sleep_ms(100);
    }
    fake_server_stop();
}

static void an_agent_check_that_undoes_a_change_is_named(void **unused)
{
    (void)unused;
    assert_agent_is_named("up ready\n", LB_ADMIN_DRAIN);
    assert_agent_is_named("drain\n", LB_ADMIN_UP);
}

static void an_agent_check_that_says_nothing_of_it_is_no_hindrance(void **unused)
{
    struct lb lb = contract_one_process(0);

    (void)unused;
    ask_agent_on(fake_server_start(FAKE_ANSWERS, "", "up 100%\n", 8, 1));
    contract_set_one(&lb, AGENT_MEMBER, LB_ADMIN_DRAIN);
    assert_int_equal(contract_read(&lb, AGENT_MEMBER).admin, LB_ADMIN_DRAIN);
    contract_set_one(&lb, AGENT_MEMBER, LB_ADMIN_UP);
    assert_int_equal(contract_read(&lb, AGENT_MEMBER).admin, LB_ADMIN_UP);
    fake_server_stop();
}

#define CASE(name) cmocka_unit_test_setup(name, contract_reset)

int haproxy_run_cases(void)
{
    static const struct CMUnitTest cases[] = {
        CASE(a_reload_during_a_drain_does_not_read_as_empty),
        CASE(sessions_of_old_workers_are_cut_as_well),
        CASE(a_saved_state_survives_reloads_until_it_is_taken_back),
        CASE(a_state_that_cannot_be_saved_is_told),
        CASE(a_state_file_is_of_one_process_on_this_host),
        CASE(a_share_of_the_weight_is_set_in_every_process_and_given_back),
        CASE(no_share_drains_a_member_of_little_weight),
        CASE(a_weight_that_cannot_change_is_told_with_what_to_do),
        CASE(a_ramp_without_weight_is_told_before_anything_is_drained),
        CASE(an_agent_check_that_undoes_a_change_is_named),
        CASE(an_agent_check_that_says_nothing_of_it_is_no_hindrance),
    };
    return cmocka_run_group_tests_name("haproxy", cases, NULL, NULL);
}
