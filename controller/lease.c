/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leadership of clusters: a lease in Redis with a time to live, and an epoch that grows with each
 * new leader. Between two renewals, workers act only while the lease is surely ours.
 *
 * That is not the whole time to live of a long lease: who has not renewed it for LEASE_ACT_MOST_MS
 * acts no more. So an operator may have the lease of a silent leader broken (lease_break.c) before
 * it has expired, and still two never act at one time.
 */
#include "agent_store.h"
#include "channel.h"
#include "clock.h"
#include "failpoint.h"
#include "lease_taking.h"
#include "lease_turn.h"
#include "log.h"
#include "memory.h"
#include "shell.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

#define REDIS_CALL_MS 2000

#define RENEW_MOST_MS    2000    /* of a long lease: a request to break it is seen by then */
#define GIVEN_UP_LIFE    "60000" /* for a controller that starts again at once */
#define SILENCE_SLACK_MS 1000    /* renewals nearer to each other than this are not noticed */

/* KEYS lease lease-given-up, ARGV value life_ms */
static struct redis_script release_script = {
    .text = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
            "redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])\n"
            "return redis.call('DEL', KEYS[1])\n"};

int64_t lease_renew_ms(const struct config *config)
{
    int64_t third_ms = config->lease_ms / 3;
    return third_ms < RENEW_MOST_MS ? third_ms : RENEW_MOST_MS;
}

void lease_value(const struct shell *shell, char value[LEASE_HOLDER_SIZE])
{
    snprintf(value, LEASE_HOLDER_SIZE, "%s:%s", shell->config->name, shell->instance);
}

bool lease_may_act(struct cluster *cluster, struct error *err)
{
    if (clock_monotonic_ms() < atomic_load(&cluster->lease_until_ms))
        return true;
    error_set(err, ERROR_UNAVAILABLE, "the lease of cluster %s is not surely ours just now",
              cluster->config->name);
    return false;
}

static void set_read(struct shell *shell, struct cluster *cluster, bool is_read)
{
    pthread_mutex_lock(&shell->led_lock);
    shell->is_read[cluster->index] = is_read;
    pthread_mutex_unlock(&shell->led_lock);
}

/* What we know is in our copy of the journal: what is in memory may soon be of the past. */
static void stand_back(struct shell *shell, struct cluster *cluster)
{
    cluster->is_led = cluster->has_term = false;
    dispatch_forget(shell, cluster);
    lb_remote_end(shell, cluster);
    atomic_store(&cluster->lease_until_ms, 0);
    set_read(shell, cluster, false);
    append_log_close(cluster->journal);
    cluster->journal = NULL;
}

/* A renewal pushes the end of the lease on by as much as has passed since the one before. */
static void watch(struct cluster *cluster, const char *holder, int64_t asked_ms, int64_t ttl_ms)
{
    int64_t pushed_ms =
        ttl_ms + clock_monotonic_ms() - cluster->holder_ttl_ms - cluster->holder_since_ms;
    if (!text_equal(cluster->holder, holder) || pushed_ms > SILENCE_SLACK_MS) {
        cluster->holder_since_ms = asked_ms;
        cluster->holder_ttl_ms = ttl_ms;
    }
    snprintf(cluster->holder, sizeof(cluster->holder), "%s", holder);
}

static void lost(struct shell *shell, struct cluster *cluster, const char *holder)
{
    if (cluster->is_led)
        log_warning("cluster %s: the lease went to %s; standing back", cluster->config->name,
                    holder);
    if (cluster->has_term)
        stand_back(shell, cluster);
    if (holder[0] != '\0')
        cluster->found_at_ms = INT64_MAX; /* somebody else leads, and comes first */
    else if (cluster->found_at_ms == 0 || cluster->found_at_ms == INT64_MAX)
        cluster->found_at_ms = clock_monotonic_ms() + shell->config->lease_ms;
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
    if (!journal_open(shell, cluster, err) || !dispatch_clear(shell, cluster, err))
        return false;
    if (cluster->upgrade != NULL && cluster->upgrade->phase == PHASE_ENDED &&
        !knows_all_nodes(cluster,
                         err)) { /* of the past: a changed inventory is none of its business */
        free(cluster->upgrade);
        cluster->upgrade = NULL;
    }
    return knows_all_nodes(cluster, err);
}

/* Redis hiccupped while the journal was read or written: that says nothing of the journal. */
static void take_anew(struct shell *shell, struct cluster *cluster, const struct error *why)
{
    log_failure(LOG_LEVEL_WARNING, why, "cluster %s: journal", cluster->config->name);
    stand_back(shell, cluster);
    lease_turn_hurry(shell, cluster);
}

