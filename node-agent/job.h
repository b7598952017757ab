/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job: one command being carried out, in a child process of its own. The child runs the verb's
 * function; reports of progress go over a pipe to the main loop, which signs and sends them.
 *
 * Every verb is idempotent: a job that was killed at any point is simply run again when it is asked
 * for again, and must then finish, or undo, what the first run began.
 */
#ifndef SHUNT_JOB_H
#define SHUNT_JOB_H

#include "agent_config.h"
#include "clock.h"
#include "message.h"

struct job {
    const struct agent_config *config;
    const struct command *command;
    struct deadline deadline; /* from command->deadline_ms; never if 0 */
    struct report report;     /* figures so far: the verb fills what it knows */
    /* Sends job->report as REPORT_PROGRESS. Cheap; callers rate-limit to 5 a second. */
    void (*send_progress)(struct job *job);
    void *context; /* of send_progress */
};

/* True: done, and job->report holds the final figures. */
typedef bool (*verb_fn)(struct job *job, struct error *err);

/* The function of each verb (NULL for VERB_CANCEL, which the main loop does); verbs.c, one row a
 * verb. */
verb_fn job_verb_function(enum verb verb);

#endif
