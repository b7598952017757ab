/* SPDX-License-Identifier: Apache-2.0 */
#include "exec_program.h"
#include "lb_registry.h"

#include "clock.h"
#include "common/unit_test.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_MS 20000 /* for what is expected soon; only a failing test waits so long */

static const char *const member[] = {"a/b"};

/* An answer to `members` about a/b with this admin state. */
#define MEMBERS(admin)                                                                             \
    "echo '{\"members\":[{\"member\":\"a/b\",\"admin\":\"" admin                                   \
    "\",\"health\":\"up\",\"peers_up\":1,\"sessions\":4}]}'"

/* What it is asked for stands in the file `calls`, a line a call. */
static struct lb lb_with(const char *script, size_t address_count)
{
    static char program[256], counted[] = "counted";
    struct lb lb = {.driver = &lb_exec_driver, .name = "edge"};
    FILE *file;

    strcpy(program, scratch_path("program"));
    file = fopen(program, "we");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\ncd %s\necho \"$@\" >>calls\n%s\n", scratch, script);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(program, 0755), 0);
    lb.options.values[EXEC_PROGRAM] = program;
    lb.options.values[EXEC_SESSIONS] = counted;
    lb.options.address_count = address_count;
    for (size_t i = 0; i < address_count; i++)
        snprintf(lb.options.addresses[i], LIMIT_PATH, "lb%zu", i + 1);
    return lb;
}

static bool read_one(const struct lb *lb, int64_t ms, struct lb_member_state *ret_state,
                     struct error *err)
{
    return lb->driver->read_members(lb, member, 1, deadline_after_ms(ms), ret_state, err);
}

static bool set_one(const struct lb *lb, enum lb_admin admin, int64_t ms, struct error *err)
{
    return lb->driver->set_members(lb, member, 1, admin, deadline_after_ms(ms), err);
}

static void assert_file(const char *name, const char *expected)
{
    struct buffer text BUFFER_CLEANUP = {0};
    buffer_init(&text, 4096);
    assert_good(file_read(scratch_path(name), &text, &err));
    assert_string_equal(buffer_text(&text), expected);
}

static void program_gets_verb_address_and_question(void **state)
{
    struct lb lb = lb_with("cat >question\n" MEMBERS("up"), 1);
    struct lb_member_state read;

    (void)state;
    strcpy(lb.options.addresses[0], "$(id) '*' \"x");
    assert_good(read_one(&lb, PATIENCE_MS, &read, &err));
    assert_string_equal(read.member, "a/b");
    assert_int_equal(read.sessions, 4);
    assert_file("calls", "members $(id) '*' \"x\n");
    assert_file("question", "{\"members\":[\"a/b\"]}");
}

static void environment_names_files_and_holds_no_secret(void **state)
{
    struct lb lb = lb_with("env | grep -v PWD= | sort >environment\n" MEMBERS("up"), 1);
    struct lb_member_state read;

    (void)state;
    setenv("LEAKED", "secret", 1);
    strcpy(lb.options.credentials.user, "admin");
    strcpy(lb.options.credentials.password_file, "/etc/shunt/f5.password");
    strcpy(lb.options.ca_file, "/etc/shunt/f5.pem");
    assert_good(read_one(&lb, 4000, &read, &err));
    unsetenv("LEAKED");
    struct buffer text BUFFER_CLEANUP = {0};
    buffer_init(&text, 4096);
    assert_good(file_read(scratch_path("environment"), &text, &err));
    const char *time_text = strstr(buffer_text(&text), "SHUNT_TIME_MS=");
    assert_non_null(time_text);
    assert_in_range(atoi(time_text + strlen("SHUNT_TIME_MS=")), 1, 3500);
    assert_non_null(strstr(buffer_text(&text), "LANG=C.UTF-8\nPATH=/usr/local/sbin:"));
    assert_non_null(strstr(buffer_text(&text),
                           "SHUNT_CA_FILE=/etc/shunt/f5.pem\nSHUNT_LB=edge\n"
                           "SHUNT_PASSWORD_FILE=/etc/shunt/f5.password\nSHUNT_TIME_MS="));
    assert_non_null(strstr(buffer_text(&text), "SHUNT_USER=admin\n"));
    assert_null(strstr(buffer_text(&text), "LEAKED"));
    assert_null(strstr(buffer_text(&text), "TOKEN"));
}

