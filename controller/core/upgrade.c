/* SPDX-License-Identifier: Apache-2.0 */
#include "upgrade.h"

#include "check.h"
#include "internal.h"
#include "text.h"

#define SEQUENCES_LOST 1000 /* an upgrade that goes well needs some thirty for a node */

static void begin(struct run *run)
{
    run->upgrade->begun_ms = run->now_ms;
    run->upgrade->dirty_nodes = upgrade_all_nodes(run->upgrade);
    phase_enter(run, PHASE_STAGE);
}

/* Is the event about a work that is still under way? Anything else is late, and of no interest. */
static bool is_current(const struct upgrade *upgrade, const struct event *event)
{
    unsigned bit = WORK_BIT(event->work);
    if (event->node == NODE_NONE)
        return event->sequence == upgrade->sequence &&
               (upgrade->works & ~upgrade->works_done & bit) && upgrade->retry_ms == 0;
    const struct upgrade_node *node = &upgrade->nodes[event->node];
    return event->sequence == node->sequence && (node->works & ~node->works_done & bit) &&
           node->retry_ms == 0;
}

static bool is_on_pass(const struct upgrade *upgrade, uint32_t node)
{
    return node != NODE_NONE && upgrade->nodes[node].place == PLACE_WORKING;
}

static void work_done(struct run *run, const struct event *event)
{
    if (!is_current(run->upgrade, event))
        return;
    if (is_on_pass(run->upgrade, event->node))
        node_work_done(run, event->node, event->work, event->is_blind);
    else
        phase_work_done(run, event->node, event->work, event->sha256);
}

static void work_failed(struct run *run, const struct event *event)
{
    if (!is_current(run->upgrade, event))
        return;
    if (is_on_pass(run->upgrade, event->node))
        node_work_failed(run, event->node, event->work, &event->error);
    else
        phase_work_failed(run, event->node, event->work, &event->error);
}

/* Figures for people: not worth a journal record of their own. */
static void progress(struct run *run, const struct event *event)
{
    if (event->node == NODE_NONE || !is_current(run->upgrade, event))
        return;
    struct upgrade_node *node = &run->upgrade->nodes[event->node];
    if (event->sessions >= 0)
        node->sessions = event->sessions;
    if (event->connections >= 0)
        node->connections = event->connections;
    if (event->bytes_total != 0) {
        node->bytes_done = event->bytes_done;
        node->bytes_total = event->bytes_total;
    }
}

static bool is_all_named(const struct cluster_view *view)
{
    for (uint32_t i = 0; i < view->node_count; i++)
        if (view->nodes[i].name[0] == '\0')
            return false;
    return true;
}

static void see_node(struct run *run, uint32_t index, const struct cluster_view *view,
                     int64_t asked_ms)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    const struct node_view *seen = cluster_view_find(view, node->name);
    node->seen_ms = asked_ms;
    if (seen != NULL)
        node->seen_state = seen->state;
    else /* it left the cluster, unless it is one of those that the view does not name */
        node->seen_state = is_all_named(view) ? NODE_OFFLINE : NODE_UNKNOWN;
    node->load = -1;
    text_copy(node->seen_version, sizeof(node->seen_version), seen != NULL ? seen->version : "");
    if (seen != NULL && (seen->tasks >= 0 || seen->users >= 0))
        node->load = (seen->tasks > 0 ? seen->tasks : 0) + (seen->users > 0 ? seen->users : 0);
    node_seen(run, index);
}

static void see(struct run *run, const struct event *event)
{
    struct upgrade *upgrade = run->upgrade;
    bool is_first = upgrade->seen_ms == 0;
    upgrade->seen_ms = event->asked_ms;
    upgrade->seen_state = event->view->state;
    upgrade->seen_mode = event->view->is_upgrade_mode;
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        if (i != event->view_source || !is_on_pass(upgrade, i)) /* its own word is no proof */
            see_node(run, i, event->view, event->asked_ms);
    for (uint32_t i = 0; is_first && i < upgrade->node_count; i++)
        node_first_seen(run, i);
    if (is_first)
        phase_first_seen(run);
}

