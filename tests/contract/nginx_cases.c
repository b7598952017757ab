/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only an NGINX does, with a real one: its files, its reloads, and the hands of other people
 * in both. Each case has a server of its own.
 */
#include "lb_driver.h"

#include "check.h"
#include "child.h"
#include "file.h"
#include "loopback.h"
#include "nginx_running.h"
#include "nginx_server.h"
#include "nodes.h"

#include "client.h"
#include "cmocka_setup.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CALL_MS     5000
#define PATIENCE_MS 15000
#define RETRY_MS    5
#define TEXT_SIZE   8192

static struct nginx_server server;
static struct lb lb;
static char mode[16];
static char http_name[64], http_peer[64], ssh_name[64];

static bool read_state(const struct lb *of, const char *member, struct lb_member_state *ret_state,
                       struct error *err)
{
    return of->driver->read_members(of, &member, 1, deadline_after_ms(CALL_MS), ret_state, err);
}

static struct lb_member_state state_of(const char *member)
{
    struct lb_member_state state;
    struct error err;

    if (!read_state(&lb, member, &state, &err))
        fail_msg("read %s: %s", member, err.message);
    return state;
}

static bool set_both(enum lb_admin admin, int64_t ms, struct error *err)
{
    const char *const members[] = {http_name, ssh_name};
    return lb.driver->set_members(&lb, members, 2, admin, deadline_after_ms(ms), err);
}

static void must_set_both(enum lb_admin admin)
{
    struct error err;
    if (!set_both(admin, CALL_MS, &err))
        fail_msg("set %s: %s", lb_admin_name(admin), err.message);
}

