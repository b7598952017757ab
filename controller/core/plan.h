/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: an executable preflight. The shell gathers what is to be known (struct plan_input);
 * plan_make() judges it, check by check, and gives the order of the nodes. Nothing was touched
 * before, and nothing is touched where one check fails.
 */
#ifndef SHUNT_PLAN_H
#define SHUNT_PLAN_H

#include "cluster_view.h"
#include "error.h"
#include "message.h"
#include "policy.h"

enum plan_health { PLAN_LB_UP, PLAN_LB_NOT_UP, PLAN_LB_DRAINED };

struct plan_lb {
    bool is_configured;
    struct error error;      /* why it could not be read; ERROR_NONE if it was */
    enum plan_health health; /* of the worst member */
    uint32_t peers_up;       /* of the member with the fewest */
    int64_t sessions;        /* of all its members; -1 = unknown */
};

/* What administrators have changed in a node's install directory. */
struct plan_customisations {
    bool is_asked; /* else there is nothing to judge */
    bool is_tried; /* carried over into the new release, for a trial */
    struct error error;
    int64_t total, conflicts;
    char first[LIMIT_PATH]; /* a conflict with its reason, where there is one */
};

struct plan_node {
    char name[LIMIT_NAME];
    struct error agent_error; /* no heartbeat, no answer, refused; ERROR_NONE if facts are good */
    struct node_facts facts;
    struct error members_error; /* its own member list could not be read, or lacks a node */
    struct plan_lb lbs[LIMIT_LBS];
    struct plan_customisations customisations;
};

struct plan_input {
    char cluster[LIMIT_NAME];
    char to[LIMIT_VERSION];
    struct policy policy;
    int64_t now_ms;
    struct error view_error; /* the rolling-upgrade API could not be read */
    struct cluster_view view;
    struct error run_error; /* another upgrade runs */
    uint32_t lb_count;
    char lb_names[LIMIT_LBS][LIMIT_NAME];
    uint32_t node_count;
    struct plan_node nodes[LIMIT_NODES];
};

struct plan_check {
    const char *name;                 /* "version jump" */
    char subject[2 * LIMIT_NAME + 8]; /* the cluster, a node, or "node at lb" */
    struct error error;               /* ERROR_NONE: passed */
    char detail[128];                 /* of a passed check, for people; may be empty */
};

#define PLAN_CHECKS_MAX (16 + LIMIT_NODES * (9 + LIMIT_LBS + MESSAGE_COMPLAINTS))

struct plan {
    char from[LIMIT_VERSION]; /* as the cluster says; empty if unknown */
    uint32_t failed;
    uint32_t check_count;
    struct plan_check checks[PLAN_CHECKS_MAX];
    uint32_t order[LIMIT_NODES]; /* indices, least busy first */
    int64_t load[LIMIT_NODES];   /* by index; -1 = unknown */
};

void plan_make(const struct plan_input *input, struct plan *ret_plan);

#endif
