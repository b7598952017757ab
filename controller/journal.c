/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of a cluster: records in a Redis stream, written only by the holder of the epoch, and
 * an fsynced copy of the leader's own. Whichever of the two went further is believed; what Redis
 * has lost is put back.
 */
#include "channel.h"
#include "check.h"
#include "clock.h"
#include "failpoint.h"
#include "journal_history.h"
#include "log.h"
#include "memory.h"
#include "shell.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REDIS_CALL_MS 5000
#define RECORDS_MOST  5000 /* then one record with all rows replaces them: 32 nodes write 1,500 */
#define RECORDS_TEXT  "20000" /* Redis' own bound, never reached */

/*
 * KEYS lease epoch journal command-stream…, ARGV value epoch most record signer is_whole (body sig
 * is_cancel)… → 1, or -1: not ours. An empty record: nothing has changed, there are only commands
 * to repeat. What was asked before a cancel and was not read yet is overtaken, and an agent that
 * has been away must not find it.
 */
static struct redis_script append_script = {
    .text =
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[2] then\n"
        "  return -1\n"
        "end\n"
        "if ARGV[6] == '1' then redis.call('DEL', KEYS[3]) end\n"
        "if ARGV[4] ~= '' then\n"
        "  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*', 'record', ARGV[4])\n"
        "end\n"
        "for i = 4, #KEYS do\n"
        "  if ARGV[3 * i - 3] == '1' then redis.call('XTRIM', KEYS[i], 'MAXLEN', '0') end\n"
        "end\n"
        "for i = 4, #KEYS do\n"
        "  redis.call('XADD', KEYS[i], 'MAXLEN', '~', 1000, '*', 'body', ARGV[3 * i - 5],\n"
        "             'key', ARGV[5], 'sig', ARGV[3 * i - 4])\n"
        "end\n"
        "return 1\n"};

/*
 * What stands in Redis may be damaged by a stranger or a failover: our copy is whole then. It is
 * also the latest, if we were the last to lead: every leader writes with an epoch of its own.
 */
static bool read_either(struct shell *shell, struct cluster *cluster, const struct history *copy,
                        struct history *stream, struct error *err)
{
    if (history_read_stream(shell, cluster, "-", stream, err))
        return true;
    if (err->code != ERROR_INTEGRITY || copy->count == 0 || copy->head.epoch + 1 < cluster->epoch)
        return false;
    log_failure(LOG_LEVEL_WARNING, err, "cluster %s: our own copy of the journal is used",
                cluster->config->name);
    history_done(stream);
    return true;
}

/*
 * The highest epoch that we know to have been used: a Redis that lost everything must not hand out
 * one that agents have seen already.
 */
uint64_t journal_epoch_floor(struct shell *shell, struct cluster *cluster)
{
    struct history copy = {.cluster = cluster->config->name};
    struct error err;
    if (cluster->epoch == 0 && !cluster->is_led && history_read_copy(shell, cluster, &copy, &err))
        cluster->epoch = copy.head.epoch;
    history_done(&copy);
    return cluster->epoch;
}

static bool is_all_dirty(const struct upgrade *upgrade)
{
    return upgrade->is_dirty && upgrade->dirty_nodes == upgrade_all_nodes(upgrade);
}

/* Takes the upgrade that the further journal leads to. The one that is in memory already (a Redis
 * that came back empty) is as far as can be. */
static void take_best(struct cluster *cluster, struct history *copy, struct history *stream)
{
    struct history *best = history_is_further(&stream->head, &copy->head) ? stream : copy;
    if (cluster->upgrade == NULL || best == stream) {
        free(cluster->upgrade);
        cluster->upgrade = MEMORY_STEAL(best->upgrade);
    }
    if (best->head.sequence > cluster->journal_sequence)
        cluster->journal_sequence = best->head.sequence;
}

/* Makes both journals say the same. */
static bool put_back(struct shell *shell, struct cluster *cluster, const char *cleared,
                     struct error *err)
{
    if (cluster->upgrade == NULL) {
        if (cleared == NULL || journal_put_cleared(shell, cluster, cleared, err))
            return true;
        if (err->code == ERROR_STALE)
            err->code = ERROR_UNAVAILABLE; /* whose it is will be found out */
        return false;
    }
    upgrade_mark_all(cluster->upgrade);
    if (journal_write(shell, cluster, NULL, 0))
        return true;
    error_set(err, ERROR_UNAVAILABLE, "the journal could not be written");
    return false;
}

bool journal_open(struct shell *shell, struct cluster *cluster, struct error *err)
{
    struct history copy = {.cluster = cluster->config->name};
    struct history stream = {.cluster = cluster->config->name};
    bool is_good = history_read_copy(shell, cluster, &copy, err) &&
                   read_either(shell, cluster, &copy, &stream, err);
    if (is_good) {
        const struct history *best = history_is_further(&stream.head, &copy.head) ? &stream : &copy;
        take_best(cluster, &copy, &stream);
        is_good = put_back(shell, cluster, best->cleared, err);
    }
    history_done(&copy);
    history_done(&stream);
    return is_good;
}

