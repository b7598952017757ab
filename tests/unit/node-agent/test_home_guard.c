/* SPDX-License-Identifier: Apache-2.0 */
#include "home_guard.h"

#include "node-agent/node_fixture.h"

#include <errno.h>
#include <sys/wait.h>

/* The status of a process of its own that has guarded the home and then runs the function. */
static int in_guarded_process(int (*function)(void))
{
    int status;
    struct error err;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(home_guard_begin(&config.bitbucket, &err) ? function() : 99);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int write_into_home(void)
{
    int fd = open(scratch_path("home/written"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 ? 0 : errno;
}

static int write_beside_home(void)
{
    int fd = open(scratch_path("releases/written"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 ? 0 : errno;
}

static void home_is_read_only_for_the_agent_and_nobody_else(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(in_guarded_process(write_into_home), EROFS);
    assert_int_equal(in_guarded_process(write_beside_home), 0);
    assert_false(exists("home/written"));
    assert_int_equal(write_into_home(), 0);
}

static void home_that_is_not_there_is_named(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    TEXT_COPY(config.bitbucket.home, scratch_path("missing"));
    struct error err;
    pid_t pid = fork();
    int status;
    if (pid == 0)
        _exit(!home_guard_begin(&config.bitbucket, &err) &&
                      strstr(err.message, config.bitbucket.home) != NULL
                  ? 0
                  : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void service_that_the_agent_starts_itself_has_no_guard(void **state)
{
    (void)state;
    config.bitbucket.service = SERVICE_SCRIPT;
    assert_false(home_guard_is_possible(&config.bitbucket));
    config.bitbucket.service = SERVICE_SYSTEMD;
    assert_true(home_guard_is_possible(&config.bitbucket));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_on_node(home_is_read_only_for_the_agent_and_nobody_else),
        test_on_node(home_that_is_not_there_is_named),
        test_on_node(service_that_the_agent_starts_itself_has_no_guard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
