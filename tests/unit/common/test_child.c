/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include "common/unit_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 20000 /* for what is expected soon; only a failing test waits so long */

static const char *const environment[] = {"PATH=/usr/bin:/bin", "GREETING=hello", NULL};

/* The request to run a script; the tests may use a shell, the product does not. */
static struct child_request script_request(const char *const argv[4])
{
    return (struct child_request){
        .argv = argv, .environment = environment, .deadline = deadline_after_ms(PATIENCE_MS)};
}
#define SCRIPT(text) script_request((const char *const[4]){"/bin/sh", "-c", (text), NULL})

/* The script must exit with 0 and say this. */
static void expect_output(struct child_request request, const char *expected)
{
    struct child_result result;
    assert_good(child_run(&request, &result, &err));
    assert_string_equal(buffer_text(&result.output), expected);
    assert_int_equal(result.exit_status, 0);
    assert_false(result.timed_out);
    child_result_done(&result);
}

/* A process that has ended and waits to be reaped by init does not count. */
static bool is_running(pid_t pid)
{
    char path[64], line[512] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool is_read = fgets(line, sizeof(line), file) != NULL;
    fclose(file);
    const char *after_name = strrchr(line, ')');
    return is_read && after_name != NULL && strncmp(after_name, ") Z", 3) != 0;
}

static bool ends_soon(pid_t pid)
{
    struct deadline deadline = deadline_after_ms(PATIENCE_MS);
    while (is_running(pid) && !deadline_is_over(deadline))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return !is_running(pid);
}

static void output_and_errors_come_together(void **state)
{
    (void)state;
    expect_output(SCRIPT("echo one; echo two >&2; echo three"), "one\ntwo\nthree\n");
}

static void errors_are_kept_apart_where_that_is_asked_for(void **state)
{
    (void)state;
    struct child_request request = SCRIPT("echo one; echo two >&2; echo three; exec >&-; exit 7");
    struct child_result result;
    request.keeps_errors_apart = true;
    assert_good(child_run(&request, &result, &err));
    assert_string_equal(buffer_text(&result.output), "one\nthree\n");
    assert_string_equal(buffer_text(&result.errors), "two\n");
    assert_int_equal(result.exit_status, 7);
    child_result_done(&result);
}

/* Neither may stand in the way of the other, however much there is of it. */
static void errors_beyond_64_kib_are_dropped_and_the_output_is_whole(void **state)
{
    (void)state;
    struct child_request request = SCRIPT("head -c 5000000 /dev/zero >&2; echo done");
    struct child_result result;
    request.keeps_errors_apart = true;
    assert_good(child_run(&request, &result, &err));
    assert_int_equal(result.errors.length, CHILD_OUTPUT_BYTES);
    assert_string_equal(buffer_text(&result.output), "done\n");
    child_result_done(&result);
}

static void exit_status_is_told(void **state)
{
    (void)state;
    struct child_request request = SCRIPT("exit 41");
    struct child_result result;
    assert_good(child_run(&request, &result, &err));
    assert_int_equal(result.exit_status, 41);
    assert_string_equal(buffer_text(&result.output), "");
    child_result_done(&result);
}

static void death_by_signal_is_128_and_the_signal(void **state)
{
    (void)state;
    struct child_request request = SCRIPT("kill -9 $$");
    struct child_result result;
    assert_good(child_run(&request, &result, &err));
    assert_int_equal(result.exit_status, 128 + SIGKILL);
    assert_false(result.timed_out);
    child_result_done(&result);
}

static void environment_is_the_given_one_and_nothing_else(void **state)
{
    (void)state;
    struct child_request request = {.argv = (const char *const[]){"/usr/bin/env", NULL},
                                    .environment = environment,
                                    .deadline = deadline_after_ms(PATIENCE_MS)};
    setenv("LEAKED", "secret", 1);
    expect_output(request, "PATH=/usr/bin:/bin\nGREETING=hello\n");
    request.environment = NULL;
    expect_output(request, "");
    unsetenv("LEAKED");
}

