/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Works at the load balancers: a work is done when all agree, and what was changed before one of
 * them failed is undone.
 */
#include "jobs.h"

#include "clock.h"

#define RAMP_STEP_MS    1000 /* between two raises of a node's share */
#define RAMP_RESERVE_MS 3000 /* for the last raise, and to see that the node is well */

static bool set(struct work_job *job, enum lb_admin admin, struct error *err)
{
    size_t set;
    return lb_set_node(job->cluster, &job->base, job->config_node, admin, &set, err);
}

/* Load balancers that took the change wait for those that are slow, and get it undone when one of
 * them fails. */
int64_t job_lb_drain(struct pool_job *base)
{
    struct work_job *job = (struct work_job *)base;
    struct error err;
    size_t set = 0;
    if (lb_drain_node(job->cluster, base, job->config_node, &job->begun, &set, &err))
        return job_done(job);
    if (!job_is_tried_again(job, &err))
        lb_give_back(job->cluster, base, set, job->config_node);
    return job_trouble(job, &err);
}

/* As soon as the slowest of the node's load balancers may be asked again. */
static int64_t look_again_ms(const struct work_job *job)
{
    const struct cluster_config *config = job->cluster->config;
    int64_t again_ms = job_again_ms(job);
    for (size_t i = 0; i < config->lb_count; i++) {
        int64_t look_ms = config->lbs[i].lb.driver->look_ms;
        if (config->lbs[i].nodes[job->config_node].count != 0 && look_ms > again_ms)
            again_ms = look_ms;
    }
    return again_ms;
}

/* Unknown is not empty: a load balancer that does not answer is asked again. */
static int64_t wait_empty(struct work_job *job)
{
    struct lb_member_state sum;
    struct error err;
    if (!lb_read_everywhere(job->cluster, job->config_node, &sum, &err))
        return job_trouble(job, &err);
    job_progress(job, sum.sessions);
    job->is_blind = sum.is_blind;
    return sum.sessions == 0 && sum.settle_ms == 0 ? job_done(job) : look_again_ms(job);
}

int64_t job_lb_empty(struct pool_job *base)
{
    return wait_empty((struct work_job *)base);
}

int64_t job_lb_down(struct pool_job *base)
{
    struct work_job *job = (struct work_job *)base;
    struct error err;
    if (job->stage == 0 && !set(job, LB_ADMIN_DOWN, &err))
        return job_trouble(job, &err);
    job->stage = 1;
    return wait_empty(job);
}

/* Down first, although it should be so already: a reload during the long wait before may have given
 * the node new clients, and they would be next. */
int64_t job_lb_cut(struct pool_job *base)
{
    struct work_job *job = (struct work_job *)base;
    struct error err;
    if (!set(job, LB_ADMIN_DOWN, &err))
        return job_trouble(job, &err);
    if (!lb_cut_node(job->cluster, base, job->config_node, &err))
        return job_trouble(job, &err);
    return job_done(job);
}

static int64_t longest_ramp_ms(const struct work_job *job)
{
    int64_t longest_ms = 0;
    for (size_t i = 0; i < job->cluster->config->lb_count; i++) {
        int64_t ramp_ms = lb_ramp_ms(&job->cluster->lbs[i].lb);
        if (job->cluster->config->lbs[i].nodes[job->config_node].count > 0 && ramp_ms > longest_ms)
            longest_ms = ramp_ms;
    }
    return longest_ms;
}

enum { UP_SET, UP_WAIT, UP_RAMP, UP_STAY }; /* the stages of job_lb_up() */

/* Little first: before it is up, so that not even the first moment has all of it. */
static bool begin_up(struct work_job *job, struct error *err)
{
    return lb_ramp_node(job->cluster, &job->base, job->config_node, 0, err) &&
           set(job, LB_ADMIN_UP, err);
}

/* A ramp that was begun anew, by another leader or after an error, may have too little time left: a
 * node that is well is not taken back for that. */
static int64_t raise_share(struct work_job *job)
{
    struct error err;
    bool is_late = deadline_is_over((struct deadline){job->deadline.at_ms - RAMP_RESERVE_MS});
    int64_t since_ms = is_late ? longest_ramp_ms(job) : clock_monotonic_ms() - job->ramp_begun_ms;
    int64_t left_ms = longest_ramp_ms(job) - since_ms;
    if (!lb_ramp_node(job->cluster, &job->base, job->config_node, since_ms, &err))
        return job_trouble(job, &err);
    if (left_ms > 0)
        return left_ms < RAMP_STEP_MS ? left_ms : RAMP_STEP_MS;
    job->stage = UP_STAY;
    return 0;
}

static int64_t wait_for_health(struct work_job *job, const struct lb_member_state *sum)
{
    struct error err;
    if (!deadline_is_over(job->deadline))
        return look_again_ms(job);
    error_set(&err, ERROR_UNAVAILABLE, "the load balancers still have it %s, health %s",
              lb_admin_name(sum->admin), lb_health_name(sum->health));
    error_hint(&err, "look at their health check of this node: address, path, what it expects");
    return job_failed(job, &err);
}

/* Up, and then until each load balancer's own check agrees: to have asked is no evidence. With a
 * ramp the checks must agree before it begins, or the node would not feel it, and at its end. */
int64_t job_lb_up(struct pool_job *base)
{
    struct work_job *job = (struct work_job *)base;
    struct lb_member_state sum;
    struct error err;
    if (job->stage == UP_RAMP)
        return raise_share(job);
    if (job->stage == UP_SET && !begin_up(job, &err))
        return job_trouble(job, &err);
    if (job->stage == UP_SET)
        job->stage = UP_WAIT;
    if (!lb_read_everywhere(job->cluster, job->config_node, &sum, &err))
        return job_trouble(job, &err);
    if (sum.admin != LB_ADMIN_UP || sum.health != LB_HEALTH_UP)
        return wait_for_health(job, &sum);
    if (job->stage == UP_STAY || longest_ramp_ms(job) == 0)
        return job_done(job);
    job->stage = UP_RAMP;
    job->ramp_begun_ms = clock_monotonic_ms();
    return RAMP_STEP_MS;
}
