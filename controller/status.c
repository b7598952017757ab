/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `shunt status` and `shunt history` show: JSON in Redis, so that they work while no
 * controller runs. For people, not for recovery: the journal is that.
 */
#include "answer.h"
#include "channel.h"
#include "clock.h"
#include "failpoint.h"
#include "log.h"
#include "memory.h"
#include "shell.h"
#include "text.h"

#define REDIS_CALL_MS 2000

static json_t *steps_to_json(const struct upgrade_node *node, enum pass pass)
{
    json_t *steps = json_object();
    for (unsigned step = 0; step < STEP_COUNT; step++) {
        if (node->step_begun_ms[pass][step] == 0)
            continue;
        json_t *row = json_object();
        json_object_set_new(row, "begun_ms", json_integer(node->step_begun_ms[pass][step]));
        json_object_set_new(row, "took_ms", json_integer(node->step_took_ms[pass][step]));
        json_object_set_new(steps, step_name((enum step)step), row);
    }
    return steps;
}

static json_t *passes_to_json(const struct upgrade_node *node)
{
    static const char *const names[PASS_COUNT] = {[PASS_UP] = "up", [PASS_BACK] = "back"};
    json_t *passes = json_array();
    for (unsigned pass = 0; pass < PASS_COUNT; pass++) {
        if (node->pass_begun_ms[pass] == 0)
            continue;
        json_t *row = json_object();
        json_object_set_new(row, "pass", json_string(names[pass]));
        json_object_set_new(row, "begun_ms", json_integer(node->pass_begun_ms[pass]));
        json_object_set_new(row, "ended_ms", json_integer(node->pass_ended_ms[pass]));
        json_object_set_new(row, "steps", steps_to_json(node, (enum pass)pass));
        json_array_append_new(passes, row);
    }
    return passes;
}

static json_t *node_to_json(const struct upgrade_node *node)
{
    json_t *json = json_object();
    bool is_on_way = node->place != PLACE_OLD && node->place != PLACE_NEW;
    json_object_set_new(json, "node", json_string(node->name));
    json_object_set_new(json, "place", json_string(place_name(node->place)));
    json_object_set_new(json, "pass", json_string(node->pass == PASS_UP ? "up" : "back"));
    json_object_set_new(json, "step", json_string(is_on_way ? step_name(node->step) : ""));
    json_object_set_new(json, "step_begun_ms", json_integer(node->begun_ms));
    json_object_set_new(json, "version", json_text(node->seen_version));
    json_object_set_new(json, "state", json_string(node_state_name(node->seen_state)));
    json_object_set_new(json, "load", json_integer(node->load));
    json_object_set_new(json, "sessions", json_integer(node->sessions));
    json_object_set_new(json, "connections", json_integer(node->connections));
    json_object_set_new(json, "bytes_done", json_integer(node->bytes_done));
    json_object_set_new(json, "bytes_total", json_integer(node->bytes_total));
    json_object_set_new(json, "error", error_to_json(&node->error));
    json_object_set_new(json, "passes", passes_to_json(node));
    return json;
}

static json_t *upgrade_to_json(const struct upgrade *upgrade)
{
    json_t *json = json_object(), *nodes = json_array();
    json_object_set_new(json, "id", json_string(upgrade->id));
    json_object_set_new(json, "cluster", json_string(upgrade->cluster));
    json_object_set_new(json, "from", json_string(upgrade->from));
    json_object_set_new(json, "to", json_string(upgrade->to));
    json_object_set_new(json, "operator", json_string(upgrade->operator));
    json_object_set_new(json, "phase", json_string(phase_name(upgrade->phase)));
    json_object_set_new(json, "outcome", json_string(outcome_name(upgrade->outcome)));
    json_object_set_new(json, "begun_ms", json_integer(upgrade->begun_ms));
    json_object_set_new(json, "ended_ms", json_integer(upgrade->ended_ms));
    json_object_set_new(json, "is_paused", json_boolean(upgrade->is_paused));
    json_object_set_new(json, "is_waiting", json_boolean(upgrade->is_waiting));
    json_object_set_new(json, "is_aborting", json_boolean(upgrade->is_aborting));
    json_object_set_new(json, "reason", error_to_json(&upgrade->reason));
    json_object_set_new(json, "cluster_state",
                        json_string(cluster_state_name(upgrade->seen_state)));
    json_object_set_new(json, "upgrade_mode", json_boolean(upgrade->seen_mode));
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        json_array_append_new(nodes, node_to_json(&upgrade->nodes[i]));
    json_object_set_new(json, "nodes", nodes);
    return json;
}

/* Of what node_to_json() shows, and no journal has. */
static bool looks_the_same(const struct upgrade_node *a, const struct upgrade_node *b)
{
    return a->seen_state == b->seen_state && text_equal(a->seen_version, b->seen_version) &&
           a->load == b->load && a->sessions == b->sessions && a->connections == b->connections &&
           a->bytes_done == b->bytes_done && a->bytes_total == b->bytes_total;
}

bool status_is_news(const struct upgrade *upgrade, const struct upgrade *before)
{
    if (upgrade->seen_state != before->seen_state || upgrade->seen_mode != before->seen_mode)
        return true;
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        if (!looks_the_same(&upgrade->nodes[i], &before->nodes[i]))
            return true;
    return false;
}

char *status_text(const struct shell *shell, const struct cluster *cluster)
{
    JSON_CLEANUP json_t *json = json_object();
    json_object_set_new(json, "cluster", json_string(cluster->config->name));
    json_object_set_new(json, "controller", json_string(shell->config->name));
    json_object_set_new(json, "epoch", json_integer((json_int_t)cluster->epoch));
    json_object_set_new(json, "at_ms", json_integer(clock_wall_ms()));
    json_object_set_new(json, "refused", json_integer(atomic_load(&shell->refused)));
    json_object_set_new(json, "error", error_to_json(&cluster->journal_error));
    json_object_set_new(json, "upgrade",
                        cluster->upgrade != NULL ? upgrade_to_json(cluster->upgrade) : json_null());
    return json_write(json);
}

void status_told(struct cluster *cluster)
{
    cluster->is_status_due = false;
    cluster->status_ms = clock_monotonic_ms();
}

void status_publish(struct shell *shell, struct cluster *cluster)
{
    char status[CHANNEL_KEY_SIZE], news[CHANNEL_KEY_SIZE];
    struct error err;
    REPLY_CLEANUP redisReply *set = NULL, *told = NULL;
    FREE_CLEANUP char *text = status_text(shell, cluster);
    status_told(cluster);
    channel_key(status, cluster->config->name, "status", NULL);
    channel_key(news, cluster->config->name, "news", NULL);
    if (!redis_is_connected(shell->redis)) {
        cluster->is_status_due = true;
        return;
    }
    if (!redis_command(shell->redis, deadline_after_ms(REDIS_CALL_MS), &set, &err, "SET", status,
                       text, NULL) ||
        !redis_command(shell->redis, deadline_after_ms(REDIS_CALL_MS), &told, &err, "XADD", news,
                       "MAXLEN", "~", STATUS_NEWS_MOST, "*", "n", "1", NULL)) {
        cluster->is_status_due = true;
        log_failure(LOG_LEVEL_WARNING, &err, "cluster %s: status", cluster->config->name);
    }
}

void history_append(struct shell *shell, struct cluster *cluster)
{
    if (history_has(shell, cluster))
        return;
    JSON_CLEANUP json_t *json = upgrade_to_json(cluster->upgrade);
    failpoint("history-before");
    history_add(shell, cluster, "upgrade", json);
}