static void arguments_are_not_read_by_a_shell(void **state)
{
    (void)state;
    struct child_request request = {
        .argv = (const char *const[]){"/bin/echo", "$HOME; `id` > /x", "*", NULL},
        .environment = environment,
        .deadline = deadline_after_ms(PATIENCE_MS)};
    expect_output(request, "$HOME; `id` > /x *\n");
}

static void runs_in_the_chosen_directory(void **state)
{
    (void)state;
    struct child_request request = SCRIPT("pwd");
    expect_output(request, "/\n");
    request.directory = "/usr";
    expect_output(request, "/usr\n");
}

static void input_larger_than_a_pipe_is_read_whole(void **state)
{
    (void)state;
    size_t size = 1024 * 1024;
    char *input = malloc(size + 1);
    memset(input, 'x', size);
    input[size] = '\0';
    struct child_request request = SCRIPT("wc -c");
    request.input = input;
    expect_output(request, "1048576\n");
    free(input);
}

static void without_input_there_is_nothing_to_read(void **state)
{
    (void)state;
    expect_output(SCRIPT("wc -c"), "0\n");
}

static void output_beyond_64_kib_is_dropped_and_the_child_goes_on(void **state)
{
    (void)state;
    struct child_request request =
        SCRIPT("printf begin; head -c 20000000 /dev/zero | tr '\\0' x; exit 3");
    struct child_result result;
    assert_good(child_run(&request, &result, &err));
    assert_int_equal(result.output.length, 64 * 1024);
    assert_memory_equal(result.output.data, "beginxxx", 8);
    assert_int_equal(result.exit_status, 3);
    child_result_done(&result);
}

static void missing_program_is_told(void **state)
{
    (void)state;
    struct child_result result = {.exit_status = 77};
    struct child_request request = {.argv = (const char *const[]){"/no/such/program", NULL},
                                    .deadline = deadline_after_ms(PATIENCE_MS)};
    assert_fails(child_run(&request, &result, &err), ERROR_NOT_FOUND,
                 "/no/such/program: execute: No such file");
    assert_int_equal(result.exit_status, 77);
    request.detach = true;
    assert_fails(child_run(&request, &result, &err), ERROR_NOT_FOUND, "/no/such/program");
}

static void program_that_may_not_be_executed_is_told(void **state)
{
    (void)state;
    struct child_result result;
    struct child_request request = {.argv = (const char *const[]){"/etc/passwd", NULL},
                                    .deadline = deadline_after_ms(PATIENCE_MS)};
    assert_fails(child_run(&request, &result, &err), ERROR_DENIED, "/etc/passwd: execute");
}

static void missing_directory_is_told(void **state)
{
    (void)state;
    struct child_result result;
    struct child_request request = SCRIPT("true");
    request.directory = "/no/such";
    assert_fails(child_run(&request, &result, &err), ERROR_NOT_FOUND, "enter directory /no/such");
}

static void unknown_user_is_told(void **state)
{
    (void)state;
    struct child_result result;
    struct child_request request = SCRIPT("true");
    request.user = "no-such-user";
    assert_fails(child_run(&request, &result, &err), ERROR_NOT_FOUND, "'no-such-user'");
}

static void becomes_the_user_with_its_groups_only(void **state)
{
    (void)state;
    struct child_request request = SCRIPT("id -un; id -Gn; id -ru");
    if (geteuid() != 0)
        skip();
    request.user = "nobody";
    expect_output(request, "nobody\nnogroup\n65534\n");
}

static void no_other_descriptor_is_inherited(void **state)
{
    (void)state;
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    assert_int_equal(dup2(fd, 57), 57);
    assert_int_equal(dup2(fd, 3), 3);
    expect_output(SCRIPT("for i in 0 1 2 3 4 5 6 7 8 9 57; do"
                         " test -e /proc/$$/fd/$i && echo $i; done; true"),
                  "0\n1\n2\n");
    close(3);
    close(57);
    close(fd);
}

