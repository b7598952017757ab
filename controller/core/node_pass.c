/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One node on its way through the steps: enter a step, ask for its works, leave it when all works
 * are done and its proof is seen, fail it at a deadline or an error that retries do not mend.
 */
#include "check.h"
#include "internal.h"

static void judge_later(struct run *run, uint32_t index, int64_t wait_ms)
{
    run->upgrade->nodes[index].retry_ms = run->now_ms + wait_ms;
    run_touch(run, index);
}

static void enter(struct run *run, uint32_t index, enum step step);

static void finish_pass(struct run *run, uint32_t index)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    if (node->pass == PASS_UP)
        node->place = PLACE_NEW;
    else
        node->place = node->was_switched ? PLACE_RESTORED : PLACE_OLD;
    node->is_broken = false;
    node->is_turning = false;
    node->is_forced = false;
    node->works = node->works_done = 0;
    node->deadline_ms = node->retry_ms = 0;
    node->pass_ended_ms[node->pass] = run->now_ms;
    node->sessions = node->connections = -1;
    run_touch(run, index);
}

static bool is_skipped(const struct upgrade *upgrade, enum pass pass, enum step step)
{
    return step_table[step].works[pass] == 0 || (step == STEP_SOAK && upgrade->policy.soak_ms == 0);
}

static enum step step_after(const struct upgrade *upgrade, enum pass pass, enum step step)
{
    do
        step++;
    while (step < STEP_COUNT && is_skipped(upgrade, pass, step));
    return step;
}

bool node_may_go_back(const struct run *run, uint32_t index)
{
    const struct upgrade_node *node = &run->upgrade->nodes[index];
    bool has_traffic = node->step >= STEP_RETURN && !node_serves_nobody(node, run->now_ms);
    return !has_traffic || budget_allows(run->upgrade, index, run->now_ms);
}

static bool may_turn(const struct run *run, uint32_t index)
{
    return run->upgrade->nodes[index].is_broken || node_may_go_back(run, index);
}

static void leave(struct run *run, uint32_t index)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    node->step_took_ms[node->pass][node->step] = run->now_ms - node->begun_ms;
    if (node->step == STEP_DETACH)
        node->is_detached = true;
    if (node->step == STEP_ACTIVE)
        node->was_stopped = false;
    enum step next = step_after(run->upgrade, node->pass, node->step);
    if (node->is_turning && node->pass == PASS_UP && may_turn(run, index))
        node_turn(run, index);
    else if (next == STEP_COUNT)
        finish_pass(run, index);
    else
        enter(run, index, next);
}

static bool is_proved(const struct upgrade *upgrade, uint32_t index)
{
    return proof_holds(upgrade, step_table[upgrade->nodes[index].step].proof, index);
}

static bool step_is_done(const struct upgrade *upgrade, uint32_t index)
{
    const struct upgrade_node *node = &upgrade->nodes[index];
    return node->place == PLACE_WORKING && node->retry_ms == 0 &&
           (node->works & ~node->works_done) == 0 && is_proved(upgrade, index);
}

/* Of what is left, what can be asked for now. A node that does not run yet lists no members, and
 * before the first view nobody knows who should be listed. */
static unsigned works_due(const struct upgrade *upgrade, uint32_t index)
{
    const struct upgrade_node *node = &upgrade->nodes[index];
    unsigned left = node->works & ~node->works_done;
    if (node->step == STEP_STOP && (left & WORK_BIT(WORK_LB_DOWN)) != 0)
        return WORK_BIT(WORK_LB_DOWN); /* first: see node_take_over() */
    if ((left & WORK_BIT(WORK_PROBE)) != 0 || upgrade->seen_ms == 0)
        left &= ~WORK_BIT(WORK_MEMBERS);
    return left;
}

void node_ask(struct run *run, uint32_t index)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    int64_t left_ms = node->deadline_ms != 0 ? node->deadline_ms - run->now_ms : 0;
    if (node->deadline_ms != 0 && left_ms < 1)
        left_ms = 1;
    unsigned due = works_due(run->upgrade, index);
    for (unsigned work = 0; work < WORK_COUNT; work++)
        if (due & WORK_BIT(work))
            run_work(run, index, (enum work)work, node->sequence, left_ms);
}

void node_cancel(struct run *run, uint32_t index)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    for (unsigned work = 0; work < WORK_COUNT; work++)
        if (node->works & ~node->works_done & WORK_BIT(work))
            run_cancel(run, index, (enum work)work, node->sequence);
    node->works = node->works_done = 0;
}

