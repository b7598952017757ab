/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done about commands and jobs: the agent but for Redis and the loop. Everything that the
 * controller is to learn goes into the outbox; the caller flushes it.
 *
 * The record and the jobs are brought together by one function, dispatch_settle(), whatever has
 * parted them: a job's end, a restart, or a disk that was full for a while.
 */
#ifndef SHUNT_DISPATCH_H
#define SHUNT_DISPATCH_H

#include "agent_config.h"
#include "inbox.h"
#include "job_runner.h"
#include "outbox.h"
#include "record.h"

struct dispatch {
    const struct agent_config *config;
    struct record *record; /* borrowed, as the outbox */
    struct outbox *outbox;
    struct job_runner jobs;
    uint64_t refused[REFUSAL_COUNT];
    bool is_record_failing; /* told; until a write succeeds again */
};

/* Also puts REPORT_HELLO into the outbox. */
void dispatch_init(struct dispatch *dispatch, const struct agent_config *config,
                   struct key_pair *key, struct record *record, struct outbox *outbox);
void dispatch_done(struct dispatch *dispatch);

/* One entry of the command stream: opened, judged, and carried out or refused. When this returns
 * the command is in the record, was refused, or is a question: the entry can be acknowledged. */
void dispatch_command(struct dispatch *dispatch, const struct channel_entry *entry);

/* Reads what a job has reported. */
void dispatch_job(struct dispatch *dispatch, struct running_job *job);

/* Records the ends of jobs, of the cancels that waited for them, and of what a restart has cut off
 * and nobody has asked for again in time. Call it after a start, when a job may have ended, and
 * from time to time. */
void dispatch_settle(struct dispatch *dispatch);

/* The verb for the heartbeat: of the job that changes the node, else of any; NULL = idle. */
const char *dispatch_verb_name(const struct dispatch *dispatch);

#endif
