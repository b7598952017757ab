/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

#include "check.h"

#define BIT WORK_BIT

/* clang-format off */

/*
 * A node, from top to bottom. The pass back walks the same rows with the second column of works,
 * beginning at `back_from` of the step that failed: that is the undo of all that was done.
 */
const struct step_row step_table[STEP_COUNT] = {
/*                 name      upwards                               back                                  proof          bound         retries turn   back_from     undo, why */
[STEP_DRAIN]  = { "drain",  {BIT(WORK_LB_DRAIN),                  BIT(WORK_LB_DRAIN)},                  PROOF_NONE,    BOUND_LB,     3,      true,  STEP_RETURN, "return",
                  "no new client comes to the node; read back from every load balancer" },
[STEP_EMPTY]  = { "empty",  {BIT(WORK_LB_EMPTY),                  BIT(WORK_LB_EMPTY)},                  PROOF_NONE,    BOUND_STICKY, 0,      true,  STEP_RETURN, "-",
                  "requests and clones in flight end; sticky clients may keep it busy for ever, so it is bounded; the node counts where a load balancer can not" },
[STEP_DETACH] = { "detach", {BIT(WORK_LB_DOWN)|BIT(WORK_CONNECTIONS), BIT(WORK_LB_DOWN)|BIT(WORK_CONNECTIONS)}, PROOF_NONE, BOUND_DRAIN, 0,   true,  STEP_RETURN, "return",
                  "members down: sticky clients go elsewhere, idle pooled connections close; sessions and the node's own connections proved 0" },
[STEP_STOP]   = { "stop",   {BIT(WORK_STOP),                      BIT(WORK_STOP)},                      PROOF_OFFLINE, BOUND_STOP,   1,      false, STEP_START,  "start",
                  "the agent sees no connection, stops, and sees the process gone; peers see it OFFLINE" },
[STEP_SWITCH] = { "switch", {BIT(WORK_SWITCH),                    BIT(WORK_SWITCH_BACK)},               PROOF_NONE,    BOUND_SWITCH, 2,      false, STEP_SWITCH, "switch back",
                  "the install link names the other release, durably" },
[STEP_START]  = { "start",  {BIT(WORK_START),                     BIT(WORK_START)},                     PROOF_NONE,    BOUND_START,  1,      false, STEP_DETACH, "stop",
                  "the process lives" },
[STEP_ACTIVE] = { "active", {BIT(WORK_PROBE)|BIT(WORK_MEMBERS),   BIT(WORK_PROBE)|BIT(WORK_MEMBERS)},   PROOF_ACTIVE,  BOUND_ACTIVE, 0,      true,  STEP_DETACH, "-",
                  "own status RUNNING, own member list complete, ACTIVE at the version in a peer's view" },
[STEP_RETURN] = { "return", {BIT(WORK_LB_UP),                     BIT(WORK_LB_UP)},                     PROOF_NONE,    BOUND_RETURN, 3,      false, STEP_DRAIN,  "drain",
                  "members up, read back, and the load balancer's own check says up" },
[STEP_SOAK]   = { "soak",   {BIT(WORK_WATCH),                     0},                                   PROOF_NONE,    BOUND_SOAK,   0,      true,  STEP_DRAIN,  "-",
                  "no ERROR, no crash, no flapping while it serves" },
};

/*
 * A cluster, from top to bottom. A rollback enters at "back". A backup that gates the upgrade will
 * be one more row, before mode-on.
 */
