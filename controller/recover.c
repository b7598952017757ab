/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `shunt recover`: the journal of a cluster cannot be used, and a person has decided to go on
 * without it. Both copies are put aside, and the cluster begins with none. Nothing is guessed: what
 * agents, Bitbucket and load balancers say of the nodes is told, and the person mends what is
 * amiss.
 */
#include "answer.h"
#include "clock.h"
#include "file.h"
#include "journal_row.h"
#include "log.h"
#include "memory.h"
#include "plan_run.h"
#include "shell.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define REDIS_CALL_MS 5000
#define BAD_LIFE_MS   "2592000000" /* 30 days: for those who look into it */

/* KEYS lease epoch journal bad, ARGV value epoch life_ms → 1, or -1: not ours */
static struct redis_script archive_script = {
    .text =
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[2] then\n"
        "  return -1\n"
        "end\n"
        "if redis.call('EXISTS', KEYS[3]) == 1 then\n"
        "  redis.call('RENAME', KEYS[3], KEYS[4])\n"
        "  redis.call('PEXPIRE', KEYS[4], ARGV[3])\n"
        "end\n"
        "return 1\n"};

struct aside {
    char stamp[32];
    char path[JOURNAL_PATH_SIZE + 32];
    char key[CHANNEL_KEY_SIZE];
};

static void stamp_now(char *stamp, size_t size)
{
    struct tm utc;
    int64_t now_ms = clock_wall_ms();
    time_t now = (time_t)(now_ms / 1000);
    gmtime_r(&now, &utc);
    size_t length = strftime(stamp, size, "%Y%m%dT%H%M%S", &utc);
    snprintf(stamp + length, size - length, ".%03dZ", (int)(now_ms % 1000));
}

/* Our copy first: should we end here, the one in Redis is still there to be refused. */
static bool archive_copy(struct shell *shell, struct cluster *cluster, struct aside *aside,
                         struct error *err)
{
    char path[JOURNAL_PATH_SIZE];
    if (!journal_copy_path(shell, cluster, path, err))
        return false;
    append_log_close(cluster->journal);
    cluster->journal = NULL;
    snprintf(aside->path, sizeof(aside->path), "%s.bad-%s", path, aside->stamp);
    return file_rename(path, aside->path, err) || err->code == ERROR_NOT_FOUND;
}

static bool archive_stream(struct shell *shell, struct cluster *cluster, struct aside *aside,
                           struct error *err)
{
    const char *name = cluster->config->name;
    char lease[CHANNEL_KEY_SIZE], epoch_key[CHANNEL_KEY_SIZE], journal[CHANNEL_KEY_SIZE];
    char value[LEASE_HOLDER_SIZE], epoch[24];
    REPLY_CLEANUP redisReply *reply = NULL;
    channel_key(lease, name, "lease", NULL);
    channel_key(epoch_key, name, "epoch", NULL);
    channel_key(journal, name, "journal", NULL);
    snprintf(aside->key, sizeof(aside->key), "%s:bad:%s", journal, aside->stamp);
    lease_value(shell, value);
    snprintf(epoch, sizeof(epoch), "%" PRIu64, cluster->epoch);
    const char *arguments[] = {lease, epoch_key, journal, aside->key, value, epoch, BAD_LIFE_MS};
    if (!redis_eval(shell->redis, deadline_after_ms(REDIS_CALL_MS), &archive_script, 4, arguments,
                    sizeof(arguments) / sizeof(arguments[0]), &reply, err))
        return false;
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 1)
        return true;
    error_set(err, ERROR_STALE, "the lease is not ours any more");
    return false;
}

/* The new journal begins with the record that it was cleared: it is newer than any copy that
 * another controller may have of the old one. */
static bool begin_anew(struct shell *shell, struct cluster *cluster, const struct request *request,
                       struct error *err)
{
    if (!journal_open(shell, cluster, err))
        return false;
    struct journal_head head = {
        .sequence = ++cluster->journal_sequence, .epoch = cluster->epoch, .at_ms = clock_wall_ms()};
    FREE_CLEANUP char *record =
        journal_cleared_write(cluster->config->name, &head, request->operator, request->reason);
    return journal_put_cleared(shell, cluster, record, err);
}

static bool recover(struct shell *shell, struct cluster *cluster, const struct request *request,
                    struct aside *aside, struct error *err)
{
    stamp_now(aside->stamp, sizeof(aside->stamp));
    dispatch_forget(shell, cluster);
    /* Commands that no agent has taken yet are void: they are of the journal that is put aside. */
    return archive_copy(shell, cluster, aside, err) && dispatch_clear(shell, cluster, err) &&
           archive_stream(shell, cluster, aside, err) && begin_anew(shell, cluster, request, err);
}

static void tell(struct shell *shell, struct cluster *cluster, const struct request *request,
                 const struct aside *aside)
{
    char text[ERROR_MESSAGE_SIZE]; /* as long as the CLI takes */
    snprintf(text, sizeof(text), "the journal was put aside: in Redis %s, our own copy %s",
             aside->key, aside->path);
    log_notice("cluster %s: %s; by %s: %s", cluster->config->name, text, request->operator,
               request->reason);
    history_tell(shell, cluster, request, text);
    status_publish(shell, cluster);
    plan_run_start(shell, cluster, request, text);
}

void recover_cluster(struct shell *shell, struct cluster *cluster, const struct request *request)
{
    struct aside aside;
    struct error err;
    if (cluster->journal_error.code == ERROR_NONE) {
        error_set(&err, ERROR_CONFLICT, "the journal of cluster %s is good: nothing was done",
                  cluster->config->name);
        answer_text(shell, cluster, request->id, NULL, &err);
        return;
    }
    log_failure(LOG_LEVEL_NOTICE, &cluster->journal_error, "cluster %s: to be recovered",
                cluster->config->name);
    if (recover(shell, cluster, request, &aside, &err)) {
        error_clear(&cluster->journal_error);
        tell(shell, cluster, request, &aside);
        return;
    }
    error_wrap(&err, "recover");
    log_failure(LOG_LEVEL_ERROR, &err, "cluster %s", cluster->config->name);
    answer_text(shell, cluster, request->id, NULL, &err);
    cluster->is_status_due = true;
}
