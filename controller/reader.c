/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader: one thread with its own connection that takes reports and requests of all led
 * clusters from their streams, verifies the signatures, and brings them to the main thread.
 *
 * An entry is acknowledged when it is in the queue: should we die before acting on it, the next
 * leader asks for everything again, and agents answer from their records. One that comes when we
 * lead no more is put back for whoever does: a read may have been under way, or we were stopped.
 */
#include "channel.h"
#include "clock.h"
#include "log.h"
#include "memory.h"
#include "message_codec.h"
#include "request_check.h"
#include "shell.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define GROUP         "controller"
#define REDIS_CALL_MS 5000
#define BLOCK_MS      500 /* then the list of led clusters is looked at again */
#define BATCH         64
#define RECONNECT_MS  200
#define IDLE_MS       100 /* leading nothing yet: a take-over takes seconds */

struct reader {
    struct shell *shell;
    struct redis *read;        /* blocks in XREADGROUP */
    struct redis *acknowledge; /* for XACK meanwhile */
    size_t stream_count;
    const char **streams; /* of the read under way */
    char (*names)[CHANNEL_KEY_SIZE];
    uint32_t *owner;  /* cluster of each stream */
    bool *is_grouped; /* groups of a cluster exist on this connection's server */
};

static bool is_ours(const struct reader *reader, uint32_t cluster)
{
    struct shell *shell = reader->shell;
    struct error ignored;
    pthread_mutex_lock(&shell->led_lock);
    bool is_read = shell->is_read[cluster];
    pthread_mutex_unlock(&shell->led_lock);
    return is_read && lease_may_act(&shell->clusters[cluster], &ignored);
}

/* Two streams a cluster: reports at even places, requests at odd ones. */
static void list_streams(struct reader *reader)
{
    struct shell *shell = reader->shell;
    reader->stream_count = 0;
    for (uint32_t i = 0; i < shell->cluster_count; i++) {
        if (!is_ours(reader, i))
            continue;
        for (int kind = 0; kind < 2; kind++) {
            size_t place = reader->stream_count++;
            channel_key(reader->names[place], shell->clusters[i].config->name,
                        kind == 0 ? "report" : "request", NULL);
            reader->streams[place] = reader->names[place];
            reader->owner[place] = i;
        }
    }
}

static bool make_groups(struct reader *reader, struct error *err)
{
    for (size_t i = 0; i < reader->stream_count; i += 2) {
        if (reader->is_grouped[reader->owner[i]])
            continue;
        for (size_t kind = 0; kind < 2; kind++)
            if (!channel_make_group(reader->acknowledge, deadline_after_ms(REDIS_CALL_MS),
                                    reader->streams[i + kind], GROUP, err))
                return false;
        reader->is_grouped[reader->owner[i]] = true;
    }
    return true;
}

static bool read_report(struct cluster *cluster, const struct channel_entry *entry,
                        struct item *item, struct error *err)
{
    struct key_public key;
    if (!agent_keys_find(&cluster->agent_keys, entry->signer, &key, err))
        return false;
    item->kind = ITEM_REPORT;
    item->report = memory_zeroed(1, sizeof(*item->report));
    if (!key_verify(&key, KEY_DOMAIN_REPORT, entry->body, entry->body_size, entry->signature,
                    err) ||
        !report_read(entry->body, entry->body_size, item->report, err))
        return false;
    if (text_equal(item->report->node, entry->signer) &&
        text_equal(item->report->cluster, cluster->config->name))
        return true;
    error_set(err, ERROR_DENIED, "agent '%s' speaks for node '%s' of cluster '%s'", entry->signer,
              item->report->node, item->report->cluster);
    return false;
}

static bool read_request(struct reader *reader, const struct channel_entry *entry,
                         struct item *item, struct error *err)
{
    const struct operator_config *asker = request_signer(reader->shell->config, entry, err);
    if (asker == NULL)
        return false;
    item->kind = ITEM_REQUEST;
    item->body = memory_zeroed(entry->body_size + 1, 1);
    memcpy(item->body, entry->body, entry->body_size);
    item->request.body = item->body;
    item->request.body_size = entry->body_size;
    return TEXT_COPY(item->request.signer, asker->name) &&
           TEXT_COPY(item->request.signature, entry->signature);
}

static void put_back(struct reader *reader, const struct channel_entry *entry)
{
    struct error err;
    REPLY_CLEANUP redisReply *reply = NULL;
    if (!redis_command(reader->acknowledge, deadline_after_ms(REDIS_CALL_MS), &reply, &err, "XADD",
                       entry->stream, "*", "body", entry->body, "key", entry->signer, "sig",
                       entry->signature, (char *)NULL))
        log_failure(LOG_LEVEL_WARNING, &err, "put back into %s", entry->stream);
}

