/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cases of the apache driver alone, beyond the contract: restarts, and servers that are set up in a
 * way that keeps the driver out. One httpd a case.
 */
#include "check.h"
#include "client.h"
#include "cmocka_setup.h"
#include "http.h"
#include "httpd.h"
#include "lb_driver.h"
#include "nodes.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL_MS     5000
#define PATIENCE_MS 10000
#define RETRY_MS    5
#define LONG_SETTLE "60000"
#define TINY_SETTLE "200"

/* What a case wants of its httpd. */
struct setup {
    const char *global;       /* lines outside of everything */
    const char *in_manager;   /* in the manager's <Location> */
    const char *more_members; /* of the balancer */
    bool is_shadowed;         /* by the application */
};

static struct httpd httpd;
static struct lb lb;
static char member[LB_MEMBER];

static const char *const modules[] = {
    "headers",        "slotmem_shm",         "proxy",      "proxy_http",
    "proxy_balancer", "lbmethod_bybusyness", "authn_core", "authn_file",
    "authz_user",     "auth_basic",          "status",
};

static void write_config(const struct httpd *self, FILE *file)
{
    const struct setup *setup = self->context;

    for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
        httpd_write_module(file, modules[i]);
    fprintf(file, "%s\n<Proxy balancer://bitbucket>\n", setup->global != NULL ? setup->global : "");
    for (size_t i = 0; i < NODE_COUNT; i++)
        fprintf(file, "BalancerMember http://127.0.0.1:%d\n", node_http_port(i));
    fprintf(file, "%s\nProxySet lbmethod=bybusyness\n</Proxy>\n",
            setup->more_members != NULL ? setup->more_members : "");
    fprintf(file, "<Location /balancer-manager>\nSetHandler balancer-manager\n%s\n</Location>\n",
            setup->in_manager != NULL ? setup->in_manager : "");
    fprintf(file,
            "<Location /server-status>\nSetHandler server-status\n</Location>\n%s"
            "ProxyPass /server-status !\nProxyPass / balancer://bitbucket/\n",
            setup->is_shadowed ? "" : "ProxyPass /balancer-manager !\n");
}

static void set_option(const char *key, const char *value)
{
    for (size_t i = 0; i < lb.driver->setting_count; i++) {
        if (strcmp(lb.driver->settings[i].key, key) != 0)
            continue;
        free(lb.options.values[i]);
        lb.options.values[i] = value != NULL ? strdup(value) : NULL;
    }
}

/* As a controller that has just started: it remembers nothing. */
static void open_anew(const char *status_path, const char *settle_ms)
{
    lb_close(&lb);
    set_option("status_path", status_path);
    set_option("restart_settle", settle_ms);
    lb_open(&lb);
}

static void start(const struct setup *setup)
{
    nodes_release();
    httpd = (struct httpd){.write_config = write_config, .context = setup};
    httpd_init(&httpd);
    httpd_start(&httpd);
    lb = (struct lb){.driver = lb_driver_find("apache"), .name = "cases"};
    lb.options.address_count = 1;
    snprintf(lb.options.addresses[0], LIMIT_PATH, "http://127.0.0.1:%d/balancer-manager",
             httpd.port);
    lb_open(&lb);
    snprintf(member, sizeof(member), "bitbucket/http://127.0.0.1:%d", node_http_port(0));
}

static int stop(void **unused)
{
    (void)unused;
    lb_close(&lb);
    for (size_t i = 0; i < LB_SETTINGS; i++)
        free(lb.options.values[i]);
    httpd_done(&httpd);
    return 0;
}

static bool read_name(const char *name, struct lb_member_state *ret_state, struct error *err)
{
    return lb.driver->read_members(&lb, &name, 1, deadline_after_ms(CALL_MS), ret_state, err);
}

static struct lb_member_state read_state(void)
{
    struct lb_member_state state;
    struct error err;
    if (!read_name(member, &state, &err))
        fail_msg("%s", err.message);
    return state;
}