const struct phase_row phase_table[PHASE_COUNT] = {
/*                     name        on every node    on the cluster       proof            bound        retries next          past return */
[PHASE_STAGE]     = { "stage",    BIT(WORK_STAGE), 0,                   PROOF_NONE,      BOUND_STAGE, 2, PHASE_MODE_ON,  false,
                      "releases verified and unpacked beside the live trees; nothing in service is touched" },
[PHASE_MODE_ON]   = { "mode-on",  0,               BIT(WORK_MODE_ON),   PROOF_MODE_ON,   BOUND_REST,  3, PHASE_NODES,    false,
                      "the cluster accepts nodes of a later bug-fix version" },
[PHASE_NODES]     = { "nodes",    0,               0,                   PROOF_NONE,      BOUND_NONE,  0, PHASE_VERIFY,   false,
                      "node after node, least busy first, within the budget" },
[PHASE_VERIFY]    = { "verify",   0,               0,                   PROOF_INVENTORY, BOUND_REST,  0, PHASE_APPROVE,  false,
                      "Bitbucket ignores OFFLINE nodes when it compares versions; we compare with the inventory" },
[PHASE_APPROVE]   = { "approve",  0,               BIT(WORK_APPROVE),   PROOF_NONE,      BOUND_REST,  2, PHASE_STABLE,   true,
                      "POINT OF NO RETURN: upgrade tasks run, the old version can not join any more" },
[PHASE_STABLE]    = { "stable",   0,               0,                   PROOF_STABLE,    BOUND_TASKS, 0, PHASE_PRUNE,    true,
                      "upgrade tasks finished, upgrade mode off" },
[PHASE_PRUNE]     = { "prune",    BIT(WORK_PRUNE), 0,                   PROOF_NONE,      BOUND_STAGE, 1, PHASE_ENDED,    true,
                      "old releases removed, but for the last good one" },
[PHASE_BACK]      = { "back",     0,               0,                   PROOF_NONE,      BOUND_NONE,  0, PHASE_READY,    false,
                      "every upgraded node is put back, inside the same budget" },
[PHASE_READY]     = { "ready",    0,               0,                   PROOF_READY,     BOUND_REST,  0, PHASE_MODE_OFF, false,
                      "cancel is refused while versions are mixed" },
[PHASE_MODE_OFF]  = { "mode-off", 0,               BIT(WORK_MODE_OFF),  PROOF_STABLE,    BOUND_REST,  3, PHASE_ENDED,    false,
                      "upgrade mode off, STABLE at the original version" },
[PHASE_ENDED]     = { "ended",    0,               0,                   PROOF_NONE,      BOUND_NONE,  0, PHASE_ENDED,    false, "" },
};

/* clang-format on */

static const struct work_row {
    const char *name;
    bool is_of_agent;
} work_table[] = {
    [WORK_LB_DRAIN] = {"lb-drain", false}, [WORK_LB_EMPTY] = {"lb-empty", false},
    [WORK_LB_DOWN] = {"lb-down", false},   [WORK_LB_CUT] = {"lb-cut", false},
    [WORK_LB_UP] = {"lb-up", false},       [WORK_CONNECTIONS] = {"connections", true},
    [WORK_STAGE] = {"stage", true},        [WORK_STOP] = {"stop", true},
    [WORK_SWITCH] = {"switch", true},      [WORK_SWITCH_BACK] = {"switch-back", true},
    [WORK_START] = {"start", true},        [WORK_PROBE] = {"probe", true},
    [WORK_WATCH] = {"watch", true},        [WORK_PRUNE] = {"prune", true},
    [WORK_MEMBERS] = {"members", false},   [WORK_MODE_ON] = {"mode-on", false},
    [WORK_MODE_OFF] = {"mode-off", false}, [WORK_APPROVE] = {"approve", false},
};

_Static_assert(sizeof(work_table) / sizeof(work_table[0]) == WORK_COUNT, "a row for each work");
_Static_assert(WORK_COUNT <= 32, "works are bits of an unsigned");

const char *work_name(enum work work)
{
    CHECK((unsigned)work < WORK_COUNT);
    return work_table[work].name;
}

bool work_is_of_agent(enum work work)
{
    CHECK((unsigned)work < WORK_COUNT);
    return work_table[work].is_of_agent;
}

const char *step_name(enum step step)
{
    CHECK((unsigned)step < STEP_COUNT);
    return step_table[step].name;
}

const char *phase_name(enum phase phase)
{
    CHECK((unsigned)phase < PHASE_COUNT);
    return phase_table[phase].name;
}