/* Verified, into the queue; what is refused is counted there. */
static void bring(struct reader *reader, size_t place, const struct channel_entry *entry)
{
    struct shell *shell = reader->shell;
    struct error err;
    struct cluster *cluster = &shell->clusters[reader->owner[place]];
    struct item *item = item_new(ITEM_NUDGE, reader->owner[place]);
    bool is_good = false;
    if (entry->body == NULL)
        error_set(&err, ERROR_PROTOCOL, "an entry without body, key or signature, or too long");
    else
        is_good = place % 2 == 0 ? read_report(cluster, entry, item, &err)
                                 : read_request(reader, entry, item, &err);
    if (!is_good) {
        item->kind = ITEM_NUDGE; /* the status shows the number */
        atomic_fetch_add(&shell->refused, 1);
        log_failure(LOG_LEVEL_WARNING, &err, "cluster %s: %s refused", cluster->config->name,
                    place % 2 == 0 ? "report" : "request");
    }
    queue_put(shell->queue, item);
}

static void take(void *context, const struct channel_entry *entry)
{
    struct reader *reader = context;
    struct error err;
    size_t place = 0;
    while (place < reader->stream_count && !text_equal(reader->streams[place], entry->stream))
        place++;
    if (place == reader->stream_count)
        return; /* not asked for */
    if (entry->body != NULL && !is_ours(reader, reader->owner[place]))
        put_back(reader, entry);
    else if (!entry->is_gone)
        bring(reader, place, entry);
    if (!channel_acknowledge(reader->acknowledge, deadline_after_ms(REDIS_CALL_MS), entry->stream,
                             GROUP, entry->id, &err))
        log_failure(LOG_LEVEL_WARNING, &err, "acknowledge in %s", entry->stream);
}

static bool wait_reply(struct reader *reader, redisReply **ret_reply, struct error *err)
{
    struct deadline deadline = deadline_after_ms(BLOCK_MS + REDIS_CALL_MS);
    while (!deadline_is_over(deadline)) {
        if (!redis_receive_nowait(reader->read, ret_reply, err))
            return false;
        if (*ret_reply != NULL)
            return true;
        redis_wait(reader->read, deadline);
    }
    error_set(err, ERROR_TIMEOUT, "redis does not answer");
    return false;
}

static bool read_once(struct reader *reader, struct error *err)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    list_streams(reader);
    if (reader->stream_count == 0) {
        clock_sleep_ms(IDLE_MS);
        return true;
    }
    if (!make_groups(reader, err) ||
        !channel_send_read(reader->read, deadline_after_ms(REDIS_CALL_MS), GROUP,
                           reader->shell->config->name, BATCH, BLOCK_MS, reader->streams,
                           reader->stream_count, false, err) ||
        !wait_reply(reader, &reply, err))
        return false;
    return channel_each(reply, take, reader, err);
}

static bool connect_both(struct reader *reader, struct error *err)
{
    struct deadline deadline = deadline_after_ms(REDIS_CALL_MS);
    bool is_new = !redis_is_connected(reader->acknowledge);
    if (!redis_connect_both(reader->read, reader->acknowledge, deadline, err))
        return false;
    if (is_new)
        memset(reader->is_grouped, 0, reader->shell->cluster_count * sizeof(bool));
    return true;
}

static void trouble(struct reader *reader, const struct error *err)
{
    log_failure(LOG_LEVEL_DEBUG, err, "reader"); /* the main thread tells of an outage */
    redis_disconnect(reader->read);
    redis_disconnect(reader->acknowledge);
    clock_sleep_ms(RECONNECT_MS);
}

static struct reader *reader_new(struct shell *shell)
{
    struct reader *reader = memory_zeroed(1, sizeof(*reader));
    size_t most = 2 * shell->cluster_count;
    reader->shell = shell;
    reader->read = redis_new(&shell->config->redis);
    reader->acknowledge = redis_new(&shell->config->redis);
    reader->streams = memory_zeroed(most, sizeof(reader->streams[0]));
    reader->names = memory_zeroed(most, sizeof(reader->names[0]));
    reader->owner = memory_zeroed(most, sizeof(reader->owner[0]));
    reader->is_grouped = memory_zeroed(shell->cluster_count, sizeof(bool));
    return reader;
}

static void reader_free(struct reader *reader)
{
    redis_free(reader->read);
    redis_free(reader->acknowledge);
    free(reader->streams);
    free(reader->names);
    free(reader->owner);
    free(reader->is_grouped);
    free(reader);
}

void reader_run(struct shell *shell)
{
    struct reader *reader = reader_new(shell);
    struct error err;
    while (!atomic_load(&shell->is_stopping))
        if (!connect_both(reader, &err) || !read_once(reader, &err))
            trouble(reader, &err);
    reader_free(reader);
}
