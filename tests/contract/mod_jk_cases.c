/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cases of the mod_jk driver alone, beyond the contract: restarts, members in error, and a server
 * that is set up in a way that keeps the driver out. One httpd a case.
 */
#include "ajp_gateway.h"
#include "check.h"
#include "client.h"
#include "cmocka_setup.h"
#include "http.h"
#include "httpd.h"
#include "lb_driver.h"
#include "nodes.h"
#include "tomcat.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CALL_MS     5000
#define PATIENCE_MS 10000
#define RETRY_MS    5
#define DEAD_PORT   1  /* nobody listens there */
#define NEW_CLIENTS 16 /* four rounds over the members */

static const char *const member = "lb/n1";
static const char *const other = "lb/other"; /* disabled at first */
static int other_port = DEAD_PORT;
static time_t started;
static char settle_ms[16];
static struct httpd httpd;
static struct lb lb;

static void write_workers(const struct httpd *self)
{
    char path[LIMIT_PATH];
    snprintf(path, sizeof(path), "%s/workers.properties", self->directory);
    FILE *file = fopen(path, "we");

    CHECK(file != NULL);
    fprintf(file,
            "worker.list=lb,jkstatus\nworker.jkstatus.type=status\nworker.lb.type=lb\n"
            "worker.lb.method=Busyness\nworker.lb.balance_workers=n1,n2,n3,other\n"
            "worker.other.host=127.0.0.1\nworker.other.port=%d\nworker.other.activation=D\n",
            other_port);
    for (size_t i = 0; i < NODE_COUNT; i++)
        fprintf(file, "worker.%s.host=127.0.0.1\nworker.%s.port=%d\n", node_name(i), node_name(i),
                ajp_gateway_port(i));
    CHECK(fclose(file) == 0);
}

static void write_config(const struct httpd *self, FILE *file)
{
    write_workers(self);
    httpd_write_module(file, "jk");
    fprintf(file, "JkWorkersFile workers.properties\nJkShmFile jk.shm\nJkLogFile jk.log\n"
                  "JkMount /jkstatus jkstatus\nJkMount /* lb\n");
}

static int start(void **unused)
{
    (void)unused;
    nodes_release();
    httpd = (struct httpd){.write_config = write_config};
    httpd_init(&httpd);
    httpd_start(&httpd);
    started = time(NULL);
    lb = (struct lb){.driver = lb_driver_find("mod_jk"), .name = "cases"};
    lb.options.address_count = 1;
    snprintf(settle_ms, sizeof(settle_ms), "200");
    assert_string_equal(lb.driver->settings[0].key, "restart_settle");
    lb.options.values[0] = settle_ms;
    snprintf(lb.options.addresses[0], LIMIT_PATH, "http://127.0.0.1:%d/jkstatus", httpd.port);
    lb_open(&lb);
    return 0;
}

static int stop(void **unused)
{
    (void)unused;
    lb_close(&lb);
    httpd_done(&httpd);
    return 0;
}

static struct lb_member_state read_state(const char *name)
{
    struct lb_member_state state;
    struct error err;
    if (!lb.driver->read_members(&lb, &name, 1, deadline_after_ms(CALL_MS), &state, &err))
        fail_msg("%s", err.message);
    return state;
}

static void set_state(const char *name, enum lb_admin admin)
{
    struct error err;
    if (!lb.driver->set_members(&lb, &name, 1, admin, deadline_after_ms(CALL_MS), &err))
        fail_msg("%s", err.message);
}

static struct lb_member_state await_sessions(int64_t sessions)
{
    struct deadline patience = deadline_after_ms(PATIENCE_MS);
    struct lb_member_state state = read_state(member);
    while (state.sessions != sessions) {
        assert_false(deadline_is_over(patience));
        poll(NULL, 0, RETRY_MS);
        state = read_state(member);
    }
    return state;
}

static void a_restart_makes_sessions_unknown_for_a_while(void **unused)
{
    int fds[NODE_COUNT];

    (void)unused;
    nodes_hold();
    for (size_t i = 0; i < NODE_COUNT; i++)
        fds[i] = client_begin(httpd.port, "/hold", NULL);
    await_sessions(1);
    set_state(member, LB_ADMIN_DOWN);
    while (time(NULL) == started) /* the counters' age is told in seconds */
        poll(NULL, 0, RETRY_MS);
    httpd_restart_gracefully(&httpd);
    struct lb_member_state state = await_sessions(-1);
    assert_in_range(state.settle_ms, 1, 200);
    assert_int_equal(state.admin, LB_ADMIN_UP);
    await_sessions(0);
    nodes_release();
    for (size_t i = 0; i < NODE_COUNT; i++)
        assert_int_equal(client_finish(fds[i]).status, 200);
    assert_int_equal(read_state(member).sessions, 0);
}

