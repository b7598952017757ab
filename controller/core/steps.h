/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of a node and the phases of a cluster: two tables that fit a screen each. Everything
 * the core does follows from their rows; logs, `shunt status` and the documentation use the names.
 */
#ifndef SHUNT_STEPS_H
#define SHUNT_STEPS_H

#include <stdbool.h>
#include <stdint.h>

/* What the shell can be asked to do. Each is idempotent. */
enum work {
    WORK_LB_DRAIN,    /* load balancers, all members of the node: no new clients */
    WORK_LB_EMPTY,    /* wait until their sessions are 0 */
    WORK_LB_DOWN,     /* nothing new at all, and wait until their sessions are 0 */
    WORK_LB_CUT,      /* end the sessions that are left */
    WORK_LB_UP,       /* up, and wait until the load balancer's own check agrees */
    WORK_CONNECTIONS, /* agent, the verb of that name; and so on: */
    WORK_STAGE,
    WORK_STOP,
    WORK_SWITCH,
    WORK_SWITCH_BACK,
    WORK_START,
    WORK_PROBE,
    WORK_WATCH,
    WORK_PRUNE,
    WORK_MEMBERS,  /* REST, the node itself: its own member list is complete */
    WORK_MODE_ON,  /* REST, the cluster: upgrade mode on */
    WORK_MODE_OFF, /* cancel upgrade mode */
    WORK_APPROVE,
    WORK_COUNT
};

#define WORK_BIT(work) (1u << (work))

const char *work_name(enum work work);
bool work_is_of_agent(enum work work);

/* What must be seen in the cluster view, besides the works, for a step or phase to be done. */
enum proof {
    PROOF_NONE,
    PROOF_OFFLINE, /* the node is OFFLINE or gone from a view of another node */
    PROOF_ACTIVE,  /* the node is ACTIVE at the pass's version */
    PROOF_MODE_ON,
    PROOF_INVENTORY, /* every node of the inventory ACTIVE at the target */
    PROOF_STABLE,    /* upgrade mode off, STABLE, every inventory node at the phase's version */
    PROOF_READY,     /* READY_TO_UPGRADE: all back at the original version, or mode off already */
};

enum step {
    STEP_DRAIN,
    STEP_EMPTY,
    STEP_DETACH,
    STEP_STOP,
    STEP_SWITCH,
    STEP_START,
    STEP_ACTIVE,
    STEP_RETURN,
    STEP_SOAK,
    STEP_COUNT
};

/* A node passes through the steps upwards (to the target) or back (to the original version). */
enum pass { PASS_UP, PASS_BACK, PASS_COUNT };

/* Which of the policy's deadlines bounds a step or phase. */
enum bound {
    BOUND_NONE,
    BOUND_LB, /* of the LBs at hand: one that takes longer to obey is out of order */
    BOUND_STICKY,
    BOUND_DRAIN,
    BOUND_STOP,
    BOUND_SWITCH, /* fixed */
    BOUND_START,
    BOUND_ACTIVE,
    BOUND_RETURN,
    BOUND_SOAK,
    BOUND_STAGE,
    BOUND_REST,  /* fixed: a call to the cluster and its effect in the view */
    BOUND_TASKS, /* fixed: finishing upgrade tasks after approve */
};

struct step_row {
    const char *name;
    unsigned works[PASS_COUNT]; /* WORK_BITs, all at once; 0 = the step is skipped in that pass */
    enum proof proof;
    enum bound bound;
    uint32_t retries;       /* after a transient error */
    bool can_turn;          /* nothing irrevocable under way: an abort need not wait for it */
    enum step back_from;    /* where the pass back begins when this step has failed */
    const char *undo, *why; /* for people */
};

extern const struct step_row step_table[STEP_COUNT];
const char *step_name(enum step step);

/* The phases of an upgrade. From PHASE_BACK on it is a rollback of the cluster. */
enum phase {
    PHASE_STAGE,
    PHASE_MODE_ON,
    PHASE_NODES,
    PHASE_VERIFY,
    PHASE_APPROVE, /* the point of no return */
    PHASE_STABLE,
    PHASE_PRUNE,
    PHASE_BACK,
    PHASE_READY,
    PHASE_MODE_OFF,
    PHASE_ENDED,
    PHASE_COUNT
};

struct phase_row {
    const char *name;
    unsigned node_works; /* on every node, all at once */
    unsigned cluster_works;
    enum proof proof;
    enum bound bound;
    uint32_t retries;
    enum phase next;
    bool is_past_return; /* approve was, or may have been, sent */
    const char *why;
};

extern const struct phase_row phase_table[PHASE_COUNT];
const char *phase_name(enum phase phase);

#endif