static bool set_name(const char *name, enum lb_admin admin, struct error *err)
{
    return lb.driver->set_members(&lb, &name, 1, admin, deadline_after_ms(CALL_MS), err);
}

static void set_state(enum lb_admin admin)
{
    struct error err;
    if (!set_name(member, admin, &err))
        fail_msg("%s", err.message);
}

static void await_sessions(int64_t sessions)
{
    struct deadline patience = deadline_after_ms(PATIENCE_MS);
    while (read_state().sessions != sessions) {
        assert_false(deadline_is_over(patience));
        poll(NULL, 0, RETRY_MS);
    }
}

/* One request waits at each node. */
static void begin_requests(int fds[NODE_COUNT])
{
    nodes_hold();
    for (size_t i = 0; i < NODE_COUNT; i++)
        fds[i] = client_begin(httpd.port, "/hold", NULL);
    await_sessions(1);
}

static void finish_requests(const int fds[NODE_COUNT])
{
    nodes_release();
    for (size_t i = 0; i < NODE_COUNT; i++)
        assert_int_equal(client_finish(fds[i]).status, 200);
}

static void assert_read_fails(const char *name, enum error_code code, const char *hint)
{
    struct lb_member_state state;
    struct error err;

    assert_false(read_name(name, &state, &err));
    if (err.code != code)
        fail_msg("%s: %s", error_code_name(err.code), err.message);
    if (strstr(err.hint, hint) == NULL)
        fail_msg("the hint '%s' does not speak of '%s'", err.hint, hint);
}

/* A moment after a restart the process of before it may still have answered. */
static void assert_sessions_become_unknown_for(int64_t most_ms)
{
    struct deadline patience = deadline_after_ms(PATIENCE_MS);
    struct lb_member_state state = read_state();
    while (state.sessions != -1) {
        assert_false(deadline_is_over(patience));
        poll(NULL, 0, RETRY_MS);
        state = read_state();
    }
    assert_in_range(state.settle_ms, 1, most_ms);
}

static const struct setup forgetful = {.global = "BalancerPersist Off"};
static const struct setup persistent = {.global = "BalancerPersist On"};

static void a_restart_that_forgets_makes_sessions_unknown_while_old_processes_serve(void **unused)
{
    int fds[NODE_COUNT];

    (void)unused;
    start(&forgetful);
    open_anew("/server-status", LONG_SETTLE);
    begin_requests(fds);
    set_state(LB_ADMIN_DOWN);
    httpd_restart_gracefully(&httpd);
    assert_sessions_become_unknown_for(60000);
    assert_int_equal(read_state().admin, LB_ADMIN_UP);
    set_state(LB_ADMIN_DOWN);
    assert_sessions_become_unknown_for(60000);
    finish_requests(fds);
    await_sessions(0);
    assert_int_equal(read_state().settle_ms, 0);
}

static void a_restart_before_the_first_look_is_seen_by_its_old_processes(void **unused)
{
    int fds[NODE_COUNT];

    (void)unused;
    start(&forgetful);
    begin_requests(fds);
    httpd_restart_gracefully(&httpd);
    open_anew("/server-status", LONG_SETTLE);
    assert_sessions_become_unknown_for(60000);
    finish_requests(fds);
    await_sessions(0);
}

static void without_mod_status_a_restart_that_forgets_is_waited_for(void **unused)
{
    int fds[NODE_COUNT];

    (void)unused;
    start(&forgetful);
    open_anew(NULL, TINY_SETTLE);
    begin_requests(fds);
    set_state(LB_ADMIN_DOWN);
    httpd_restart_gracefully(&httpd);
    assert_sessions_become_unknown_for(200);
    await_sessions(0);
    finish_requests(fds);
}

