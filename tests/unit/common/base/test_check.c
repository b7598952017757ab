/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "common/unit_test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void failed_check_names_the_condition_and_aborts(void **state)
{
    (void)state;
    int ends[2];
    char text[512] = "";
    int status;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        CHECK(1 + 1 == 3);
        _exit(0);
    }
    close(ends[1]);
    for (size_t length = 0; length < sizeof(text) - 1;) {
        ssize_t size = read(ends[0], text + length, sizeof(text) - 1 - length);
        if (size <= 0)
            break;
        length += (size_t)size;
    }
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(text, "test_check.c:"));
    assert_non_null(strstr(text, "1 + 1 == 3"));
}

static void true_condition_goes_on(void **state)
{
    (void)state;
    int evaluations = 0;
    CHECK(++evaluations > 0);
    assert_int_equal(evaluations, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failed_check_names_the_condition_and_aborts),
        cmocka_unit_test(true_condition_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
