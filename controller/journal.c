/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of a cluster: records in a Redis stream, written only by the holder of the epoch, and
 * an fsynced copy of the leader's own. Whichever of the two went further is believed; what Redis
 * has lost is put back.
 */
#include "channel.h"
#include "check.h"
#include "clock.h"
#include "file.h"
#include "journal_row.h"
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
 * KEYS lease epoch journal command-stream…, ARGV value epoch most record signer is_whole (body
 * sig)… → 1, or -1: not ours. An empty record: nothing has changed, there are only commands to
 * repeat.
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
        "  redis.call('XADD', KEYS[i], 'MAXLEN', '~', 1000, '*', 'body', ARGV[2 * i - 1],\n"
        "             'key', ARGV[5], 'sig', ARGV[2 * i])\n"
        "end\n"
        "return 1\n"};

/* What one source of records leads to. */
struct history {
    const char *cluster;
    struct upgrade *upgrade;
    struct journal_head head;
    uint64_t count;
};

static bool apply(void *context, uint64_t number, const char *text, struct error *err)
{
    struct history *history = context;
    struct journal_head head;
    if (!journal_record_apply(text, strlen(text), history->cluster, &history->upgrade, &head,
                              err)) {
        error_wrap(err, "journal record %" PRIu64, number);
        return false;
    }
    history->head = head;
    history->count++;
    return true;
}

static bool copy_path(const struct shell *shell, const struct cluster *cluster, char *path,
                      size_t size, struct error *err)
{
    char directory[LIMIT_PATH + 16];
    snprintf(directory, sizeof(directory), "%s/journal", shell->config->state_dir);
    if (!file_make_directory(directory, 0700, err))
        return false;
    snprintf(path, size, "%s/%s.log", directory, cluster->config->name);
    return true;
}

static bool read_copy(struct shell *shell, struct cluster *cluster, struct history *history,
                      struct error *err)
{
    char path[LIMIT_PATH + LIMIT_NAME + 32];
    size_t torn = 0;
    if (!copy_path(shell, cluster, path, sizeof(path), err))
        return false;
    append_log_close(cluster->journal);
    cluster->journal = NULL;
    if (!append_log_open(path, apply, history, &cluster->journal, &torn, err)) {
        error_wrap(err, "%s", path);
        error_hint(err, "move the file away: what Redis and the agents know is used then");
        return false;
    }
    if (torn != 0)
        log_warning("cluster %s: %zu bytes of a torn last record dropped", cluster->config->name,
                    torn);
    return true;
}

static bool read_stream(struct shell *shell, struct cluster *cluster, struct history *history,
                        struct error *err)
{
    char key[CHANNEL_KEY_SIZE];
    REPLY_CLEANUP redisReply *reply = NULL;
    channel_key(key, cluster->config->name, "journal", NULL);
    if (!redis_command(shell->redis, deadline_after_ms(REDIS_CALL_MS), &reply, err, "XRANGE", key,
                       "-", "+", NULL))
        return false;
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        const redisReply *entry = reply->element[i];
        if (entry->elements != 2 || entry->element[1]->elements != 2 ||
            entry->element[1]->element[1]->type != REDIS_REPLY_STRING) {
            error_set(err, ERROR_INTEGRITY, "entry %zu of %s is no journal record", i, key);
            return false;
        }
        if (!apply(history, i + 1, entry->element[1]->element[1]->str, err)) {
            error_wrap(err, "%s", key);
            return false;
        }
    }
    return true;
}

/* What stands in Redis may be damaged by a stranger or a failover: our copy is whole then. */
static bool read_either(struct shell *shell, struct cluster *cluster, const struct history *copy,
                        struct history *stream, struct error *err)
{
    if (read_stream(shell, cluster, stream, err))
        return true;
    if (err->code != ERROR_INTEGRITY || copy->count == 0)
        return false;
    log_failure(LOG_LEVEL_WARNING, err, "cluster %s: our own copy of the journal is used",
                cluster->config->name);
    free(stream->upgrade);
    stream->upgrade = NULL;
    stream->head = (struct journal_head){0};
    return true;
}

static bool is_further(const struct journal_head *a, const struct journal_head *b)
{
    return a->epoch != b->epoch ? a->epoch > b->epoch : a->sequence > b->sequence;
}