static void signal_mask_and_ignored_signals_are_reset(void **state)
{
    (void)state;
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    signal(SIGPIPE, SIG_IGN);
    struct child_request request = {.argv = (const char *const[]){"/bin/grep", "-cE",
                                                                  "^Sig(Blk|Ign):\t0+$",
                                                                  "/proc/self/status", NULL},
                                    .deadline = deadline_after_ms(PATIENCE_MS)};
    expect_output(request, "2\n");
    sigset_t after;
    sigprocmask(SIG_SETMASK, &before, &after);
    signal(SIGPIPE, SIG_DFL);
    assert_int_equal(sigismember(&after, SIGUSR1), 1);
    assert_int_equal(sigismember(&after, SIGUSR2), 0);
}

/* Bitbucket makes files with what it inherits; ours protects keys. */
static void umask_is_the_usual_one_whatever_ours_is(void **state)
{
    (void)state;
    mode_t ours = umask(077);
    expect_output(SCRIPT("umask"), "0022\n");
    umask(ours);
}

static void deadline_ends_the_whole_group(void **state)
{
    (void)state;
    struct child_request request = SCRIPT("sleep 1000 & echo $!; wait");
    struct child_result result;
    request.deadline = deadline_after_ms(200);
    int64_t begin_ms = clock_monotonic_ms();
    assert_good(child_run(&request, &result, &err));
    assert_true(result.timed_out);
    assert_int_equal(result.exit_status, 128 + SIGTERM);
    assert_in_range(clock_monotonic_ms() - begin_ms, 200, PATIENCE_MS);
    assert_true(ends_soon(atoi(buffer_text(&result.output))));
    child_result_done(&result);
}

static void child_that_ignores_sigterm_is_killed(void **state)
{
    (void)state;
    struct child_request request = SCRIPT("trap '' TERM; echo ready; while :; do sleep 1000; done");
    struct child_result result;
    request.deadline = deadline_after_ms(200);
    int64_t begin_ms = clock_monotonic_ms();
    assert_good(child_run(&request, &result, &err));
    assert_true(result.timed_out);
    assert_int_equal(result.exit_status, 128 + SIGKILL);
    assert_string_equal(buffer_text(&result.output), "ready\n");
    assert_true(clock_monotonic_ms() - begin_ms >= 2200);
    child_result_done(&result);
}

static void grace_between_the_two_signals_is_the_callers(void **state)
{
    (void)state;
    struct child_request request = SCRIPT("trap '' TERM; while :; do sleep 1000; done");
    struct child_result result;
    request.deadline = deadline_after_ms(200);
    request.grace_ms = 100;
    int64_t begin_ms = clock_monotonic_ms();
    assert_good(child_run(&request, &result, &err));
    assert_int_equal(result.exit_status, 128 + SIGKILL);
    assert_in_range(clock_monotonic_ms() - begin_ms, 300, 300 + CHILD_GRACE_MS - 200);
    child_result_done(&result);
}

static void child_that_closes_its_output_is_still_waited_for(void **state)
{
    (void)state;
    struct child_request request = SCRIPT("exec >&- 2>&-; sleep 0.1; exit 5");
    struct child_result result;
    assert_good(child_run(&request, &result, &err));
    assert_int_equal(result.exit_status, 5);
    child_result_done(&result);
}

static void detached_daemon_is_left_behind_and_does_not_hold_us_up(void **state)
{
    (void)state;
    struct child_request request = SCRIPT("sleep 1000 & echo $!");
    struct child_result result;
    request.detach = true;
    assert_good(child_run(&request, &result, &err));
    pid_t daemon = atoi(buffer_text(&result.output));
    assert_int_equal(result.exit_status, 0);
    assert_false(result.timed_out);
    assert_true(daemon > 1 && is_running(daemon));
    assert_true(getsid(daemon) != getsid(0));
    kill(daemon, SIGKILL);
    child_result_done(&result);
}

