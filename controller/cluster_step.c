/* SPDX-License-Identifier: Apache-2.0 */
/* One event through the core, with all that the shell owes it, in the order that upgrade.h says. */
#include "check.h"
#include "clock.h"
#include "log.h"
#include "memory.h"
#include "shell.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static void tell_node(const struct upgrade *upgrade, const struct upgrade_node *node)
{
    if (node->place == PLACE_WORKING)
        log_info("cluster %s: node %s: %s%s", upgrade->cluster, node->name, step_name(node->step),
                 node->pass == PASS_BACK ? " (back)" : "");
    else
        log_info("cluster %s: node %s: %s", upgrade->cluster, node->name, place_name(node->place));
}

/* One line for each thing that changed, for the operator who reads the journal at night. */
static void tell(const struct upgrade *upgrade, const struct upgrade *before)
{
    if (upgrade->phase != before->phase)
        log_notice("cluster %s: %s -> %s: %s%s%s", upgrade->cluster, upgrade->from, upgrade->to,
                   phase_name(upgrade->phase), upgrade->phase == PHASE_ENDED ? " " : "",
                   upgrade->phase == PHASE_ENDED ? outcome_name(upgrade->outcome) : "");
    if (upgrade->is_waiting && !before->is_waiting)
        log_failure(LOG_LEVEL_WARNING, &upgrade->reason, "cluster %s: waiting for a decision",
                    upgrade->cluster);
    for (uint32_t i = 0; i < upgrade->node_count; i++) {
        const struct upgrade_node *now = &upgrade->nodes[i], *then = &before->nodes[i];
        if (now->place != then->place || now->step != then->step || now->pass != then->pass)
            tell_node(upgrade, now);
        if (now->error.code != ERROR_NONE && !text_equal(now->error.message, then->error.message))
            log_failure(LOG_LEVEL_WARNING, &now->error, "cluster %s", upgrade->cluster);
    }
}

static struct upgrade *copy_of(const struct upgrade *upgrade)
{
    size_t size = sizeof(*upgrade) + upgrade->node_count * sizeof(upgrade->nodes[0]);
    struct upgrade *copy = memory_zeroed(1, size);
    memcpy(copy, upgrade, size);
    return copy;
}

static bool rules_hold(struct cluster *cluster)
{
    struct error err;
    if (upgrade_check_rules(cluster->upgrade, &err))
        return true;
    error_hint(&err, "this is a defect of Shunt: the cluster is left alone; keep the journal");
    log_failure(LOG_LEVEL_ERROR, &err, "cluster %s", cluster->config->name);
    cluster->journal_error = err;
    return false;
}

/* The intent and the commands become durable together, then the pool's works begin. */
static bool carry_out(struct shell *shell, struct cluster *cluster, const struct actions *actions,
                      const struct event *event)
{
    struct outgoing commands[ACTIONS_MAX];
    size_t count = dispatch_commands(shell, cluster, actions, commands);
    bool is_written = journal_write(shell, cluster, commands, count);
    for (size_t i = 0; i < count; i++)
        free(commands[i].body);
    if (!is_written)
        return false;
    view_poll(shell, cluster, event->kind == EVENT_DONE);
    if (event->kind == EVENT_DONE && event->work == WORK_PROBE) /* then its members may be there */
        pool_kick_work(shell->pool, cluster->index, event->node, WORK_MEMBERS);
    dispatch_jobs(shell, cluster, actions);
    return true;
}

void cluster_step(struct shell *shell, struct cluster *cluster, const struct event *event)
{
    struct actions actions;
    struct upgrade *upgrade = cluster->upgrade;
    if (upgrade == NULL || cluster->journal_error.code != ERROR_NONE) {
        cluster->wake_ms = INT64_MAX;
        return;
    }
    FREE_CLEANUP struct upgrade *before = copy_of(upgrade);
    upgrade_step(upgrade, event, &actions);
    cluster->wake_ms = actions.wake_ms;
    bool is_changed = upgrade->is_dirty || upgrade->dirty_nodes != 0;
    if (!rules_hold(cluster) || !carry_out(shell, cluster, &actions, event))
        return;
    tell(upgrade, before);
    if (upgrade->phase == PHASE_ENDED && before->phase != PHASE_ENDED)
        history_append(shell, cluster);
    if (is_changed)
        status_publish(shell, cluster);
    else if (event->kind == EVENT_PROGRESS || event->kind == EVENT_VIEW)
        cluster->is_status_due = true;
}

void cluster_begin(struct shell *shell, struct cluster *cluster, struct upgrade *upgrade)
{
    struct event event = {.kind = EVENT_BEGIN, .now_ms = clock_wall_ms(), .node = NODE_NONE};
    free(cluster->upgrade);
    cluster->upgrade = upgrade;
    log_notice("cluster %s: upgrade %s from %s to %s, asked by %s", upgrade->cluster, upgrade->id,
               upgrade->from, upgrade->to, upgrade->operator);
    cluster_step(shell, cluster, &event);
}

bool cluster_is_acted_on(const struct cluster *cluster, struct error *err)
{
    if (cluster->journal_error.code == ERROR_NONE)
        return true;
    *err = cluster->journal_error;
    err->code = ERROR_CONFLICT; /* of the request with what is known of the cluster */
    error_wrap(err, "cluster %s is not acted on", cluster->config->name);
    return false;
}
