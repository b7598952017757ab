/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

#include "check.h"
#include "clock.h"
#include "memory.h"
#include "text.h"

#include <stdlib.h>

static void end(struct pool_job *base)
{
    struct work_job *job = (struct work_job *)base;
    bitbucket_free(job->bitbucket);
    free(job->expected);
    free(job);
}

struct work_job *work_job_new(struct shell *shell, struct cluster *cluster,
                              const struct action *action, pool_run_fn run)
{
    struct work_job *job = memory_zeroed(1, sizeof(*job));
    job->base.run = run;
    job->base.end = end;
    job->base.cluster = cluster->index;
    job->base.node = action->node;
    job->base.work = action->work;
    job->base.sequence = action->sequence;
    job->shell = shell;
    job->cluster = cluster;
    job->config_node = -1;
    job->told = -1;
    job->begun_ms = clock_monotonic_ms();
    job->deadline =
        action->deadline_ms > 0 ? deadline_after_ms(action->deadline_ms) : deadline_never();
    if (action->node != NODE_NONE) {
        job->config_node =
            config_find_node(cluster->config, cluster->upgrade->nodes[action->node].name);
        CHECK(job->config_node >= 0);
    }
    return job;
}

static struct item *answer(const struct work_job *job, enum event_kind kind)
{
    struct item *item = item_new(ITEM_EVENT, job->base.cluster);
    item->event.kind = kind;
    item->event.node = job->base.node;
    item->event.work = job->base.work;
    item->event.sequence = job->base.sequence;
    return item;
}

int64_t job_done(struct work_job *job)
{
    struct item *item = answer(job, EVENT_DONE);
    item->event.is_blind = job->is_blind;
    queue_put(job->shell->queue, item);
    return POOL_FINISHED;
}

/* That a job was cancelled is no failure of the work, which may have been asked for again. */
int64_t job_failed(struct work_job *job, const struct error *err)
{
    if (atomic_load(&job->base.is_cancelled))
        return POOL_FINISHED;
    struct item *item = answer(job, EVENT_FAILED);
    item->event.error = *err;
    queue_put(job->shell->queue, item);
    return POOL_FINISHED;
}

int64_t job_again_ms(const struct work_job *job)
{
    return clock_monotonic_ms() - job->begun_ms < JOB_FAST_FOR_MS ? JOB_FAST_MS : JOB_SLOW_MS;
}

bool job_is_tried_again(const struct work_job *job, const struct error *err)
{
    return error_code_is_transient(err->code) && !deadline_is_over(job->deadline);
}

int64_t job_trouble(struct work_job *job, struct error *err)
{
    if (!job_is_tried_again(job, err))
        return job_failed(job, err);
    return JOB_TROUBLE_MS;
}

void job_progress(struct work_job *job, int64_t sessions)
{
    if (sessions == job->told)
        return;
    job->told = sessions;
    struct item *item = answer(job, EVENT_PROGRESS);
    item->event.sessions = sessions;
    queue_put(job->shell->queue, item);
}

struct deadline job_call_deadline(void)
{
    return deadline_after_ms(JOB_CALL_MS);
}

struct deadline job_change_deadline(struct cluster *cluster)
{
    struct deadline deadline = job_call_deadline();
    int64_t lease_until_ms = atomic_load(&cluster->lease_until_ms);
    if (lease_until_ms < deadline.at_ms)
        deadline.at_ms = lease_until_ms;
    return deadline;
}

bool job_may_act(const struct work_job *job, struct error *err)
{
    return pool_job_may_go_on(&job->base, err) && lease_may_act(job->cluster, err);
}

static const struct {
    enum work work;
    pool_run_fn run;
} job_table[] = {
    {WORK_LB_DRAIN, job_lb_drain}, {WORK_LB_EMPTY, job_lb_empty}, {WORK_LB_DOWN, job_lb_down},
    {WORK_LB_CUT, job_lb_cut},     {WORK_LB_UP, job_lb_up},       {WORK_MEMBERS, job_members},
    {WORK_MODE_ON, job_mode_on},   {WORK_MODE_OFF, job_mode_off}, {WORK_APPROVE, job_approve},
};

static void expect_members(struct work_job *job, const struct upgrade *upgrade, uint32_t node)
{
    uint32_t mask = upgrade_expected_members(upgrade, node);
    job->expected = memory_zeroed(upgrade->node_count, sizeof(job->expected[0]));
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        if (mask & (1u << i))
            TEXT_COPY(job->expected[job->expected_count++], upgrade->nodes[i].name);
}

struct pool_job *job_for_work(struct shell *shell, struct cluster *cluster,
                              const struct action *action)
{
    for (size_t i = 0; i < sizeof(job_table) / sizeof(job_table[0]); i++) {
        if (job_table[i].work != action->work)
            continue;
        struct work_job *job = work_job_new(shell, cluster, action, job_table[i].run);
        if (action->work == WORK_MEMBERS)
            expect_members(job, cluster->upgrade, action->node);
        return &job->base;
    }
    CHECK(!"a work that neither an agent nor a worker does");
}
