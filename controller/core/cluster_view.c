/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster_view.h"

#include "check.h"
#include "text.h"

#include <stddef.h>

static const char *const cluster_states[] = {
    [CLUSTER_UNKNOWN] = "UNKNOWN",
    [CLUSTER_STABLE] = "STABLE",
    [CLUSTER_READY_TO_UPGRADE] = "READY_TO_UPGRADE",
    [CLUSTER_MIXED] = "MIXED",
    [CLUSTER_READY_TO_RUN_UPGRADE_TASKS] = "READY_TO_RUN_UPGRADE_TASKS",
    [CLUSTER_RUNNING_UPGRADE_TASKS] = "RUNNING_UPGRADE_TASKS",
    [CLUSTER_UPGRADE_TASKS_FAILED] = "UPGRADE_TASKS_FAILED",
};
_Static_assert(sizeof(cluster_states) / sizeof(cluster_states[0]) == CLUSTER_STATE_COUNT,
               "one word a cluster state");

static const char *const node_states[] = {
    [NODE_UNKNOWN] = "UNKNOWN",   [NODE_STARTING] = "STARTING",       [NODE_ACTIVE] = "ACTIVE",
    [NODE_DRAINING] = "DRAINING", [NODE_TERMINATING] = "TERMINATING", [NODE_OFFLINE] = "OFFLINE",
    [NODE_ERROR] = "ERROR",
};
_Static_assert(sizeof(node_states) / sizeof(node_states[0]) == NODE_STATE_COUNT,
               "one word a node state");

/* The index of the word; 0, which is UNKNOWN in both tables, for any other. */
static unsigned word_index(const char *const *words, unsigned count, const char *word)
{
    for (unsigned i = 0; i < count; i++) {
        if (text_equal(words[i], word))
            return i;
    }
    return 0;
}

const char *cluster_state_name(enum cluster_state state)
{
    CHECK((unsigned)state < CLUSTER_STATE_COUNT);
    return cluster_states[state];
}

enum cluster_state cluster_state_parse(const char *word)
{
    return (enum cluster_state)word_index(cluster_states, CLUSTER_STATE_COUNT, word);
}

const char *node_state_name(enum node_state state)
{
    CHECK((unsigned)state < NODE_STATE_COUNT);
    return node_states[state];
}

enum node_state node_state_parse(const char *word)
{
    return (enum node_state)word_index(node_states, NODE_STATE_COUNT, word);
}

/* A node that was started again can be listed beside its own dead entry: a living entry counts
 * before an OFFLINE one, and among living ones doubt counts before ACTIVE. */
static int precedence(const struct node_view *node)
{
    if (node->state == NODE_OFFLINE)
        return 0;
    return node->state == NODE_ACTIVE ? 1 : 2;
}

const struct node_view *cluster_view_find(const struct cluster_view *view, const char *name)
{
    const struct node_view *found = NULL;
    CHECK(view->node_count <= CLUSTER_VIEW_NODES);
    for (uint32_t i = 0; i < view->node_count && name[0] != '\0'; i++) {
        const struct node_view *node = &view->nodes[i];
        if (text_equal(node->name, name) && (!found || precedence(node) > precedence(found)))
            found = node;
    }
    return found;
}
