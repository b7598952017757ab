/* SPDX-License-Identifier: Apache-2.0 */
/* Asking for work, and judging what is seen. */
#include "check.h"
#include "internal.h"
#include "text.h"

static void add(struct run *run, struct action action)
{
    CHECK(run->actions->count < ACTIONS_MAX);
    run->actions->list[run->actions->count++] = action;
}

void run_work(struct run *run, uint32_t node, enum work work, uint32_t sequence,
              int64_t deadline_ms)
{
    add(run, (struct action){ACTION_WORK, node, work, sequence, deadline_ms});
}

void run_cancel(struct run *run, uint32_t node, enum work work, uint32_t sequence)
{
    add(run, (struct action){ACTION_CANCEL, node, work, sequence, 0});
}

void run_touch(struct run *run, uint32_t node)
{
    if (node == NODE_NONE)
        run->upgrade->is_dirty = true;
    else
        run->upgrade->dirty_nodes |= 1u << node;
}

int64_t bound_ms(const struct upgrade *upgrade, enum bound bound)
{
    const struct policy *policy = &upgrade->policy;
    switch (bound) {
    case BOUND_NONE:
        return 0;
    case BOUND_LB:
        return policy->lb_deadline_ms > BOUND_LB_MS ? policy->lb_deadline_ms : BOUND_LB_MS;
    case BOUND_STICKY:
        return policy->sticky_ms > 0 ? policy->sticky_ms : 1; /* 0 would be no bound at all */
    case BOUND_DRAIN: /* what the wait for sticky clients has left of it */
        return policy->drain_deadline_ms - policy->sticky_ms > BOUND_LEAST_MS
                   ? policy->drain_deadline_ms - policy->sticky_ms
                   : BOUND_LEAST_MS;
    case BOUND_STOP:
        return policy->stop_deadline_ms;
    case BOUND_SWITCH:
        return BOUND_SWITCH_MS;
    case BOUND_START:
        return policy->start_deadline_ms;
    case BOUND_ACTIVE:
        return policy->active_deadline_ms;
    case BOUND_RETURN: /* its checks begin when it has obeyed */
        return policy->return_deadline_ms +
               (policy->lb_deadline_ms > BOUND_LB_MS ? policy->lb_deadline_ms : 0);
    case BOUND_SOAK:
        return policy->soak_ms + BOUND_REST_MS;
    case BOUND_STAGE:
        return policy->stage_deadline_ms;
    case BOUND_REST:
        return BOUND_REST_MS;
    case BOUND_TASKS:
        return BOUND_TASKS_MS;
    }
    CHECK(!"a bound without a value");
}

int64_t retry_delay_ms(uint32_t attempt)
{
    int64_t delay = RETRY_FIRST_MS;
    for (uint32_t i = 0; i < attempt && delay < RETRY_MOST_MS; i++)
        delay *= 2;
    return delay < RETRY_MOST_MS ? delay : RETRY_MOST_MS;
}

static bool is_active_at(const struct upgrade_node *node, const char *version, int64_t since_ms)
{
    return node->seen_ms >= since_ms && node->seen_state == NODE_ACTIVE &&
           text_equal(node->seen_version, version);
}

static bool inventory_is_at(const struct upgrade *upgrade, const char *version)
{
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        if (!is_active_at(&upgrade->nodes[i], version, upgrade->phase_begun_ms))
            return false;
    return true;
}

bool proof_holds(const struct upgrade *upgrade, enum proof proof, uint32_t index)
{
    const struct upgrade_node *node = index == NODE_NONE ? NULL : &upgrade->nodes[index];
    bool is_fresh = upgrade->seen_ms != 0 && upgrade->seen_ms >= upgrade->phase_begun_ms;
    switch (proof) {
    case PROOF_NONE:
        return true;
    case PROOF_OFFLINE:
        CHECK(node != NULL);
        return node->seen_ms >= node->begun_ms && node->seen_state == NODE_OFFLINE;
    case PROOF_ACTIVE:
        CHECK(node != NULL);
        return is_active_at(node, upgrade_pass_version(upgrade, node->pass), node->begun_ms);
    case PROOF_MODE_ON:
        return is_fresh && upgrade->seen_mode;
    case PROOF_INVENTORY:
        return is_fresh && inventory_is_at(upgrade, upgrade->to) &&
               upgrade->seen_state == CLUSTER_READY_TO_RUN_UPGRADE_TASKS;
    case PROOF_READY:
        return is_fresh && (!upgrade->seen_mode || upgrade->seen_state == CLUSTER_READY_TO_UPGRADE);
    case PROOF_STABLE:
        return is_fresh && !upgrade->seen_mode && upgrade->seen_state == CLUSTER_STABLE &&
               (upgrade->phase != PHASE_STABLE || inventory_is_at(upgrade, upgrade->to));
    }
    CHECK(!"a proof without a rule");
}
