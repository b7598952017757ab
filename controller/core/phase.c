/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cluster on its way through the phases: what a phase asks for when it is entered, when it is
 * done, and what a failure in it leads to.
 */
#include "check.h"
#include "internal.h"
#include "text.h"

void upgrade_wait(struct run *run, const struct error *reason)
{
    run->upgrade->is_waiting = true;
    run->upgrade->reason = *reason;
    run_touch(run, NODE_NONE);
}

void upgrade_end(struct run *run, enum outcome outcome)
{
    struct upgrade *upgrade = run->upgrade;
    upgrade->phase = PHASE_ENDED;
    upgrade->outcome = outcome;
    upgrade->is_waiting = false;
    upgrade->works = upgrade->works_done = 0;
    upgrade->deadline_ms = upgrade->retry_ms = 0;
    upgrade->ended_ms = run->now_ms;
    run_touch(run, NODE_NONE);
}

static int64_t left_ms(const struct run *run)
{
    int64_t left = run->upgrade->deadline_ms - run->now_ms;
    if (run->upgrade->deadline_ms == 0)
        return 0;
    return left > 1 ? left : 1;
}

/* Once it was obeyed the mode is off, or tasks run, and to ask again does no harm. */
static bool may_have_approved(const struct upgrade *upgrade)
{
    return !upgrade->seen_mode || upgrade->seen_state == CLUSTER_RUNNING_UPGRADE_TASKS ||
           upgrade->seen_state == CLUSTER_UPGRADE_TASKS_FAILED;
}

static bool is_inventory_seen(const struct run *run)
{
    const struct upgrade *upgrade = run->upgrade;
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        if (!node_is_known_at(&upgrade->nodes[i], upgrade->to, run->now_ms))
            return false;
    return true;
}

/*
 * Bitbucket would approve without a node that has gone since it was proved there. So an approval
 * that is asked for again, after a failure, by a person or by the next leader, is proved again.
 */
static bool must_verify_again(const struct run *run)
{
    return run->upgrade->phase == PHASE_APPROVE && !may_have_approved(run->upgrade) &&
           !is_inventory_seen(run);
}

static void ask_cluster(struct run *run)
{
    struct upgrade *upgrade = run->upgrade;
    if (upgrade->phase == PHASE_APPROVE && upgrade->seen_ms == 0)
        return; /* phase_first_seen() does */
    if (must_verify_again(run)) {
        phase_enter(run, PHASE_VERIFY);
        return;
    }
    for (unsigned work = 0; work < WORK_COUNT; work++)
        if (upgrade->works & ~upgrade->works_done & WORK_BIT(work))
            run_work(run, NODE_NONE, (enum work)work, upgrade->sequence, left_ms(run));
}

void phase_enter(struct run *run, enum phase phase)
{
    struct upgrade *upgrade = run->upgrade;
    const struct phase_row *row = &phase_table[phase];
    int64_t bound = bound_ms(upgrade, row->bound);
    if (phase == PHASE_ENDED) {
        upgrade_end(run, upgrade->ending);
        return;
    }
    upgrade->phase = phase;
    upgrade->phase_begun_ms = run->now_ms;
    upgrade->deadline_ms = bound != 0 ? run->now_ms + bound : 0;
    upgrade->retry_ms = upgrade->starved_ms = 0;
    upgrade->attempt = 0;
    upgrade->is_waiting = false;
    upgrade->sequence++;
    upgrade->works = row->cluster_works;
    upgrade->works_done = 0;
    run_touch(run, NODE_NONE);
    ask_cluster(run);
    for (uint32_t i = 0; row->node_works != 0 && i < upgrade->node_count; i++) {
        struct upgrade_node *node = &upgrade->nodes[i];
        node->sequence++;
        node->works = row->node_works;
        node->works_done = 0;
        node->attempt = 0;
        node->retry_ms = 0;
        node->begun_ms = run->now_ms;
        node->deadline_ms = upgrade->deadline_ms;
        run_touch(run, i);
        node_ask(run, i);
    }
}

void phase_roll_back(struct run *run)
{
    run->upgrade->ending = OUTCOME_ROLLED_BACK;
    phase_enter(run, PHASE_BACK);
}

static bool works_are_done(const struct upgrade *upgrade)
{
    if (upgrade->works & ~upgrade->works_done)
        return false;
    for (uint32_t i = 0; phase_table[upgrade->phase].node_works != 0 && i < upgrade->node_count;
         i++)
        if (upgrade->nodes[i].works & ~upgrade->nodes[i].works_done)
            return false;
    return true;
}