static void sessions_are_asked_for_where_members_leave_them_out(void **state)
{
    struct lb lb = lb_with("if [ $1 = sessions ]; then\n"
                           "  echo '{\"members\":[{\"member\":\"a/b\",\"sessions\":6}]}'\n"
                           "else\n"
                           "  echo '{\"members\":[{\"member\":\"a/b\",\"admin\":\"drain\","
                           "\"health\":\"up\",\"peers_up\":1}]}'\nfi",
                           2);
    struct lb_member_state read;

    (void)state;
    assert_good(read_one(&lb, PATIENCE_MS, &read, &err));
    assert_int_equal(read.sessions, 12);
    assert_file("calls", "members lb1\nsessions lb1\nmembers lb2\nsessions lb2\n");
}

static void sessions_that_are_unknown_are_never_asked_for(void **state)
{
    static char unknown[] = "unknown";
    struct lb lb = lb_with(MEMBERS("up"), 1);
    struct lb_member_state read;

    (void)state;
    assert_false(lb_is_blind(&lb));
    lb.options.values[EXEC_SESSIONS] = unknown;
    assert_true(lb_is_blind(&lb));
    assert_good(read_one(&lb, PATIENCE_MS, &read, &err));
    assert_int_equal(read.sessions, -1);
    assert_file("calls", "members lb1\n");
}

static void a_change_is_read_back(void **state)
{
    struct lb lb = lb_with("case $1 in members) cat admin;; *) echo {}; sed \"s/ADMIN/$1/\" <form "
                           ">admin;; esac",
                           1);
    static const char form[] = "{\"members\":[{\"member\":\"a/b\",\"admin\":\"ADMIN\","
                               "\"health\":\"up\",\"peers_up\":1}]}";

    (void)state;
    assert_good(file_replace(scratch_path("form"), form, strlen(form), 0600, &err));
    assert_good(set_one(&lb, LB_ADMIN_UP, PATIENCE_MS, &err));
    assert_good(set_one(&lb, LB_ADMIN_DRAIN, PATIENCE_MS, &err));
    assert_file("calls", "up lb1\nmembers lb1\nmembers lb1\ndrain lb1\nmembers lb1\n");
}

static void a_change_that_reads_back_differently_is_a_conflict(void **state)
{
    struct lb lb = lb_with("case $1 in members) " MEMBERS("drain") ";; *) echo {};; esac", 1);

    (void)state;
    assert_fails(set_one(&lb, LB_ADMIN_UP, PATIENCE_MS, &err), ERROR_CONFLICT,
                 "exec lb1: a/b was set to up and reads back as drain");
    assert_fails(set_one(&lb, LB_ADMIN_DOWN, PATIENCE_MS, &err), ERROR_CONFLICT, "a/b");
    assert_good(set_one(&lb, LB_ADMIN_DRAIN, PATIENCE_MS, &err));
}

static void a_change_under_way_is_busy(void **state)
{
    struct lb lb = lb_with("[ $1 != up ] || { echo '{\"error\":{\"code\":\"busy\",\"message\":"
                           "\"the sync has not ended\"}}'; exit 1; }\n" MEMBERS("up"),
                           1);

    (void)state;
    assert_fails(set_one(&lb, LB_ADMIN_UP, PATIENCE_MS, &err), ERROR_BUSY,
                 "exec lb1: up: the sync has not ended");
}

static void a_change_without_a_word_is_not_taken_for_done(void **state)
{
    struct lb lb = lb_with("[ $1 != up ] || exit 0\n" MEMBERS("up"), 1);

    (void)state;
    assert_fails(set_one(&lb, LB_ADMIN_UP, PATIENCE_MS, &err), ERROR_PROTOCOL, "up: not JSON");
}