/*
 * The highest epoch that we know to have been used: a Redis that lost everything must not hand out
 * one that agents have seen already.
 */
uint64_t journal_epoch_floor(struct shell *shell, struct cluster *cluster)
{
    struct history copy = {.cluster = cluster->config->name};
    struct error err;
    if (cluster->epoch == 0 && !cluster->is_led && read_copy(shell, cluster, &copy, &err))
        cluster->epoch = copy.head.epoch;
    free(copy.upgrade);
    return cluster->epoch;
}

static void mark_all_dirty(struct upgrade *upgrade)
{
    upgrade->is_dirty = true;
    upgrade->dirty_nodes = upgrade_all_nodes(upgrade);
}

static bool is_all_dirty(const struct upgrade *upgrade)
{
    return upgrade->is_dirty && upgrade->dirty_nodes == upgrade_all_nodes(upgrade);
}

/*
 * The upgrade that is in memory already (a Redis that came back empty) is as far as can be;
 * otherwise the further of the two journals. Then both are made to say the same.
 */
bool journal_open(struct shell *shell, struct cluster *cluster, struct error *err)
{
    struct history copy = {.cluster = cluster->config->name};
    struct history stream = {.cluster = cluster->config->name};
    struct history *best = NULL;
    bool is_good =
        read_copy(shell, cluster, &copy, err) && read_either(shell, cluster, &copy, &stream, err);
    if (is_good) {
        best = is_further(&stream.head, &copy.head) ? &stream : &copy;
        if (cluster->upgrade == NULL || is_further(&stream.head, &copy.head)) {
            free(cluster->upgrade);
            cluster->upgrade = MEMORY_STEAL(best->upgrade);
        }
        if (best->head.sequence > cluster->journal_sequence)
            cluster->journal_sequence = best->head.sequence;
    }
    free(copy.upgrade);
    free(stream.upgrade);
    if (!is_good || cluster->upgrade == NULL)
        return is_good;
    mark_all_dirty(cluster->upgrade);
    if (journal_write(shell, cluster, NULL, 0))
        return true;
    error_set(err, ERROR_UNAVAILABLE, "the journal could not be written");
    return false;
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
    char value[LIMIT_NAME + 40], epoch[24];
    const char *arguments[FIXED_ARGUMENTS + 3 * ACTIONS_MAX] = {lease, epoch_key, journal};
    size_t place = 3;
    REPLY_CLEANUP redisReply *reply = NULL;
    channel_key(lease, cluster->config->name, "lease", NULL);
    channel_key(epoch_key, cluster->config->name, "epoch", NULL);
    channel_key(journal, cluster->config->name, "journal", NULL);
    snprintf(value, sizeof(value), "%s:%s", shell->config->name, shell->instance);
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

static bool stand_back(struct shell *shell, struct cluster *cluster, const struct error *err)
{
    log_failure(LOG_LEVEL_WARNING, err, "cluster %s: journal", cluster->config->name);
    shell->renewed_ms = 0;   /* find out at once whose it is: */
    cluster->is_led = false; /* if ours, it is taken as if new, and all is asked again */
    return false;
}

/* Our own copy first. False: it is broken, and nothing may be acted on. */
static bool write_copy_first(struct cluster *cluster, const char *record, bool is_whole)
{
    struct error err;
    if (write_copy(cluster, record, is_whole, &err))
        return true;
    log_failure(LOG_LEVEL_ERROR, &err, "cluster %s: journal; it is not acted on any more",
                cluster->config->name);
    cluster->journal_error = err;
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
            mark_all_dirty(upgrade);
        is_whole = is_all_dirty(upgrade);
        if (is_whole)
            cluster->journal_records = 0;
        struct journal_head head = {++cluster->journal_sequence, cluster->epoch, clock_wall_ms()};
        record = journal_record_write(upgrade, &head);
        if (!write_copy_first(cluster, record, is_whole))
            return false;
    } else if (count == 0) {
        return true;
    }
    while (!write_stream(shell, cluster, record != NULL ? record : "", is_whole, commands, count,
                         &err))
        if (err.code == ERROR_STALE || redis_is_connected(shell->redis))
            return stand_back(shell, cluster, &err);
        else if (!shell_redis(shell))
            return false;
    return true;
}
