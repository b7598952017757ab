/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/bitbucket.h: what the simulated nodes answer. A URL is "node:INDEX", or "lb" for the
 * cluster's own, which reaches whichever node a load balancer sends it to.
 */
#include "bitbucket.h"

#include "check.h"
#include "edge.h"
#include "memory.h"
#include "text.h"
#include "trace.h"

#include <stdlib.h>
#include <string.h>

struct bitbucket {
    int nothing;
};

bool bitbucket_new(const struct cluster_config *cluster, struct bitbucket **ret_bitbucket,
                   struct error *err)
{
    (void)cluster;
    (void)err;
    *ret_bitbucket = memory_zeroed(1, sizeof(struct bitbucket));
    return true;
}

void bitbucket_free(struct bitbucket *bitbucket)
{
    free(bitbucket);
}

static bool answers(uint32_t index)
{
    const struct bitbucket_node *node = &world.nodes[index];
    return node->process == BITBUCKET_ACTIVE && schedule_now_us() >= node->unreachable_until_us;
}

static uint32_t by_balancer(void)
{
    uint32_t first = (uint32_t)random_between(&world.random, 0, world.node_count - 1);
    for (uint32_t i = 0; i < world.node_count; i++) {
        uint32_t node = (first + i) % world.node_count;
        if (answers(node) && lb_sends_new(&world.lbs[0], node))
            return node;
    }
    return NODE_NONE;
}

static bool find(const char *url, uint32_t *ret_node, struct error *err)
{
    *ret_node = text_equal(url, "lb") ? by_balancer() : (uint32_t)atoi(url + strlen("node:"));
    if (*ret_node != NODE_NONE && answers(*ret_node) && !random_one_in(&world.random, 300))
        return true;
    error_set(err, ERROR_UNAVAILABLE, "%s does not answer", url);
    return false;
}

bool bitbucket_read_view(struct bitbucket *bitbucket, const char *url, struct deadline deadline,
                         struct cluster_view *ret_view, struct error *err)
{
    uint32_t node;
    (void)bitbucket;
    (void)deadline;
    if (!find(url, &node, err))
        return false;
    bitbucket_cluster_view(node, ret_view);
    return true;
}

static bool obey(enum bitbucket_change change, struct error *err)
{
    enum cluster_state state = bitbucket_cluster_state();
    bool is_legal = false;
    switch (change) {
    case BITBUCKET_START:
        is_legal = !world.is_mode_on && state == CLUSTER_STABLE;
        break;
    case BITBUCKET_CANCEL:
        is_legal = state == CLUSTER_READY_TO_UPGRADE;
        break;
    case BITBUCKET_APPROVE:
        is_legal = state == CLUSTER_READY_TO_RUN_UPGRADE_TASKS;
        break;
    }
    if (!is_legal) {
        error_set(err, ERROR_CONFLICT, "409: the cluster is %s", cluster_state_name(state));
        return false;
    }
    if (change == BITBUCKET_APPROVE) {
        rules_at_approve();
        world.is_running_tasks = world.is_approved = true;
        world.tasks_end_us =
            schedule_now_us() + random_between(&world.random, WORLD_S, 20 * WORLD_S);
    }
    world.is_mode_on = change != BITBUCKET_CANCEL;
    return true;
}

/* The answer to a change may be lost. */
bool bitbucket_change(struct bitbucket *bitbucket, const char *url, enum bitbucket_change change,
                      struct deadline deadline, struct error *err)
{
    static const char *const names[] = {"upgrade mode on", "upgrade mode off", "approve"};
    uint32_t node;
    (void)bitbucket;
    process_boundary("before a change over REST");
    if (deadline_is_over(deadline)) {
        error_set(err, ERROR_TIMEOUT, "%s: no time is left", url);
        return false;
    }
    rules_at_order(names[change]);
    if (!find(url, &node, err))
        return false;
    bool is_obeyed = obey(change, err);
    trace_line("POST %s: %s", names[change], is_obeyed ? "obeyed" : "409");
    process_boundary("after a change over REST");
    if (!is_obeyed || !random_one_in(&world.random, 100))
        return is_obeyed;
    error_set(err, ERROR_UNAVAILABLE, "%s: the answer was cut off", url);
    return false;
}

bool bitbucket_read_members(struct bitbucket *bitbucket, const char *url, struct deadline deadline,
                            struct member_list *ret_members, struct error *err)
{
    uint32_t node;
    (void)bitbucket;
    (void)deadline;
    memset(ret_members, 0, sizeof(*ret_members));
    if (!find(url, &node, err))
        return false;
    bool is_split = schedule_now_us() < world.nodes[node].split_until_us;
    TEXT_COPY(ret_members->local_name, world.nodes[node].name);
    for (uint32_t i = 0; i < world.node_count; i++)
        if (i == node || (!is_split && world.nodes[i].process == BITBUCKET_ACTIVE))
            TEXT_COPY(ret_members->names[ret_members->count++], world.nodes[i].name);
    return true;
}

bool bitbucket_read_version(struct bitbucket *bitbucket, const char *url, struct deadline deadline,
                            char version[LIMIT_VERSION], struct error *err)
{
    uint32_t node;
    (void)bitbucket;
    (void)deadline;
    if (!find(url, &node, err))
        return false;
    text_copy(version, LIMIT_VERSION, world.nodes[node].version);
    return true;
}