/* A record with all rows says all: what was before it is of no use. */
static bool write_copy(struct cluster *cluster, const char *record, bool is_whole,
                       struct error *err)
{
    return is_whole ? append_log_rewrite(cluster->journal, &record, 1, err)
                    : append_log_add(cluster->journal, &record, 1, err);
}

#define FIXED_ARGUMENTS 9 /* three keys and six arguments */

static bool write_stream(struct shell *shell, struct cluster *cluster, const char *record,
                         bool is_whole, const struct outgoing *commands, size_t count,
                         struct error *err)
{
    char lease[CHANNEL_KEY_SIZE], epoch_key[CHANNEL_KEY_SIZE], journal[CHANNEL_KEY_SIZE];
    char value[LEASE_HOLDER_SIZE], epoch[24];
    const char *arguments[FIXED_ARGUMENTS + 4 * ACTIONS_MAX] = {lease, epoch_key, journal};
    size_t place = 3;
    REPLY_CLEANUP redisReply *reply = NULL;
    channel_key(lease, cluster->config->name, "lease", NULL);
    channel_key(epoch_key, cluster->config->name, "epoch", NULL);
    channel_key(journal, cluster->config->name, "journal", NULL);
    lease_value(shell, value);
    snprintf(epoch, sizeof(epoch), "%" PRIu64, cluster->epoch);
    for (size_t i = 0; i < count; i++)
        arguments[place++] = commands[i].stream;
    const char *fixed[] = {
        value, epoch, RECORDS_TEXT, record, shell->config->name, is_whole ? "1" : "0"};
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        arguments[place++] = fixed[i];
    for (size_t i = 0; i < count; i++) {
        arguments[place++] = commands[i].body;
        arguments[place++] = commands[i].signature;
        arguments[place++] = commands[i].is_cancel ? "1" : "0";
    }
    if (!redis_eval(shell->redis, deadline_after_ms(REDIS_CALL_MS), &append_script, 3 + count,
                    arguments, place, &reply, err))
        return false;
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer == -1) {
        error_set(err, ERROR_STALE, "the lease is not ours any more");
        return false;
    }
    return true;
}

bool journal_put_cleared(struct shell *shell, struct cluster *cluster, const char *record,
                         struct error *err)
{
    cluster->journal_records = 0;
    return write_copy(cluster, record, true, err) &&
           write_stream(shell, cluster, record, true, NULL, 0, err);
}

static bool stand_back(struct shell *shell, struct cluster *cluster, const struct error *err)
{
    log_failure(LOG_LEVEL_WARNING, err, "cluster %s: journal", cluster->config->name);
    shell->renewed_ms = 0;   /* find out at once whose it is; */
    cluster->is_led = false; /* if ours, it is taken as if new, and all is asked again */
    return false;
}

/* Our own copy first. Where it cannot be written, another controller may, or we may later. */
static bool write_copy_first(struct shell *shell, struct cluster *cluster, const char *record,
                             bool is_whole)
{
    struct error err;
    if (write_copy(cluster, record, is_whole, &err))
        return true;
    lease_give_up_because(shell, cluster, &err);
    return false;
}

/*
 * Redis may be away: the lease runs out meanwhile and is taken again afterwards, so writing waits
 * until Redis is back and then looks whose the cluster is. False: nothing may be acted on.
 */
bool journal_write(struct shell *shell, struct cluster *cluster, const struct outgoing *commands,
                   size_t count)
{
    struct upgrade *upgrade = cluster->upgrade;
    FREE_CLEANUP char *record = NULL;
    bool is_whole = false;
    struct error err;
    if (upgrade->is_dirty || upgrade->dirty_nodes != 0) {
        if (++cluster->journal_records >= RECORDS_MOST)
            upgrade_mark_all(upgrade);
        is_whole = is_all_dirty(upgrade);
        if (is_whole)
            cluster->journal_records = 0;
        struct journal_head head = {++cluster->journal_sequence, cluster->epoch, clock_wall_ms()};
        record = journal_record_write(upgrade, &head);
        failpoint("journal-before-copy");
        if (!write_copy_first(shell, cluster, record, is_whole))
            return false;
        failpoint("journal-after-copy");
    } else if (count == 0) {
        return true;
    }
    while (!write_stream(shell, cluster, record != NULL ? record : "", is_whole, commands, count,
                         &err))
        if (err.code == ERROR_STALE || redis_is_connected(shell->redis))
            return stand_back(shell, cluster, &err);
        else if (!shell_redis(shell))
            return false;
    failpoint("journal-after-script");
    return true;
}
