/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the journals: our own copies first, then the streams in Redis together with the commands.
 * What several clusters have to write at one time costs one wait for the disk and one for Redis.
 */
#include "channel.h"
#include "check.h"
#include "clock.h"
#include "failpoint.h"
#include "journal_row.h"
#include "lease_turn.h"
#include "log.h"
#include "log_syncer.h"
#include "memory.h"
#include "shell.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REDIS_CALL_MS 5000
#define RECORDS_MOST  5000 /* then one record with all rows replaces them: 32 nodes write 1,500 */
#define RECORDS_TEXT  "20000" /* Redis' own bound, never reached */

/*
 * KEYS lease epoch journal status news command-stream…, ARGV value epoch most record signer
 * is_whole status (body sig is_cancel)… → 1, or -1: not ours. An empty record: nothing has changed,
 * there are only commands to repeat. An empty status: that is told later. What was asked before a
 * cancel and was not read yet is overtaken, and an agent that has been away must not find it.
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
        "for i = 6, #KEYS do\n"
        "  if ARGV[3 * i - 8] == '1' then redis.call('XTRIM', KEYS[i], 'MAXLEN', '0') end\n"
        "end\n"
        "for i = 6, #KEYS do\n"
        "  redis.call('XADD', KEYS[i], 'MAXLEN', '~', 1000, '*', 'body', ARGV[3 * i - 10],\n"
        "             'key', ARGV[5], 'sig', ARGV[3 * i - 9])\n"
        "end\n"
        "if ARGV[7] ~= '' then\n"
        "  redis.call('SET', KEYS[4], ARGV[7])\n"
        "  redis.call('XADD', KEYS[5], 'MAXLEN', '~', " STATUS_NEWS_MOST ", '*', 'n', '1')\n"
        "end\n"
        "return 1\n"};

enum { OWN_KEYS = 5, OWN_ARGUMENTS = 7 };

/* One call of the script; the request's words point into it and into the entry. */
struct sending {
    char keys[OWN_KEYS][CHANNEL_KEY_SIZE];
    char value[LEASE_HOLDER_SIZE], epoch[24];
    const char **arguments; /* owned */
};

static void sending_begin(const struct shell *shell, const struct journal_entry *entry,
                          struct sending *sending, struct redis_request *request)
{
    static const char *const keys[OWN_KEYS] = {"lease", "epoch", "journal", "status", "news"};
    const struct cluster *cluster = entry->cluster;
    size_t place = 0;
    lease_value(shell, sending->value);
    snprintf(sending->epoch, sizeof(sending->epoch), "%" PRIu64, cluster->epoch);
    const char *own[OWN_ARGUMENTS] = {sending->value,
                                      sending->epoch,
                                      RECORDS_TEXT,
                                      entry->record != NULL ? entry->record : "",
                                      shell->config->name,
                                      entry->is_whole ? "1" : "0",
                                      entry->status != NULL ? entry->status : ""};
    request->count = OWN_KEYS + OWN_ARGUMENTS + 4 * entry->count;
    request->key_count = OWN_KEYS + entry->count;
    request->argv = sending->arguments = memory_zeroed(request->count, sizeof(const char *));
    for (size_t i = 0; i < OWN_KEYS; i++) {
        channel_key(sending->keys[i], cluster->config->name, keys[i], NULL);
        sending->arguments[place++] = sending->keys[i];
    }
    for (size_t i = 0; i < entry->count; i++)
        sending->arguments[place++] = entry->commands[i].stream;
    for (size_t i = 0; i < OWN_ARGUMENTS; i++)
        sending->arguments[place++] = own[i];
    for (size_t i = 0; i < entry->count; i++) {
        sending->arguments[place++] = entry->commands[i].body;
        sending->arguments[place++] = entry->commands[i].signature;
        sending->arguments[place++] = entry->commands[i].is_cancel ? "1" : "0";
    }
}

/* Whether it was obeyed. */
static bool read_reply(struct redis_request *request, struct error *err)
{
    if (request->reply == NULL) {
        *err = request->err;
        return false;
    }
    bool is_stale = request->reply->type == REDIS_REPLY_INTEGER && request->reply->integer == -1;
    redis_reply_cleanup(&request->reply);
    if (is_stale)
        error_set(err, ERROR_STALE, "the lease is not ours any more");
    return !is_stale;
}

static bool send_again(struct shell *shell, struct redis_request *request, struct error *err)
{
    redis_eval_all(shell->redis, deadline_after_ms(REDIS_CALL_MS), &append_script, request, 1);
    return read_reply(request, err);
}

static bool stand_back(struct shell *shell, struct cluster *cluster, const struct error *err)
{
    log_failure(LOG_LEVEL_WARNING, err, "cluster %s: journal", cluster->config->name);
    lease_turn_hurry(shell, cluster); /* find out at once whose it is; */
    cluster->is_led = false;          /* if ours, it is taken as if new, and all is asked again */
    return false;
}

/*
 * Redis may be away: the lease runs out meanwhile and is taken again afterwards, so writing waits
 * until Redis is back and then looks whose the cluster is.
 */
