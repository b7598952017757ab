/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator may decide, and what follows from it. */
#include "check.h"
#include "internal.h"

static const char *const decision_names[DECISION_COUNT] = {
    [DECISION_PAUSE] = "pause",       [DECISION_RESUME] = "resume",
    [DECISION_ABORT] = "abort",       [DECISION_ABORT_ROLLBACK] = "abort --rollback",
    [DECISION_ROLLBACK] = "rollback", [DECISION_APPROVE] = "approve",
};

const char *decision_name(enum decision decision)
{
    CHECK((unsigned)decision < DECISION_COUNT);
    return decision_names[decision];
}

/* Ended, but upgrade mode is still on: nothing irrevocable has happened. */
static bool can_still_roll_back(const struct upgrade *upgrade)
{
    return upgrade->phase == PHASE_ENDED && upgrade->outcome == OUTCOME_ABORTED;
}

static bool refuse(struct error *err, const struct upgrade *upgrade, const char *why)
{
    error_set(err, ERROR_CONFLICT, "cluster %s: %s", upgrade->cluster, why);
    return false;
}

bool upgrade_may_decide(const struct upgrade *upgrade, enum decision decision, struct error *err)
{
    bool is_ended = upgrade->phase == PHASE_ENDED;
    switch (decision) {
    case DECISION_ABORT:
        return true;
    case DECISION_ABORT_ROLLBACK:
    case DECISION_ROLLBACK:
        if (phase_table[upgrade->phase].is_past_return || was_approved_by_others(upgrade) ||
            (is_ended && upgrade->outcome == OUTCOME_DONE))
            return refuse(err, upgrade,
                          "approve has been sent; there is no way back to the old version");
        if (is_ended && !can_still_roll_back(upgrade))
            return refuse(err, upgrade, "the upgrade has ended and left nothing to put back");
        return true;
    case DECISION_PAUSE:
        if (is_ended)
            return refuse(err, upgrade, "no upgrade runs");
        return true;
    case DECISION_RESUME:
        if (is_ended || (!upgrade->is_paused && !upgrade->is_waiting))
            return refuse(err, upgrade, "nothing is paused or waiting");
        return true;
    case DECISION_APPROVE:
        if (upgrade->phase != PHASE_VERIFY || !upgrade->policy.approve_by_hand)
            return refuse(err, upgrade, "it does not wait for an approval");
        return true;
    case DECISION_COUNT:
        break;
    }
    CHECK(!"a decision without a rule");
}

/*
 * Where a node that was held tries again. What did not come up is stopped and started anew, when
 * its members are proved down once more. What failed while it served has been mended, and then
 * proves itself before it counts; or it serves nobody, and goes the whole way once more.
 */
static enum step resume_step(const struct upgrade_node *node)
{
    if (node->step >= STEP_RETURN && node->seen_state == NODE_ACTIVE)
        return STEP_ACTIVE;
    return node->step >= STEP_STOP && node->is_detached ? STEP_DETACH : STEP_DRAIN;
}

/* A node that may serve is drained while no other is on its way; the rest waits for the next
 * resume. */
static bool may_take_out(struct run *run, uint32_t index)
{
    struct upgrade *upgrade = run->upgrade;
    if (node_serves_nobody(&upgrade->nodes[index], run->now_ms)) {
        upgrade->nodes[index].is_broken = true;
        return true;
    }
    return budget_allows_alone(upgrade, index, run->now_ms);
}

static bool is_anyone_at_work(const struct upgrade *upgrade)
{
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        if (upgrade->nodes[i].place == PLACE_WORKING)
            return true;
    return false;
}

/* One that serves costs the budget as soon as it is at work, whatever its first step is. */
static bool may_resume(struct run *run, uint32_t index, enum step step)
{
    if (step == STEP_DRAIN)
        return may_take_out(run, index);
    return step != STEP_ACTIVE || run->upgrade->nodes[index].is_broken ||
           !is_anyone_at_work(run->upgrade);
}

static void resume_node(struct run *run, uint32_t index)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    if (node->place == PLACE_RESTORED && run->upgrade->phase == PHASE_NODES) {
        node->place = PLACE_OLD;
        run_touch(run, index);
    } else if (node->place == PLACE_HELD || node->place == PLACE_QUARANTINED) {
        enum step step = resume_step(node);
        if (may_resume(run, index, step))
            node_resume(run, index, step);
    }
}

