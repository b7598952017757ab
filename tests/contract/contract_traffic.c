/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cases: what clients see, and what sessions the driver counts meanwhile.
 */
#include "contract.h"

#include "client.h"
#include "cmocka_setup.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NEW_CLIENTS  12 /* four rounds over the nodes */
#define IDLE_CLIENTS 16 /* so many connections do not go away by themselves in time */

static bool any_new_client_reaches(size_t node)
{
    for (size_t process = 0; process < contract_lb.options.address_count; process++) {
        for (size_t i = 0; i < NEW_CLIENTS; i++) {
            struct client_answer answer =
                client_get(contract_fixture.http_port(process), "/", NULL);
            assert_int_equal(answer.status, 200);
            if (strcmp(answer.node, node_name(node)) == 0)
                return true;
        }
    }
    return false;
}

static bool new_clients_reach(const void *node)
{
    return any_new_client_reaches(*(const size_t *)node);
}

/* A client that belongs to the node: the cookie says so. */
static void become_sticky(size_t node, char cookie[128])
{
    for (size_t i = 0; i < NEW_CLIENTS; i++) {
        struct client_answer answer = client_get(contract_fixture.http_port(0), "/", NULL);
        if (strcmp(answer.node, node_name(node)) != 0)
            continue;
        assert_string_not_equal(answer.cookie, "");
        snprintf(cookie, 128, "%s", answer.cookie);
        return;
    }
    fail_msg("no new client came to %s", node_name(node));
}

/* Opens SSH sessions until one is with the node; the others are closed. */
static int open_ssh_with(size_t node)
{
    for (size_t i = 0; i < NEW_CLIENTS; i++) {
        char name[32];
        int fd = client_open_ssh(contract_fixture.ssh_port(0), name);
        if (strcmp(name, node_name(node)) == 0)
            return fd;
        close(fd);
    }
    fail_msg("no SSH session came to %s", node_name(node));
    return -1;
}

static void a_drained_member_gets_no_new_client_and_a_returned_one_does(void **unused)
{
    const size_t node = 0;

    (void)unused;
    if (contract_fixture.http_port == NULL)
        skip_case();
    assert_true(any_new_client_reaches(node));
    contract_set_one(&contract_lb, contract_fixture.http_members[node], LB_ADMIN_DRAIN);
    assert_false(any_new_client_reaches(node));
    contract_set_one(&contract_lb, contract_fixture.http_members[node], LB_ADMIN_UP);
    assert_true(contract_eventually(new_clients_reach, &node));
}

static void a_sticky_client_is_turned_away_from_a_member_that_is_down(void **unused)
{
    char cookie[128];
    struct client_answer answer;

    (void)unused;
    if (!contract_fixture.is_sticky)
        skip_case();
    become_sticky(0, cookie);
    contract_set_one(&contract_lb, contract_fixture.http_members[0], LB_ADMIN_DRAIN);
    answer = client_get(contract_fixture.http_port(0), "/", cookie);
    assert_int_equal(answer.status, 200);
    if (contract_fixture.drain_admits_sticky)
        assert_string_equal(answer.node, node_name(0));
    contract_set_one(&contract_lb, contract_fixture.http_members[0], LB_ADMIN_DOWN);
    answer = client_get(contract_fixture.http_port(0), "/", cookie);
    assert_int_equal(answer.status, 200);
    assert_string_not_equal(answer.node, node_name(0));
}

/* One request waits at each node, through every process. */
static void requests_in_flight_are_counted_over_processes_until_they_end(void **unused)
{
    const size_t processes = contract_lb.options.address_count;
    int fds[LB_ADDRESSES][NODE_COUNT];

    (void)unused;
    if (contract_fixture.http_port == NULL || lb_is_blind(&contract_lb))
        skip_case();
    nodes_hold();
    for (size_t process = 0; process < processes; process++) {
        for (size_t i = 0; i < NODE_COUNT; i++)
            fds[process][i] = client_begin(contract_fixture.http_port(process), "/hold", NULL);
    }
    for (size_t i = 0; i < NODE_COUNT; i++)
        assert_true(contract_has_sessions(contract_fixture.http_members[i], (int64_t)processes));
    nodes_release();
    for (size_t process = 0; process < processes; process++) {
        for (size_t i = 0; i < NODE_COUNT; i++)
            assert_int_equal(client_finish(fds[process][i]).status, 200);
    }
    for (size_t i = 0; i < NODE_COUNT; i++)
        assert_true(contract_has_sessions(contract_fixture.http_members[i], 0));
}

