/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child's side of a job: what it gives up of its parent, and how it reports. A frame on the
 * pipe is the length (uint32_t, this machine's order) and the text of report_write().
 */
#ifndef SHUNT_JOB_CHILD_H
#define SHUNT_JOB_CHILD_H

#include "job.h"

#include <sys/types.h>

/* Runs the verb and exits. parent: whose death is ours too; key: wiped before anything else. */
_Noreturn void job_child_run(const struct agent_config *config, const struct command *command,
                             int pipe_fd, pid_t parent, struct key_pair *key);

/* The report that a job begins with: addressed, nothing counted. */
void job_report_init(const struct command *command, enum report_kind kind,
                     struct report *ret_report);

#endif
