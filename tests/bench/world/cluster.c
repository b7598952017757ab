/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster.h"

#include "clock.h"
#include "memory.h"
#include "text.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define A_SHA256 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ROOM     (100LL << 30)
#define INODES   10000000

struct world world;

/* A report that is due later: that a stop has ended, that a watch is over. */
struct later {
    struct timer timer;
    struct bitbucket_node *node;
    char command_id[LIMIT_ID];
    enum verb verb;
};

static void send_done(struct bitbucket_node *node, const char *command_id, enum verb verb)
{
    agent_send(&node->agent, agent_report(&node->agent, command_id, verb, REPORT_DONE));
}

static void later_is_now(struct timer *timer)
{
    struct later *later = (struct later *)timer;
    send_done(later->node, later->command_id, later->verb);
    free(later);
}

static void done_after(struct bitbucket_node *node, const struct command *command, int64_t ms)
{
    struct later *later = memory_zeroed(1, sizeof(*later));
    later->timer.fire = later_is_now;
    later->node = node;
    later->verb = command->verb;
    TEXT_COPY(later->command_id, command->id);
    loop_after(&later->timer, ms);
}

/* ---- verbs ---- */

static void do_at_once(struct bitbucket_node *node, const struct command *command)
{
    send_done(node, command->id, command->verb);
}

static void do_facts(struct bitbucket_node *node, const struct command *command)
{
    struct report *report = agent_report(&node->agent, command->id, command->verb, REPORT_DONE);
    struct node_facts *facts = &report->facts;
    report->has_facts = true;
    TEXT_COPY(facts->agent_version, SHUNT_VERSION);
    TEXT_COPY(facts->running_version, node->running);
    TEXT_COPY(facts->linked_version, node->linked);
    TEXT_COPY(facts->install_root, "/opt/atlassian/bitbucket");
    TEXT_COPY(facts->home, "/var/atlassian/application-data/bitbucket");
    TEXT_COPY(facts->releases, node->linked);
    facts->pid = 1;
    facts->free_bytes = ROOM;
    facts->free_inodes = INODES;
    facts->load_1m_x100 = -1;
    facts->clock_ms = clock_wall_ms();
    agent_send(&node->agent, report);
}

static void do_stage(struct bitbucket_node *node, const struct command *command)
{
    struct report *report = agent_report(&node->agent, command->id, command->verb, REPORT_DONE);
    TEXT_COPY(report->sha256, A_SHA256);
    agent_send(&node->agent, report);
}

/* It answers no more from the beginning of its stop. */
static void do_stop(struct bitbucket_node *node, const struct command *command)
{
    node->state = NODE_IS_DOWN;
    done_after(node, command, world.stop_ms);
}

static void do_switch(struct bitbucket_node *node, const struct command *command)
{
    TEXT_COPY(node->linked, command->version);
    send_done(node, command->id, command->verb);
}

static void has_started(struct timer *timer)
{
    struct bitbucket_node *node =
        (struct bitbucket_node *)((char *)timer - offsetof(struct bitbucket_node, started));
    node->state = NODE_RUNS;
    if (node->probe_id[0] == '\0')
        return;
    send_done(node, node->probe_id, VERB_PROBE);
    node->probe_id[0] = '\0';
}

static void do_start(struct bitbucket_node *node, const struct command *command)
{
    if (node->state == NODE_IS_DOWN) {
        node->state = NODE_STARTS;
        TEXT_COPY(node->running, node->linked);
        node->started.fire = has_started;
        loop_after(&node->started, world.start_ms);
    }
    send_done(node, command->id, command->verb);
}

static void do_probe(struct bitbucket_node *node, const struct command *command)
{
    if (node->state == NODE_RUNS)
        send_done(node, command->id, command->verb);
    else
        TEXT_COPY(node->probe_id, command->id);
}

static void do_watch(struct bitbucket_node *node, const struct command *command)
{
    done_after(node, command, command->duration_ms);
}

static void (*const verb_work[VERB_COUNT])(struct bitbucket_node *, const struct command *) = {
    [VERB_FACTS] = do_facts,
    [VERB_STAGE] = do_stage,
    [VERB_UNSTAGE] = do_at_once,
    [VERB_CONNECTIONS] = do_at_once,
    [VERB_STOP] = do_stop,
    [VERB_SWITCH] = do_switch,
    [VERB_SWITCH_BACK] = do_switch,
    [VERB_START] = do_start,
    [VERB_PROBE] = do_probe,
    [VERB_WATCH] = do_watch,
    [VERB_CUSTOMISATIONS] = do_at_once,
    [VERB_PRUNE] = do_at_once,
    [VERB_CANCEL] = do_at_once,
};

void node_obey(struct agent *agent, const struct command *command)
{
    struct bitbucket_node *node =
        (struct bitbucket_node *)((char *)agent - offsetof(struct bitbucket_node, agent));
    if (verb_work[command->verb] != NULL)
        verb_work[command->verb](node, command);
}

/* ---- the cluster ---- */

static bool has_version(const struct bitbucket_cluster *cluster, const char *version)
{
    for (size_t i = 0; i < cluster->node_count; i++)
        if (cluster->nodes[i].state != NODE_IS_DOWN &&
            !text_equal(cluster->nodes[i].running, version))
            return false;
    return true;
}

const char *cluster_state_word(const struct bitbucket_cluster *cluster)
{
    size_t first = 0;
    if (!cluster->is_mode_on)
        return "STABLE";
    if (has_version(cluster, cluster->original))
        return "READY_TO_UPGRADE";
    while (first + 1 < cluster->node_count && cluster->nodes[first].state == NODE_IS_DOWN)
        first++;
    return has_version(cluster, cluster->nodes[first].running) ? "READY_TO_RUN_UPGRADE_TASKS"
                                                               : "MIXED";
}

/* Upgrade tasks take no time. */
bool cluster_change(struct bitbucket_cluster *cluster, const char *word)
{
    const char *state = cluster_state_word(cluster);
    if (text_equal(word, "start")) {
        if (!cluster->is_mode_on)
            TEXT_COPY(cluster->original, cluster->nodes[0].running);
        cluster->is_mode_on = true;
        return true;
    }
    bool is_allowed =
        (text_equal(word, "cancel") && text_equal(state, "READY_TO_UPGRADE")) ||
        (text_equal(word, "approve") && text_equal(state, "READY_TO_RUN_UPGRADE_TASKS"));
    if (is_allowed)
        cluster->is_mode_on = false;
    return is_allowed;
}
