/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Bitbucket's own logs say about a start that failed: <home>/log/launcher.log (what the
 * process printed) and <home>/log/atlassian-bitbucket.log. Only ever read, and only what was
 * written after a mark, so that last month's trouble is not blamed.
 */
#ifndef SHUNT_LAUNCH_LOG_H
#define SHUNT_LAUNCH_LOG_H

#include "agent_config.h"

/* How long the logs were; a log that is shorter now was rotated, and counts from its begin. */
struct launch_log_mark {
    int64_t launcher_bytes;
    int64_t application_bytes;
};

void launch_log_mark(const struct bitbucket_config *config, struct launch_log_mark *ret_mark);

/* Appends the last lines since the mark to err's message and, where the application's log tells of
 * a database that another start has left locked, says so with a hint. */
void launch_log_explain(const struct bitbucket_config *config, const struct launch_log_mark *mark,
                        struct error *err);

#endif
