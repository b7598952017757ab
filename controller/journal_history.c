/* SPDX-License-Identifier: Apache-2.0 */
#include "journal_history.h"

#include "clock.h"
#include "file.h"
#include "log.h"
#include "memory.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REDIS_CALL_MS 5000

bool history_is_further(const struct journal_head *a, const struct journal_head *b)
{
    return a->epoch != b->epoch ? a->epoch > b->epoch : a->sequence > b->sequence;
}

void history_done(struct history *history)
{
    free(history->upgrade);
    free(history->cleared);
    *history = (struct history){.cluster = history->cluster};
}

static bool apply(void *context, uint64_t number, const char *text, struct error *err)
{
    struct history *history = context;
    struct journal_head head;
    (void)number;
    if (!journal_record_apply(text, strlen(text), history->cluster, &history->upgrade, &head, err))
        return false;
    history->head = head;
    history->count++;
    free(history->cleared);
    history->cleared = history->upgrade == NULL ? memory_text(text) : NULL;
    return true;
}

bool journal_copy_path(const struct shell *shell, const struct cluster *cluster,
                       char path[JOURNAL_PATH_SIZE], struct error *err)
{
    char directory[LIMIT_PATH + 16];
    snprintf(directory, sizeof(directory), "%s/journal", shell->config->state_dir);
    if (!file_make_directory(directory, 0700, err))
        return false;
    snprintf(path, JOURNAL_PATH_SIZE, "%s/%s.log", directory, cluster->config->name);
    return true;
}

/* Without the journal nobody knows what was begun: a person looks, and decides. */
static void hint_recover(const struct cluster *cluster, struct error *err)
{
    error_hint(err,
               "`shunt recover %s --reason TEXT` puts the journal aside and begins anew with "
               "what is observed",
               cluster->config->name);
}

bool history_read_copy(struct shell *shell, struct cluster *cluster, struct history *history,
                       struct error *err)
{
    char path[JOURNAL_PATH_SIZE];
    size_t torn = 0;
    if (!journal_copy_path(shell, cluster, path, err))
        return false;
    append_log_close(cluster->journal);
    cluster->journal = NULL;
    cluster->copy_head = (struct journal_head){0};
    if (!append_log_open(path, apply, history, &cluster->journal, &torn, err)) {
        error_wrap(err, "our own copy of the journal");
        if (err->code == ERROR_INTEGRITY || err->code == ERROR_CONFLICT)
            hint_recover(cluster, err);
        return false;
    }
    if (torn != 0)
        log_warning("cluster %s: %zu bytes of a torn last record dropped", cluster->config->name,
                    torn);
    cluster->copy_head = history->head;
    return true;
}

/* The text of [id, ["record", text]]; NULL where the entry has another shape. */
static const char *record_of(const redisReply *entry)
{
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
        entry->element[0]->type != REDIS_REPLY_STRING ||
        entry->element[1]->type != REDIS_REPLY_ARRAY || entry->element[1]->elements != 2 ||
        entry->element[1]->element[1]->type != REDIS_REPLY_STRING)
        return NULL;
    return entry->element[1]->element[1]->str;
}

static bool read_entries(const redisReply *reply, struct history *history, struct error *err)
{
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        const char *record = record_of(reply->element[i]);
        if (record == NULL) {
            error_set(err, ERROR_INTEGRITY, "entry %zu is no journal record", i);
            return false;
        }
        TEXT_COPY(history->last_id, reply->element[i]->element[0]->str);
        if (!apply(history, i, record, err)) {
            error_wrap(err, "record %zu (entry %s)", i, reply->element[i]->element[0]->str);
            return false;
        }
    }
    return true;
}

bool history_read_stream(struct shell *shell, struct cluster *cluster, const char *from,
                         struct history *history, struct error *err)
{
    char key[CHANNEL_KEY_SIZE];
    REPLY_CLEANUP redisReply *reply = NULL;
    channel_key(key, cluster->config->name, "journal", NULL);
    if (redis_command(shell->redis, deadline_after_ms(REDIS_CALL_MS), &reply, err, "XRANGE", key,
                      from, "+", NULL) &&
        read_entries(reply, history, err))
        return true;
    if (!error_code_is_transient(err->code)) {
        if (err->code == ERROR_PROTOCOL)
            err->code = ERROR_INTEGRITY; /* the key holds something else than a stream */
        error_wrap(err, "the journal in Redis, %s", key);
        hint_recover(cluster, err);
    }
    return false;
}
