/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows when a step of a node has failed for good. Whose fault it is decides: a fault of the
 * release follows policy.on_failure; a fault of the environment (an LB, a disk, an agent, the
 * network) never costs the cluster its upgrade, it puts the node back to work and asks a person.
 */
#include "check.h"
#include "internal.h"

enum fault fault_of(enum step step, const struct error *err)
{
    if (err->code == ERROR_RELEASE)
        return FAULT_RELEASE;
    if (err->code == ERROR_TIMEOUT && step == STEP_ACTIVE)
        return FAULT_RELEASE;
    return FAULT_ENVIRONMENT;
}

static void hold(struct run *run, uint32_t index, enum place place)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    node_cancel(run, index);
    node->place = place;
    node->deadline_ms = node->retry_ms = 0;
    node->pass_ended_ms[node->pass] = run->now_ms;
    run_touch(run, index);
}

static void wait_because_of(struct run *run, uint32_t index)
{
    struct error reason = run->upgrade->nodes[index].error;
    upgrade_wait(run, &reason);
}

static void release_failed(struct run *run, uint32_t index)
{
    struct upgrade *upgrade = run->upgrade;
    struct upgrade_node *node = &upgrade->nodes[index];
    switch (upgrade->policy.on_failure) {
    case ON_FAILURE_PAUSE:
        hold(run, index, PLACE_HELD);
        wait_because_of(run, index);
        return;
    case ON_FAILURE_ROLLBACK_NODE:
        wait_because_of(run, index);
        node_turn(run, index);
        return;
    case ON_FAILURE_ROLLBACK_CLUSTER:
        upgrade->is_rollback_wanted = true;
        upgrade->reason = node->error;
        run_touch(run, NODE_NONE);
        node_turn(run, index);
        return;
    case ON_FAILURE_QUARANTINE:
        hold(run, index, PLACE_QUARANTINED);
        return;
    case ON_FAILURE_COUNT:
        break;
    }
    CHECK(!"a policy without a consequence");
}

static void environment_failed(struct run *run, uint32_t index)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    bool is_left = run->upgrade->policy.on_failure == ON_FAILURE_PAUSE && node->step >= STEP_STOP;
    wait_because_of(run, index);
    /* It serves, and may have nothing: an agent that is silent is no reason for an outage. */
    if (is_left || !node_may_go_back(run, index))
        hold(run, index, PLACE_HELD);
    else
        node_turn(run, index);
}

void node_failed(struct run *run, uint32_t index, const struct error *err)
{
    struct upgrade *upgrade = run->upgrade;
    struct upgrade_node *node = &upgrade->nodes[index];
    if (node->place == PLACE_NEW) { /* after its soak: undone from the last step of the table */
        node->pass = PASS_UP;
        node->step = STEP_SOAK;
    }
    enum step step = node->step;
    node->error = *err;
    error_wrap(&node->error, "node %s: %s", node->name, step_name(step));
    /* It serves again, and the fault is not its own: whoever uses it is not to be cut off. */
    bool may_serve = step >= STEP_RETURN && fault_of(step, err) != FAULT_RELEASE &&
                     !node_serves_nobody(node, run->now_ms);
    node->is_broken = step >= STEP_STOP && !may_serve;
    run_touch(run, index);
    if (was_approved_by_others(upgrade)) { /* the old version cannot join any more */
        hold(run, index, PLACE_HELD);
        wait_because_of(run, index);
    } else if (node->pass == PASS_BACK) { /* never a reason to leave the others as they are */
        hold(run, index, PLACE_HELD);
        if (upgrade->phase != PHASE_BACK)
            wait_because_of(run, index);
    } else if (upgrade->is_aborting || upgrade->is_rollback_wanted || node->is_turning) {
        if (node_may_go_back(run, index))
            node_turn(run, index);
        else
            hold(run, index, PLACE_HELD);
    } else if (fault_of(step, err) == FAULT_RELEASE) {
        release_failed(run, index);
    } else {
        environment_failed(run, index);
    }
}