static bool sending_end(struct shell *shell, struct cluster *cluster, struct redis_request *request,
                        bool was_cut)
{
    struct error err;
    bool is_obeyed = read_reply(request, &err);
    while (!is_obeyed) {
        if (err.code == ERROR_STALE || !was_cut)
            return stand_back(shell, cluster, &err);
        if (!shell_redis(shell))
            return false;
        if (!lease_may_act(cluster, &err)) /* another may, wherever we are connected now */
            return stand_back(shell, cluster, &err);
        is_obeyed = send_again(shell, request, &err);
        was_cut = !redis_is_connected(shell->redis);
    }
    failpoint("journal-after-script");
    return true;
}

static bool has_something(const struct journal_entry *entry)
{
    return entry->record != NULL || entry->count != 0;
}

static void send_all(struct shell *shell, struct journal_entry *entries, size_t count)
{
    struct sending *sendings = memory_zeroed(count, sizeof(sendings[0]));
    struct redis_request *requests = memory_zeroed(count, sizeof(requests[0]));
    size_t sent = 0;
    for (size_t i = 0; i < count; i++)
        if (entries[i].is_written && has_something(&entries[i])) {
            sending_begin(shell, &entries[i], &sendings[sent], &requests[sent]);
            sent++;
        }
    redis_eval_all(shell->redis, deadline_after_ms(REDIS_CALL_MS), &append_script, requests, sent);
    bool was_cut = !redis_is_connected(shell->redis);
    sent = 0;
    for (size_t i = 0; i < count; i++)
        if (entries[i].is_written && has_something(&entries[i])) {
            entries[i].is_written =
                sending_end(shell, entries[i].cluster, &requests[sent], was_cut);
            free(sendings[sent++].arguments);
        }
    free(requests);
    free(sendings);
}

static bool is_all_dirty(const struct upgrade *upgrade)
{
    return upgrade->is_dirty && upgrade->dirty_nodes == upgrade_all_nodes(upgrade);
}

/* Of the dirty rows, if there are any. */
static void make_record(struct journal_entry *entry)
{
    struct cluster *cluster = entry->cluster;
    struct upgrade *upgrade = cluster->upgrade;
    if (!upgrade->is_dirty && upgrade->dirty_nodes == 0)
        return;
    if (++cluster->journal_records >= RECORDS_MOST)
        upgrade_mark_all(upgrade);
    entry->is_whole = is_all_dirty(upgrade);
    if (entry->is_whole)
        cluster->journal_records = 0;
    struct journal_head head = {++cluster->journal_sequence, cluster->epoch, clock_wall_ms()};
    entry->record = journal_record_write(upgrade, &head);
}

/* A record with all rows says all, and replaces what was before it; others are added. */
static bool begin_copy(struct journal_entry *entry, struct log_sync *sync, struct error *err)
{
    struct append_log *log = entry->cluster->journal;
    *sync = (struct log_sync){.log = log, .whole = entry->is_whole ? entry->record : NULL};
    return entry->is_whole || append_log_add_unsynced(log, entry->record, err);
}

static void copy_is_written(struct cluster *cluster)
{
    cluster->copy_head.epoch = cluster->epoch;
    cluster->copy_head.sequence = cluster->journal_sequence;
}

/* Our own copies. Where one cannot be written, another controller may, or we may later. */
static void write_copies(struct shell *shell, struct journal_entry *entries, size_t count)
{
    struct log_sync *list = memory_zeroed(count, sizeof(list[0]));
    struct journal_entry **owners = memory_zeroed(count, sizeof(struct journal_entry *));
    size_t begun = 0;
    struct error err;
    for (size_t i = 0; i < count; i++) {
        struct journal_entry *entry = &entries[i];
        entry->is_written = true;
        make_record(entry);
        if (entry->record == NULL)
            continue;
        failpoint("journal-before-copy");
        if (begin_copy(entry, &list[begun], &err)) {
            owners[begun++] = entry;
            continue;
        }
        entry->is_written = false;
        lease_give_up_because(shell, entry->cluster, &err);
    }
    log_syncer_run(shell->syncer, list, begun);
    if (begun > 0)
        failpoint("journal-after-copy");
    for (size_t i = 0; i < begun; i++) {
        owners[i]->is_written = list[i].is_synced;
        if (list[i].is_synced)
            copy_is_written(owners[i]->cluster);
        else
            lease_give_up_because(shell, owners[i]->cluster, &list[i].err);
    }
    free(owners);
    free(list);
}

void journal_write_all(struct shell *shell, struct journal_entry *entries, size_t count)
{
    write_copies(shell, entries, count);
    send_all(shell, entries, count);
    for (size_t i = 0; i < count; i++) {
        free(entries[i].record);
        entries[i].record = NULL;
    }
}

bool journal_write(struct shell *shell, struct cluster *cluster)
{
    struct journal_entry entry = {.cluster = cluster};
    journal_write_all(shell, &entry, 1);
    return entry.is_written;
}

bool journal_put_cleared(struct shell *shell, struct cluster *cluster, const char *record,
                         struct error *err)
{
    struct journal_entry entry = {.cluster = cluster, .record = memory_text(record)};
    struct sending sending;
    struct redis_request request;
    cluster->journal_records = 0;
    entry.is_whole = true;
    bool is_good = append_log_rewrite(cluster->journal, &record, 1, err);
    if (is_good) {
        copy_is_written(cluster);
        sending_begin(shell, &entry, &sending, &request);
        is_good = send_again(shell, &request, err);
        free(sending.arguments);
    }
    free(entry.record);
    return is_good;
}
