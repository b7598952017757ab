/* SPDX-License-Identifier: Apache-2.0 */
/* The main thread: takes items from the queue, keeps the leases, looks at the clock. */
#include "shell.h"

#include "agent_store.h"
#include "answer.h"
#include "check.h"
#include "clock.h"
#include "log.h"
#include "log_syncer.h"
#include "memory.h"
#include "message_codec.h"
#include "plan_run.h"

#include <stdlib.h>
#include <string.h>

#define WORKERS           16
#define LONGEST_SLEEP_MS  1000 /* between two looks at leases and clocks */
#define STATUS_EVERY_MS   200  /* progress alone is published this often */
#define REDIS_CALL_MS     2000
#define RECONNECT_MOST_MS 2000
#define ITEMS_AT_ONCE     64 /* before all clusters are looked at again */

static void cluster_open(struct shell *shell, size_t index)
{
    struct cluster *cluster = &shell->clusters[index];
    cluster->config = &shell->config->clusters[index];
    cluster->index = (uint32_t)index;
    cluster->wake_ms = INT64_MAX;
    cluster->lbs = memory_zeroed(cluster->config->lb_count, sizeof(cluster->lbs[0]));
    for (size_t i = 0; i < cluster->config->lb_count; i++) {
        struct cluster_lb *lb = &cluster->lbs[i];
        lb->lb = cluster->config->lbs[i].lb;
        lb->port = (struct lb_remote_port){shell, cluster};
        lb->transport = (struct lb_transport){lb_remote_call, &lb->port};
        lb->lb.transport = &lb->transport;
        pthread_mutex_init(&lb->lock, NULL);
        lb_open(&lb->lb);
    }
    agent_keys_init(&cluster->agent_keys, shell->config, cluster->config);
    agent_store_load(shell, cluster);
}

static void cluster_close(struct cluster *cluster)
{
    plan_run_free_all(cluster);
    append_log_close(cluster->journal);
    free(cluster->upgrade);
    for (size_t i = 0; i < cluster->config->lb_count; i++) {
        lb_close(&cluster->lbs[i].lb);
        pthread_mutex_destroy(&cluster->lbs[i].lock);
    }
    free(cluster->lbs);
    agent_keys_done(&cluster->agent_keys);
}

bool shell_open(struct shell *shell, const struct config *config, struct error *err)
{
    memset(shell, 0, sizeof(*shell));
    shell->config = config;
    if (!key_pair_load(config->key_file, &shell->key, err))
        return false;
    key_random_id(shell->instance);
    shell->queue = queue_new();
    shell->pool = pool_new(WORKERS);
    shell->remote = lb_remote_new();
    shell->redis = redis_new(&config->redis);
    shell->syncer = log_syncer_new();
    shell->cluster_count = config->cluster_count;
    shell->clusters = memory_zeroed(config->cluster_count, sizeof(shell->clusters[0]));
    shell->is_read = memory_zeroed(config->cluster_count, sizeof(bool));
    pthread_mutex_init(&shell->led_lock, NULL);
    for (size_t i = 0; i < config->cluster_count; i++)
        cluster_open(shell, i);
    return true;
}

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
        if (shell->tell_alive != NULL)
            shell->tell_alive();
        clock_sleep_ms(delay_ms);
        delay_ms = delay_ms * 2 < RECONNECT_MOST_MS ? delay_ms * 2 : RECONNECT_MOST_MS;
    }
    return false;
}

void shell_close(struct shell *shell)
{
    pool_free(shell->pool);
    for (size_t i = 0; i < shell->cluster_count; i++)
        cluster_close(&shell->clusters[i]);
    free(shell->clusters);
    lb_remote_free(shell->remote);
    free(shell->is_read);
    pthread_mutex_destroy(&shell->led_lock);
    redis_free(shell->redis);
    log_syncer_free(shell->syncer);
    free(shell->steps);
    queue_free(shell->queue);
    key_pair_free(shell->key);
}

void shell_stop(struct shell *shell)
{
    atomic_store(&shell->is_stopping, true);
    queue_put(shell->queue, item_new(ITEM_NUDGE, 0));
}

/* Before anything is done with a cluster: what is owed to it is done, and its lease was renewed in
 * time. */
static void make_ready(struct shell *shell, struct cluster *cluster)
{
    struct error ignored;
    if (cluster->is_stepped)
        cluster_settle(shell);
    if (!cluster->is_led || lease_may_act(cluster, &ignored) ||
        clock_monotonic_ms() < cluster->renewed_ms + lease_renew_ms(shell->config))
        return;
    cluster_settle(shell);
    lease_renew_one(shell, cluster);
}

static void take_report(struct shell *shell, struct cluster *cluster, const char *body)
{
    struct report report;
    struct error err;
    if (report_read(body, strlen(body), &report, &err))
        cluster_report(shell, cluster, &report);
    else
        log_failure(LOG_LEVEL_WARNING, &err, "cluster %s: report refused", cluster->config->name);
}