/* Of one that is out, our own change was seen. It is written down: the next leader counts it as out
 * before it has looked itself. */
static void see_traffic(struct run *run, uint32_t index, bool is_taken)
{
    struct upgrade_node *node = &run->upgrade->nodes[index];
    if (!node_has_its_traffic(node) || node->is_taken == is_taken)
        return;
    node->is_taken = is_taken;
    run_touch(run, index);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return b != 0 && b < a ? b : a;
}

static int64_t wake_ms(const struct upgrade *upgrade, int64_t now_ms)
{
    int64_t wake = INT64_MAX;
    if (upgrade->phase == PHASE_ENDED)
        return wake;
    if (upgrade->deadline_ms != 0)
        wake = earlier(wake, upgrade->deadline_ms + WORK_GRACE_MS);
    wake = earlier(wake, upgrade->retry_ms);
    if (upgrade_view_due_ms(upgrade) > now_ms)
        wake = earlier(wake, upgrade_view_due_ms(upgrade));
    if (upgrade->starved_ms != 0 && !upgrade->is_waiting)
        wake = earlier(wake, upgrade->starved_ms + STARVED_MOST_MS);
    for (uint32_t i = 0; i < upgrade->node_count; i++) {
        const struct upgrade_node *node = &upgrade->nodes[i];
        wake = earlier(wake, node->retry_ms);
        if (node->place == PLACE_WORKING && node->deadline_ms != 0)
            wake =
                earlier(wake, node->deadline_ms + (node->step == STEP_EMPTY ? 0 : WORK_GRACE_MS));
    }
    return wake;
}

static void dispatch(struct run *run, const struct event *event)
{
    switch (event->kind) {
    case EVENT_BEGIN:
        begin(run);
        return;
    case EVENT_RESUME:
        phase_take_over(run);
        return;
    case EVENT_HELLO:
        node_repeat(run, event->node);
        return;
    case EVENT_TICK:
        phase_tick(run);
        for (uint32_t i = 0; i < run->upgrade->node_count; i++)
            node_tick(run, i);
        return;
    case EVENT_DONE:
        work_done(run, event);
        return;
    case EVENT_FAILED:
        work_failed(run, event);
        return;
    case EVENT_PROGRESS:
        progress(run, event);
        return;
    case EVENT_VIEW:
        see(run, event);
        return;
    case EVENT_DECISION:
        decide(run, event->decision);
        return;
    case EVENT_TRAFFIC:
        see_traffic(run, event->node, event->is_taken);
        return;
    }
    CHECK(!"an event without a rule");
}

void upgrade_init(struct upgrade *upgrade)
{
    CHECK(upgrade->node_count >= 1 && upgrade->node_count <= LIMIT_NODES);
    upgrade->ending = OUTCOME_DONE;
    for (uint32_t i = 0; i < upgrade->node_count; i++) {
        struct upgrade_node *node = &upgrade->nodes[i];
        node->sessions = node->connections = node->load = -1;
        for (unsigned step = 0; step < STEP_COUNT; step++)
            node->step_took_ms[PASS_UP][step] = node->step_took_ms[PASS_BACK][step] = -1;
    }
}

void upgrade_skip_ids(struct upgrade *upgrade)
{
    upgrade->sequence += SEQUENCES_LOST;
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        upgrade->nodes[i].sequence += SEQUENCES_LOST;
}

void upgrade_step(struct upgrade *upgrade, const struct event *event, struct actions *ret_actions)
{
    struct run run = {upgrade, ret_actions, event->now_ms};
    CHECK(event->node == NODE_NONE || event->node < upgrade->node_count);
    ret_actions->count = 0;
    upgrade->is_dirty = false;
    upgrade->dirty_nodes = 0;
    dispatch(&run, event);
    phase_go_on(&run);
    ret_actions->wake_ms = wake_ms(upgrade, run.now_ms);
}

const char *upgrade_pass_version(const struct upgrade *upgrade, enum pass pass)
{
    return pass == PASS_UP ? upgrade->to : upgrade->from;
}
