/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `shunt drain NODE` and `shunt return NODE`: an operator moves one node outside an upgrade. Nobody
 * counts that node in a budget: so a move and an upgrade, or two moves, are never under way at one
 * time, and the later is told who is at work.
 */
#include "answer.h"
#include "clock.h"
#include "jobs.h"
#include "log.h"
#include "memory.h"
#include "plan_run.h"
#include "text.h"

#include <stdlib.h>

struct hand_job {
    struct pool_job base;
    struct shell *shell;
    struct cluster *cluster;
    int config_node;
    enum lb_admin admin;
    struct deadline deadline;
    unsigned begun;    /* of lb_drain_node() */
    bool is_under_way; /* of the cluster's move */
    char request_id[LIMIT_ID];
};

/* Before it is answered: whoever hears the answer may ask for the next. */
static void leave(struct hand_job *job)
{
    if (job->is_under_way)
        atomic_store(&job->cluster->hand_move.is_under_way, false);
    job->is_under_way = false;
}

static void end(struct pool_job *base)
{
    leave((struct hand_job *)base);
    free(base);
}

/* There is none by hand, but one that was broken off may have left the node a part of its weight.
 */
static bool end_ramp(struct hand_job *job, struct error *err)
{
    return lb_ramp_node(job->cluster, &job->base, job->config_node, INT64_MAX, err);
}

static bool give_traffic(struct hand_job *job, struct error *err)
{
    size_t ignored;
    return lb_set_node(job->cluster, &job->base, job->config_node, LB_ADMIN_UP, &ignored, err) &&
           end_ramp(job, err);
}

static bool drain(struct hand_job *job, struct error *err)
{
    size_t set;
    if (lb_drain_node(job->cluster, &job->base, job->config_node, &job->begun, &set, err))
        return true;
    if (err->code != ERROR_BUSY || deadline_is_over(job->deadline)) {
        bool did_half = (job->begun & 1u << set) != 0;
        lb_give_back(job->cluster, &job->base, set + did_half, job->config_node);
    }
    return false;
}

static int64_t run(struct pool_job *base)
{
    struct hand_job *job = (struct hand_job *)base;
    struct error err;
    bool is_done = job->admin == LB_ADMIN_UP ? give_traffic(job, &err) : drain(job, &err);
    if (!is_done && err.code == ERROR_BUSY && !deadline_is_over(job->deadline))
        return JOB_TROUBLE_MS;
    leave(job);
    struct item *item = item_new(ITEM_ANSWER, job->base.cluster);
    const char *name = job->cluster->config->nodes[job->config_node].name;
    if (!is_done) {
        item->event.error = err;
        error_wrap(&item->event.error, "node %s", name);
    }
    item->body =
        memory_format("node %s: %s at every load balancer", name, lb_admin_name(job->admin));
    TEXT_COPY(item->request_id, job->request_id);
    queue_put(job->shell->queue, item);
    return POOL_FINISHED;
}

bool nobody_upgrades(const struct cluster *cluster, struct error *err)
{
    const struct upgrade *upgrade = cluster->upgrade;
    const struct request *begins = plan_run_of_upgrade(cluster);
    if (upgrade != NULL && upgrade->phase != PHASE_ENDED) {
        error_set(err, ERROR_CONFLICT, "an upgrade from %s to %s runs, started by %s",
                  upgrade->from, upgrade->to, upgrade->operator);
        error_hint(err, "wait for its end, or `shunt abort %s` first", upgrade->cluster);
        return false;
    }
    if (begins != NULL) {
        error_set(err, ERROR_CONFLICT, "an upgrade to %s is about to begin, asked by %s",
                  begins->to, begins->operator);
        error_hint(err, "`shunt status %s` shows whether it has begun", begins->cluster);
        return false;
    }
    return true;
}

static bool may_move(const struct cluster *cluster, int config_node, const struct request *request,
                     struct error *err)
{
    if (config_node >= 0)
        return cluster_is_acted_on(cluster, err) && nobody_upgrades(cluster, err) &&
               nobody_moves_by_hand(cluster, err);
    error_set(err, ERROR_NOT_FOUND, "cluster %s has no node '%s'", cluster->config->name,
              request->node);
    error_hint(err, "`shunt nodes %s` lists them", cluster->config->name);
    return false;
}

bool nobody_moves_by_hand(const struct cluster *cluster, struct error *err)
{
    const struct hand_move *move = &cluster->hand_move;
    if (!atomic_load(&move->is_under_way))
        return true;
    error_set(err, ERROR_CONFLICT, "`shunt %s %s` is under way, asked by %s",
              request_verb_name(move->verb), cluster->config->nodes[move->config_node].name,
              move->operator);
    error_hint(err, "it ends within %lld s; then ask again",
               (long long)cluster->config->policy.lb_deadline_ms / 1000);
    return false;
}

void forget_move_by_hand(struct shell *shell, struct cluster *cluster)
{
    if (atomic_load(&cluster->hand_move.is_under_way))
        pool_cancel(shell->pool, cluster->index, cluster->hand_move.config_node, WORK_COUNT, 0);
}

static void note(struct cluster *cluster, const struct hand_job *job, const struct request *request)
{
    struct hand_move *move = &cluster->hand_move;
    move->config_node = job->base.node;
    move->verb = request->verb;
    TEXT_COPY(move->operator, request->operator);
    atomic_store(&move->is_under_way, true);
}

void move_by_hand(struct shell *shell, struct cluster *cluster, const struct request *request)
{
    struct error err;
    int config_node = config_find_node(cluster->config, request->node);
    if (!may_move(cluster, config_node, request, &err)) {
        answer_text(shell, cluster, request->id, NULL, &err);
        return;
    }
    struct hand_job *job = memory_zeroed(1, sizeof(*job));
    job->base.run = run;
    job->base.end = end;
    job->base.cluster = cluster->index;
    job->base.node = (uint32_t)config_node;
    job->base.work = WORK_COUNT;
    job->shell = shell;
    job->cluster = cluster;
    job->config_node = config_node;
    job->deadline = deadline_after_ms(cluster->config->policy.lb_deadline_ms);
    job->admin = request->verb == REQUEST_DRAIN ? LB_ADMIN_DRAIN : LB_ADMIN_UP;
    TEXT_COPY(job->request_id, request->id);
    job->is_under_way = true;
    note(cluster, job, request);
    log_notice("cluster %s: %s node %s, by %s", cluster->config->name,
               request_verb_name(request->verb), request->node, request->operator);
    pool_add(shell->pool, &job->base);
}
