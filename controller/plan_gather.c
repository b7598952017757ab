/* SPDX-License-Identifier: Apache-2.0 */
/* What a plan must know from Bitbucket's REST interfaces and from the load balancers. */
#include "jobs.h"
#include "plan_run.h"

#include "clock.h"
#include "memory.h"
#include "text.h"

#include <stdlib.h>

struct gather_job {
    struct pool_job base;
    struct shell *shell;
    struct cluster *cluster;
    struct plan_input *input; /* the worker fills view, members and LBs; nothing else */
    struct plan_run *run;
};

static void end(struct pool_job *base)
{
    free(base);
}

static void read_members(struct bitbucket *bitbucket, const struct cluster_config *config,
                         struct plan_input *input, size_t index)
{
    struct plan_node *node = &input->nodes[index];
    struct member_list members;
    if (!bitbucket_read_members(bitbucket, config->nodes[index].url, job_call_deadline(), &members,
                                &node->members_error))
        return;
    error_clear(&node->members_error);
    for (size_t i = 0; i < config->node_count; i++) {
        bool is_listed = false;
        for (uint32_t m = 0; m < members.count; m++)
            is_listed = is_listed || text_equal(members.names[m], config->nodes[i].name);
        if (is_listed)
            continue;
        error_set(&node->members_error, ERROR_CONFLICT, "its own member list lacks node %s",
                  config->nodes[i].name);
        error_hint(&node->members_error,
                   "split brain, or that node is down: see Hazelcast's log on both");
        return;
    }
}

static void read_rest(const struct cluster_config *config, struct plan_input *input)
{
    struct bitbucket *bitbucket = NULL;
    if (!bitbucket_new(config, &bitbucket, &input->view_error))
        return;
    if (bitbucket_read_view(bitbucket, config->base_url, job_call_deadline(), &input->view,
                            &input->view_error))
        error_clear(&input->view_error);
    for (size_t i = 0; i < config->node_count; i++)
        read_members(bitbucket, config, input, i);
    bitbucket_free(bitbucket);
}

/* Why an LB is not asked any more, and the node that it was asked about. */
struct away {
    enum error_code code;
    size_t node;
};

#define HEALTH_MS      10000 /* for an LB that must find out first, all nodes together */
#define HEALTH_LOOK_MS 200

/* Health that is being found out is waited for: Azure is asked for it, and answers later. */
static bool read_settled(struct cluster *cluster, size_t lb, size_t node, struct deadline deadline,
                         struct lb_member_state *ret_state, struct error *err)
{
    while (lb_read_node(cluster, lb, (int)node, ret_state, err)) {
        if (ret_state->health != LB_HEALTH_CHANGING || deadline_is_over(deadline))
            return true;
        clock_sleep_ms(HEALTH_LOOK_MS);
    }
    return false;
}

/* The row is of one node, what was answered of another: its members are not named here. */
static void tell_away(const struct cluster_config *config, size_t lb, size_t asked,
                      enum error_code code, struct error *ret_error)
{
    error_set(ret_error, code,
              "load balancer %s: no answer about node %s, and so not asked about this one",
              config->lbs[lb].lb.name, config->nodes[asked].name);
}

/* An LB that did not answer for the first of its nodes is not asked for every node, which would
 * take long. */
static void read_lb(struct cluster *cluster, struct plan_input *input, size_t lb, size_t node,
                    struct deadline deadline, struct away *away)
{
    struct plan_lb *ret = &input->nodes[node].lbs[lb];
    struct lb_member_state state;
    ret->is_configured = cluster->config->lbs[lb].nodes[node].count != 0;
    if (!ret->is_configured)
        return;
    if (away->code != ERROR_NONE) {
        tell_away(cluster->config, lb, away->node, away->code, &ret->error);
        return;
    }
    if (!read_settled(cluster, lb, node, deadline, &state, &ret->error)) {
        if (error_code_is_transient(ret->error.code))
            *away = (struct away){ret->error.code, node};
        return;
    }
    error_clear(&ret->error);
    ret->peers_up = state.peers_up;
    ret->sessions = state.sessions;
    if (state.admin != LB_ADMIN_UP)
        ret->health = PLAN_LB_DRAINED;
    else
        ret->health = state.health == LB_HEALTH_UP ? PLAN_LB_UP : PLAN_LB_NOT_UP;
}

static int64_t run(struct pool_job *base)
{
    struct gather_job *job = (struct gather_job *)base;
    const struct cluster_config *config = job->cluster->config;
    read_rest(config, job->input);
    struct deadline deadline = deadline_after_ms(HEALTH_MS);
    for (size_t lb = 0; lb < config->lb_count; lb++) {
        struct away away = {.code = ERROR_NONE};
        for (size_t node = 0; node < config->node_count; node++)
            read_lb(job->cluster, job->input, lb, node, deadline, &away);
    }
    struct item *item = item_new(ITEM_PLAN, job->base.cluster);
    item->plan_run = job->run;
    queue_put(job->shell->queue, item);
    return POOL_FINISHED;
}

void plan_gather(struct shell *shell, struct cluster *cluster, struct plan_input *input,
                 struct plan_run *plan_run)
{
    struct gather_job *job = memory_zeroed(1, sizeof(*job));
    job->base.run = run;
    job->base.end = end;
    job->base.cluster = cluster->index;
    job->base.node = NODE_NONE;
    job->base.work = WORK_COUNT;
    job->shell = shell;
    job->cluster = cluster;
    job->input = input;
    job->run = plan_run;
    pool_add(shell->pool, &job->base);
}
