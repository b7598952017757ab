/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leadership of clusters: a lease in Redis with a time to live, and an epoch that grows with each
 * new leader. Between two renewals, workers act only while the lease is surely ours.
 */
#include "channel.h"
#include "clock.h"
#include "log.h"
#include "memory.h"
#include "shell.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REDIS_CALL_MS     2000
#define RECONNECT_MOST_MS 2000

/* KEYS lease epoch, ARGV value ttl_ms epoch_floor is_new → {1, epoch} or {0, holder} */
static struct redis_script take_script = {
    .text = "local holder = redis.call('GET', KEYS[1])\n"
            "if holder and holder ~= ARGV[1] then return {0, holder} end\n"
            "local epoch = tonumber(redis.call('GET', KEYS[2]) or '0')\n"
            "if not holder or ARGV[4] == '1' or epoch < tonumber(ARGV[3]) then\n"
            "  epoch = math.max(epoch, tonumber(ARGV[3])) + 1\n"
            "  redis.call('SET', KEYS[2], string.format('%d', epoch))\n"
            "end\n"
            "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
            "return {1, string.format('%d', epoch)}\n"};

static struct redis_script release_script = {
    .text = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end\n"
            "return 0\n"};

bool shell_redis(struct shell *shell)
{
    struct error err;
    int64_t delay_ms = 100;
    bool was_told = false;
    while (!atomic_load(&shell->is_stopping)) {
        if (redis_connect(shell->redis, deadline_after_ms(REDIS_CALL_MS), &err)) {
            if (was_told)
                log_notice("redis is back");
            return true;
        }
        if (!was_told)
            log_failure(LOG_LEVEL_WARNING, &err,
                        "redis is away; nothing is lost, trying until it is back");
        was_told = true;
        clock_sleep_ms(delay_ms);
        delay_ms = delay_ms * 2 < RECONNECT_MOST_MS ? delay_ms * 2 : RECONNECT_MOST_MS;
    }
    return false;
}

static void lease_value(const struct shell *shell, char *value, size_t size)
{
    snprintf(value, size, "%s:%s", shell->config->name, shell->instance);
}

static void set_read(struct shell *shell, struct cluster *cluster, bool is_read)
{
    pthread_mutex_lock(&shell->led_lock);
    shell->is_read[cluster->index] = is_read;
    pthread_mutex_unlock(&shell->led_lock);
}

static void lost(struct shell *shell, struct cluster *cluster, const char *holder)
{
    if (cluster->is_led)
        log_warning("cluster %s: the lease went to %s; standing back", cluster->config->name,
                    holder);
    cluster->is_led = false;
    atomic_store(&cluster->lease_until_ms, 0);
    set_read(shell, cluster, false);
    append_log_close(cluster->journal);
    cluster->journal = NULL;
}

/* The configuration may have changed while an upgrade was under way. */
static bool knows_all_nodes(const struct cluster *cluster, struct error *err)
{
    const struct upgrade *upgrade = cluster->upgrade;
    for (uint32_t i = 0; upgrade != NULL && i < upgrade->node_count; i++) {
        if (config_find_node(cluster->config, upgrade->nodes[i].name) >= 0)
            continue;
        error_set(err, ERROR_CONFLICT,
                  "node %s has part in upgrade %s and is not configured any more",
                  upgrade->nodes[i].name, upgrade->id);
        error_hint(err, "put it back into the configuration until that upgrade has ended");
        return false;
    }
    return true;
}

static bool open_journal(struct shell *shell, struct cluster *cluster, struct error *err)
{
    if (!journal_open(shell, cluster, err))
        return false;
    if (cluster->upgrade != NULL && cluster->upgrade->phase == PHASE_ENDED &&
        !knows_all_nodes(cluster,
                         err)) { /* of the past: a changed inventory is none of its business */
        free(cluster->upgrade);
        cluster->upgrade = NULL;
    }
    return knows_all_nodes(cluster, err);
}