static void nothing_is_drained_unless_every_address_knows_the_member(void **state)
{
    struct lb lb =
        lb_with("[ $2 != lb2 ] || { echo '{\"error\":{\"code\":\"not-found\",\"message\":"
                "\"no a/b\"}}'; exit 1; }\n" MEMBERS("up"),
                2);

    (void)state;
    assert_fails(set_one(&lb, LB_ADMIN_DOWN, PATIENCE_MS, &err), ERROR_NOT_FOUND, "lb2: members");
    assert_file("calls", "members lb1\nmembers lb2\n");
}

static void traffic_comes_back_at_one_address_where_another_fails(void **state)
{
    struct lb lb = lb_with("[ $2 != lb1 ] || { echo Gone >&2; exit 9; }\n"
                           "case $1 in members) " MEMBERS("up") ";; *) echo {};; esac",
                           2);

    (void)state;
    assert_fails(set_one(&lb, LB_ADMIN_UP, PATIENCE_MS, &err), ERROR_PROTOCOL,
                 "exec lb1: up: exit status 9 and no error that is understood; it says: Gone");
    assert_file("calls", "up lb1\nup lb2\nmembers lb2\n");
}

static void a_silent_program_is_ended_in_time(void **state)
{
    struct lb lb = lb_with("exec sleep 1000", 1);
    struct lb_member_state read;
    int64_t begin_ms = clock_monotonic_ms();

    (void)state;
    assert_fails(read_one(&lb, 400, &read, &err), ERROR_TIMEOUT, "has not ended within");
    assert_in_range(clock_monotonic_ms() - begin_ms, 300, 1000);
}

static bool is_gone(pid_t group)
{
    struct deadline deadline = deadline_after_ms(PATIENCE_MS);
    while (kill(-group, 0) == 0 && !deadline_is_over(deadline))
        clock_sleep_ms(1);
    return kill(-group, 0) != 0 && errno == ESRCH;
}

/* It could change something behind the back of a caller that has given up. */
static void a_program_that_goes_on_is_killed_before_the_deadline(void **state)
{
    struct lb lb = lb_with("echo $$ >group\ntrap '' TERM\nsleep 1000 &\n"
                           "while :; do sleep 1000; done",
                           1);
    struct buffer group BUFFER_CLEANUP = {0};
    struct lb_member_state read;
    int64_t begin_ms = clock_monotonic_ms();

    (void)state;
    buffer_init(&group, 64);
    assert_fails(read_one(&lb, 1000, &read, &err), ERROR_TIMEOUT, "has not ended within");
    assert_in_range(clock_monotonic_ms() - begin_ms, 990, 1500);
    assert_good(file_read(scratch_path("group"), &group, &err));
    assert_true(is_gone(atoi(buffer_text(&group))));
}

static void a_program_is_not_started_when_the_time_is_over(void **state)
{
    struct lb lb = lb_with(MEMBERS("up"), 1);
    struct lb_member_state read;

    (void)state;
    assert_fails(read_one(&lb, 0, &read, &err), ERROR_TIMEOUT, "no time is left");
    assert_int_not_equal(access(scratch_path("calls"), F_OK), 0);
}

static void a_flood_is_a_protocol_error(void **state)
{
    struct lb lb = lb_with(MEMBERS("up") "\nhead -c 5000000 /dev/zero | tr '\\0' ' '", 1);
    struct lb_member_state read;

    (void)state;
    assert_fails(read_one(&lb, PATIENCE_MS, &read, &err), ERROR_PROTOCOL, "not shorter than");
}

static void standard_error_is_no_part_of_the_answer(void **state)
{
    struct lb lb = lb_with("echo warning >&2\n" MEMBERS("up"), 1);
    struct lb_member_state read;

    (void)state;
    assert_good(read_one(&lb, PATIENCE_MS, &read, &err));
}

