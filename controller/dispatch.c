/* SPDX-License-Identifier: Apache-2.0 */
/* Actions of the core, made into signed commands for agents and jobs for the pool. */
#include "channel.h"
#include "check.h"
#include "clock.h"
#include "log.h"
#include "memory.h"
#include "message_codec.h"
#include "shell.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REDIS_CALL_MS   5000
#define COMMANDS_MOST   1000   /* of a node's stream; an upgrade has some 15 */
#define COMMAND_LIFE_MS 300000 /* of one without a deadline */

static bool complete(const struct cluster *cluster, struct command *command, struct error *err)
{
    int64_t life_ms =
        command->deadline_ms > COMMAND_LIFE_MS ? command->deadline_ms : COMMAND_LIFE_MS;
    command->epoch = cluster->epoch;
    command->issued_ms = clock_wall_ms();
    command->expires_ms = command->issued_ms + life_ms;
    TEXT_COPY(command->cluster, cluster->config->name);
    return command_validate(command, err);
}

bool send_command(struct shell *shell, struct cluster *cluster, struct command *command,
                  struct error *err)
{
    char stream[CHANNEL_KEY_SIZE];
    if (!complete(cluster, command, err))
        return false;
    FREE_CLEANUP char *body = command_write(command);
    channel_key(stream, cluster->config->name, "command", command->node);
    while (!channel_add(shell->redis, deadline_after_ms(REDIS_CALL_MS), stream, COMMANDS_MOST,
                        shell->key, shell->config->name, KEY_DOMAIN_COMMAND, body, err)) {
        log_failure(LOG_LEVEL_WARNING, err, "cluster %s: command %s", cluster->config->name,
                    command->id);
        if (redis_is_connected(shell->redis) || !shell_redis(shell))
            return false;
    }
    return true;
}

static const struct verb_row {
    enum work work;
    enum verb verb;
} verb_table[] = {
    {WORK_CONNECTIONS, VERB_CONNECTIONS},
    {WORK_STAGE, VERB_STAGE},
    {WORK_STOP, VERB_STOP},
    {WORK_SWITCH, VERB_SWITCH},
    {WORK_SWITCH_BACK, VERB_SWITCH_BACK},
    {WORK_START, VERB_START},
    {WORK_PROBE, VERB_PROBE},
    {WORK_WATCH, VERB_WATCH},
    {WORK_PRUNE, VERB_PRUNE},
};

static enum verb verb_of(enum work work)
{
    for (size_t i = 0; i < sizeof(verb_table) / sizeof(verb_table[0]); i++)
        if (verb_table[i].work == work)
            return verb_table[i].verb;
    CHECK(!"a work of an agent without a verb");
}

/* Fills the arguments that the verb takes, and no other. */
static void fill_arguments(struct command *command, const struct upgrade *upgrade,
                           const struct upgrade_node *node, int64_t deadline_ms)
{
    unsigned takes =
        verb_required_arguments(command->verb) | verb_optional_arguments(command->verb);
    bool is_up = node->place != PLACE_WORKING || node->pass == PASS_UP;
    if (takes & ARGUMENT_VERSION)
        TEXT_COPY(command->version, is_up ? upgrade->to : upgrade->from);
    if (takes & ARGUMENT_PREVIOUS_VERSION)
        TEXT_COPY(command->previous_version, is_up ? upgrade->from : upgrade->to);
    if ((takes & ARGUMENT_ARTIFACT) && command->verb == VERB_STAGE)
        TEXT_COPY(command->artifact, upgrade->artifact);
    if (takes & ARGUMENT_SHA256)
        TEXT_COPY(command->sha256, upgrade->sha256);
    if (takes & ARGUMENT_DEADLINE)
        command->deadline_ms = deadline_ms;
    if (takes & ARGUMENT_DURATION)
        command->duration_ms = upgrade->policy.soak_ms;
    if (takes & ARGUMENT_FORCE)
        command->force = node->is_forced || (node->is_broken && node->pass == PASS_BACK);
    if (takes & ARGUMENT_KILL)
        command->kill = upgrade->policy.kill_at_stop_deadline;
}

static void begin_command(const struct cluster *cluster, const struct action *action,
                          struct command *command)
{
    const struct upgrade_node *node = &cluster->upgrade->nodes[action->node];
    int index = config_find_node(cluster->config, node->name);
    memset(command, 0, sizeof(*command));
    CHECK(index >= 0);
    TEXT_COPY(command->node, cluster->config->nodes[index].agent);
    command_id(cluster->upgrade, action->node, action->work, action->sequence, command->id);
}

static void ask_agent(const struct cluster *cluster, const struct action *action,
                      struct command *command)
{
    begin_command(cluster, action, command);
    command->verb = verb_of(action->work);
    fill_arguments(command, cluster->upgrade, &cluster->upgrade->nodes[action->node],
                   action->deadline_ms);
}

