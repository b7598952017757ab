/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places between two effects, where a test has the program killed or stopped as kill -9, a power
 * cut or a host that hangs may do it. They exist where SHUNT_FAILPOINTS is defined, which is in
 * builds with tests; in all others failpoint() is nothing.
 *
 * The environment says where: SHUNT_FAILPOINT=NAME[:COUNT]=kill|stop[,…], at the COUNT-th passing
 * (1 if not given). Children of a program count together with it. No allocation; safe in threads.
 */
#ifndef SHUNT_FAILPOINT_H
#define SHUNT_FAILPOINT_H

#include "error.h"

#include <stdbool.h>

/* Name, who passes, and what has happened there. "job" is a child of the agent. */
/* clang-format off */
#define FAILPOINT_TABLE(ROW)                                                                     \
    ROW("lease-taken",          "controller", "the lease is ours, the journal is not read")      \
    ROW("journal-before-copy",  "controller", "a record is made and written nowhere")            \
    ROW("journal-after-copy",   "controller", "our own copy has the record, Redis has not")      \
    ROW("journal-after-script", "controller", "Redis has record and commands; no worker has begun")\
    ROW("history-before",       "controller", "the upgrade has ended, the history lacks it")     \
    ROW("lb-before-change",     "controller", "a load balancer is about to be told")             \
    ROW("lb-after-change",      "controller", "it has been told and read back, nobody knows")    \
    ROW("mode-on-before",       "controller", "upgrade mode is about to be asked for")           \
    ROW("mode-on-after",        "controller", "upgrade mode is on, nobody knows")                \
    ROW("approve-before",       "controller", "the approval is about to be sent")                \
    ROW("approve-after",        "controller", "Bitbucket has the approval, nobody knows")        \
    ROW("mode-off-before",      "controller", "the cancellation is about to be sent")            \
    ROW("mode-off-after",       "controller", "upgrade mode is off, nobody knows")               \
    ROW("record-before-accept", "agent",      "a command is found good, the record lacks it")    \
    ROW("record-after-accept",  "agent",      "the record has the command, no job runs")         \
    ROW("job-after-fork",       "agent",      "the job runs, nothing is reported")               \
    ROW("command-before-ack",   "agent",      "the command is dealt with, Redis would repeat it")\
    ROW("record-before-end",    "agent",      "the job has ended, the record lacks it")          \
    ROW("record-after-end",     "agent",      "the record has the end, no report is sent")       \
    ROW("report-before-send",   "agent",      "a report is about to be sent")                    \
    ROW("report-after-send",    "agent",      "Redis has the report, the record does not say so")\
    ROW("stage-before-rename",  "job",        "the release is unpacked and has no name")         \
    ROW("stage-after-rename",   "job",        "the release has its name and no record")          \
    ROW("stop-before-signal",   "job",        "the node has no connection and is about to stop") \
    ROW("stop-after-gone",      "job",        "the process is gone, nobody knows")               \
    ROW("switch-before-rename", "job",        "the way back is written, the link is the old one")\
    ROW("switch-after-rename",  "job",        "the link is the new one, nobody knows")           \
    ROW("start-before-fork",    "job",        "the service is about to be started")              \
    ROW("start-after-fork",     "job",        "the start runs, no process of the node is seen")
/* clang-format on */

#ifdef SHUNT_FAILPOINTS

/* Reads the environment, before other threads are there. An unknown name is an error. */
bool failpoint_open(struct error *err);

void failpoint_pass(const char *name);

#define failpoint(name) failpoint_pass(name)

#else

#define failpoint_open(err) true
#define failpoint(name)     ((void)0)

#endif

#endif
