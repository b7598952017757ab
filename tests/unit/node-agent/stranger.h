/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process for tests of what we take for Bitbucket: it lives until the test ends it, and shows the
 * command line, environment and directory that the test wants.
 */
#ifndef SHUNT_STRANGER_H
#define SHUNT_STRANGER_H

#include "common/unit_test.h"

#include "buffer.h"
#include "file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

struct stranger {
    pid_t pid;
    int input; /* it ends with the end of its input */
};

struct stranger_looks {
    const char *program;     /* NULL: /bin/sh; must read its input until it ends */
    const char *argument;    /* the last one; NULL = none */
    const char *environment; /* "NAME=value"; NULL = none */
    const char *directory;   /* NULL = "/" */
    uid_t user;              /* 0 = ours; another one takes a test that runs as root */
};

static inline _Noreturn void stranger_become(const struct stranger_looks *looks, int input)
{
    char program[256], argument[512], environment[512];
    char shell[] = "/bin/sh", option[] = "-c", script[] = "read line; exit";
    char *shell_argv[] = {shell, option, script, argument, NULL};
    char *plain_argv[] = {program, looks->argument != NULL ? argument : NULL, NULL};
    char *variables[] = {looks->environment != NULL ? environment : NULL, NULL};
    snprintf(program, sizeof(program), "%s", looks->program != NULL ? looks->program : "");
    snprintf(argument, sizeof(argument), "%s", looks->argument != NULL ? looks->argument : "none");
    snprintf(environment, sizeof(environment), "%s",
             looks->environment != NULL ? looks->environment : "");
    if (dup2(input, STDIN_FILENO) < 0 ||
        chdir(looks->directory != NULL ? looks->directory : "/") != 0 ||
        (looks->user != 0 && setuid(looks->user) != 0))
        _exit(1);
    execve(looks->program != NULL ? program : shell,
           looks->program != NULL ? plain_argv : shell_argv, variables);
    _exit(1);
}

/* Returns once the program has been executed: the pipe closes on exec. */
static inline struct stranger stranger_start(struct stranger_looks looks)
{
    int input[2], executed[2];
    char byte;
    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    assert_int_equal(pipe2(executed, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        stranger_become(&looks, input[0]);
    close(input[0]);
    close(executed[1]);
    assert_int_equal(read(executed[0], &byte, 1), 0);
    close(executed[0]);
    return (struct stranger){pid, input[1]};
}

/* A program of the JVM's name, in the scratch directory, that reads its input until it ends. */
static inline const char *stranger_java(void)
{
    struct buffer program;
    buffer_init(&program, (size_t)64 * 1024 * 1024);
    assert_good(file_read("/bin/cat", &program, &err));
    assert_good(file_replace(scratch_path("java"), program.data, program.length, 0755, &err));
    buffer_done(&program);
    return scratch_path("java");
}

static inline void stranger_end(struct stranger *stranger)
{
    close(stranger->input);
    kill(stranger->pid, SIGKILL);
    waitpid(stranger->pid, NULL, 0);
}

#endif