static void cancel_agent(const struct cluster *cluster, const struct action *action,
                         struct command *command)
{
    begin_command(cluster, action, command);
    TEXT_COPY(command->target_id, command->id);
    command->verb = VERB_CANCEL;
    snprintf(command->id, sizeof(command->id), "%.*s.c", (int)sizeof(command->id) - 3,
             command->target_id);
}

/* A command that cannot even be sent fails its work; of a cancellation nothing depends. */
static void fail_work(struct shell *shell, struct cluster *cluster, const struct action *action,
                      const struct error *err)
{
    if (action->kind == ACTION_CANCEL)
        return;
    struct item *item = item_new(ITEM_EVENT, cluster->index);
    item->event.kind = EVENT_FAILED;
    item->event.node = action->node;
    item->event.work = action->work;
    item->event.sequence = action->sequence;
    item->event.error = *err;
    queue_put(shell->queue, item);
}

size_t dispatch_commands(struct shell *shell, struct cluster *cluster,
                         const struct actions *actions, struct outgoing *outgoing)
{
    size_t count = 0;
    for (uint32_t i = 0; i < actions->count; i++) {
        const struct action *action = &actions->list[i];
        struct command command;
        struct error err;
        if (!work_is_of_agent(action->work))
            continue;
        if (action->kind == ACTION_CANCEL)
            cancel_agent(cluster, action, &command);
        else
            ask_agent(cluster, action, &command);
        if (!complete(cluster, &command, &err)) {
            fail_work(shell, cluster, action, &err);
            continue;
        }
        struct outgoing *one = &outgoing[count++];
        one->is_cancel = action->kind == ACTION_CANCEL;
        one->body = command_write(&command);
        channel_key(one->stream, cluster->config->name, "command", command.node);
        key_sign(shell->key, KEY_DOMAIN_COMMAND, one->body, strlen(one->body), one->signature);
    }
    return count;
}

#define CLEAR_KEYS_MOST (2 + LIMIT_NODES + CONFIG_LB_AGENTS_MOST)

/* KEYS lease epoch command-stream…, ARGV value epoch → 1, or -1: not ours */
static struct redis_script clear_script = {
    .text =
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[2] then\n"
        "  return -1\n"
        "end\n"
        "for i = 3, #KEYS do redis.call('XTRIM', KEYS[i], 'MAXLEN', '0') end\n"
        "return 1\n"};

bool dispatch_clear(struct shell *shell, struct cluster *cluster, struct error *err)
{
    const struct cluster_config *config = cluster->config;
    char keys[CLEAR_KEYS_MOST][CHANNEL_KEY_SIZE], value[LEASE_HOLDER_SIZE], epoch[24];
    const char *arguments[CLEAR_KEYS_MOST + 2];
    REPLY_CLEANUP redisReply *reply = NULL;
    size_t count = 2 + config->node_count + config->lb_agent_count;
    CHECK(count <= CLEAR_KEYS_MOST);
    channel_key(keys[0], config->name, "lease", NULL);
    channel_key(keys[1], config->name, "epoch", NULL);
    for (size_t i = 0; i < config->node_count; i++)
        channel_key(keys[2 + i], config->name, "command", config->nodes[i].agent);
    for (size_t i = 0; i < config->lb_agent_count; i++)
        channel_key(keys[2 + config->node_count + i], config->name, "command",
                    config->lb_agents[i].name);
    for (size_t i = 0; i < count; i++)
        arguments[i] = keys[i];
    lease_value(shell, value);
    snprintf(epoch, sizeof(epoch), "%llu", (unsigned long long)cluster->epoch);
    arguments[count] = value;
    arguments[count + 1] = epoch;
    if (!redis_eval(shell->redis, deadline_after_ms(REDIS_CALL_MS), &clear_script, count, arguments,
                    count + 2, &reply, err))
        return false;
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 1) {
        lb_remote_end(shell, cluster);
        return true;
    }
    error_set(err, ERROR_STALE, "the lease is not ours any more");
    return false;
}

void dispatch_jobs(struct shell *shell, struct cluster *cluster, const struct actions *actions)
{
    for (uint32_t i = 0; i < actions->count; i++) {
        const struct action *action = &actions->list[i];
        if (work_is_of_agent(action->work))
            continue;
        if (action->kind == ACTION_WORK)
            pool_add(shell->pool, job_for_work(shell, cluster, action));
        else
            pool_cancel(shell->pool, cluster->index, action->node, action->work, action->sequence);
    }
}

void dispatch_stop(struct shell *shell, struct cluster *cluster)
{
    atomic_fetch_add(&cluster->orders, 1); /* nobody puts load balancers back to what it wanted */
    pool_cancel_works(shell->pool, cluster->index);
    forget_move_by_hand(shell, cluster);
    view_rest(cluster);
}

void dispatch_forget(struct shell *shell, struct cluster *cluster)
{
    dispatch_stop(shell, cluster);
    free(cluster->upgrade);
    cluster->upgrade = NULL;
    cluster->wake_ms = INT64_MAX;
}