/* A new leader reads the journal before anything else, then asks again for all that is open. */
static void won(struct shell *shell, struct cluster *cluster)
{
    struct error err;
    struct event resume = {.kind = EVENT_RESUME, .node = NODE_NONE};
    cluster->is_led = cluster->has_term = true;
    cluster->found_at_ms = 0;
    cluster->followed[0] = '\0';
    error_clear(&cluster->journal_error);
    failpoint("lease-taken");
    if (!open_journal(shell, cluster, &err)) {
        if (error_code_is_transient(err.code) || err.code == ERROR_STALE) {
            take_anew(shell, cluster, &err);
            return;
        }
        if (err.code != ERROR_INTEGRITY && err.code != ERROR_CONFLICT) {
            lease_give_up_because(shell, cluster, &err);
            return;
        }
        log_failure(LOG_LEVEL_ERROR, &err, "cluster %s: not acted on", cluster->config->name);
        cluster->journal_error = err;
    }
    agent_store_look(shell, cluster);
    set_read(shell, cluster, true);
    log_notice("cluster %s: leading with epoch %llu", cluster->config->name,
               (unsigned long long)cluster->epoch);
    if (cluster->upgrade == NULL || cluster->journal_error.code != ERROR_NONE) {
        status_publish(shell, cluster);
        return;
    }
    if (cluster->upgrade->phase == PHASE_ENDED) { /* whoever ended it may not have come to tell */
        history_append(shell, cluster);
        status_publish(shell, cluster);
        return;
    }
    resume.now_ms = clock_wall_ms();
    cluster_step(shell, cluster, &resume);
}

static void held(struct shell *shell, struct cluster *cluster, const char *epoch, int64_t asked_ms)
{
    uint64_t now_epoch = 0;
    text_parse_u64(epoch, UINT64_MAX, &now_epoch);
    bool is_new = !cluster->is_led || now_epoch != cluster->epoch;
    bool had_run_out = clock_monotonic_ms() >= atomic_load(&cluster->lease_until_ms);
    if (is_new && had_run_out) /* others may have led since: what is in flight is of the past */
        dispatch_stop(shell, cluster);
    cluster->epoch = now_epoch;
    lease_value(shell, cluster->holder);
    atomic_store(&cluster->lease_until_ms, asked_ms + lease_act_ms(shell->config));
    if (is_new)
        won(shell, cluster);
}

static bool end_taking(struct shell *shell, struct taking *taking, const redisReply *reply,
                       struct error *err)
{
    struct cluster *cluster = taking->cluster;
    if (!taking_has_shape(reply, err))
        return false;
    taking->is_asked = reply->element[2]->integer != 0;
    if (reply->element[0]->integer != 0) {
        held(shell, cluster, reply->element[1]->str, taking->asked_ms);
        return true;
    }
    const char *holder = reply->element[1]->str;
    bool is_of_others = holder[0] != '\0' && !text_equal(holder, taking->value);
    if (is_of_others || text_equal(taking->trust, TAKING_TRUSTS_ALL))
        lost(shell, cluster, holder);
    else /* not trusted yet: who has led keeps its place, and does nothing meanwhile */
        cluster->is_led = false;
    watch(cluster, holder, taking->asked_ms, reply->element[3]->integer);
    return true;
}

bool lease_take_over(struct shell *shell, struct cluster *cluster, const struct request *broken,
                     bool *ret_taken, struct error *err)
{
    struct taking taking;
    REPLY_CLEANUP redisReply *reply = NULL;
    *ret_taken = false;
    if (clock_monotonic_ms() - cluster->holder_since_ms < LEASE_ACT_MOST_MS + SILENCE_SLACK_MS)
        return true; /* it may act still, or gives the lease up itself */
    taking_begin(shell, cluster, broken, &taking);
    if (!redis_eval(shell->redis, deadline_after_ms(REDIS_CALL_MS), &taking_script, TAKING_KEYS,
                    taking.arguments, TAKING_ARGUMENTS, &reply, err) ||
        !end_taking(shell, &taking, reply, err))
        return false;
    *ret_taken = cluster->is_led;
    return true;
}

static void release(struct shell *shell, struct cluster *cluster)
{
    struct error ignored;
    char lease[CHANNEL_KEY_SIZE], given_up[CHANNEL_KEY_SIZE], value[LEASE_HOLDER_SIZE];
    REPLY_CLEANUP redisReply *reply = NULL;
    if (!redis_is_connected(shell->redis))
        return;
    lease_value(shell, value);
    channel_key(lease, cluster->config->name, "lease", NULL);
    channel_key(given_up, cluster->config->name, "lease-given-up", NULL);
    const char *arguments[] = {lease, given_up, value, GIVEN_UP_LIFE};
    (void)redis_eval(shell->redis, deadline_after_ms(REDIS_CALL_MS), &release_script, 2, arguments,
                     4, &reply, &ignored); /* it ends by itself otherwise */
}

void lease_release_all(struct shell *shell)
{
    for (size_t i = 0; i < shell->cluster_count; i++)
        if (shell->clusters[i].is_led)
            release(shell, &shell->clusters[i]);
}