static void daemon_that_floods_its_output_does_not_hold_us_up(void **state)
{
    (void)state;
    struct child_request request = SCRIPT("echo $$; yes & exit 4");
    struct child_result result;
    request.detach = true;
    assert_good(child_run(&request, &result, &err));
    assert_int_equal(result.exit_status, 4);
    assert_false(result.timed_out);
    /* `yes` ends by SIGPIPE: nobody reads its output any more. */
    child_result_done(&result);
}

static void without_detach_nothing_is_left_behind(void **state)
{
    (void)state;
    struct child_request request = SCRIPT("sleep 1000 >/dev/null 2>&1 & echo $!");
    struct child_result result;
    assert_good(child_run(&request, &result, &err));
    assert_false(result.timed_out);
    assert_true(ends_soon(atoi(buffer_text(&result.output))));
    child_result_done(&result);
}

static void without_detach_held_output_ends_with_the_deadline(void **state)
{
    (void)state;
    struct child_request request = SCRIPT("sleep 1000 & echo $!; exit 6");
    struct child_result result;
    request.deadline = deadline_after_ms(200);
    assert_good(child_run(&request, &result, &err));
    assert_true(result.timed_out);
    assert_int_equal(result.exit_status, 6);
    assert_true(ends_soon(atoi(buffer_text(&result.output))));
    child_result_done(&result);
}

static void many_runs_leave_no_descriptor_open(void **state)
{
    (void)state;
    int before = dup(STDIN_FILENO);
    close(before);
    for (int i = 0; i < 50; i++)
        expect_output(SCRIPT("echo x"), "x\n");
    int after = dup(STDIN_FILENO);
    close(after);
    assert_int_equal(after, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_and_errors_come_together),
        cmocka_unit_test(errors_are_kept_apart_where_that_is_asked_for),
        cmocka_unit_test(errors_beyond_64_kib_are_dropped_and_the_output_is_whole),
        cmocka_unit_test(exit_status_is_told),
        cmocka_unit_test(death_by_signal_is_128_and_the_signal),
        cmocka_unit_test(environment_is_the_given_one_and_nothing_else),
        cmocka_unit_test(arguments_are_not_read_by_a_shell),
        cmocka_unit_test(runs_in_the_chosen_directory),
        cmocka_unit_test(input_larger_than_a_pipe_is_read_whole),
        cmocka_unit_test(without_input_there_is_nothing_to_read),
        cmocka_unit_test(output_beyond_64_kib_is_dropped_and_the_child_goes_on),
        cmocka_unit_test(missing_program_is_told),
        cmocka_unit_test(program_that_may_not_be_executed_is_told),
        cmocka_unit_test(missing_directory_is_told),
        cmocka_unit_test(unknown_user_is_told),
        cmocka_unit_test(becomes_the_user_with_its_groups_only),
        cmocka_unit_test(no_other_descriptor_is_inherited),
        cmocka_unit_test(signal_mask_and_ignored_signals_are_reset),
        cmocka_unit_test(umask_is_the_usual_one_whatever_ours_is),
        cmocka_unit_test(deadline_ends_the_whole_group),
        cmocka_unit_test(child_that_ignores_sigterm_is_killed),
        cmocka_unit_test(grace_between_the_two_signals_is_the_callers),
        cmocka_unit_test(child_that_closes_its_output_is_still_waited_for),
        cmocka_unit_test(detached_daemon_is_left_behind_and_does_not_hold_us_up),
        cmocka_unit_test(daemon_that_floods_its_output_does_not_hold_us_up),
        cmocka_unit_test(without_detach_nothing_is_left_behind),
        cmocka_unit_test(without_detach_held_output_ends_with_the_deadline),
        cmocka_unit_test(many_runs_leave_no_descriptor_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