static void resume(struct run *run)
{
    struct upgrade *upgrade = run->upgrade;
    bool was_waiting = upgrade->is_waiting;
    upgrade->is_paused = upgrade->is_waiting = false;
    upgrade->starved_ms = 0;
    run_touch(run, NODE_NONE);
    if (!was_waiting)
        return;
    error_clear(&upgrade->reason);
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        resume_node(run, i);
    if (upgrade->phase != PHASE_NODES && upgrade->phase != PHASE_BACK)
        phase_enter(run, upgrade->phase);
}

static void abort_upgrade(struct run *run)
{
    struct upgrade *upgrade = run->upgrade;
    switch (upgrade->phase) {
    case PHASE_STAGE:
        for (uint32_t i = 0; i < upgrade->node_count; i++) {
            node_cancel(run, i);
            run_touch(run, i);
        }
        upgrade_end(run, OUTCOME_ABORTED);
        return;
    case PHASE_MODE_ON:
        upgrade->ending = OUTCOME_ABORTED;
        phase_enter(run, PHASE_READY);
        return;
    case PHASE_VERIFY:
        upgrade_end(run, OUTCOME_ABORTED);
        return;
    case PHASE_NODES:
    case PHASE_BACK:
    case PHASE_READY:
    case PHASE_MODE_OFF: /* already on the way out: it ends by itself */
    case PHASE_APPROVE:
    case PHASE_STABLE:
    case PHASE_PRUNE: /* past the point of no return: likewise */
    case PHASE_ENDED:
    case PHASE_COUNT:
        return;
    }
}

static void roll_back(struct run *run)
{
    struct upgrade *upgrade = run->upgrade;
    upgrade->is_rollback_wanted = true;
    upgrade->is_aborting = false;
    upgrade->outcome = OUTCOME_NONE;
    upgrade->ended_ms = 0;
    if (upgrade->phase == PHASE_STAGE || upgrade->phase == PHASE_MODE_ON) {
        abort_upgrade(run); /* nothing was upgraded yet */
    } else if (upgrade->phase == PHASE_VERIFY || upgrade->phase == PHASE_ENDED ||
               upgrade->phase == PHASE_NODES) {
        phase_roll_back(run);
    }
}

/* It was on its way out already, and waited there with no deadline: tried again, with one. */
static void go_on_with_way_out(struct run *run, bool was_waiting)
{
    enum phase phase = run->upgrade->phase;
    if (was_waiting && (phase == PHASE_READY || phase == PHASE_MODE_OFF))
        phase_enter(run, phase);
}

/* A failure stays the reason of what follows; that approve was awaited is none. */
static void forget_approval(struct upgrade *upgrade)
{
    if (upgrade->phase == PHASE_VERIFY && upgrade->reason.code == ERROR_CONFLICT)
        error_clear(&upgrade->reason);
}

void decide(struct run *run, enum decision decision)
{
    struct upgrade *upgrade = run->upgrade;
    bool was_waiting = upgrade->is_waiting;
    struct error ignored;
    if (!upgrade_may_decide(upgrade, decision, &ignored))
        return;
    run_touch(run, NODE_NONE);
    switch (decision) {
    case DECISION_PAUSE:
        upgrade->is_paused = true;
        return;
    case DECISION_RESUME:
        resume(run);
        return;
    case DECISION_ABORT:
        if (upgrade->phase != PHASE_ENDED && !phase_table[upgrade->phase].is_past_return) {
            upgrade->is_aborting = true;
            upgrade->is_paused = upgrade->is_waiting = false;
            upgrade->is_rollback_wanted = false;
            forget_approval(upgrade);
            go_on_with_way_out(run, was_waiting);
            abort_upgrade(run);
        }
        return;
    case DECISION_ABORT_ROLLBACK:
    case DECISION_ROLLBACK:
        upgrade->is_paused = upgrade->is_waiting = false;
        forget_approval(upgrade);
        go_on_with_way_out(run, was_waiting);
        roll_back(run);
        return;
    case DECISION_APPROVE:
        upgrade->is_approved = true;
        error_clear(&upgrade->reason);
        phase_enter(run, PHASE_VERIFY); /* all is proved once more, within a deadline again */
        return;
    case DECISION_COUNT:
        break;
    }
    CHECK(!"a decision without a consequence");
}