/* A new leader reads the journal before anything else, then asks again for all that is open. */
static void won(struct shell *shell, struct cluster *cluster)
{
    struct error err;
    struct event resume = {.kind = EVENT_RESUME, .node = NODE_NONE};
    cluster->is_led = true;
    error_clear(&cluster->journal_error);
    if (!open_journal(shell, cluster, &err)) {
        log_failure(LOG_LEVEL_ERROR, &err, "cluster %s: not acted on", cluster->config->name);
        cluster->journal_error = err;
    }
    set_read(shell, cluster, true);
    log_notice("cluster %s: leading with epoch %llu", cluster->config->name,
               (unsigned long long)cluster->epoch);
    if (cluster->upgrade == NULL || cluster->journal_error.code != ERROR_NONE) {
        status_publish(shell, cluster);
        return;
    }
    resume.now_ms = clock_wall_ms();
    cluster_step(shell, cluster, &resume);
}

static bool take(struct shell *shell, struct cluster *cluster, struct error *err)
{
    char lease[CHANNEL_KEY_SIZE], epoch[CHANNEL_KEY_SIZE], value[LIMIT_NAME + 40];
    char ttl[24], floor_text[24];
    REPLY_CLEANUP redisReply *reply = NULL;
    int64_t asked_ms = clock_monotonic_ms();
    channel_key(lease, cluster->config->name, "lease", NULL);
    channel_key(epoch, cluster->config->name, "epoch", NULL);
    lease_value(shell, value, sizeof(value));
    snprintf(ttl, sizeof(ttl), "%lld", (long long)shell->config->lease_ms);
    snprintf(floor_text, sizeof(floor_text), "%llu",
             (unsigned long long)journal_epoch_floor(shell, cluster));
    const char *arguments[] = {lease, epoch, value, ttl, floor_text, cluster->is_led ? "0" : "1"};
    if (!redis_eval(shell->redis, deadline_after_ms(REDIS_CALL_MS), &take_script, 2, arguments, 6,
                    &reply, err))
        return false;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[1]->type != REDIS_REPLY_STRING) {
        error_set(err, ERROR_PROTOCOL, "redis: the lease script gave another answer than expected");
        return false;
    }
    if (reply->element[0]->integer == 0) {
        lost(shell, cluster, reply->element[1]->str);
        return true;
    }
    uint64_t now_epoch = 0;
    text_parse_u64(reply->element[1]->str, UINT64_MAX, &now_epoch);
    bool is_new = !cluster->is_led || now_epoch != cluster->epoch;
    cluster->epoch = now_epoch;
    atomic_store(&cluster->lease_until_ms, asked_ms + shell->config->lease_ms);
    if (is_new)
        won(shell, cluster);
    return true;
}

void lease_renew_all(struct shell *shell)
{
    struct error err;
    shell->renewed_ms = clock_monotonic_ms();
    if (!shell_redis(shell))
        return;
    for (size_t i = 0; i < shell->cluster_count; i++) {
        if (take(shell, &shell->clusters[i], &err))
            continue;
        log_failure(LOG_LEVEL_WARNING, &err, "cluster %s: lease", shell->clusters[i].config->name);
        if (!redis_is_connected(shell->redis) && !shell_redis(shell))
            return;
    }
}

void lease_release_all(struct shell *shell)
{
    struct error err;
    char lease[CHANNEL_KEY_SIZE], value[LIMIT_NAME + 40];
    lease_value(shell, value, sizeof(value));
    for (size_t i = 0; i < shell->cluster_count; i++) {
        REPLY_CLEANUP redisReply *reply = NULL;
        if (!shell->clusters[i].is_led || !redis_is_connected(shell->redis))
            continue;
        channel_key(lease, shell->clusters[i].config->name, "lease", NULL);
        const char *arguments[] = {lease, value};
        (void)redis_eval(shell->redis, deadline_after_ms(REDIS_CALL_MS), &release_script, 1,
                         arguments, 2, &reply, &err); /* it ends by itself otherwise */
    }
}
