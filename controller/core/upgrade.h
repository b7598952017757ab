/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One upgrade of one cluster: the decisions, and nothing else. upgrade_step() takes the state and
 * one event and says what to do; it makes no system call, allocates nothing and reads no clock.
 * The daemon and the simulator run this same code.
 *
 * The caller's duties, in this order, after each call:
 *   1. write the rows marked dirty to the journal, durably;
 *   2. only then carry out the actions;
 *   3. bring each work's end back as an event with the sequence it was asked with;
 *   4. call again with EVENT_TICK when `wake_ms` is reached;
 *   5. keep cluster views coming as often as upgrade_view_need() says.
 * After a restart: rebuild the state from the journal, then EVENT_RESUME.
 *
 * Times are milliseconds of wall time, because deadlines outlive a process.
 */
#ifndef SHUNT_UPGRADE_H
#define SHUNT_UPGRADE_H

#include "cluster_view.h"
#include "error.h"
#include "limit.h"
#include "policy.h"
#include "steps.h"

/* Where a node stands. */
enum place {
    PLACE_OLD,         /* untouched: serving the original version */
    PLACE_WORKING,     /* on a pass; see step */
    PLACE_NEW,         /* serving the target */
    PLACE_RESTORED,    /* serving the original version again */
    PLACE_HELD,        /* a step has failed and the node is left as it is, for a decision */
    PLACE_QUARANTINED, /* the same, and the others go on */
    PLACE_COUNT
};

enum outcome {
    OUTCOME_NONE, /* not ended */
    OUTCOME_DONE,
    OUTCOME_ROLLED_BACK,
    OUTCOME_ABORTED, /* by an operator; versions may be mixed, then upgrade mode is still on */
    OUTCOME_FAILED,  /* before anything in service was touched */
    OUTCOME_COUNT
};

/* Whose fault a failure is: only a fault of the release rolls back. */
enum fault { FAULT_ENVIRONMENT, FAULT_RELEASE };

const char *place_name(enum place place);
const char *outcome_name(enum outcome outcome);
bool place_parse(const char *name, enum place *ret_place);
bool outcome_parse(const char *name, enum outcome *ret_outcome);

struct upgrade_node {
    char name[LIMIT_NAME];
    enum place place;
    enum pass pass;    /* WORKING, HELD, QUARANTINED */
    enum step step;    /* the same */
    bool is_turning;   /* begin the pass back as soon as the step allows */
    bool is_forced;    /* drain deadline passed with policy force */
    bool is_detached;  /* members proved down; until the return begins */
    bool is_broken;    /* a step from stop on has failed: it was out before we go on */
    bool was_switched; /* the switch to the target was begun in this upgrade */
    bool was_stopped;  /* a stop was begun, and the node has not been proved ACTIVE since */

    /* The works under way. */
    uint32_t sequence; /* of the latest work asked; part of a command's id */
    unsigned works;    /* asked */
    unsigned works_done;
    uint32_t attempt;    /* of this step, from 0 */
    int64_t begun_ms;    /* of the step */
    int64_t deadline_ms; /* of the step; 0 = none */
    int64_t retry_ms;    /* ask again then; 0 = not waiting for a retry */

    /* For people and reports. */
    int64_t pass_begun_ms[PASS_COUNT];             /* 0 = not begun */
    int64_t pass_ended_ms[PASS_COUNT];             /* 0 = not ended */
    int64_t step_begun_ms[PASS_COUNT][STEP_COUNT]; /* 0 = not begun */
    int64_t step_took_ms[PASS_COUNT][STEP_COUNT];  /* -1 = not done */
    int64_t sessions;                              /* left at the load balancers; -1 = unknown */
    int64_t connections;                           /* established on the node; -1 = unknown */
    int64_t bytes_done, bytes_total;
    struct error error;            /* the last failure */
    char sha256[LIMIT_SHA256_HEX]; /* staged */

    /* As last seen in a cluster view. */
    enum node_state seen_state;
    char seen_version[LIMIT_VERSION];
    int64_t seen_ms;    /* 0 = never */
    int64_t members_ms; /* it told its member list itself then; 0 = never */
    int64_t load;       /* tasks and users; -1 = unknown */
    bool is_taken;      /* it is in service for us, and somebody else has taken it out of traffic */
};

struct upgrade {
    char id[LIMIT_ID];
    char cluster[LIMIT_NAME];
    char operator[LIMIT_NAME]; /* who asked for it */
    char from[LIMIT_VERSION];
    char to[LIMIT_VERSION];
    char artifact[LIMIT_URL];
    char sha256[LIMIT_SHA256_HEX]; /* as asked for; empty: the nodes only have to agree */
    struct policy policy;

    enum phase phase;
    enum outcome outcome;
    bool is_paused;          /* by an operator: no further node begins */
    bool is_waiting;         /* for a decision: see reason */
    bool is_aborting;        /* an operator wants out */
    bool is_approved;        /* by hand, where the policy asks for that */
    bool is_rollback_wanted; /* abort --rollback, or a fault with that policy */
    enum outcome ending;     /* the outcome it is heading for */
    struct error reason;     /* why it waits, or why it was rolled back */

