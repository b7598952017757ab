/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cluster as its nodes see it, by the rules of the rolling-upgrade API: versions that differ
 * are MIXED, approve compares the nodes that are there and ignores those that are OFFLINE, a node
 * of another version may join only in upgrade mode.
 */
#include "text.h"
#include "world.h"

static bool is_there(const struct bitbucket_node *node)
{
    return node->process == BITBUCKET_ACTIVE || node->process == BITBUCKET_STARTING ||
           node->process == BITBUCKET_ERROR;
}

static void finish_tasks(void)
{
    if (!world.is_running_tasks || schedule_now_us() < world.tasks_end_us)
        return;
    world.is_running_tasks = world.is_mode_on = false;
    TEXT_COPY(world.original, WORLD_TO);
}

bool bitbucket_may_join(const struct bitbucket_node *node)
{
    finish_tasks();
    if (world.is_running_tasks)
        return text_equal(node->version, WORLD_TO);
    return world.is_mode_on || text_equal(node->version, world.original);
}

enum cluster_state bitbucket_cluster_state(void)
{
    const char *version = NULL;
    bool is_mixed = false;
    finish_tasks();
    for (uint32_t i = 0; i < world.node_count; i++) {
        const struct bitbucket_node *node = &world.nodes[i];
        if (!is_there(node))
            continue;
        is_mixed = is_mixed || node->process == BITBUCKET_ERROR ||
                   (version != NULL && !text_equal(version, node->version));
        version = node->version;
    }
    if (world.is_running_tasks)
        return CLUSTER_RUNNING_UPGRADE_TASKS;
    if (!world.is_mode_on)
        return CLUSTER_STABLE;
    if (is_mixed || version == NULL)
        return CLUSTER_MIXED;
    return text_equal(version, world.original) ? CLUSTER_READY_TO_UPGRADE
                                               : CLUSTER_READY_TO_RUN_UPGRADE_TASKS;
}

static enum node_state state_of(const struct bitbucket_node *node)
{
    static const enum node_state states[] = {
        [BITBUCKET_GONE] = NODE_OFFLINE,         [BITBUCKET_STARTING] = NODE_STARTING,
        [BITBUCKET_ACTIVE] = NODE_ACTIVE,        [BITBUCKET_ERROR] = NODE_ERROR,
        [BITBUCKET_STOPPING] = NODE_TERMINATING,
    };
    return states[node->process];
}

void bitbucket_cluster_view(uint32_t source, struct cluster_view *ret_view)
{
    ret_view->node_count = 0; /* the rest of its 20 KB is nobody's */
    ret_view->state = bitbucket_cluster_state();
    ret_view->is_upgrade_mode = world.is_mode_on;
    TEXT_COPY(ret_view->original_version, world.original);
    bool is_split = schedule_now_us() < world.nodes[source].split_until_us;
    for (uint32_t i = 0; i < world.node_count; i++) {
        const struct bitbucket_node *node = &world.nodes[i];
        struct node_view *seen = &ret_view->nodes[ret_view->node_count++];
        *seen = (struct node_view){0};
        TEXT_COPY(seen->name, node->name);
        TEXT_COPY(seen->version, node->version);
        seen->state = is_split && i != source ? NODE_OFFLINE : state_of(node);
        seen->tasks = (int64_t)(i % 3);
        seen->users = 0;
        seen->is_local = i == source;
    }
}
