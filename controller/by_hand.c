/* SPDX-License-Identifier: Apache-2.0 */
/* `shunt drain NODE` and `shunt return NODE`: an operator moves one node outside an upgrade. */
#include "answer.h"
#include "clock.h"
#include "jobs.h"
#include "log.h"
#include "memory.h"
#include "request.h"
#include "text.h"

#include <stdlib.h>

struct hand_job {
    struct pool_job base;
    struct shell *shell;
    struct cluster *cluster;
    int config_node;
    enum lb_admin admin;
    struct deadline deadline;
    bool has_begun;
    char request_id[LIMIT_ID];
};

static void end(struct pool_job *base)
{
    free(base);
}

/* Somebody else must be there to take the traffic, at every load balancer. */
static bool has_peers(struct cluster *cluster, int config_node, struct error *err)
{
    for (size_t lb = 0; lb < cluster->config->lb_count; lb++) {
        struct lb_member_state state;
        if (cluster->config->lbs[lb].nodes[config_node].count == 0)
            continue;
        if (!lb_read_node(cluster, lb, config_node, &state, err))
            return false;
        if (state.peers_up == 0) {
            error_set(err, ERROR_CONFLICT,
                      "load balancer %s: no other member of the group takes traffic",
                      cluster->config->lbs[lb].lb.name);
            return false;
        }
    }
    return true;
}

/* There is none by hand, but one that was broken off may have left the node a part of its weight.
 */
static bool end_ramp(struct hand_job *job, struct error *err)
{
    return lb_ramp_node(job->cluster, &job->base, job->config_node, INT64_MAX, err);
}

static bool move(struct hand_job *job, struct error *err)
{
    size_t set;
    if (!job->has_begun && job->admin != LB_ADMIN_UP &&
        !has_peers(job->cluster, job->config_node, err))
        return false;
    job->has_begun = true;
    if (lb_set_node(job->cluster, &job->base, job->config_node, job->admin, &set, err))
        return job->admin != LB_ADMIN_UP || end_ramp(job, err);
    bool is_under_way = err->code == ERROR_BUSY && !deadline_is_over(job->deadline);
    if (!is_under_way && job->admin != LB_ADMIN_UP)
        lb_give_back(job->cluster, &job->base, set + 1, job->config_node); /* and who did half */
    return false;
}

static int64_t run(struct pool_job *base)
{
    struct hand_job *job = (struct hand_job *)base;
    struct error err;
    bool is_done = move(job, &err);
    if (!is_done && err.code == ERROR_BUSY && !deadline_is_over(job->deadline))
        return JOB_TROUBLE_MS;
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

static bool may_move(const struct cluster *cluster, int config_node, const struct request *request,
                     struct error *err)
{
    const struct upgrade *upgrade = cluster->upgrade;
    if (config_node < 0) {
        error_set(err, ERROR_NOT_FOUND, "cluster %s has no node '%s'", cluster->config->name,
                  request->node);
        error_hint(err, "`shunt nodes %s` lists them", cluster->config->name);
        return false;
    }
    if (!cluster_is_acted_on(cluster, err))
        return false;
    if (upgrade != NULL && upgrade->phase != PHASE_ENDED) {
        error_set(err, ERROR_CONFLICT, "an upgrade from %s to %s runs, started by %s",
                  upgrade->from, upgrade->to, upgrade->operator);
        error_hint(err, "wait for its end, or `shunt abort %s` first", upgrade->cluster);
        return false;
    }
    return true;
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
    log_notice("cluster %s: %s node %s, by %s", cluster->config->name,
               request_verb_name(request->verb), request->node, request->operator);
    pool_add(shell->pool, &job->base);
}