static bool may_approve(struct run *run)
{
    struct upgrade *upgrade = run->upgrade;
    struct error reason;
    if (upgrade->is_waiting && upgrade->reason.code == ERROR_CONFLICT) /* refused, or by hand */
        return false;
    if (!upgrade->policy.approve_by_hand || upgrade->is_approved)
        return true;
    if (!upgrade->is_waiting) {
        error_set(&reason, ERROR_CONFLICT, "every node serves %s; approve is by hand", upgrade->to);
        error_hint(&reason, "`shunt approve %s` finishes it; `shunt rollback %s` takes it back",
                   upgrade->cluster, upgrade->cluster);
        upgrade->deadline_ms = 0;
        upgrade_wait(run, &reason);
    }
    return false;
}

/* Past the point of no return: only Bitbucket's own log can say what to do. */
static void tasks_failed(struct run *run)
{
    struct error reason;
    error_set(&reason, ERROR_RELEASE, "stable: Bitbucket's upgrade tasks have failed (%s)",
              cluster_state_name(run->upgrade->seen_state));
    error_hint(&reason, "see atlassian-bitbucket.log on the nodes; Bitbucket's support knows how "
                        "to run them again");
    run->upgrade->deadline_ms = 0;
    upgrade_wait(run, &reason);
}

/*
 * Between mode-on and approve upgrade mode is on. If it is not, an administrator has approved by
 * hand; or an old copy of the journal is all that was left. Nothing is put back then.
 */
static void approved_by_others(struct run *run)
{
    struct upgrade *upgrade = run->upgrade;
    struct error reason;
    (void)take_seen_as_new(run);
    if (count_places(upgrade, PLACES(PLACE_NEW)) == upgrade->node_count) {
        error_clear(&upgrade->reason);  /* it may have been that we wait for an approval */
        upgrade->ending = OUTCOME_DONE; /* whatever we were about to do */
        phase_enter(run, PHASE_STABLE);
        return;
    }
    if (upgrade->is_aborting && count_places(upgrade, PLACES(PLACE_WORKING)) == 0) {
        upgrade_end(run, OUTCOME_ABORTED);
        return;
    }
    if (upgrade->is_waiting || upgrade->is_aborting)
        return;
    error_set(&reason, ERROR_CONFLICT,
              "upgrade mode is off and nodes serve %s: somebody else has approved it", upgrade->to);
    error_hint(&reason,
               "nothing can be put back; `shunt abort %s` ends this upgrade as it stands, mend the "
               "other nodes by hand",
               upgrade->cluster);
    upgrade_wait(run, &reason);
}

/* Looks whether the phase is done and what can be begun; called after every event. */
void phase_go_on(struct run *run)
{
    struct upgrade *upgrade = run->upgrade;
    const struct phase_row *row = &phase_table[upgrade->phase];
    if (upgrade->phase == PHASE_ENDED)
        return;
    if (was_approved_by_others(upgrade)) {
        approved_by_others(run);
    } else if (upgrade->phase == PHASE_NODES) {
        phase_go_on_nodes(run);
    } else if (upgrade->phase == PHASE_BACK) {
        phase_go_on_back(run);
    } else if (upgrade->phase == PHASE_READY && upgrade->is_rollback_wanted &&
               take_seen_as_new(run)) {
        phase_roll_back(run);
    } else if (upgrade->phase == PHASE_STABLE && !upgrade->is_waiting &&
               upgrade->seen_state == CLUSTER_UPGRADE_TASKS_FAILED) {
        tasks_failed(run);
    } else if (works_are_done(upgrade) && proof_holds(upgrade, row->proof, NODE_NONE)) {
        if (upgrade->phase == PHASE_VERIFY && !may_approve(run))
            return;
        phase_enter(run, row->next);
        if (upgrade->phase == PHASE_NODES)
            phase_go_on_nodes(run);
    }
}

static void cancel_node_works(struct run *run)
{
    for (uint32_t i = 0; i < run->upgrade->node_count; i++) {
        node_cancel(run, i);
        run->upgrade->nodes[i].deadline_ms = run->upgrade->nodes[i].retry_ms = 0;
        run_touch(run, i);
    }
}

static void phase_failed(struct run *run, const struct error *err)
{
    struct upgrade *upgrade = run->upgrade;
    struct error reason = *err;
    error_wrap(&reason, "%s", phase_name(upgrade->phase));
    switch (upgrade->phase) {
    case PHASE_STAGE:
        cancel_node_works(run);
        upgrade->reason = reason;
        upgrade_end(run, OUTCOME_FAILED);
        return;
    case PHASE_MODE_ON: /* it may be on all the same */
        upgrade->reason = reason;
        upgrade->ending = OUTCOME_FAILED;
        phase_enter(run, PHASE_READY);
        return;
    case PHASE_PRUNE: /* old trees left lying harm nobody */
        cancel_node_works(run);
        upgrade->reason = reason;
        upgrade_end(run, OUTCOME_DONE);
        return;
    case PHASE_APPROVE:
        if (err->code == ERROR_CONFLICT) /* it was refused: there still is a way back */
            phase_enter(run, PHASE_VERIFY);
        upgrade->deadline_ms = 0;
        upgrade_wait(run, &reason);
        return;
    case PHASE_NODES:
    case PHASE_BACK:
    case PHASE_VERIFY:
    case PHASE_STABLE:
    case PHASE_READY:
    case PHASE_MODE_OFF:
        upgrade->deadline_ms = 0;
        upgrade_wait(run, &reason);
        return;
    case PHASE_ENDED:
    case PHASE_COUNT:
        break;
    }
    CHECK(!"a phase that cannot fail");
}

