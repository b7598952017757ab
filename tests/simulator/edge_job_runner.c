/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node-agent/job_runner.h: the children of an agent. Each is a process of its own, whose one fiber
 * does what the verb's code does on a real host; it dies with the agent, as children do there.
 */
#include "job_runner.h"

#include "check.h"
#include "edge.h"
#include "facts.h"
#include "host_verbs.h"
#include "job_child.h"
#include "text.h"
#include "trace.h"

#include <stdio.h>
#include <string.h>

void job_runner_init(struct job_runner *runner, const struct agent_config *config,
                     struct key_pair *key)
{
    memset(runner, 0, sizeof(*runner));
    runner->config = config;
    runner->key = key;
}

void job_runner_done(struct job_runner *runner)
{
    (void)runner;
}

void edge_jobs_kill(struct agent *agent)
{
    for (size_t i = 0; i < INBOX_JOBS_MOST; i++)
        process_kill(&agent->jobs[i]);
}

static void finish(struct running_job *job, bool is_done)
{
    job->report.kind = is_done ? REPORT_DONE : REPORT_FAILED;
    if (is_done)
        error_clear(&job->report.error);
    else if (job->is_cancelled)
        job->report.error.code = ERROR_CANCELLED;
    job->report.at_ms = clock_wall_ms();
    job->has_ended = true;
    job->pid = 0;
    job->pipe_fd = 1; /* there is something to read */
}

static void child(void *context)
{
    struct running_job *job = context;
    struct agent *agent = edge_agent();
    struct error err = {0};
    fiber_sleep_us(random_between(&world.random, 300, 5 * WORLD_MS));
    bool is_done = host_do(agent, &job->command, &job->report, &err);
    process_boundary("a job ends");
    job->report.error = err;
    finish(job, is_done);
    process_current()->is_alive = false;
    agent_nudge(agent);
}

bool job_runner_start(struct job_runner *runner, const struct command *command,
                      struct running_job **ret_job, struct error *err)
{
    struct agent *agent = edge_agent();
    (void)err;
    for (size_t i = 0; i < INBOX_JOBS_MOST; i++) {
        struct running_job *job = &runner->jobs[i];
        if (job->is_used)
            continue;
        *job = (struct running_job){.is_used = true,
                                    .pid = 1,
                                    .pipe_fd = -1,
                                    .command = *command,
                                    .began_ms = clock_monotonic_ms(),
                                    .kill_at = deadline_never()};
        job_report_init(command, REPORT_ACCEPTED, &job->report);
        rules_at_job(agent, command);
        snprintf(agent->jobs[i].name, sizeof(agent->jobs[i].name), "%s/%s",
                 world.nodes[agent->node].name, verb_name(command->verb));
        agent->jobs[i].parent = &agent->process;
        process_start(&agent->jobs[i], child, job);
        *ret_job = job;
        return true;
    }
    CHECK(!"a job is started without a free slot");
}

static size_t slot_of(const struct agent *agent, const struct running_job *job)
{
    for (size_t i = 0; i < INBOX_JOBS_MOST; i++)
        if (agent->runner == NULL || &agent->runner->jobs[i] == job)
            return i;
    CHECK(!"a job of another agent");
}

/* SIGTERM ends it at once: no verb catches it. */
void job_runner_cancel(struct running_job *job)
{
    struct agent *agent = edge_agent();
    if (job->is_cancelled || job->has_ended)
        return;
    job->is_cancelled = true;
    process_kill(&agent->jobs[slot_of(agent, job)]);
    error_set(&job->report.error, ERROR_CANCELLED, "cancelled");
    finish(job, false);
}

void job_runner_kill_overdue(struct job_runner *runner)
{
    (void)runner;
}

struct deadline job_runner_next_kill(const struct job_runner *runner)
{
    (void)runner;
    return deadline_never();
}

bool running_job_read(struct running_job *job)
{
    bool is_new = job->pipe_fd == 1;
    job->pipe_fd = -1;
    return is_new;
}

void job_runner_reap(struct job_runner *runner)
{
    (void)runner;
}

void running_job_settle(struct running_job *job)
{
    CHECK(job->has_ended);
    job->is_settled = true;
    job->is_used = false;
}

/* ---- facts.h ---- */

void facts_collect(const struct agent_config *config, struct node_facts *ret_facts)
{
    const struct bitbucket_node *node = &world.nodes[edge_agent()->node];
    (void)config;
    *ret_facts = (struct node_facts){
        .pid = node->process == BITBUCKET_GONE ? 0 : 1000,
        .free_bytes = (int64_t)100 << 30,
        .free_inodes = 1000000,
        .load_1m_x100 = 10,
        .clock_ms = clock_wall_ms(),
    };
    TEXT_COPY(ret_facts->agent_version, SHUNT_VERSION);
    if (node->process != BITBUCKET_GONE)
        TEXT_COPY(ret_facts->running_version, node->version);
    TEXT_COPY(ret_facts->linked_version, node->link);
    TEXT_COPY(ret_facts->install_root, "/opt/bitbucket");
    TEXT_COPY(ret_facts->home, "/var/bitbucket");
    TEXT_COPY(ret_facts->releases, node->is_staged ? WORLD_FROM " " WORLD_TO : WORLD_FROM);
}