/* The counter that was taken along says 1 for ever. */
static void a_restart_that_remembers_leaves_a_count_that_is_given_up(void **unused)
{
    int fds[NODE_COUNT];

    (void)unused;
    start(&persistent);
    open_anew("/server-status", TINY_SETTLE);
    await_sessions(0);
    begin_requests(fds);
    set_state(LB_ADMIN_DOWN);
    assert_int_equal(read_state().sessions, 1);
    httpd_restart_gracefully(&httpd);
    assert_sessions_become_unknown_for(200);
    assert_int_equal(read_state().admin, LB_ADMIN_DOWN);
    finish_requests(fds);
    await_sessions(0);
    set_state(LB_ADMIN_UP);
    assert_int_equal(read_state().admin, LB_ADMIN_UP);
    open_anew("/server-status", LONG_SETTLE);
    assert_sessions_become_unknown_for(60000);
}

static void a_status_path_where_no_mod_status_is_is_told(void **unused)
{
    (void)unused;
    start(&forgetful);
    open_anew("/status", LONG_SETTLE);
    assert_read_fails(member, ERROR_PROTOCOL, "SetHandler server-status");
}

static void a_server_name_that_is_not_the_host_is_told(void **unused)
{
    static const struct setup setup = {.global = "UseCanonicalName On\nServerName lb.example"};

    (void)unused;
    start(&setup);
    assert_read_fails(member, ERROR_DENIED, "UseCanonicalName");
}

static void a_manager_behind_the_application_is_told(void **unused)
{
    static const struct setup setup = {.is_shadowed = true};
    struct error err;

    (void)unused;
    start(&setup);
    assert_read_fails(member, ERROR_PROTOCOL, "ProxyPass /balancer-manager !");
    assert_false(set_name(member, LB_ADMIN_DOWN, &err));
    assert_int_equal(err.code, ERROR_PROTOCOL);
}

static void an_error_page_is_told_by_its_status(void **unused)
{
    static const struct setup forbidden = {.in_manager = "Require all denied"};

    (void)unused;
    start(&forbidden);
    assert_read_fails(member, ERROR_DENIED, "allows");
    snprintf(lb.options.addresses[0], LIMIT_PATH, "http://127.0.0.1:%d/server-status/x/../y",
             httpd.port);
    assert_read_fails(member, ERROR_PROTOCOL, "ProxyPass");
}

/* {SHA} of "secret", as htpasswd -s writes it. */
static const struct setup guarded = {
    .in_manager = "AuthType Basic\nAuthName manager\nAuthUserFile users\nRequire valid-user"};

static void write_users(void)
{
    char path[LIMIT_PATH];
    snprintf(path, sizeof(path), "%s/users", httpd.directory);
    FILE *file = fopen(path, "we");
    CHECK(file != NULL);
    CHECK(fputs("shunt:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n", file) >= 0);
    CHECK(fclose(file) == 0);
}

static void a_guarded_manager_wants_the_right_password(void **unused)
{
    (void)unused;
    start(&guarded);
    write_users();
    assert_read_fails(member, ERROR_DENIED, "credentials");
    snprintf(lb.options.credentials.user, LIMIT_NAME, "shunt");
    snprintf(lb.options.credentials.password_env, LIMIT_NAME, "CASES_PASSWORD");
    CHECK(setenv("CASES_PASSWORD", "wrong", 1) == 0);
    open_anew(NULL, TINY_SETTLE);
    assert_read_fails(member, ERROR_DENIED, "credentials");
    CHECK(setenv("CASES_PASSWORD", "secret", 1) == 0);
    open_anew(NULL, TINY_SETTLE);
    set_state(LB_ADMIN_DOWN);
    assert_int_equal(read_state().admin, LB_ADMIN_DOWN);
}

