/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster as one of its nodes describes it (GET /rest/zdu/cluster). Words that this version does
 * not know, and whatever was left out, are "unknown" and never count as good.
 */
#ifndef SHUNT_CLUSTER_VIEW_H
#define SHUNT_CLUSTER_VIEW_H

#include "limit.h"

#include <stdbool.h>
#include <stdint.h>

enum cluster_state {
    CLUSTER_UNKNOWN,
    CLUSTER_STABLE,
    CLUSTER_READY_TO_UPGRADE,
    CLUSTER_MIXED,
    CLUSTER_READY_TO_RUN_UPGRADE_TASKS,
    CLUSTER_RUNNING_UPGRADE_TASKS,
    CLUSTER_UPGRADE_TASKS_FAILED,
    CLUSTER_STATE_COUNT
};

enum node_state {
    NODE_UNKNOWN,
    NODE_STARTING,
    NODE_ACTIVE,
    NODE_DRAINING,
    NODE_TERMINATING,
    NODE_OFFLINE,
    NODE_ERROR,
    NODE_STATE_COUNT
};

/* Bitbucket's own words ("READY_TO_UPGRADE"); UNKNOWN for any other. */
const char *cluster_state_name(enum cluster_state state);
enum cluster_state cluster_state_parse(const char *word);
const char *node_state_name(enum node_state state);
enum node_state node_state_parse(const char *word);

struct node_view {
    char name[LIMIT_NAME]; /* empty if the product left it out */
    char id[LIMIT_ID];     /* made anew at each start of a node */
    char address[64];      /* as given; may be empty */
    enum node_state state;
    char version[LIMIT_VERSION]; /* empty = unknown */
    int64_t tasks;               /* running tasks; -1 = unknown */
    int64_t users;               /* active users; -1 = unknown */
    bool is_local;               /* the node that answered */
};

#define CLUSTER_VIEW_NODES (2 * LIMIT_NODES) /* strangers and dead entries are listed as well */

struct cluster_view {
    enum cluster_state state;
    bool is_upgrade_mode;
    char original_version[LIMIT_VERSION]; /* empty = unknown */
    uint32_t node_count;
    struct node_view nodes[CLUSTER_VIEW_NODES];
};

/* The entry of that name, NULL if there is none. Of several, as after a restart, a living one comes
 * before an OFFLINE one, and any doubt before ACTIVE. */
const struct node_view *cluster_view_find(const struct cluster_view *view, const char *name);

#endif
