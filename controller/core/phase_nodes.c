/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which nodes set out in a phase that upgrades them, or puts them back; and what it means that none
 * can.
 */
#include "internal.h"

#include <stddef.h>

uint32_t count_places(const struct upgrade *upgrade, unsigned places)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        if (places & (1u << upgrade->nodes[i].place))
            count++;
    return count;
}

static void turn_all(struct run *run, bool with_quarantined)
{
    struct upgrade *upgrade = run->upgrade;
    for (uint32_t i = 0; i < upgrade->node_count; i++) {
        struct upgrade_node *node = &upgrade->nodes[i];
        if (node->place == PLACE_WORKING && node->pass == PASS_UP) {
            if (!node->is_turning)
                run_touch(run, i);
            node->is_turning = true;
            (void)node_turn_if_it_may(run, i);
        } else if (node->pass == PASS_UP &&
                   (node->place == PLACE_HELD ||
                    (with_quarantined && node->place == PLACE_QUARANTINED)) &&
                   node_may_go_back(run, i)) {
            node_turn(run, i);
        }
    }
}

bool take_seen_as_new(struct run *run)
{
    struct upgrade *upgrade = run->upgrade;
    bool is_any = false;
    for (uint32_t i = 0; i < upgrade->node_count; i++) {
        struct upgrade_node *node = &upgrade->nodes[i];
        bool is_old = node->place == PLACE_OLD || node->place == PLACE_RESTORED;
        if (!is_old || !node_is_known_at(node, upgrade->to, run->now_ms) ||
            node->seen_ms <= node->pass_ended_ms[PASS_BACK])
            continue;
        node->place = PLACE_NEW;
        node->was_switched = true;
        run_touch(run, i);
        is_any = true;
    }
    return is_any;
}

static const struct upgrade_node *find_taken(const struct upgrade *upgrade)
{
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        if (upgrade->nodes[i].is_taken)
            return &upgrade->nodes[i];
    return NULL;
}

/* Nobody can begin, and nobody is under way: bounded, then a person decides. */
static void starve(struct run *run)
{
    struct upgrade *upgrade = run->upgrade;
    const struct upgrade_node *taken;
    struct error reason;
    if (upgrade->starved_ms == 0) {
        upgrade->starved_ms = run->now_ms;
        run_touch(run, NODE_NONE);
    }
    uint32_t parked = count_places(upgrade, PLACES2(PLACE_HELD, PLACE_QUARANTINED));
    if (parked == 0 && run->now_ms < upgrade->starved_ms + STARVED_MOST_MS)
        return;
    if (parked != 0) {
        uint32_t i = 0;
        while (upgrade->nodes[i].place != PLACE_HELD &&
               upgrade->nodes[i].place != PLACE_QUARANTINED)
            i++;
        reason = upgrade->nodes[i].error;
    } else if ((taken = find_taken(upgrade)) != NULL) {
        error_set(&reason, ERROR_CONFLICT,
                  "node %s: somebody else has taken it out of traffic, and it stays out",
                  taken->name);
        error_hint(&reason, "give it its traffic back (`shunt return`), then resume");
    } else {
        error_set(&reason, ERROR_UNAVAILABLE,
                  "no node may be taken out of service: max_unavailable %u, min_available %u of %u",
                  upgrade->policy.max_unavailable, upgrade->policy.min_available,
                  upgrade->node_count);
        error_hint(&reason,
                   "`shunt nodes` shows which nodes are not ACTIVE; mend them, then resume");
    }
    upgrade_wait(run, &reason);
}

static void begin_nodes(struct run *run, enum place place, enum pass pass)
{
    struct upgrade *upgrade = run->upgrade;
    if (upgrade->is_paused || upgrade->is_waiting)
        return;
    for (uint32_t i = 0; i < upgrade->node_count; i++) {
        uint32_t next = budget_next(upgrade, place, run->now_ms);
        if (next == NODE_NONE)
            break;
        upgrade->starved_ms = 0;
        node_begin(run, next, pass, STEP_DRAIN);
    }
    if (count_places(upgrade, PLACES(PLACE_WORKING)) == 0)
        starve(run);
}

/* Abort without rollback: what is under way goes back, what is upgraded stays. */
static void abort_nodes(struct run *run)
{
    struct upgrade *upgrade = run->upgrade;
    turn_all(run, false);
    if (count_places(upgrade, PLACES(PLACE_WORKING)) != 0)
        return;
    upgrade->ending = OUTCOME_ABORTED;
    if (count_places(upgrade, PLACES2(PLACE_OLD, PLACE_RESTORED)) == upgrade->node_count)
        phase_enter(run, PHASE_READY);
    else
        upgrade_end(run, OUTCOME_ABORTED);
}

/* Nobody waits for a decision any more: what was put back is tried again, however late it came. */
static void try_restored_again(struct run *run)
{
    for (uint32_t i = 0; i < run->upgrade->node_count && !run->upgrade->is_waiting; i++) {
        if (run->upgrade->nodes[i].place != PLACE_RESTORED)
            continue;
        run->upgrade->nodes[i].place = PLACE_OLD;
        run_touch(run, i);
    }
}

void phase_go_on_nodes(struct run *run)
{
    struct upgrade *upgrade = run->upgrade;
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        (void)node_turn_if_too_many(run, i);
    if (upgrade->is_rollback_wanted) {
        phase_roll_back(run);
        phase_go_on(run);
    } else if (upgrade->is_aborting) {
        abort_nodes(run);
    } else if (count_places(upgrade, PLACES(PLACE_NEW)) == upgrade->node_count) {
        phase_enter(run, PHASE_VERIFY);
    } else {
        try_restored_again(run);
        begin_nodes(run, PLACE_OLD, PASS_UP);
    }
}

/* The broken ones first: they are out already and cost no budget. */
void phase_go_on_back(struct run *run)
{
    struct upgrade *upgrade = run->upgrade;
    (void)take_seen_as_new(run);
    if (!upgrade->is_paused)
        turn_all(run, true);
    if (upgrade->is_aborting && !upgrade->is_rollback_wanted) {
        if (count_places(upgrade, PLACES(PLACE_WORKING)) == 0)
            upgrade_end(run, OUTCOME_ABORTED);
    } else if (count_places(upgrade, PLACES2(PLACE_OLD, PLACE_RESTORED)) == upgrade->node_count) {
        phase_enter(run, PHASE_READY);
    } else if (upgrade_view_due_ms(upgrade) <= run->now_ms) {
        begin_nodes(run, PLACE_NEW, PASS_BACK);
    }
}