static void read_file(const char *path, char text[TEXT_SIZE])
{
    struct buffer bytes;
    struct error err;

    buffer_init(&bytes, TEXT_SIZE - 1);
    if (!file_read(path, &bytes, &err))
        fail_msg("%s", err.message);
    strcpy(text, buffer_text(&bytes));
    buffer_done(&bytes);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* Puts `with` in the place of the first `what` in the configuration, as an editor does. */
static void edit(const char *what, const char *with)
{
    char text[TEXT_SIZE], edited[2 * TEXT_SIZE];

    read_file(server.config, text);
    char *at = strstr(text, what);
    CHECK(at != NULL);
    snprintf(edited, sizeof(edited), "%.*s%s%s", (int)(at - text), text, with, at + strlen(what));
    write_file(server.config, edited);
}

/* How often the master was told to reload, by its own log. */
static size_t count_reloads(void)
{
    char path[LIMIT_PATH + 32], text[TEXT_SIZE];
    size_t count = 0;

    snprintf(path, sizeof(path), "%s/error.log", server.directory);
    FILE *file = fopen(path, "re");
    CHECK(file != NULL);
    while (fgets(text, sizeof(text), file) != NULL)
        count += strstr(text, ", reconfiguring") != NULL;
    fclose(file);
    return count;
}

static bool find_master(struct nginx_master *ret_master)
{
    char path[LIMIT_PATH + 32];
    struct error err;

    snprintf(path, sizeof(path), "%s/nginx.pid", server.directory);
    return nginx_master_open(path, server.config, ret_master, &err);
}

static bool find_workers(struct nginx_workers *ret_workers)
{
    struct nginx_master master;
    struct error err;

    if (!find_master(&master))
        return false;
    CHECK(nginx_master_workers(&master, ret_workers, &err));
    nginx_master_close(&master);
    return true;
}

static bool eventually(bool (*holds)(void))
{
    struct deadline deadline = deadline_after_ms(PATIENCE_MS);

    while (!holds()) {
        if (deadline_is_over(deadline))
            return false;
        poll(NULL, 0, RETRY_MS);
    }
    return true;
}

/* Both workers are there; they are forked one after the other. */
static bool is_whole(void)
{
    static struct nginx_workers workers;
    return find_workers(&workers) && workers.live_count == 2 && !workers.is_starting;
}

static struct nginx_workers workers_before;

static bool has_new_workers(void)
{
    static struct nginx_workers now;
    return find_workers(&now) && nginx_workers_are_new(&now, &workers_before);
}

static void reload_as_a_person_does(void)
{
    struct nginx_master master;
    struct error err;

    assert_true(find_workers(&workers_before) && find_master(&master));
    assert_true(nginx_master_reload(&master, &err));
    nginx_master_close(&master);
    assert_true(eventually(has_new_workers));
}

static void open_lb(struct lb *ret_lb)
{
    *ret_lb = (struct lb){.driver = lb_driver_find("nginx"), .name = "cases"};
    ret_lb->options.address_count = 1;
    snprintf(ret_lb->options.addresses[0], LIMIT_PATH, "local:%.200s", server.config);
    ret_lb->options.values[0] = mode;
    lb_open(ret_lb);
}

static int start_server(void **unused)
{
    char http[512], stream[512];

    (void)unused;
    nodes_release();
    strcpy(mode, "down");
    snprintf(http, sizeof(http),
             "    upstream bb_http {\n        server 127.0.0.1:%d; # one\n        server "
             "127.0.0.1:%d;\n        keepalive 8;\n    }\n    proxy_http_version 1.1;\n    "
             "proxy_set_header Connection \"\";\n",
             node_http_port(0), node_http_port(1));
    snprintf(stream, sizeof(stream),
             "    upstream bb_ssh { server 127.0.0.1:%d; server 127.0.0.1:%d; }\n",
             node_ssh_port(0), node_ssh_port(1));
    snprintf(http_name, sizeof(http_name), "bb_http/127.0.0.1:%d", node_http_port(0));
    snprintf(http_peer, sizeof(http_peer), "bb_http/127.0.0.1:%d", node_http_port(1));
    snprintf(ssh_name, sizeof(ssh_name), "bb_ssh/127.0.0.1:%d", node_ssh_port(0));
    nginx_server_make(&server, http, stream);
    nginx_server_start(&server);
    open_lb(&lb);
    if (!eventually(is_whole))
        return -1;
    (void)state_of(http_name);
    return 0;
}

static int stop_server(void **unused)
{
    (void)unused;
    lb_close(&lb);
    nginx_server_remove(&server);
    return 0;
}

static void one_reload_is_enough_for_all_groups_and_none_for_what_is_so_already(void **unused)
{
    (void)unused;
    must_set_both(LB_ADMIN_DRAIN);
    assert_int_equal(count_reloads(), 1);
    assert_int_equal(state_of(http_name).admin, LB_ADMIN_DOWN);
    assert_int_equal(state_of(ssh_name).admin, LB_ADMIN_DOWN);
    must_set_both(LB_ADMIN_DOWN);
    must_set_both(LB_ADMIN_DOWN);
    assert_int_equal(count_reloads(), 1);
    must_set_both(LB_ADMIN_UP);
    assert_int_equal(count_reloads(), 2);
    must_set_both(LB_ADMIN_UP);
    assert_int_equal(count_reloads(), 2);
}

static void a_return_gives_the_bytes_that_were_there(void **unused)
{
    static const char *const modes[] = {"down", "remove"};
    char before[TEXT_SIZE], out[TEXT_SIZE], after[TEXT_SIZE];

    (void)unused;
    read_file(server.config, before);
    for (size_t i = 0; i < 2; i++) {
        strcpy(mode, modes[i]);
        must_set_both(LB_ADMIN_DOWN);
        assert_int_equal(state_of(http_name).admin, LB_ADMIN_DOWN);
        assert_int_equal(state_of(http_peer).peers_up, 0);
        for (int client = 0; client < 8; client++)
            assert_string_equal(client_get(nginx_server_http_port(&server), "/", NULL).node,
                                node_name(1));
        read_file(server.config, out);
        assert_string_not_equal(out, before);
        must_set_both(LB_ADMIN_UP);
        read_file(server.config, after);
        assert_string_equal(after, before);
    }
}

static void a_configuration_that_is_broken_already_is_not_touched(void **unused)
{
    struct stat before, after;
    struct error err;

    (void)unused;
    edit("access_log off;", "access_log off;\n    nonsense on;");
    assert_int_equal(stat(server.config, &before), 0);
    assert_false(set_both(LB_ADMIN_DOWN, CALL_MS, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    assert_non_null(strstr(err.message, "unknown directive \"nonsense\""));
    assert_int_equal(stat(server.config, &after), 0);
    assert_int_equal(after.st_ino, before.st_ino);
    assert_int_equal(count_reloads(), 0);
    assert_int_equal(state_of(http_name).admin, LB_ADMIN_UP);
}

/* A test that refuses what we wrote, and nothing else. */
static void a_failed_test_restores_the_files_and_reloads_nothing(void **unused)
{
    char script[LIMIT_PATH + 32], text[2 * LIMIT_PATH];
    char before[TEXT_SIZE], after[TEXT_SIZE];
    struct error err;

    (void)unused;
    snprintf(script, sizeof(script), "%s/refuse", server.directory);
    snprintf(text, sizeof(text),
             "#!/bin/sh\nif grep -q shunt$ '%s'; then echo 'nginx: [emerg] no'; exit 1; fi\n",
             server.config);
    write_file(script, text);
    assert_int_equal(chmod(script, 0755), 0);
    lb.options.values[1] = script;
    read_file(server.config, before);
    assert_false(set_both(LB_ADMIN_DOWN, CALL_MS, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    assert_non_null(strstr(err.message, "nginx -t: [emerg] no"));
    assert_non_null(strstr(err.hint, "as they were before"));
    read_file(server.config, after);
    assert_string_equal(after, before);
    assert_int_equal(count_reloads(), 0);
    assert_int_equal(state_of(http_name).admin, LB_ADMIN_UP);
}

static void listen_where_somebody_listens(int taken)
{
    char listen[64];

    snprintf(listen, sizeof(listen), "stream {\n    server { listen 127.0.0.1:%d; return x; }",
             loopback_port(taken));
    edit("stream {", listen);
}

/* `nginx -t` passes and HUP is sent; the master finds the port taken and keeps its workers. */
static void a_master_that_keeps_its_old_workers_is_noticed(void **unused)
{
    struct deadline patience = deadline_after_ms(PATIENCE_MS);
    static struct nginx_workers before, after;
    int taken = loopback_listen();
    struct error err;

    (void)unused;
    assert_true(find_workers(&before));
    listen_where_somebody_listens(taken);
    assert_false(set_both(LB_ADMIN_DOWN, 500, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_int_equal(state_of(http_name).admin, LB_ADMIN_UP);
    while (!set_both(LB_ADMIN_DOWN, 500, &err) && err.code == ERROR_BUSY)
        assert_false(deadline_is_over(patience));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_string_not_equal(err.hint, "");
    assert_int_equal(count_reloads(), 1);
    assert_true(find_workers(&after));
    assert_true(nginx_workers_are_same(&before, &after));
    assert_int_equal(state_of(http_name).admin, LB_ADMIN_UP);
    assert_false(set_both(LB_ADMIN_DOWN, CALL_MS, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_int_equal(count_reloads(), 1);
    close(taken);
    reload_as_a_person_does();
    must_set_both(LB_ADMIN_DOWN);
    assert_int_equal(count_reloads(), 2);
    assert_int_equal(state_of(http_name).admin, LB_ADMIN_DOWN);
}

/* As an agent does it: each call in a process of its own, which knows what was written down. */
static bool set_by_a_newcomer(enum lb_admin admin, int64_t ms, struct error *err)
{
    const char *const members[] = {http_name, ssh_name};
    char memory[LIMIT_PATH + 32];
    struct lb newcomer;

    open_lb(&newcomer);
    snprintf(memory, sizeof(memory), "%s/memory", server.directory);
    newcomer.memory = memory;
    bool is_set =
        newcomer.driver->set_members(&newcomer, members, 2, admin, deadline_after_ms(ms), err);
    lb_close(&newcomer);
    return is_set;
}

static void a_refused_reload_is_not_sent_again_by_whoever_comes_next(void **unused)
{
    struct deadline patience = deadline_after_ms(PATIENCE_MS);
    int taken = loopback_listen();
    struct error err;

    (void)unused;
    listen_where_somebody_listens(taken);
    while (!set_by_a_newcomer(LB_ADMIN_DOWN, 500, &err) && err.code == ERROR_BUSY)
        assert_false(deadline_is_over(patience));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_int_equal(count_reloads(), 1);
    for (int i = 0; i < 3; i++) {
        assert_false(set_by_a_newcomer(LB_ADMIN_DOWN, CALL_MS, &err));
        assert_int_equal(err.code, ERROR_CONFLICT);
        assert_non_null(strstr(err.hint, "then reload NGINX"));
    }
    assert_int_equal(count_reloads(), 1);
    close(taken);
    reload_as_a_person_does();
    if (!set_by_a_newcomer(LB_ADMIN_DOWN, CALL_MS, &err))
        fail_msg("%s", err.message);
    assert_int_equal(count_reloads(), 2);
    assert_int_equal(state_of(http_name).admin, LB_ADMIN_DOWN);
}

/* What was written down is made as old as that. */
static void let_a_minute_pass(void)
{
    static const char key[] = "\"give_up_ms\":";
    char path[LIMIT_PATH + 32], text[TEXT_SIZE], edited[TEXT_SIZE + 32];
    char *end;

    snprintf(path, sizeof(path), "%s/memory.0", server.directory);
    read_file(path, text);
    char *at = strstr(text, key);
    CHECK(at != NULL);
    long long give_up_ms = strtoll(at + strlen(key), &end, 10);
    snprintf(edited, sizeof(edited), "%.*s%s%lld%s", (int)(at - text), text, key,
             give_up_ms > NGINX_REFUSED_MS ? give_up_ms - NGINX_REFUSED_MS : 0, end);
    write_file(path, edited);
}

static void after_a_minute_the_same_bytes_are_tried_again(void **unused)
{
    struct deadline patience = deadline_after_ms(PATIENCE_MS);
    int taken = loopback_listen();
    struct error err;

    (void)unused;
    listen_where_somebody_listens(taken);
    while (!set_by_a_newcomer(LB_ADMIN_DOWN, 500, &err) && err.code == ERROR_BUSY)
        assert_false(deadline_is_over(patience));
    assert_int_equal(err.code, ERROR_CONFLICT);
    close(taken);
    assert_false(set_by_a_newcomer(LB_ADMIN_DOWN, CALL_MS, &err));
    let_a_minute_pass();
    if (!set_by_a_newcomer(LB_ADMIN_DOWN, CALL_MS, &err))
        fail_msg("%s", err.message);
    assert_int_equal(count_reloads(), 2);
    assert_int_equal(state_of(http_name).admin, LB_ADMIN_DOWN);
}

static void other_bytes_than_those_refused_are_tried(void **unused)
{
    struct deadline patience = deadline_after_ms(PATIENCE_MS);
    int taken = loopback_listen();
    char before[TEXT_SIZE];
    struct error err;

    (void)unused;
    read_file(server.config, before);
    listen_where_somebody_listens(taken);
    while (!set_by_a_newcomer(LB_ADMIN_DOWN, 500, &err) && err.code == ERROR_BUSY)
        assert_false(deadline_is_over(patience));
    assert_int_equal(err.code, ERROR_CONFLICT);
    write_file(server.config, before);
    if (!set_by_a_newcomer(LB_ADMIN_DOWN, CALL_MS, &err))
        fail_msg("%s", err.message);
    assert_int_equal(count_reloads(), 2);
    close(taken);
}

static void the_last_server_is_refused_and_nothing_is_changed(void **unused)
{
    char before[TEXT_SIZE], after[TEXT_SIZE];
    const char *const members[] = {ssh_name, http_name, http_peer};
    struct error err;

    (void)unused;
    read_file(server.config, before);
    assert_false(
        lb.driver->set_members(&lb, members, 3, LB_ADMIN_DOWN, deadline_after_ms(CALL_MS), &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.message, "upstream 'bb_http' (http)"));
    read_file(server.config, after);
    assert_string_equal(after, before);
    assert_int_equal(count_reloads(), 0);
}

static bool is_down_for_a_newcomer(void)
{
    struct lb_member_state state;
    struct lb newcomer;
    struct error err;

    open_lb(&newcomer);
    bool is_known = read_state(&newcomer, http_name, &state, &err);
    CHECK(is_known || err.code == ERROR_UNAVAILABLE);
    lb_close(&newcomer);
    return is_known && state.admin == LB_ADMIN_DOWN;
}

/* What counts is what the workers run. Who saw them before the edit knows; who comes later does
 * not, and says so. */
static void an_edit_that_nobody_reloaded_is_not_believed(void **unused)
{
    struct lb_member_state state;
    struct lb newcomer;
    struct error err;

    (void)unused;
    edit("; # one", " down; # one");
    assert_int_equal(state_of(http_name).admin, LB_ADMIN_UP);
    open_lb(&newcomer);
    assert_false(read_state(&newcomer, http_name, &state, &err));
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(err.hint, "reload"));
    lb_close(&newcomer);
    nginx_server_let_time_pass();
    assert_int_equal(kill(server.pid, SIGHUP), 0);
    assert_true(eventually(is_down_for_a_newcomer));
    assert_int_equal(state_of(http_name).admin, LB_ADMIN_DOWN);
}

/* As after a crash of ours between the edit and the reload. */
static void a_change_of_ours_that_was_not_reloaded_is_reloaded_once(void **unused)
{
    struct nginx_member member;
    struct nginx_tree tree;
    struct nginx_plan plan = {0};
    struct nginx_edit change;
    struct error err;

    (void)unused;
    assert_true(nginx_tree_load(server.config, &tree, &err));
    assert_true(nginx_member_parse(http_name, &member, &err));
    assert_true(nginx_plan_add(&plan, &tree.config, &member, NGINX_HELD_DOWN, &err));
    assert_true(nginx_edit_write(&change, &tree, &plan, &err));
    nginx_edit_done(&change);
    nginx_plan_done(&plan);
    nginx_tree_done(&tree);
    const char *members[] = {http_name};
    for (int time = 0; time < 2; time++)
        assert_true(lb.driver->set_members(&lb, members, 1, LB_ADMIN_DOWN,
                                           deadline_after_ms(CALL_MS), &err));
    assert_int_equal(count_reloads(), 1);
    assert_int_equal(state_of(http_name).admin, LB_ADMIN_DOWN);
}

static void a_persons_down_stays_and_the_other_group_comes_back(void **unused)
{
    struct error err;

    (void)unused;
    must_set_both(LB_ADMIN_DOWN);
    edit(" down # taken out by shunt\n", " down");
    assert_false(set_both(LB_ADMIN_UP, CALL_MS, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.message, http_name));
    assert_non_null(strstr(err.hint, "person"));
    assert_int_equal(state_of(http_name).admin, LB_ADMIN_DOWN);
    assert_int_equal(state_of(ssh_name).admin, LB_ADMIN_UP);
}

/* NGINX renames the pid file so while a new binary and the old one serve side by side. */
static void a_binary_upgrade_in_progress_is_no_time_to_look(void **unused)
{
    char path[LIMIT_PATH + 32], pid[16];
    struct lb_member_state state;
    struct error err;

    (void)unused;
    snprintf(path, sizeof(path), "%s/nginx.pid.oldbin", server.directory);
    snprintf(pid, sizeof(pid), "%d\n", (int)server.pid);
    write_file(path, pid);
    assert_false(read_state(&lb, http_name, &state, &err));
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "a new binary is taking over"));
    write_file(path, "1\n"); /* left behind, and the number is another process's */
    assert_int_equal(state_of(http_name).admin, LB_ADMIN_UP);
}

static bool node_is_free_of_connections(void)
{
    return node_http_connections(0) == 0 && state_of(http_name).sessions == 0;
}

/* Idle connections that workers keep to a node are sessions; those of old workers go with them. */
static void the_idle_pool_of_old_workers_goes_with_the_reload(void **unused)
{
    (void)unused;
    for (int client = 0; client < 8; client++)
        assert_int_equal(client_get(nginx_server_http_port(&server), "/", NULL).status, 200);
    assert_true(state_of(http_name).sessions > 0);
    must_set_both(LB_ADMIN_DOWN);
    assert_true(eventually(node_is_free_of_connections));
}

static void connections_of_other_programs_are_not_counted(void **unused)
{
    int fd = loopback_connect(node_http_port(0));

    (void)unused;
    assert_int_equal(state_of(http_name).sessions, 0);
    close(fd);
}

static bool has_file(const struct nginx_tree *tree, const char *path)
{
    for (size_t i = 0; i < tree->file_count; i++) {
        if (strcmp(tree->files[i].path, path) == 0)
            return true;
    }
    return false;
}

static void read_by_nginx(struct child_result *ret_result)
{
    const char *const argv[] = {NGINX_BINARY, "-T", "-q", "-c", server.config, NULL};
    static const char *const environment[] = {NULL};
    struct child_request request = {
        .argv = argv, .environment = environment, .deadline = deadline_after_ms(CALL_MS)};
    struct error err;

    assert_true(child_run(&request, ret_result, &err));
    assert_int_equal(ret_result->exit_status, 0);
}

/* Our way to find the files against NGINX's own. */
static void the_files_are_those_that_nginx_reads(void **unused)
{
    static const char marker[] = "# configuration file ";
    char path[LIMIT_PATH + 32], *rest = NULL;
    struct child_result result;
    struct nginx_tree tree;
    struct error err;
    size_t count = 0;

    (void)unused;
    snprintf(path, sizeof(path), "%s/servers/a.conf", server.directory);
    write_file(path, "upstream a { include servers/more*; }");
    snprintf(path, sizeof(path), "%s/servers/more", server.directory);
    write_file(path, "server 127.0.0.1:1;");
    edit("access_log off;",
         "access_log off; include servers/*.conf; include /etc/nginx/mime.types;");
    assert_true(nginx_tree_load(server.config, &tree, &err));
    read_by_nginx(&result);
    for (char *line = strtok_r(result.output.data, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, marker, strlen(marker)) != 0)
            continue;
        line[strlen(line) - 1] = '\0'; /* ":" */
        assert_true(has_file(&tree, line + strlen(marker)));
        count++;
    }
    assert_int_equal(count, 4);
    assert_int_equal(tree.file_count, count);
    child_result_done(&result);
    nginx_tree_done(&tree);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start_server, stop_server)

int main(void)
{
    static const struct CMUnitTest cases[] = {
        CASE(one_reload_is_enough_for_all_groups_and_none_for_what_is_so_already),
        CASE(a_return_gives_the_bytes_that_were_there),
        CASE(a_configuration_that_is_broken_already_is_not_touched),
        CASE(a_failed_test_restores_the_files_and_reloads_nothing),
        CASE(a_master_that_keeps_its_old_workers_is_noticed),
        CASE(a_refused_reload_is_not_sent_again_by_whoever_comes_next),
        CASE(after_a_minute_the_same_bytes_are_tried_again),
        CASE(other_bytes_than_those_refused_are_tried),
        CASE(the_last_server_is_refused_and_nothing_is_changed),
        CASE(an_edit_that_nobody_reloaded_is_not_believed),
        CASE(a_change_of_ours_that_was_not_reloaded_is_reloaded_once),
        CASE(a_persons_down_stays_and_the_other_group_comes_back),
        CASE(a_binary_upgrade_in_progress_is_no_time_to_look),
        CASE(the_idle_pool_of_old_workers_goes_with_the_reload),
        CASE(connections_of_other_programs_are_not_counted),
        CASE(the_files_are_those_that_nginx_reads),
    };
    nodes_start();
    int failures = cmocka_run_group_tests_name("nginx", cases, NULL, NULL);
    nodes_stop();
    return failures == 0 ? 0 : 1;
}
