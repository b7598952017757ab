/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A controller that does not lead reads along: should the leader and all data of Redis be lost at
 * one time, its copy of the journal is what is left.
 */
#include "clock.h"
#include "journal_history.h"
#include "memory.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

#define REDIS_CALL_MS 2000

/* The id of the stream's last entry, "" if there is none. */
static bool read_last_id(struct shell *shell, const struct cluster *cluster,
                         char id[CHANNEL_ENTRY_ID_SIZE], struct error *err)
{
    char key[CHANNEL_KEY_SIZE];
    REPLY_CLEANUP redisReply *reply = NULL;
    channel_key(key, cluster->config->name, "journal", NULL);
    if (!redis_command(shell->redis, deadline_after_ms(REDIS_CALL_MS), &reply, err, "XREVRANGE",
                       key, "+", "-", "COUNT", "1", NULL))
        return false;
    id[0] = '\0';
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 &&
        reply->element[0]->type == REDIS_REPLY_ARRAY && reply->element[0]->elements == 2 &&
        reply->element[0]->element[0]->type == REDIS_REPLY_STRING)
        text_copy(id, CHANNEL_ENTRY_ID_SIZE, reply->element[0]->element[0]->str);
    return true;
}

/* One record with all rows; what was before it is of no use. */
static bool write_copy(struct cluster *cluster, struct history *history, struct error *err)
{
    FREE_CLEANUP char *record = NULL;
    if (history->cleared != NULL) {
        record = memory_text(history->cleared);
    } else {
        upgrade_mark_all(history->upgrade);
        record = journal_record_write(history->upgrade, &history->head);
    }
    const char *records[] = {record};
    if (!append_log_rewrite(cluster->journal, records, 1, err))
        return false;
    cluster->copy_head = history->head;
    return true;
}

/* What our copy says is the beginning; the stream goes on from there, or begins anew. */
static bool catch_up(struct shell *shell, struct cluster *cluster, struct error *err)
{
    char from[CHANNEL_ENTRY_ID_SIZE + 1] = "-";
    struct history copy = {.cluster = cluster->config->name};
    struct history stream = {.cluster = cluster->config->name};
    if (cluster->followed[0] != '\0')
        snprintf(from, sizeof(from), "(%s", cluster->followed);
    bool is_good = history_read_copy(shell, cluster, &copy, err);
    if (is_good && cluster->followed[0] != '\0')
        stream.upgrade = MEMORY_STEAL(copy.upgrade);
    is_good = is_good && history_read_stream(shell, cluster, from, &stream, err);
    bool is_news = is_good && stream.count != 0 && history_is_further(&stream.head, &copy.head);
    if (is_news) {
        is_good = write_copy(cluster, &stream, err);
        if (stream.head.epoch > cluster->epoch)
            cluster->epoch = stream.head.epoch;
    }
    /* Behind what we have, or empty where it should go on: next time from its beginning. */
    TEXT_COPY(cluster->followed, is_news && is_good ? stream.last_id : "");
    history_done(&copy);
    history_done(&stream);
    return is_good;
}

bool journal_follow(struct shell *shell, struct cluster *cluster, struct error *err)
{
    char last_id[CHANNEL_ENTRY_ID_SIZE];
    if (!read_last_id(shell, cluster, last_id, err))
        return false;
    if (last_id[0] == '\0' || text_equal(last_id, cluster->followed))
        return true;
    return catch_up(shell, cluster, err);
}
