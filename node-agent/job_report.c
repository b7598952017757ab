/* SPDX-License-Identifier: Apache-2.0 */
#include "job_child.h"

#include "text.h"

void job_report_init(const struct command *command, enum report_kind kind,
                     struct report *ret_report)
{
    *ret_report = (struct report){
        .kind = kind,
        .verb = command->verb,
        .epoch = command->epoch,
        .at_ms = clock_wall_ms(),
        .connections = -1,
        .bytes_total = -1,
    };
    TEXT_COPY(ret_report->command_id, command->id);
    TEXT_COPY(ret_report->cluster, command->cluster);
    TEXT_COPY(ret_report->node, command->node);
}
