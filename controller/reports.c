/* SPDX-License-Identifier: Apache-2.0 */
/* Agents' reports, made into events: the id of a command names the node, the work, the attempt. */
#include "clock.h"
#include "lease_turn.h"
#include "log.h"
#include "plan_run.h"
#include "shell.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

void command_id(const struct upgrade *upgrade, uint32_t node, enum work work, uint32_t sequence,
                char id[LIMIT_ID])
{
    snprintf(id, LIMIT_ID, "%s.%s.%s.%u", upgrade->id, upgrade->nodes[node].name, work_name(work),
             sequence);
}

/* The work under way whose command has that id; false if there is none. */
static bool find_work(const struct upgrade *upgrade, uint32_t node, const char *id,
                      enum work *ret_work)
{
    char expected[LIMIT_ID];
    for (unsigned work = 0; work < WORK_COUNT; work++) {
        if ((upgrade->nodes[node].works & WORK_BIT(work)) == 0 ||
            !work_is_of_agent((enum work)work))
            continue;
        command_id(upgrade, node, (enum work)work, upgrade->nodes[node].sequence, expected);
        if (text_equal(expected, id)) {
            *ret_work = (enum work)work;
            return true;
        }
    }
    return false;
}

static uint32_t find_node(const struct upgrade *upgrade, const char *name)
{
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        if (text_equal(upgrade->nodes[i].name, name))
            return i;
    return NODE_NONE;
}

static enum event_kind event_of(enum report_kind kind)
{
    switch (kind) {
    case REPORT_HELLO:
        return EVENT_HELLO;
    case REPORT_ACCEPTED:
    case REPORT_PROGRESS:
        return EVENT_PROGRESS;
    case REPORT_DONE:
        return EVENT_DONE;
    case REPORT_FAILED:
    case REPORT_REFUSED:
    case REPORT_KIND_COUNT:
        break;
    }
    return EVENT_FAILED;
}

/*
 * An agent has seen a higher epoch than the command had. Either a repeat of an overtaken leader was
 * refused, which is no answer to us; or we are overtaken, or Redis has lost our epoch: the lease
 * tells, and where it is ours it is taken again above what the agent has seen.
 */
static void look_at_epoch(struct shell *shell, struct cluster *cluster, const struct report *report)
{
    if (report->epoch <= cluster->epoch)
        return;
    log_warning("cluster %s: agent %s has seen epoch %llu, ours is %llu", cluster->config->name,
                report->node, (unsigned long long)report->epoch,
                (unsigned long long)cluster->epoch);
    cluster->epoch = report->epoch;
    lease_turn_hurry(shell, cluster);
}

void cluster_report(struct shell *shell, struct cluster *cluster, const struct report *report)
{
    struct upgrade *upgrade = cluster->upgrade;
    struct event event = {.kind = event_of(report->kind),
                          .now_ms = clock_wall_ms(),
                          .sessions = -1,
                          .connections = report->connections,
                          .bytes_done = report->bytes_done,
                          .bytes_total = report->bytes_total,
                          .error = report->error,
                          .view_source = NODE_NONE};
    int config_node = config_find_agent(cluster->config, report->node);
    if (report->kind == REPORT_REFUSED && report->error.code == ERROR_STALE) {
        look_at_epoch(shell, cluster, report);
        (void)lb_remote_report(shell, report);
        return;
    }
    if (lb_remote_report(shell, report))
        return;
    if (plan_run_report(shell, cluster, report) || upgrade == NULL || config_node < 0)
        return;
    event.node = find_node(upgrade, cluster->config->nodes[config_node].name);
    if (event.node == NODE_NONE)
        return;
    event.sequence = upgrade->nodes[event.node].sequence;
    text_copy(event.sha256, sizeof(event.sha256), report->sha256);
    if (event.kind == EVENT_HELLO)
        log_info("cluster %s: agent of node %s has started", cluster->config->name, report->node);
    else if (!find_work(upgrade, event.node, report->command_id, &event.work))
        return; /* of a work that was given up, or of another upgrade */
    cluster_step_soon(shell, cluster, &event);
}