void lease_give_up(struct shell *shell, struct cluster *cluster)
{
    stand_back(shell, cluster); /* before others can take it */
    release(shell, cluster);
    cluster->holder[0] = '\0';
    cluster->stand_off_until_ms = clock_monotonic_ms() + lease_act_ms(shell->config);
}

void lease_give_up_because(struct shell *shell, struct cluster *cluster, const struct error *why)
{
    log_failure(LOG_LEVEL_ERROR, why,
                "cluster %s: journal; the lease is given up, and tried again later",
                cluster->config->name);
    cluster->journal_error = *why;
    error_hint(&cluster->journal_error, "of controller %s; another may take over",
               shell->config->name);
    status_publish(shell, cluster);
    lease_give_up(shell, cluster);
}

static void give_back_all(struct shell *shell)
{
    for (size_t i = 0; i < shell->cluster_count; i++)
        if (shell->clusters[i].is_led)
            lease_give_up(shell, &shell->clusters[i]);
}

/* What is to be done beside the taking, whoever leads. */
static bool look_around(struct shell *shell, const struct taking *taking, struct error *err)
{
    struct cluster *cluster = taking->cluster;
    if (taking->is_asked)
        lease_break_look(shell, cluster);
    agent_store_look_if_due(shell, cluster);
    return cluster->has_term || journal_follow(shell, cluster, err);
}

static void end_renewal(struct shell *shell, struct taking *taking, struct redis_request *request)
{
    if (request->reply == NULL || !end_taking(shell, taking, request->reply, &request->err) ||
        !look_around(shell, taking, &request->err))
        log_failure(LOG_LEVEL_WARNING, &request->err, "cluster %s: lease",
                    taking->cluster->config->name);
    redis_reply_cleanup(&request->reply);
    if (!redis_is_connected(shell->redis))
        (void)shell_redis(shell); /* false: it stops, and what is left fails at once */
}

/* One round trip for all. Who has stood back for a while is passed over. */
static void renew(struct shell *shell, const uint32_t *list, size_t count)
{
    struct taking *takings = memory_zeroed(count, sizeof(takings[0]));
    struct redis_request *requests = memory_zeroed(count, sizeof(requests[0]));
    int64_t now_ms = clock_monotonic_ms();
    size_t asked = 0;
    for (size_t i = 0; i < count; i++) {
        struct cluster *cluster = &shell->clusters[list[i]];
        if (now_ms < cluster->stand_off_until_ms)
            continue;
        taking_begin(shell, cluster, NULL, &takings[asked]);
        requests[asked].argv = takings[asked].arguments;
        requests[asked].count = TAKING_ARGUMENTS;
        requests[asked++].key_count = TAKING_KEYS;
    }
    redis_eval_all(shell->redis, deadline_after_ms(REDIS_CALL_MS), &taking_script, requests, asked);
    bool was_cut = !redis_is_connected(shell->redis), is_told = false;
    for (size_t i = 0; i < asked; i++) {
        bool is_lost = was_cut && requests[i].reply == NULL;
        if (!is_lost || !is_told) /* one is told for all */
            end_renewal(shell, &takings[i], &requests[i]);
        is_told = is_told || is_lost;
    }
    free(requests);
    free(takings);
}

/* False while another controller has our name. */
static bool keep_name(struct shell *shell)
{
    shell->name_kept_ms = clock_monotonic_ms();
    if (name_keep(shell))
        return true;
    give_back_all(shell);
    return false;
}

void lease_renew_all(struct shell *shell)
{
    uint32_t list[LEASE_TURN_MOST];
    size_t count = 0;
    if (!shell_redis(shell) || !keep_name(shell))
        return;
    for (uint32_t i = 0; i < shell->cluster_count; i++) {
        shell->clusters[i].renewed_ms = clock_monotonic_ms();
        list[count++] = i;
        if (count < LEASE_TURN_MOST && i + 1 < shell->cluster_count)
            continue;
        renew(shell, list, count);
        count = 0;
    }
}

void lease_renew_one(struct shell *shell, struct cluster *cluster)
{
    cluster->renewed_ms = clock_monotonic_ms();
    if (shell_redis(shell) && !shell->is_nameless)
        renew(shell, &cluster->index, 1);
}

/* Those that are late come before anything else. */
void lease_renew_due(struct shell *shell)
{
    uint32_t list[LEASE_TURN_MOST];
    int64_t every_ms = lease_renew_ms(shell->config);
    if (clock_monotonic_ms() >= shell->name_kept_ms + every_ms &&
        (!shell_redis(shell) || !keep_name(shell)))
        return;
    while (!shell->is_nameless) {
        size_t count = lease_turn_take(shell, clock_monotonic_ms(), list);
        if (count == 0 || !shell_redis(shell))
            return;
        renew(shell, list, count);
        if (!lease_is_late(shell))
            return;
    }
}