void phase_first_seen(struct run *run)
{
    if (run->upgrade->phase == PHASE_APPROVE && run->upgrade->retry_ms == 0)
        ask_cluster(run);
}

void phase_tick(struct run *run)
{
    struct upgrade *upgrade = run->upgrade;
    struct error err;
    if (upgrade->deadline_ms != 0 && run->now_ms >= upgrade->deadline_ms + WORK_GRACE_MS) {
        error_set(&err, ERROR_TIMEOUT,
                  "not done at its deadline; cluster last seen %s, upgrade mode %s",
                  cluster_state_name(upgrade->seen_state), upgrade->seen_mode ? "on" : "off");
        phase_failed(run, &err);
        return;
    }
    if (upgrade->retry_ms != 0 && run->now_ms >= upgrade->retry_ms) {
        upgrade->retry_ms = 0;
        upgrade->sequence++;
        run_touch(run, NODE_NONE);
        ask_cluster(run);
    }
    if (phase_table[upgrade->phase].node_works == 0)
        return;
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        if (upgrade->nodes[i].retry_ms != 0 && run->now_ms >= upgrade->nodes[i].retry_ms)
            node_retry(run, i);
}

/* What was asked for, or else what another node has staged: then all have to agree. */
static const char *wanted_sha256(const struct upgrade *upgrade, uint32_t index)
{
    if (upgrade->sha256[0] != '\0')
        return upgrade->sha256;
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        if (i != index && upgrade->nodes[i].sha256[0] != '\0')
            return upgrade->nodes[i].sha256;
    return "";
}

static bool same_artifact(struct run *run, uint32_t index, const char *sha256)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    const char *wanted = wanted_sha256(run->upgrade, index);
    struct error err;
    if (wanted[0] == '\0' || text_equal(wanted, sha256)) {
        text_copy(node->sha256, sizeof(node->sha256), sha256);
        return true;
    }
    error_set(&err, ERROR_INTEGRITY, "node %s staged SHA-256 %s, wanted %s", node->name, sha256,
              wanted);
    error_hint(&err, "the artifact differs between nodes: copy the same file to all");
    phase_failed(run, &err);
    return false;
}

void phase_work_done(struct run *run, uint32_t index, enum work work, const char *sha256)
{
    struct upgrade *upgrade = run->upgrade;
    if (index == NODE_NONE) {
        upgrade->works_done |= WORK_BIT(work);
    } else if (work != WORK_STAGE || same_artifact(run, index, sha256)) {
        upgrade->nodes[index].works_done |= WORK_BIT(work);
    }
    run_touch(run, index);
}

void phase_work_failed(struct run *run, uint32_t index, enum work work, const struct error *err)
{
    struct upgrade *upgrade = run->upgrade;
    const struct phase_row *row = &phase_table[upgrade->phase];
    uint32_t *attempt = index == NODE_NONE ? &upgrade->attempt : &upgrade->nodes[index].attempt;
    int64_t *retry_ms = index == NODE_NONE ? &upgrade->retry_ms : &upgrade->nodes[index].retry_ms;
    struct error reason = *err;
    run_touch(run, index);
    bool is_busy = err->code == ERROR_BUSY; /* it was not even tried: no attempt */
    if (is_busy || ((error_code_is_transient(err->code) || err->code == ERROR_CONFLICT) &&
                    *attempt < row->retries)) {
        *retry_ms = run->now_ms + retry_delay_ms(is_busy ? 0 : *attempt);
        *attempt += !is_busy;
        return;
    }
    if (index != NODE_NONE) {
        upgrade->nodes[index].error = *err;
        error_wrap(&reason, "node %s: %s", upgrade->nodes[index].name, work_name(work));
    }
    phase_failed(run, &reason);
}

void phase_take_over(struct run *run)
{
    struct upgrade *upgrade = run->upgrade;
    int64_t least_ms = run->now_ms + TAKE_OVER_MS;
    if (upgrade->deadline_ms != 0 && upgrade->deadline_ms < least_ms) {
        upgrade->deadline_ms = least_ms;
        run_touch(run, NODE_NONE);
    }
    upgrade->seen_ms = 0; /* by others, and some time ago */
    if (upgrade->retry_ms == 0)
        ask_cluster(run);
    for (uint32_t i = 0; i < upgrade->node_count; i++) {
        upgrade->nodes[i].seen_ms = 0;
        upgrade->nodes[i].seen_state = NODE_UNKNOWN;
        node_take_over(run, i);
    }
}