/* One request waits at each node. */
static void a_request_in_flight_survives_drain_and_down(void **unused)
{
    const char *member = contract_fixture.http_members[0];
    int fds[NODE_COUNT];
    size_t answers = 0;

    (void)unused;
    if (contract_fixture.http_port == NULL || lb_is_blind(&contract_lb))
        skip_case();
    nodes_hold();
    for (size_t i = 0; i < NODE_COUNT; i++)
        fds[i] = client_begin(contract_fixture.http_port(0), "/hold", NULL);
    assert_true(contract_has_sessions(member, 1));
    contract_set_one(&contract_lb, member, LB_ADMIN_DRAIN);
    contract_set_one(&contract_lb, member, LB_ADMIN_DOWN);
    assert_int_equal(contract_read(&contract_lb, member).sessions, 1);
    nodes_release();
    for (size_t i = 0; i < NODE_COUNT; i++) {
        struct client_answer answer = client_finish(fds[i]);
        assert_int_equal(answer.status, 200);
        answers += strcmp(answer.node, node_name(0)) == 0;
    }
    assert_int_equal(answers, 1);
    assert_true(contract_has_sessions(member, 0));
}

static bool has_no_connection(const void *node)
{
    return node_http_connections(*(const size_t *)node) == 0;
}

/* The node is stopped when it has no connection left, and a pool of idle ones must not delay that:
 * requests end first, then down. */
static void down_after_the_last_request_leaves_no_idle_connection(void **unused)
{
    const char *member = contract_fixture.http_members[0];
    const size_t node = 0;
    char cookie[128];
    int fds[IDLE_CLIENTS];

    (void)unused;
    if (!contract_fixture.down_closes_idle || !contract_fixture.is_sticky)
        skip_case();
    become_sticky(node, cookie);
    nodes_hold();
    for (size_t i = 0; i < IDLE_CLIENTS; i++)
        fds[i] = client_begin(contract_fixture.http_port(0), "/hold", cookie);
    assert_true(contract_has_sessions(member, IDLE_CLIENTS));
    contract_set_one(&contract_lb, member, LB_ADMIN_DRAIN);
    nodes_release();
    for (size_t i = 0; i < IDLE_CLIENTS; i++)
        assert_int_equal(client_finish(fds[i]).status, 200);
    assert_true(contract_has_sessions(member, 0));
    contract_set_one(&contract_lb, member, LB_ADMIN_DOWN);
    assert_true(contract_eventually(has_no_connection, &node));
}

static void an_ssh_session_survives_down_until_it_is_cut(void **unused)
{
    const char *member = contract_fixture.ssh_members[0];
    struct error err;

    (void)unused;
    if (!contract_has_ssh() || contract_fixture.ssh_port == NULL)
        skip_case();
    int fd = open_ssh_with(0);
    contract_set_one(&contract_lb, member, LB_ADMIN_DOWN);
    assert_true(contract_has_sessions(member, 1));
    if (contract_lb.driver->cut_sessions != NULL) {
        assert_true(contract_lb.driver->cut_sessions(&contract_lb, &member, 1,
                                                     deadline_after_ms(CALL_MS), &err));
        assert_true(client_sees_end(fd));
    }
    close(fd);
    assert_true(contract_has_sessions(member, 0));
}

static void cutting_leaves_other_members_alone(void **unused)
{
    const char *member = contract_fixture.ssh_members[0];
    struct error err;

    (void)unused;
    if (contract_lb.driver->cut_sessions == NULL || !contract_has_ssh() ||
        contract_fixture.ssh_port == NULL)
        skip_case();
    int fd = open_ssh_with(1);
    assert_true(contract_lb.driver->cut_sessions(&contract_lb, &member, 1,
                                                 deadline_after_ms(CALL_MS), &err));
    assert_true(contract_has_sessions(contract_fixture.ssh_members[1], 1));
    close(fd);
}

#define CASE(name) cmocka_unit_test_setup(name, contract_reset)

int contract_run_traffic(void)
{
    static const struct CMUnitTest cases[] = {
        CASE(a_drained_member_gets_no_new_client_and_a_returned_one_does),
        CASE(a_sticky_client_is_turned_away_from_a_member_that_is_down),
        CASE(requests_in_flight_are_counted_over_processes_until_they_end),
        CASE(a_request_in_flight_survives_drain_and_down),
        CASE(down_after_the_last_request_leaves_no_idle_connection),
        CASE(an_ssh_session_survives_down_until_it_is_cut),
        CASE(cutting_leaves_other_members_alone),
    };
    return cmocka_run_group_tests_name("traffic", cases, NULL, NULL);
}
