/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs that run: one child process each, forked without exec so that it starts within a
 * millisecond, whose reports come over a pipe. The child is not trusted with more than figures: who
 * it is, and what it was asked, is put into its reports here, and the signing key is wiped in it.
 *
 * A slot goes through: running → has_ended (report is final) → settled by the owner (its end is in
 * the record) → free, once the process is reaped as well. Children die with us (PR_SET_PDEATHSIG).
 */
#ifndef SHUNT_JOB_RUNNER_H
#define SHUNT_JOB_RUNNER_H

#include "agent_config.h"
#include "buffer.h"
#include "clock.h"
#include "inbox.h"
#include "message.h"

#include <poll.h>
#include <sys/types.h>

#define JOB_KILL_MS       2000 /* from SIGTERM to SIGKILL, as for a child of child.h */
#define JOB_RESTARTS_MOST 2    /* what is killed again and again will not end */

struct running_job {
    bool is_used;
    pid_t pid;              /* 0 = reaped */
    int pipe_fd;            /* -1 = at its end */
    struct buffer incoming; /* the beginning of a frame */
    struct command command;
    int64_t began_ms;     /* monotonic */
    struct report report; /* the newest: accepted, progress, or the final one */
    bool has_ended;
    bool is_settled;
    bool is_cancelled;
    unsigned restarts;
    struct deadline kill_at;
};

struct job_runner {
    const struct agent_config *config;
    struct key_pair *key; /* wiped in every child */
    struct running_job jobs[INBOX_JOBS_MOST];
};

void job_runner_init(struct job_runner *runner, const struct agent_config *config,
                     struct key_pair *key);
/* Leaves the children to the kernel, which kills them when we exit. */
void job_runner_done(struct job_runner *runner);

/* Begins a job; there must be a free slot. ret_job->report is the ACCEPTED one. */
bool job_runner_start(struct job_runner *runner, const struct command *command,
                      struct running_job **ret_job, struct error *err);

/* Slots in use; the job that changes the subject; the job of an id. NULL = none. */
size_t job_runner_count(const struct job_runner *runner);
const struct running_job *job_runner_busy(const struct job_runner *runner,
                                          enum verb_subject subject);
struct running_job *job_runner_find(struct job_runner *runner, const char *id);

/* Ends the job's process group: SIGTERM now, SIGKILL from job_runner_kill_overdue(). */
void job_runner_cancel(struct running_job *job);
void job_runner_kill_overdue(struct job_runner *runner);
struct deadline job_runner_next_kill(const struct job_runner *runner);

/* Takes what the pipe holds. True if job->report is new. */
bool running_job_read(struct running_job *job);

/* After SIGCHLD: reaps. A job that somebody else has killed is begun again, as after a restart of
 * ours; one that died otherwise without a final report gets one that says so. */
void job_runner_reap(struct job_runner *runner);

/* The end is in the record: the slot may be used again once the process is gone. */
void running_job_settle(struct running_job *job);

#endif