/* httpd takes a worker whose name the given one begins with. */
static void a_worker_whose_name_begins_another_is_left_alone(void **unused)
{
    static const struct setup setup = {.more_members = "BalancerMember http://127.0.0.1:808\n"};
    const char *known = "bitbucket/http://127.0.0.1:808";
    const char *unknown = "bitbucket/http://127.0.0.1:80";
    char longer[LB_MEMBER];
    struct lb_member_state state;
    struct error err;

    (void)unused;
    start(&setup);
    snprintf(longer, sizeof(longer), "%s0", known);
    assert_false(set_name(unknown, LB_ADMIN_DOWN, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_false(set_name(longer, LB_ADMIN_DOWN, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_true(read_name(known, &state, &err));
    assert_int_equal(state.admin, LB_ADMIN_UP);
    assert_true(set_name(known, LB_ADMIN_DOWN, &err));
    assert_int_equal(read_state().admin, LB_ADMIN_UP);
}

static void standbys_are_no_peers_and_up_all_the_same(void **unused)
{
    static const struct setup setup = {
        .more_members = "BalancerMember http://127.0.0.1:81 status=+H\n"
                        "BalancerMember http://127.0.0.1:82 status=+D\n"
                        "BalancerMember http://127.0.0.1:83 loadfactor=2.5 status=+I\n"};
    struct lb_member_state state;
    struct error err;

    (void)unused;
    start(&setup);
    assert_int_equal(read_state().peers_up, NODE_COUNT);
    assert_true(read_name("bitbucket/http://127.0.0.1:81", &state, &err));
    assert_int_equal(state.admin, LB_ADMIN_UP);
    assert_true(read_name("bitbucket/http://127.0.0.1:82", &state, &err));
    assert_int_equal(state.admin, LB_ADMIN_DOWN);
    assert_true(read_name("bitbucket/http://127.0.0.1:83", &state, &err));
    assert_int_equal(state.weight, 2);
    assert_false(state.is_checked);
}

/* Nobody listens at port 1: the first request finds that out. */
static void a_worker_in_error_is_down_until_it_is_tried_again(void **unused)
{
    static const struct setup setup = {.more_members =
                                           "BalancerMember http://127.0.0.1:1 retry=60\n"};
    const char *dead = "bitbucket/http://127.0.0.1:1";
    struct deadline patience = deadline_after_ms(PATIENCE_MS);
    struct lb_member_state state = {.health = LB_HEALTH_UP};
    struct error err;

    (void)unused;
    start(&setup);
    while (state.health == LB_HEALTH_UP) {
        assert_false(deadline_is_over(patience));
        client_get(httpd.port, "/", NULL);
        assert_true(read_name(dead, &state, &err));
    }
    assert_int_equal(state.health, LB_HEALTH_DOWN);
    assert_true(set_name(dead, LB_ADMIN_DOWN, &err));
    assert_true(set_name(dead, LB_ADMIN_UP, &err));
    assert_true(read_name(dead, &state, &err));
    assert_int_equal(state.health, LB_HEALTH_DOWN);
    assert_int_equal(read_state().peers_up, NODE_COUNT - 1);
}

#define CASE(name) cmocka_unit_test_teardown(name, stop)

int main(void)
{
    static const struct CMUnitTest cases[] = {
        CASE(a_restart_that_forgets_makes_sessions_unknown_while_old_processes_serve),
        CASE(a_restart_before_the_first_look_is_seen_by_its_old_processes),
        CASE(without_mod_status_a_restart_that_forgets_is_waited_for),
        CASE(a_restart_that_remembers_leaves_a_count_that_is_given_up),
        CASE(a_status_path_where_no_mod_status_is_is_told),
        CASE(a_server_name_that_is_not_the_host_is_told),
        CASE(a_manager_behind_the_application_is_told),
        CASE(an_error_page_is_told_by_its_status),
        CASE(a_guarded_manager_wants_the_right_password),
        CASE(a_worker_whose_name_begins_another_is_left_alone),
        CASE(standbys_are_no_peers_and_up_all_the_same),
        CASE(a_worker_in_error_is_down_until_it_is_tried_again),
    };
    struct error err;

    nodes_start();
    CHECK(http_init(&err));
    int failures = cmocka_run_group_tests(cases, NULL, NULL);
    nodes_stop();
    return failures == 0 ? 0 : 1;
}