    uint32_t sequence;
    unsigned works, works_done; /* of the cluster */
    uint32_t attempt;
    int64_t begun_ms, ended_ms; /* of the upgrade */
    int64_t phase_begun_ms;
    int64_t deadline_ms;
    int64_t retry_ms;
    int64_t starved_ms; /* since when no node could begin for lack of budget; 0 = not so */

    /* As last seen. */
    enum cluster_state seen_state;
    bool seen_mode;
    int64_t seen_ms;

    /* Output of the last step: which rows changed. */
    bool is_dirty;
    uint32_t dirty_nodes; /* bit a node */

    uint32_t node_count;
    struct upgrade_node nodes[];
};

_Static_assert(LIMIT_NODES <= 32, "dirty_nodes has a bit a node");

enum decision {
    DECISION_PAUSE,
    DECISION_RESUME, /* also: try again what failed */
    DECISION_ABORT,
    DECISION_ABORT_ROLLBACK,
    DECISION_ROLLBACK,
    DECISION_APPROVE,
    DECISION_COUNT
};
const char *decision_name(enum decision decision);

enum event_kind {
    EVENT_BEGIN,  /* of a new upgrade */
    EVENT_RESUME, /* of one rebuilt from the journal; also when Redis may have lost commands */
    EVENT_TICK,
    EVENT_DONE,     /* work */
    EVENT_FAILED,   /* work, error */
    EVENT_PROGRESS, /* work, figures */
    EVENT_VIEW,     /* view, view_source, asked_ms */
    EVENT_DECISION, /* decision */
    EVENT_HELLO,    /* the agent of node has started (again) */
    EVENT_TRAFFIC,  /* node, is_taken: a look at the load balancers */
};

#define NODE_NONE UINT32_MAX /* an event or action of the cluster */

struct event {
    enum event_kind kind;
    int64_t now_ms;
    uint32_t node; /* index or NODE_NONE */
    enum work work;
    uint32_t sequence; /* as in the action */
    struct error error;
    int64_t sessions, connections, bytes_done, bytes_total; /* -1 = unknown */
    char sha256[LIMIT_SHA256_HEX];
    const struct cluster_view *view;
    uint32_t view_source; /* node that answered, NODE_NONE if not known */
    int64_t asked_ms;     /* of the view: what it says held at some time from then on */
    enum decision decision;
    bool is_taken;
    bool is_blind; /* of WORK_LB_EMPTY that is done: a load balancer never knows sessions */
};

enum action_kind { ACTION_WORK, ACTION_CANCEL };

struct action {
    enum action_kind kind;
    uint32_t node; /* index or NODE_NONE */
    enum work work;
    uint32_t sequence;
    int64_t deadline_ms; /* for the work, from now; 0 = none */
};

#define ACTIONS_MAX                                                                                \
    (8 * LIMIT_NODES + 4) /* a node enters a step and turns at once, at the most                   \
                           */

struct actions {
    uint32_t count;
    struct action list[ACTIONS_MAX];
    int64_t wake_ms; /* EVENT_TICK is due then; INT64_MAX = not needed */
};

/* Fills a zeroed upgrade with room for node_count nodes, before EVENT_BEGIN: the caller has set
 * id, cluster, operator, from, to, artifact, sha256, policy, node_count and the nodes' names. */
void upgrade_init(struct upgrade *upgrade);

void upgrade_step(struct upgrade *upgrade, const struct event *event, struct actions *ret_actions);

/* ERROR_CONFLICT or ERROR_INVALID with a reason if the decision means nothing now; abort is legal
 * in every state. Ask before EVENT_DECISION, so that the operator is answered. */
bool upgrade_may_decide(const struct upgrade *upgrade, enum decision decision, struct error *err);

enum view_need { VIEW_NONE, VIEW_SLOW, VIEW_FAST, VIEW_NEED_COUNT };
enum view_need upgrade_view_need(const struct upgrade *upgrade);
/* Nodes that should be able to answer for the cluster, best first; returns their number. */
uint32_t upgrade_view_sources(const struct upgrade *upgrade, uint32_t ret_nodes[LIMIT_NODES]);
/* Bit mask of the nodes that must stand in node's own member list when it is ACTIVE. */
uint32_t upgrade_expected_members(const struct upgrade *upgrade, uint32_t node);

/* Bit mask of all nodes, as dirty_nodes has them. */
uint32_t upgrade_all_nodes(const struct upgrade *upgrade);
/* Marks every row dirty: the next record says all. */
void upgrade_mark_all(struct upgrade *upgrade);
/* Of an upgrade that was read from what may be an old copy of its journal, before it is written
 * anywhere: whoever led last may have asked for more than the copy knows of, and no id of a command
 * may be used twice. */
void upgrade_skip_ids(struct upgrade *upgrade);

/* The version that a pass leads to, and what the links of a node should name now. */
const char *upgrade_pass_version(const struct upgrade *upgrade, enum pass pass);

/* What load balancers should have of the node now; a difference is put right by the shell. */
enum wanted_admin { WANTED_UP, WANTED_DRAIN, WANTED_DOWN, WANTED_ANY };
enum wanted_admin upgrade_wanted_admin(const struct upgrade *upgrade, uint32_t node);

/* The rules that always hold; ERROR_SYSTEM names the one that does not. */
bool upgrade_check_rules(const struct upgrade *upgrade, struct error *err);

#endif
