/* SPDX-License-Identifier: Apache-2.0 */
#include "host_verbs.h"

#include "check.h"
#include "facts.h"
#include "text.h"
#include "trace.h"

#define CONNECTIONS_MS 5000   /* as node-agent/stop.c waits for the last ones */
#define NO_DEADLINE_MS 600000 /* as the verbs wait where a command has none */

struct doing {
    struct agent *agent;
    struct bitbucket_node *node;
    const struct command *command;
    struct report *report;
    int64_t deadline_us;
};

static bool is_late(const struct doing *doing)
{
    return schedule_now_us() >= doing->deadline_us;
}

static void look_again(const struct doing *doing)
{
    int64_t until_us = schedule_now_us() + random_between(&world.random, 20, 250) * WORLD_MS;
    fiber_sleep_us((until_us < doing->deadline_us ? until_us : doing->deadline_us) -
                   schedule_now_us());
}

static bool do_connections_until(struct doing *doing, int64_t until_us)
{
    while ((doing->report->connections = world_connections(doing->agent->node)) > 0) {
        if (schedule_now_us() >= until_us)
            return false;
        fiber_sleep_us(random_between(&world.random, 20, 200) * WORLD_MS);
    }
    return true;
}

static bool do_connections(struct doing *doing, struct error *err)
{
    if (do_connections_until(doing, doing->deadline_us))
        return true;
    error_set(err, ERROR_TIMEOUT, "connections are still established");
    return false;
}

static bool do_stage(struct doing *doing, struct error *err)
{
    int64_t takes_us = random_between(&world.random, WORLD_S, 12 * WORLD_S);
    if (!doing->node->is_staged) {
        fiber_sleep_us(takes_us / 2);
        process_boundary("stage: half unpacked");
        if (doing->agent->disk.is_full) {
            error_set(err, ERROR_FULL, "no space left on device");
            return false;
        }
        fiber_sleep_us(takes_us / 2);
        doing->node->is_staged = true;
        process_boundary("stage: renamed");
    }
    TEXT_COPY(doing->report->sha256, WORLD_SHA);
    return true;
}

static bool wait_gone(struct doing *doing)
{
    while (doing->node->process != BITBUCKET_GONE) {
        if (is_late(doing))
            return false;
        look_again(doing);
    }
    return true;
}

static bool do_stop(struct doing *doing, struct error *err)
{
    int64_t patience_us = doing->command->force ? 0 : CONNECTIONS_MS * WORLD_MS;
    bool is_empty = do_connections_until(doing, schedule_now_us() + patience_us);
    if (!is_empty && !doing->command->force) {
        error_set(err, ERROR_CONFLICT, "connections are still established");
        return false;
    }
    process_boundary("stop: before the signal");
    rules_at_stop(doing->agent->node, doing->command);
    bitbucket_node_stop(doing->node);
    process_boundary("stop: after the signal");
    if (wait_gone(doing))
        return true;
    if (!doing->command->kill) {
        error_set(err, ERROR_TIMEOUT, "the process still lives at the deadline");
        return false;
    }
    bitbucket_node_kill(doing->node);
    return true;
}

static bool do_switch(struct doing *doing, struct error *err)
{
    struct bitbucket_node *node = doing->node;
    const char *version = doing->command->version;
    if (text_equal(node->link, version))
        return true;
    if (node->process != BITBUCKET_GONE) {
        error_set(err, ERROR_CONFLICT, "Bitbucket still runs");
        return false;
    }
    if (text_equal(version, WORLD_TO) && !node->is_staged) {
        error_set(err, ERROR_NOT_FOUND, "release %s is not staged", version);
        return false;
    }
    process_boundary("switch: before the previous release is noted");
    if (doing->command->verb == VERB_SWITCH)
        TEXT_COPY(node->previous, node->link);
    process_boundary("switch: before the rename");
    rules_at_switch(doing->agent->node, version);
    TEXT_COPY(node->link, version);
    node->switches++;
    trace_line("the link names %s", version);
    process_boundary("switch: after the rename");
    return true;
}

static bool do_start(struct doing *doing, struct error *err)
{
    struct bitbucket_node *node = doing->node;
    const char *version = doing->command->version;
    bool is_running = node->process != BITBUCKET_GONE && node->process != BITBUCKET_STOPPING;
    if (is_running && text_equal(node->version, version))
        return true;
    if (node->process != BITBUCKET_GONE) {
        error_set(err, ERROR_CONFLICT, "Bitbucket runs from release %s", node->version);
        return false;
    }
    if (!text_equal(node->link, version)) {
        error_set(err, ERROR_CONFLICT, "the link names release %s", node->link);
        return false;
    }
    process_boundary("start: before the fork");
    bitbucket_node_start(node);
    process_boundary("start: after the fork");
    return true;
}

static bool is_well(const struct doing *doing, struct error *err)
{
    if (doing->node->process == BITBUCKET_GONE)
        error_set(err, ERROR_RELEASE, "no process is running");
    else if (doing->node->process == BITBUCKET_ERROR)
        error_set(err, ERROR_RELEASE, "the node says ERROR");
    else
        return true;
    return false;
}

static bool do_probe(struct doing *doing, struct error *err)
{
    while (is_well(doing, err)) {
        bool is_right = text_equal(doing->node->version, doing->command->version);
        if (doing->node->process == BITBUCKET_ACTIVE && is_right)
            return true;
        if (is_late(doing)) {
            error_set(err, ERROR_TIMEOUT, "the node is not RUNNING");
            return false;
        }
        look_again(doing);
    }
    return false;
}

static bool do_watch(struct doing *doing, struct error *err)
{
    int64_t end_us = schedule_now_us() + doing->command->duration_ms * WORLD_MS;
    while (schedule_now_us() < end_us) {
        if (!is_well(doing, err))
            return false;
        look_again(doing);
    }
    return true;
}

static bool do_facts(struct doing *doing, struct error *err)
{
    (void)err;
    doing->report->has_facts = true;
    facts_collect(&doing->agent->config, &doing->report->facts);
    return true;
}

static bool do_nothing(struct doing *doing, struct error *err)
{
    (void)doing;
    (void)err;
    return true;
}

bool host_do(struct agent *agent, const struct command *command, struct report *report,
             struct error *err)
{
    static bool (*const verbs[VERB_COUNT])(struct doing *, struct error *) = {
        [VERB_FACTS] = do_facts,   [VERB_STAGE] = do_stage,     [VERB_CONNECTIONS] = do_connections,
        [VERB_STOP] = do_stop,     [VERB_SWITCH] = do_switch,   [VERB_SWITCH_BACK] = do_switch,
        [VERB_START] = do_start,   [VERB_PROBE] = do_probe,     [VERB_WATCH] = do_watch,
        [VERB_PRUNE] = do_nothing, [VERB_UNSTAGE] = do_nothing, [VERB_CUSTOMISATIONS] = do_nothing,
    };
    int64_t ms = command->deadline_ms > 0 ? command->deadline_ms : NO_DEADLINE_MS;
    struct doing doing = {agent, &world.nodes[agent->node], command, report,
                          schedule_now_us() + ms * WORLD_MS};
    CHECK(verbs[command->verb] != NULL);
    return verbs[command->verb](&doing, err);
}