static void enter(struct run *run, uint32_t index, enum step step)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    const struct step_row *row = &step_table[step];
    int64_t bound = bound_ms(run->upgrade, row->bound);
    bool is_waiting =
        step == STEP_EMPTY || step == STEP_DETACH; /* for clients that are not there */
    if (node->is_broken && node->pass == PASS_BACK && is_waiting && bound > BROKEN_DRAIN_MS)
        bound = BROKEN_DRAIN_MS;
    node->step = step;
    node->begun_ms = node->step_begun_ms[node->pass][step] = run->now_ms;
    node->deadline_ms = bound != 0 ? run->now_ms + bound : 0;
    node->retry_ms = 0;
    node->attempt = 0;
    node->works = row->works[node->pass];
    node->works_done = 0;
    node->sequence++;
    if (step == STEP_RETURN || step == STEP_DRAIN)
        node->is_detached = false;
    if (step == STEP_SWITCH && node->pass == PASS_UP)
        node->was_switched = true;
    if (step == STEP_STOP)
        node->was_stopped = true;
    run_touch(run, index);
    if (step == STEP_RETURN && run->upgrade->seen_ms == 0)
        judge_later(run, index, RETURN_BLIND_MS); /* node_first_seen() may come before */
    else
        node_ask(run, index);
}

/* The times of steps before `since` stay. */
static void set_out(struct run *run, uint32_t index, enum pass pass, enum step step,
                    enum step since)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    CHECK(step < STEP_COUNT && step_table[step].works[pass] != 0);
    if (pass == PASS_UP)
        error_clear(&node->error);
    if (node->place == PLACE_OLD)
        node->was_switched = false;
    node->place = PLACE_WORKING;
    node->is_taken = false;
    node->pass = pass;
    node->is_turning = false;
    node->pass_ended_ms[pass] = 0;
    for (unsigned i = since; i < STEP_COUNT; i++) {
        node->step_begun_ms[pass][i] = 0;
        node->step_took_ms[pass][i] = -1;
    }
    enter(run, index, step);
}

void node_begin(struct run *run, uint32_t index, enum pass pass, enum step step)
{
    run->upgrade->nodes[index].pass_begun_ms[pass] = run->now_ms;
    set_out(run, index, pass, step, STEP_DRAIN);
}

void node_resume(struct run *run, uint32_t index, enum step step)
{
    set_out(run, index, run->upgrade->nodes[index].pass, step, step);
}

/* A node that goes through its steps once more, after it was held or its leader was lost, may be at
 * the target already, may have its traffic, may be down: what the table says is not enough then.
 * One that was only drained, and whose host is rebooting just now, proves itself before it gets its
 * traffic back. */
static enum step back_from(const struct upgrade_node *node, int64_t now_ms)
{
    enum step step = step_table[node->step].back_from;
    bool is_at_target = node->was_switched && node->step <= STEP_STOP;
    bool may_serve = step == STEP_DETACH && !node->is_detached;
    if (is_at_target || may_serve)
        return node->is_detached ? STEP_DETACH : STEP_DRAIN;
    if (node->was_stopped && node->step < STEP_STOP)
        return STEP_START;
    return step == STEP_RETURN && node_serves_nobody(node, now_ms) ? STEP_ACTIVE : step;
}

/* From the step it is in, whatever became of it, begins the way back. */
void node_turn(struct run *run, uint32_t index)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    node_cancel(run, index);
    if (node->pass_ended_ms[node->pass] == 0)
        node->pass_ended_ms[node->pass] = run->now_ms;
    node_begin(run, index, PASS_BACK, back_from(node, run->now_ms));
}

bool node_turn_if_it_may(struct run *run, uint32_t index)
{
    const struct upgrade_node *node = &run->upgrade->nodes[index];
    if (!node->is_turning || node->pass != PASS_UP || !step_table[node->step].can_turn ||
        !may_turn(run, index))
        return false;
    node_turn(run, index);
    return true;
}

/* Nothing but its traffic was taken, and perhaps not even that. */
static bool has_only_begun(const struct upgrade_node *node)
{
    return node->place == PLACE_WORKING && node->pass == PASS_UP && node->step == STEP_DRAIN &&
           !node->was_stopped && !node->was_switched;
}

static bool is_to_return(const struct upgrade_node *node)
{
    return node->place == PLACE_WORKING && node->step == STEP_RETURN &&
           (node->works & ~node->works_done & WORK_BIT(WORK_LB_UP)) != 0;
}

/* Since the budget allowed it, while nobody led or a load balancer was away, another node may have
 * gone down: then it gets its traffic back, and is taken out again when the budget allows it. */
bool node_turn_if_too_many(struct run *run, uint32_t index)
{
    const struct upgrade *upgrade = run->upgrade;
    if (!has_only_begun(&upgrade->nodes[index]) || upgrade->seen_ms == 0 ||
        budget_allows(upgrade, index, run->now_ms))
        return false;
    node_turn(run, index);
    return true;
}

