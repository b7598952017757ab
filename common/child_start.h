/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first half of child_run(): what happens between fork() and exec(), where only
 * async-signal-safe calls are allowed because the program may have threads.
 */
#ifndef SHUNT_CHILD_START_H
#define SHUNT_CHILD_START_H

#include "child.h"

/* A child that has been forked; the descriptors are ours, readable and close-on-exec. */
struct child_process {
    pid_t pid;      /* not reaped before the end: the number stays ours, also as process group */
    int pid_fd;     /* readable once it has ended */
    int output_fd;  /* non-blocking */
    int error_fd;   /* the same; -1 where errors are in the output */
    int startup_fd; /* ends when the program runs; or a struct child_failure comes before the end */
};

enum child_step {
    CHILD_STEP_GROUP,
    CHILD_STEP_USER,
    CHILD_STEP_DIRECTORY,
    CHILD_STEP_DESCRIPTORS,
    CHILD_STEP_EXECUTE,
    CHILD_STEP_COUNT
};

struct child_failure {
    enum child_step step;
    int errno_value;
};

bool child_start(const struct child_request *request, struct child_process *ret_process,
                 struct error *err);

void child_failure_tell(const struct child_failure *failure, const struct child_request *request,
                        struct error *err);

#endif