static void a_member_in_error_is_told_to_recover_when_it_comes_up(void **unused)
{
    struct deadline patience = deadline_after_ms(PATIENCE_MS);

    (void)unused;
    assert_int_equal(read_state(other).admin, LB_ADMIN_DRAIN);
    set_state(other, LB_ADMIN_UP);
    while (read_state(other).health == LB_HEALTH_UP) {
        assert_false(deadline_is_over(patience));
        assert_int_equal(client_get(httpd.port, "/", NULL).status, 200);
    }
    assert_int_equal(read_state(other).health, LB_HEALTH_DOWN);
    assert_int_equal(read_state(member).peers_up, NODE_COUNT - 1);
    set_state(other, LB_ADMIN_DOWN);
    assert_int_equal(read_state(other).health, LB_HEALTH_DOWN);
    set_state(other, LB_ADMIN_UP);
    assert_int_equal(read_state(other).health, LB_HEALTH_CHANGING);
}

static void a_status_worker_behind_the_application_is_told(void **unused)
{
    const char *name = member;
    struct lb_member_state state;
    struct error err;

    (void)unused;
    snprintf(lb.options.addresses[0], LIMIT_PATH, "http://127.0.0.1:%d/other", httpd.port);
    assert_false(lb.driver->read_members(&lb, &name, 1, deadline_after_ms(CALL_MS), &state, &err));
    assert_int_equal(err.code, ERROR_PROTOCOL);
    assert_non_null(strstr(err.hint, "JkMount"));
}

static bool any_new_client_reaches_tomcat(void)
{
    for (size_t i = 0; i < NEW_CLIENTS; i++) {
        struct client_answer answer = client_get(httpd.port, "/", NULL);
        assert_int_equal(answer.status, 200);
        if (strcmp(answer.node, "tomcat") == 0)
            return true;
    }
    return false;
}

static void await_health(enum lb_health health)
{
    struct deadline patience = deadline_after_ms(PATIENCE_MS);
    while (read_state(other).health != health) {
        assert_false(deadline_is_over(patience));
        assert_int_equal(client_get(httpd.port, "/", NULL).status, 200);
    }
}

static int start_with_tomcat(void **state)
{
    if (tomcat_is_installed())
        tomcat_start();
    other_port = tomcat_is_installed() ? tomcat_port() : DEAD_PORT;
    return start(state);
}

static int stop_with_tomcat(void **state)
{
    tomcat_done();
    return stop(state);
}

static void a_real_tomcat_is_drained_and_recovers_after_its_restart(void **unused)
{
    (void)unused;
    if (!tomcat_is_installed())
        skip_case();
    set_state(other, LB_ADMIN_UP);
    assert_true(any_new_client_reaches_tomcat());
    set_state(other, LB_ADMIN_DRAIN);
    assert_false(any_new_client_reaches_tomcat());
    set_state(other, LB_ADMIN_UP);
    tomcat_end();
    await_health(LB_HEALTH_DOWN);
    set_state(other, LB_ADMIN_DOWN);
    tomcat_start();
    set_state(other, LB_ADMIN_UP);
    await_health(LB_HEALTH_UP);
    assert_true(any_new_client_reaches_tomcat());
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    static const struct CMUnitTest cases[] = {
        CASE(a_restart_makes_sessions_unknown_for_a_while),
        CASE(a_member_in_error_is_told_to_recover_when_it_comes_up),
        CASE(a_status_worker_behind_the_application_is_told),
        cmocka_unit_test_setup_teardown(a_real_tomcat_is_drained_and_recovers_after_its_restart,
                                        start_with_tomcat, stop_with_tomcat),
    };
    struct error err;

    nodes_start();
    ajp_gateway_start();
    CHECK(http_init(&err));
    int failures = cmocka_run_group_tests(cases, NULL, NULL);
    ajp_gateway_stop();
    nodes_stop();
    return failures == 0 ? 0 : 1;
}
