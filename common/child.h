/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running another program: an argument vector (never a shell), a chosen environment, user and
 * working directory, a deadline, and bounded output. No descriptor but 0, 1 and 2 is inherited; the
 * umask is 022, the core limit as high as it may be and the priority none above the usual, whatever
 * ours are.
 */
#ifndef SHUNT_CHILD_H
#define SHUNT_CHILD_H

#include "buffer.h"
#include "clock.h"
#include "error.h"

#include <sys/types.h>

#define CHILD_OUTPUT_BYTES (64 * 1024)
#define CHILD_GRACE_MS     2000 /* what a program may need to end when it is told to */

struct child_request {
    const char *const *argv;        /* argv[0] is an absolute path; NULL at the end */
    const char *const *environment; /* "NAME=value", NULL at the end; the whole environment */
    const char *directory;          /* NULL = "/" */
    const char *user;               /* NULL = stay; else setgroups, setgid, setuid to this user */
    const char *input;              /* for standard input; NULL = /dev/null */
    struct deadline deadline;       /* then SIGTERM to the process group … */
    int64_t grace_ms;               /* … and SIGKILL this long after it; 0 = CHILD_GRACE_MS */
    bool detach;                    /* a session of its own: it may leave daemons behind */
    bool keeps_errors_apart;        /* standard error into `errors` */
};

struct child_result {
    int exit_status; /* 0..255, or 128 + signal */
    bool timed_out;
    struct buffer output; /* up to CHILD_OUTPUT_BYTES, the rest dropped; with standard error … */
    struct buffer errors; /* … unless that is kept apart: then it is here, with the same bound */
};

/* Runs to its end. True if it could be started, whatever its exit status. With `detach`, the end of
 * the child itself counts, not the closing of its output by a daemon it left behind. Without, the
 * output must end too, and what is left of the process group is killed. ERROR_TIMEOUT where the
 * child does not even end 10 s after SIGKILL. */
bool child_run(const struct child_request *request, struct child_result *ret_result,
               struct error *err);

void child_result_done(struct child_result *result);

#endif