static bool may_still_begin(struct run *run, uint32_t index)
{
    if (run->upgrade->seen_ms == 0)
        judge_later(run, index, JUDGE_MS);
    return run->upgrade->seen_ms != 0 && !node_turn_if_too_many(run, index);
}

/* Asks again for all that the step still lacks, under a new sequence: a new attempt. */
void node_retry(struct run *run, uint32_t index)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    if (has_only_begun(node) && !may_still_begin(run, index))
        return;
    node->retry_ms = 0;
    node->sequence++;
    run_touch(run, index);
    node_ask(run, index);
}

/* Asks again under the same sequence: whoever has it already answers from its record. */
void node_repeat(struct run *run, uint32_t index)
{
    if (run->upgrade->nodes[index].retry_ms == 0)
        node_ask(run, index);
}

static void drain_deadline(struct run *run, uint32_t index)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    struct error err;
    bool serves_nobody = node->is_broken && node->pass == PASS_BACK;
    if (run->upgrade->policy.force_at_drain_deadline || serves_nobody) {
        node_cancel(run, index);
        node->is_forced = true;
        node->works = WORK_BIT(WORK_LB_CUT);
        node->deadline_ms = run->now_ms + bound_ms(run->upgrade, BOUND_LB);
        node->sequence++;
        run_touch(run, index);
        node_ask(run, index);
        return;
    }
    if (node->connections < 0 && node->sessions <= 0) {
        error_set(&err, ERROR_TIMEOUT,
                  "its agent has not counted its connections by the drain deadline");
        error_hint(&err, "look at shunt-agent on that node: its log, its disk, its way to Redis");
    } else {
        error_set(&err, ERROR_TIMEOUT,
                  "requests or clones are still in flight at the drain deadline (%lld sessions, "
                  "%lld connections)",
                  (long long)node->sessions, (long long)node->connections);
        error_hint(&err, "raise policy.drain.deadline, or set at_deadline: force to cut them");
    }
    node_failed(run, index, &err);
}

static void step_deadline(struct run *run, uint32_t index)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    struct error err;
    if (node->step == STEP_EMPTY) { /* only sticky clients are left, or long ones: go on waiting */
        node_cancel(run, index);    /* with the members down */
        leave(run, index);
        return;
    }
    if (node->step == STEP_DETACH && !node->is_forced) {
        drain_deadline(run, index);
        return;
    }
    unsigned left = node->works & ~node->works_done, due = works_due(run->upgrade, index);
    const char *what = "the cluster view does not show it";
    for (unsigned work = 0; work < WORK_COUNT; work++)
        if ((due != 0 ? due : left) & WORK_BIT(work))
            what = work_name((enum work)work);
    error_set(&err, ERROR_TIMEOUT, "not done at its deadline: %s%s (last seen %s %s)",
              left ? "no answer to " : "", what, node_state_name(node->seen_state),
              node->seen_version);
    /* An agent that says nothing is no fault of the release. */
    if (left != 0)
        err.code = ERROR_UNAVAILABLE;
    node_failed(run, index, &err);
}

/*
 * After a time without a leader. That the members are down was proved by the one before: a load
 * balancer may have been reloaded since, so it is proved again before the stop is asked for again,
 * under its old id: it may be under way. And what has been done meanwhile gets the time to be told,
 * though its deadline may be over.
 */
void node_take_over(struct run *run, uint32_t index)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    bool is_stopping = node->place == PLACE_WORKING && node->step == STEP_STOP;
    if (is_stopping && (node->works & ~node->works_done) != 0) {
        node->works |= WORK_BIT(WORK_LB_DOWN);
        node->works_done &= ~WORK_BIT(WORK_LB_DOWN);
        run_touch(run, index);
    }
    int64_t least_ms = run->now_ms + TAKE_OVER_MS;
    if (node->deadline_ms != 0 && node->deadline_ms < least_ms) {
        node->deadline_ms = least_ms;
        run_touch(run, index);
    }
    if (has_only_begun(node))
        judge_later(run, index, JUDGE_MS);
    else if (is_to_return(node))
        judge_later(run, index, RETURN_BLIND_MS);
    else
        node_repeat(run, index);
}

/* After a time without a leader: one that is to get its traffic back was proved by the one before.
 * It proves itself again if it is not ACTIVE now. */
void node_first_seen(struct run *run, uint32_t index)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    if (node->works & ~node->works_done & WORK_BIT(WORK_MEMBERS))
        node_repeat(run, index); /* it waited for this */
    if (!is_to_return(node) || node->retry_ms == 0)
        return;
    if (node_is_known_at(node, upgrade_pass_version(run->upgrade, node->pass), run->now_ms))
        node_retry(run, index);
    else
        node_resume(run, index, STEP_ACTIVE);
}

