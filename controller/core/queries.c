/* SPDX-License-Identifier: Apache-2.0 */
/* What the shell asks of an upgrade's state, and the rules that always hold. */
#include "check.h"
#include "internal.h"
#include "text.h"

static const char *const place_names[PLACE_COUNT] = {
    [PLACE_OLD] = "old",           [PLACE_WORKING] = "working", [PLACE_NEW] = "new",
    [PLACE_RESTORED] = "restored", [PLACE_HELD] = "held",       [PLACE_QUARANTINED] = "quarantined",
};

static const char *const outcome_names[OUTCOME_COUNT] = {
    [OUTCOME_NONE] = "running",
    [OUTCOME_DONE] = "done",
    [OUTCOME_ROLLED_BACK] = "rolled-back",
    [OUTCOME_ABORTED] = "aborted",
    [OUTCOME_FAILED] = "failed",
};

const char *place_name(enum place place)
{
    CHECK((unsigned)place < PLACE_COUNT);
    return place_names[place];
}

const char *outcome_name(enum outcome outcome)
{
    CHECK((unsigned)outcome < OUTCOME_COUNT);
    return outcome_names[outcome];
}

bool place_parse(const char *name, enum place *ret_place)
{
    for (unsigned i = 0; i < PLACE_COUNT; i++)
        if (text_equal(place_names[i], name)) {
            *ret_place = (enum place)i;
            return true;
        }
    return false;
}

bool outcome_parse(const char *name, enum outcome *ret_outcome)
{
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        if (text_equal(outcome_names[i], name)) {
            *ret_outcome = (enum outcome)i;
            return true;
        }
    return false;
}

uint32_t upgrade_all_nodes(const struct upgrade *upgrade)
{
    return upgrade->node_count == 32 ? UINT32_MAX : (1u << upgrade->node_count) - 1;
}

void upgrade_mark_all(struct upgrade *upgrade)
{
    upgrade->is_dirty = true;
    upgrade->dirty_nodes = upgrade_all_nodes(upgrade);
}

int64_t upgrade_view_due_ms(const struct upgrade *upgrade)
{
    if (upgrade->phase != PHASE_BACK || upgrade->seen_ms >= upgrade->phase_begun_ms)
        return 0;
    return upgrade->phase_begun_ms + VIEW_FRESH_MS;
}

/* The view is what is left to wait for: until the agent has told that the process is gone, or that
 * it runs, no view lets the node go on. Its member list is asked for at the same time. */
static bool waits_for_view(const struct upgrade_node *node)
{
    unsigned left = node->works & ~node->works_done;
    return node->place == PLACE_WORKING && step_table[node->step].proof != PROOF_NONE &&
           (left & ~WORK_BIT(WORK_MEMBERS)) == 0;
}

/* A view that decides when something goes on must come quickly. */
enum view_need upgrade_view_need(const struct upgrade *upgrade)
{
    if (upgrade->phase == PHASE_ENDED)
        return VIEW_NONE;
    if (phase_table[upgrade->phase].proof != PROOF_NONE && !upgrade->is_waiting)
        return VIEW_FAST;
    if (upgrade_view_due_ms(upgrade) != 0)
        return VIEW_FAST;
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        if (waits_for_view(&upgrade->nodes[i]))
            return VIEW_FAST;
    if (upgrade->phase == PHASE_STAGE || upgrade->phase == PHASE_PRUNE)
        return VIEW_NONE;
    bool is_starved = upgrade->starved_ms != 0 && !upgrade->is_waiting && !upgrade->is_paused;
    return is_starved ? VIEW_FAST : VIEW_SLOW;
}

static uint32_t add_sources(const struct upgrade *upgrade, bool want_active, uint32_t *nodes,
                            uint32_t count)
{
    for (uint32_t i = 0; i < upgrade->node_count; i++) {
        const struct upgrade_node *node = &upgrade->nodes[i];
        bool is_active = node->seen_state == NODE_ACTIVE;
        if (!node_is_out(node) && is_active == want_active)
            nodes[count++] = i;
    }
    return count;
}