static void take(struct shell *shell, struct item *item)
{
    struct cluster *cluster = &shell->clusters[item->cluster];
    make_ready(shell, cluster);
    if (item->view != NULL)
        atomic_store(&cluster->is_view_queued, false);
    if (!cluster->is_led && item->kind != ITEM_NUDGE && item->kind != ITEM_PLAN &&
        item->kind != ITEM_LB_CALL)
        return; /* another controller has taken over: what we hear is for it */
    switch (item->kind) {
    case ITEM_EVENT:
        item->event.view = item->view;
        item->event.now_ms = clock_wall_ms(); /* it may have waited while Redis was away */
        cluster_step_soon(shell, cluster, &item->event);
        return;
    case ITEM_REPORT:
        take_report(shell, cluster, item->body);
        return;
    case ITEM_REQUEST:
        handle_request(shell, cluster, &item->request);
        return;
    case ITEM_PLAN:
        plan_run_gathered(shell, cluster, item->plan_run);
        return;
    case ITEM_ANSWER:
        answer_text(shell, cluster, item->request_id, item->body, &item->event.error);
        return;
    case ITEM_LB_CALL:
        lb_remote_send(shell, cluster, item);
        return;
    case ITEM_LB_WITHDRAW:
        lb_remote_withdraw(shell, cluster, item);
        return;
    case ITEM_NUDGE:
        cluster->is_status_due = cluster->is_led;
        return;
    }
    CHECK(!"an item of no kind");
}

/* The step last: until it is settled, nothing may be told of the cluster. */
static void tick(struct shell *shell, struct cluster *cluster)
{
    struct event event = {.kind = EVENT_TICK, .now_ms = clock_wall_ms(), .node = NODE_NONE};
    if (!cluster->is_led)
        return;
    make_ready(shell, cluster);
    plan_run_tick(shell, cluster);
    if (cluster->is_led && cluster->is_status_due &&
        clock_monotonic_ms() >= cluster->status_ms + STATUS_EVERY_MS)
        status_publish(shell, cluster);
    if (cluster->is_led && cluster->upgrade != NULL && event.now_ms >= cluster->wake_ms)
        cluster_step_soon(shell, cluster, &event);
}

static int64_t sleep_ms(const struct shell *shell)
{
    int64_t least = LONGEST_SLEEP_MS;
    if (lease_wait_ms(shell) < least)
        least = lease_wait_ms(shell);
    int64_t now_ms = clock_wall_ms();
    for (size_t i = 0; i < shell->cluster_count; i++) {
        const struct cluster *cluster = &shell->clusters[i];
        if (!cluster->is_led)
            continue;
        if (cluster->wake_ms - now_ms < least)
            least = cluster->wake_ms - now_ms;
        if (cluster->is_status_due && STATUS_EVERY_MS < least)
            least = STATUS_EVERY_MS;
    }
    return least > 0 ? least : 0;
}

/* What Redis took last before a restart or a failover may be lost: commands, reports, records. As
 * with a new leader, all that is open is asked again with an epoch of its own. */
static bool begin_anew(struct shell *shell)
{
    unsigned links = redis_connections(shell->redis);
    if (links == shell->seen_links)
        return false;
    shell->seen_links = links;
    for (size_t i = 0; i < shell->cluster_count; i++) {
        shell->clusters[i].is_status_due = shell->clusters[i].is_led;
        shell->clusters[i].is_led = false;
    }
    return true;
}

static void renew_if_due(struct shell *shell)
{
    bool is_due = lease_wait_ms(shell) <= 0;
    if (is_due && !shell_redis(shell))
        return;
    if (begin_anew(shell))
        lease_renew_all(shell);
    else if (is_due)
        lease_renew_due(shell);
}

/* What waits until the clusters that have been stepped are settled; in its order. */
struct waiting {
    struct item *first, **last;
};

static void wait_for_settling(struct waiting *waiting, struct item *item)
{
    item->next = NULL;
    *waiting->last = item;
    waiting->last = &item->next;
}

/* One round: every cluster is stepped once at most, so that all are settled together. What comes
 * for a cluster behind an item that waits, waits as well. */
static void take_round(struct shell *shell, struct item *first, struct waiting *later)
{
    for (const struct item *item = first; item != NULL; item = item->next)
        shell->clusters[item->cluster].has_items_waiting = false;
    for (struct item *item = first, *next; item != NULL; item = next) {
        struct cluster *cluster = &shell->clusters[item->cluster];
        next = item->next;
        if (cluster->is_stepped || cluster->has_items_waiting) {
            cluster->has_items_waiting = true;
            wait_for_settling(later, item);
            continue;
        }
        take(shell, item);
        item_free(item);
    }
    cluster_settle(shell);
}

/* The first, and what else is there: a look at all clusters costs more than most items. */
static void take_some(struct shell *shell, struct item *first)
{
    struct waiting round = {.last = &round.first};
    for (unsigned taken = 0; first != NULL && taken < ITEMS_AT_ONCE; taken++) {
        wait_for_settling(&round, first);
        first = taken + 1 < ITEMS_AT_ONCE ? queue_take(shell->queue, 0) : NULL;
    }
    while (round.first != NULL) {
        struct waiting later = {.last = &later.first};
        take_round(shell, round.first, &later);
        round.first = later.first;
        if (lease_is_late(shell))
            renew_if_due(shell);
    }
}

void shell_run(struct shell *shell)
{
    lease_renew_all(shell);
    shell->seen_links = redis_connections(shell->redis);
    while (!atomic_load(&shell->is_stopping)) {
        if (shell->tell_alive != NULL)
            shell->tell_alive();
        struct item *item = queue_take(shell->queue, sleep_ms(shell));
        renew_if_due(shell); /* first: we may have been stopped for long, and lead no more */
        take_some(shell, item);
        for (size_t i = 0; i < shell->cluster_count; i++)
            tick(shell, &shell->clusters[i]);
        cluster_settle(shell);
    }
    lb_remote_close(shell);
    lease_release_all(shell);
    name_release(shell);
}