void node_tick(struct run *run, uint32_t index)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    if (node->place != PLACE_WORKING)
        return;
    if (node_turn_if_it_may(run, index))
        return;
    /* Whoever does the work has the same deadline, and says better what was missing. */
    bool is_asked = (node->works & ~node->works_done) != 0;
    int64_t grace_ms = is_asked && node->step != STEP_EMPTY ? WORK_GRACE_MS : 0;
    if (node->deadline_ms != 0 && run->now_ms >= node->deadline_ms + grace_ms)
        step_deadline(run, index);
    else if (node->retry_ms != 0 && run->now_ms >= node->retry_ms)
        node_retry(run, index);
}

/* Behind a load balancer that never knows sessions the node itself must tell that its clients have
 * gone, sticky ones too. The step is bounded all the same: idle connections may stay. */
static void count_connections_too(struct run *run, uint32_t index)
{
    run->upgrade->nodes[index].works |= WORK_BIT(WORK_CONNECTIONS);
    run_touch(run, index);
}

void node_work_done(struct run *run, uint32_t index, enum work work, bool is_blind)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    unsigned before = works_due(run->upgrade, index);
    node->works_done |= WORK_BIT(work); /* no record: asked again, it is answered again */
    if (work == WORK_MEMBERS)
        node->members_ms = run->now_ms;
    if (is_blind && node->step == STEP_EMPTY && (node->works & WORK_BIT(WORK_CONNECTIONS)) == 0)
        count_connections_too(run, index);
    if ((works_due(run->upgrade, index) & ~before) != 0) /* it waited for this one */
        node_ask(run, index);
    if (step_is_done(run->upgrade, index))
        leave(run, index);
}

void node_work_failed(struct run *run, uint32_t index, enum work work, const struct error *err)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    const struct step_row *row = &step_table[node->step];
    bool is_transient = error_code_is_transient(err->code) || err->code == ERROR_CONFLICT;
    node->error = *err;
    run_touch(run, index);
    bool has_time = node->deadline_ms == 0 || run->now_ms < node->deadline_ms;
    bool is_cut_next = run->upgrade->policy.force_at_drain_deadline ||
                       (node->is_broken && node->pass == PASS_BACK);
    bool is_counted_out = work == WORK_CONNECTIONS && err->code == ERROR_TIMEOUT &&
                          (node->step == STEP_EMPTY || node->step == STEP_DETACH);
    if (is_counted_out || (node->step == STEP_DETACH && is_transient && !has_time && is_cut_next))
        return; /* the step's own deadline is next, and says what follows */
    bool is_busy = err->code == ERROR_BUSY; /* it was not even tried: no attempt */
    if (is_transient && has_time && err->code != ERROR_TIMEOUT &&
        (is_busy || node->attempt < row->retries)) {
        node->retry_ms = run->now_ms + retry_delay_ms(is_busy ? 0 : node->attempt);
        node->attempt += !is_busy;
        return;
    }
    node_failed(run, index, err);
}

/* Nobody but the node itself can tell its member list, so it is believed for a moment only: where
 * the view has taken long to show the node ACTIVE, it is asked for again. */
static bool must_list_again(const struct run *run, uint32_t index)
{
    const struct upgrade_node *node = &run->upgrade->nodes[index];
    return node->step == STEP_ACTIVE && (node->works_done & WORK_BIT(WORK_MEMBERS)) != 0 &&
           is_proved(run->upgrade, index) && run->now_ms - node->members_ms > MEMBERS_FRESH_MS;
}

/* A new view of the cluster: the proof may be there, or the node may be in ERROR. */
void node_seen(struct run *run, uint32_t index)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    struct error err;
    bool is_upgraded = node->place == PLACE_NEW && run->upgrade->phase == PHASE_NODES;
    if (node->place != PLACE_WORKING && !is_upgraded)
        return;
    bool should_live = is_upgraded || node->step == STEP_ACTIVE || node->step == STEP_RETURN ||
                       node->step == STEP_SOAK;
    if (should_live && node->seen_state == NODE_ERROR && node->seen_ms >= node->begun_ms) {
        error_set(&err, ERROR_RELEASE, "the cluster view shows it in state ERROR at %s",
                  node->seen_version);
        node_failed(run, index, &err);
        return;
    }
    if (must_list_again(run, index)) {
        node->works_done &= ~WORK_BIT(WORK_MEMBERS);
        node_ask(run, index);
    } else if (step_is_done(run->upgrade, index)) {
        leave(run, index);
    }
}
