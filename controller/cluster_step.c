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

/* What is owed to one event, as far as the event is of consequence for that. */
struct stepped {
    struct cluster *cluster;
    enum event_kind kind;
    bool is_changed;
    struct upgrade *before; /* owned, and so are the others */
    struct actions *actions;
    struct outgoing *commands;
    size_t command_count;
    char *status; /* NULL: it is told otherwise, or nothing has changed */
};

static void stepped_done(struct stepped *step)
{
    for (size_t i = 0; i < step->command_count; i++)
        free(step->commands[i].body);
    free(step->commands);
    free(step->actions);
    free(step->before);
    free(step->status);
}

static bool has_just_ended(const struct stepped *step)
{
    return step->cluster->upgrade->phase == PHASE_ENDED && step->before->phase != PHASE_ENDED;
}

/* That an upgrade has ended is told when its history is there. */
static void prepare(struct shell *shell, struct stepped *step, struct journal_entry *entry)
{
    step->commands = memory_zeroed(step->actions->count, sizeof(step->commands[0]));
    step->command_count = dispatch_commands(shell, step->cluster, step->actions, step->commands);
    if (step->is_changed && !has_just_ended(step))
        step->status = status_text(shell, step->cluster);
    *entry = (struct journal_entry){.cluster = step->cluster,
                                    .commands = step->commands,
                                    .count = step->command_count,
                                    .status = step->status};
}

static void tell_status(struct shell *shell, const struct stepped *step)
{
    struct cluster *cluster = step->cluster;
    if (has_just_ended(step))
        history_append(shell, cluster);
    if (step->status != NULL)
        status_told(cluster);
    else if (step->is_changed)
        status_publish(shell, cluster);
    else if (status_is_news(cluster->upgrade, step->before))
        cluster->is_status_due = true;
}

/* What may begin only when the intent is durable. */
static void carry_out(struct shell *shell, const struct stepped *step)
{
    struct cluster *cluster = step->cluster;
    view_poll(shell, cluster, step->kind == EVENT_DONE);
    dispatch_jobs(shell, cluster, step->actions);
    tell(cluster->upgrade, step->before);
    tell_status(shell, step);
}

/* The intents and the commands become durable together, then the pool's works begin. */
void cluster_settle(struct shell *shell)
{
    struct journal_entry entries[CLUSTER_STEPS_MOST];
    size_t count = shell->step_count;
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        prepare(shell, &shell->steps[i], &entries[i]);
    journal_write_all(shell, entries, count);
    for (size_t i = 0; i < count; i++) {
        struct stepped *step = &shell->steps[i];
        step->cluster->is_stepped = false;
        if (entries[i].is_written)
            carry_out(shell, step);
        stepped_done(step);
    }
    shell->step_count = 0;
}

static struct stepped *add_step(struct shell *shell, struct cluster *cluster)
{
    if (shell->steps == NULL)
        shell->steps = memory_zeroed(CLUSTER_STEPS_MOST, sizeof(shell->steps[0]));
    struct stepped *step = &shell->steps[shell->step_count++];
    *step = (struct stepped){.cluster = cluster,
                             .before = copy_of(cluster->upgrade),
                             .actions = memory_zeroed(1, sizeof(*step->actions))};
    cluster->is_stepped = true;
    return step;
}

/* Of one that must not be acted on. */
static void take_back_step(struct shell *shell)
{
    struct stepped *step = &shell->steps[--shell->step_count];
    step->cluster->is_stepped = false;
    stepped_done(step);
}

/* Of one that has nothing to write. */
static void carry_out_at_once(struct shell *shell)
{
    carry_out(shell, &shell->steps[shell->step_count - 1]);
    take_back_step(shell);
}

void cluster_step_soon(struct shell *shell, struct cluster *cluster, const struct event *event)
{
    if (cluster->upgrade == NULL || cluster->journal_error.code != ERROR_NONE) {
        cluster->wake_ms = INT64_MAX;
        return;
    }
    if (cluster->is_stepped || shell->step_count == CLUSTER_STEPS_MOST)
        cluster_settle(shell);
    struct stepped *step = add_step(shell, cluster);
    upgrade_step(cluster->upgrade, event, step->actions);
    cluster->wake_ms = step->actions->wake_ms;
    step->kind = event->kind;
    step->is_changed = cluster->upgrade->is_dirty || cluster->upgrade->dirty_nodes != 0;
    if (!rules_hold(cluster))
        take_back_step(shell);
    else if (!step->is_changed && step->actions->count == 0)
        carry_out_at_once(shell);
}

void cluster_step(struct shell *shell, struct cluster *cluster, const struct event *event)
{
    cluster_step_soon(shell, cluster, event);
    cluster_settle(shell);
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
