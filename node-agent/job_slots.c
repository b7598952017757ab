/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at the slots of job_runner.h, whoever fills them. */
#include "job_runner.h"

#include "text.h"

size_t job_runner_count(const struct job_runner *runner)
{
    size_t count = 0;
    for (size_t i = 0; i < INBOX_JOBS_MOST; i++)
        count += runner->jobs[i].is_used;
    return count;
}

const struct running_job *job_runner_busy(const struct job_runner *runner,
                                          enum verb_subject subject)
{
    for (size_t i = 0; i < INBOX_JOBS_MOST; i++) {
        const struct running_job *job = &runner->jobs[i];
        if (job->is_used && !job->is_settled && verb_is_effect(job->command.verb) &&
            verb_subject(job->command.verb) == subject)
            return job;
    }
    return NULL;
}

struct running_job *job_runner_find(struct job_runner *runner, const char *id)
{
    for (size_t i = 0; i < INBOX_JOBS_MOST; i++) {
        if (runner->jobs[i].is_used && text_equal(runner->jobs[i].command.id, id))
            return &runner->jobs[i];
    }
    return NULL;
}
