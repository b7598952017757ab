/* SPDX-License-Identifier: Apache-2.0 */
#include "failpoint.h"

#include "common/unit_test.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool opens(const char *text, struct error *err)
{
    setenv("SHUNT_FAILPOINT", text, 1);
    bool is_open = failpoint_open(err);
    unsetenv("SHUNT_FAILPOINT");
    return is_open;
}

static int close_failpoints(void **state)
{
    struct error ignored;
    (void)state;
    return failpoint_open(&ignored) ? 0 : -1;
}

/* The signal that ends or stops a child which passes the two points so often, in turn. */
static int signal_after(unsigned passings)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        for (unsigned i = 0; i < passings; i++) {
            failpoint("lb-before-change");
            failpoint("lb-after-change");
        }
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    if (!WIFSTOPPED(status))
        return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return WSTOPSIG(status);
}

static void nothing_happens_unless_the_environment_says_so(void **state)
{
    struct error err;
    (void)state;
    assert_true(failpoint_open(&err));
    assert_int_equal(signal_after(3), 0);
}

static void first_passing_kills_where_no_count_is_given(void **state)
{
    struct error err;
    (void)state;
    assert_true(opens("lb-after-change=kill", &err));
    assert_int_equal(signal_after(1), SIGKILL);
}

static void passings_of_children_are_counted_together(void **state)
{
    struct error err;
    (void)state;
    assert_true(opens("lb-after-change:3=stop", &err));
    assert_int_equal(signal_after(2), 0);
    assert_int_equal(signal_after(1), SIGSTOP);
    assert_int_equal(signal_after(1), 0);
}

static void several_points_are_armed_at_one_time(void **state)
{
    struct error err;
    (void)state;
    assert_true(opens("lb-after-change:2=kill,lb-before-change:2=stop", &err));
    assert_int_equal(signal_after(2), SIGSTOP);
    assert_int_equal(signal_after(1), SIGKILL);
}

static void what_is_not_understood_is_refused(void **state)
{
    static const char *const texts[] = {
        "lb-behind-change=kill",  "lb-after-change",
        "lb-after-change=maim",   "lb-after-change:x=kill",
        "lb-after-change:=kill",  "=kill",
        "lb-after-change=kill,,", "lb-after-change=kill;lb-before-change=kill",
    };
    struct error err;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(opens(texts[i], &err));
        assert_int_equal(err.code, ERROR_INVALID);
        assert_non_null(strstr(err.message, "SHUNT_FAILPOINT"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(nothing_happens_unless_the_environment_says_so, close_failpoints),
        cmocka_unit_test_teardown(first_passing_kills_where_no_count_is_given, close_failpoints),
        cmocka_unit_test_teardown(passings_of_children_are_counted_together, close_failpoints),
        cmocka_unit_test_teardown(several_points_are_armed_at_one_time, close_failpoints),
        cmocka_unit_test_teardown(what_is_not_understood_is_refused, close_failpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