uint32_t upgrade_view_sources(const struct upgrade *upgrade, uint32_t ret_nodes[LIMIT_NODES])
{
    uint32_t count = add_sources(upgrade, true, ret_nodes, 0);
    return add_sources(upgrade, false, ret_nodes, count);
}

uint32_t upgrade_expected_members(const struct upgrade *upgrade, uint32_t node)
{
    uint32_t mask = 1u << node;
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        if (!node_is_out(&upgrade->nodes[i]) && upgrade->nodes[i].seen_state == NODE_ACTIVE)
            mask |= 1u << i;
    return mask;
}

bool node_has_its_traffic(const struct upgrade_node *node)
{
    return !node_is_out(node) || (node->place == PLACE_WORKING && node->step == STEP_SOAK);
}

enum wanted_admin upgrade_wanted_admin(const struct upgrade *upgrade, uint32_t index)
{
    const struct upgrade_node *node = &upgrade->nodes[index];
    if (upgrade->phase == PHASE_ENDED)
        return WANTED_ANY;
    if (!node_is_out(node))
        return WANTED_UP;
    if (node->place == PLACE_QUARANTINED)
        return WANTED_DOWN;
    if (node->is_detached)
        return WANTED_DOWN;
    if (node->place != PLACE_WORKING)
        return WANTED_ANY;
    if (node_has_its_traffic(node))
        return WANTED_UP;
    if (node->step == STEP_DETACH)
        return WANTED_DOWN;
    return node->step == STEP_EMPTY ? WANTED_DRAIN : WANTED_ANY;
}

bool was_approved_by_others(const struct upgrade *upgrade)
{
    bool is_between = upgrade->phase == PHASE_NODES || upgrade->phase == PHASE_VERIFY ||
                      upgrade->phase == PHASE_BACK;
    if (!is_between || upgrade->seen_ms == 0 || upgrade->seen_ms < upgrade->phase_begun_ms ||
        upgrade->seen_mode)
        return false;
    for (uint32_t i = 0; i < upgrade->node_count; i++) {
        const struct upgrade_node *node = &upgrade->nodes[i];
        if (node->seen_ms >= upgrade->phase_begun_ms && node->seen_state == NODE_ACTIVE &&
            text_equal(node->seen_version, upgrade->to))
            return true;
    }
    return false;
}

static bool broken(struct error *err, const struct upgrade *upgrade, const char *rule)
{
    error_set(err, ERROR_SYSTEM, "cluster %s: rule broken: %s", upgrade->cluster, rule);
    return false;
}

static bool check_node(const struct upgrade *upgrade, const struct upgrade_node *node,
                       struct error *err)
{
    bool is_working = node->place == PLACE_WORKING;
    if (is_working && node->step == STEP_STOP && !node->is_detached)
        return broken(err, upgrade, "no stop while a load balancer sends the node new traffic");
    if (is_working && node->step == STEP_SWITCH && node->pass == PASS_UP && node->sha256[0] == '\0')
        return broken(err, upgrade, "no switch to a tree that was not fully verified");
    if (is_working && phase_table[upgrade->phase].is_past_return)
        return broken(err, upgrade, "no node is worked on after approve");
    return true;
}

bool upgrade_check_rules(const struct upgrade *upgrade, struct error *err)
{
    uint32_t out = 0;
    for (uint32_t i = 0; i < upgrade->node_count; i++) {
        const struct upgrade_node *node = &upgrade->nodes[i];
        if (!check_node(upgrade, node, err))
            return false;
        if (node->place == PLACE_WORKING && !node->is_broken)
            out++;
    }
    if (out > upgrade->policy.max_unavailable)
        return broken(err, upgrade, "never more nodes out of service than the budget allows");
    if (phase_table[upgrade->phase].is_past_return)
        for (uint32_t i = 0; i < upgrade->node_count; i++)
            if (upgrade->nodes[i].place != PLACE_NEW)
                return broken(err, upgrade, "approve only when every node is at the target");
    return true;
}