static void a_program_that_cannot_run_is_told_with_a_hint(void **state)
{
    struct lb lb = lb_with(MEMBERS("up"), 1);
    struct lb_member_state read;
    struct error err;

    (void)state;
    assert_int_equal(chmod(lb.options.values[EXEC_PROGRAM], 0644), 0);
    assert_false(read_one(&lb, PATIENCE_MS, &read, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_non_null(strstr(err.hint, "'program'"));
    assert_int_equal(unlink(lb.options.values[EXEC_PROGRAM]), 0);
    assert_false(read_one(&lb, PATIENCE_MS, &read, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void the_program_runs_as_the_user(void **state)
{
    static char user[] = "nobody", nobody_there[] = "no-such-user";
    struct lb lb = lb_with("[ $(id -un) = nobody ] || exit 1\n" MEMBERS("up"), 1);
    struct lb_member_state read;

    (void)state;
    lb.options.values[EXEC_USER] = nobody_there;
    assert_fails(read_one(&lb, PATIENCE_MS, &read, &err), ERROR_NOT_FOUND, "'no-such-user'");
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(scratch, 0777), 0);
    lb.options.values[EXEC_USER] = user;
    assert_good(read_one(&lb, PATIENCE_MS, &read, &err));
}

static void options_need_an_absolute_program_and_secrets_in_files(void **state)
{
    static char relative[] = "bin/lb";
    struct lb lb = lb_with("", 1);
    const struct lb_options good = lb.options;

    (void)state;
    assert_good(lb.driver->check_options(&lb.options, &err));
    lb.options.values[EXEC_PROGRAM] = NULL;
    assert_fails(lb.driver->check_options(&lb.options, &err), ERROR_INVALID, "needs 'program'");
    lb.options.values[EXEC_PROGRAM] = relative;
    assert_fails(lb.driver->check_options(&lb.options, &err), ERROR_INVALID, "absolute");
    lb.options = good;
    strcpy(lb.options.credentials.password_env, "PASSWORD");
    assert_fails(lb.driver->check_options(&lb.options, &err), ERROR_INVALID, "environment");
    lb.options = good;
    strcpy(lb.options.credentials.token_env, "TOKEN");
    assert_fails(lb.driver->check_options(&lb.options, &err), ERROR_INVALID, "environment");
}

/* The message goes to logs, which are no place for it either. */
static void a_password_in_an_address_is_refused_and_not_shown(void **state)
{
    struct lb lb = lb_with("", 1);
    struct error err;

    (void)state;
    strcpy(lb.options.addresses[0], "https://admin:secret@lb1/mgmt");
    assert_false(lb.driver->check_options(&lb.options, &err));
    assert_null(strstr(err.message, "secret"));
    strcpy(lb.options.addresses[0], "https://lb1/mgmt?owner=a@b");
    assert_true(lb.driver->check_options(&lb.options, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_scratch(program_gets_verb_address_and_question),
        test_in_scratch(environment_names_files_and_holds_no_secret),
        test_in_scratch(sessions_are_asked_for_where_members_leave_them_out),
        test_in_scratch(sessions_that_are_unknown_are_never_asked_for),
        test_in_scratch(a_change_is_read_back),
        test_in_scratch(a_change_that_reads_back_differently_is_a_conflict),
        test_in_scratch(a_change_under_way_is_busy),
        test_in_scratch(a_change_without_a_word_is_not_taken_for_done),
        test_in_scratch(nothing_is_drained_unless_every_address_knows_the_member),
        test_in_scratch(traffic_comes_back_at_one_address_where_another_fails),
        test_in_scratch(a_silent_program_is_ended_in_time),
        test_in_scratch(a_program_that_goes_on_is_killed_before_the_deadline),
        test_in_scratch(a_program_is_not_started_when_the_time_is_over),
        test_in_scratch(a_flood_is_a_protocol_error),
        test_in_scratch(standard_error_is_no_part_of_the_answer),
        test_in_scratch(a_program_that_cannot_run_is_told_with_a_hint),
        test_in_scratch(the_program_runs_as_the_user),
        test_in_scratch(options_need_an_absolute_program_and_secrets_in_files),
        test_in_scratch(a_password_in_an_address_is_refused_and_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
