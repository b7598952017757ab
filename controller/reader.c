/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader: one thread with connections of its own that takes reports and requests of all led
 * clusters from their streams, verifies the signatures, and brings them to the main thread.
 *
 * Each connection, a lane, waits for some clusters: a report wakes its own lane, and what Redis has
 * to look at for it does not grow with the fleet.
 *
 * An entry is acknowledged when it is in the queue: should we die before acting on it, the next
 * leader asks for everything again, and agents answer from their records. What was given to us and
 * not acknowledged is put back into its stream: for whoever leads, where that is not us any more,
 * since a read may have been under way, or we were stopped; for ourselves, where a read has failed.
 */
#include "channel.h"
#include "clock.h"
#include "log.h"
#include "memory.h"
#include "message_codec.h"
#include "put_back.h"
#include "request_check.h"
#include "shell.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP         "controller"
#define REDIS_CALL_MS 5000
#define BLOCK_MS      500 /* then the list of led clusters is looked at again */
#define BATCH         64
#define SMALL_BATCH   7 /* after a failure: that many of each stream of a lane fit one reply */
#define RECONNECT_MS  200
#define IDLE_MS       100 /* leading nothing yet: a take-over takes seconds */
#define LANE_CLUSTERS 32  /* 64 streams: Redis has looked at them within 50 us */
#define LANE_STREAMS  (STREAMS * LANE_CLUSTERS)
#define TAKEN_MOST    (BATCH * LANE_STREAMS)
#define LANES_MOST    (LIMIT_CLUSTERS / LANE_CLUSTERS)
#define STREAMS       2 /* of a cluster */

_Static_assert(REDIS_REPLY_BYTES / PUT_BACK_BYTES / LANE_STREAMS >= SMALL_BATCH,
               "a small batch fits one reply");
_Static_assert(LANES_MOST <= REDIS_WAIT_MOST, "all lanes are waited for at once");

struct reader;

struct lane {
    struct reader *reader;
    struct redis *redis; /* blocks in XREADGROUP */
    uint32_t first, end; /* its clusters */
    bool is_asked;       /* a read is under way; */
    struct deadline answer;
    size_t batch;
    size_t stream_count;
    const char *streams[LANE_STREAMS];
    char names[LANE_STREAMS][CHANNEL_KEY_SIZE];
    uint32_t owner[LANE_STREAMS]; /* cluster of each stream */
};

struct reader {
    struct shell *shell;
    struct redis *acknowledge; /* for XACK meanwhile */
    size_t taken_count;        /* entries of the reply that is read, to be acknowledged */
    struct channel_entry_id taken[TAKEN_MOST];
    size_t lane_count;
    struct lane *lanes;
    bool *is_grouped; /* groups of a cluster exist on this connection's server */
    bool *has_left;   /* streams of a cluster may have entries that were given to us in vain */
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

static const char *const stream_names[STREAMS] = {"report", "request"};

/* Reports are at even places, requests at odd ones. */
static void list_streams(struct lane *lane)
{
    const struct shell *shell = lane->reader->shell;
    lane->stream_count = 0;
    for (uint32_t i = lane->first; i < lane->end; i++) {
        if (!is_ours(lane->reader, i))
            continue;
        for (size_t kind = 0; kind < STREAMS; kind++) {
            size_t place = lane->stream_count++;
            channel_key(lane->names[place], shell->clusters[i].config->name, stream_names[kind],
                        NULL);
            lane->streams[place] = lane->names[place];
            lane->owner[place] = i;
        }
    }
}

static bool make_groups(struct lane *lane, struct error *err)
{
    struct reader *reader = lane->reader;
    for (size_t i = 0; i < lane->stream_count; i += STREAMS) {
        if (reader->is_grouped[lane->owner[i]])
            continue;
        for (size_t kind = 0; kind < STREAMS; kind++)
            if (!channel_make_group(reader->acknowledge, deadline_after_ms(REDIS_CALL_MS),
                                    lane->streams[i + kind], GROUP, err))
                return false;
        reader->is_grouped[lane->owner[i]] = true;
    }
    return true;
}

static char *copy_body(const struct channel_entry *entry)
{
    char *body = memory_zeroed(entry->body_size + 1, 1);
    memcpy(body, entry->body, entry->body_size);
    return body;
}

/* Thousands may wait: as a text it has a fraction of the size that any report could have. */
static bool read_report(struct cluster *cluster, const struct channel_entry *entry,
                        struct item *item, struct error *err)
{
    struct report report;
    if (!agent_keys_verify(&cluster->agent_keys, entry, err) ||
        !report_read(entry->body, entry->body_size, &report, err))
        return false;
    if (text_equal(report.node, entry->signer) &&
        text_equal(report.cluster, cluster->config->name)) {
        item->kind = ITEM_REPORT;
        item->body = copy_body(entry);
        return true;
    }
    error_set(err, ERROR_DENIED, "agent '%s' speaks for node '%s' of cluster '%s'", entry->signer,
              report.node, report.cluster);
    return false;
}

static bool read_request(struct reader *reader, const struct channel_entry *entry,
                         struct item *item, struct error *err)
{
    const struct operator_config *asker = request_signer(reader->shell->config, entry, err);
    if (asker == NULL)
        return false;
    item->kind = ITEM_REQUEST;
    item->body = copy_body(entry);
    item->request.body = item->body;
    item->request.body_size = entry->body_size;
    return TEXT_COPY(item->request.signer, asker->name) &&
           TEXT_COPY(item->request.signature, entry->signature);
}

static bool put_back_all(struct reader *reader, const char *stream, struct error *err)
{
    struct shell *shell = reader->shell;
    unsigned dropped = 0;
    if (!put_back(reader->acknowledge, deadline_after_ms(REDIS_CALL_MS), stream, GROUP,
                  shell->config->name, &dropped, err))
        return false;
    if (dropped > 0)
        log_warning("%s: %u entries refused: no messages, or longer than %d bytes", stream, dropped,
                    LIMIT_MESSAGE_BYTES);
    atomic_fetch_add(&shell->refused, dropped);
    return true;
}

/* Tried again until it is done, however long Redis is away; what is wrong was told before. */
static void put_back_left(struct reader *reader)
{
    const struct shell *shell = reader->shell;
    char stream[CHANNEL_KEY_SIZE];
    struct error err;
    for (size_t i = 0; i < shell->cluster_count; i++) {
        bool is_done = !reader->has_left[i] || redis_is_connected(reader->acknowledge);
        for (size_t kind = 0; kind < STREAMS && reader->has_left[i] && is_done; kind++) {
            channel_key(stream, shell->clusters[i].config->name, stream_names[kind], NULL);
            is_done = put_back_all(reader, stream, &err);
        }
        reader->has_left[i] = !is_done;
    }
}

/* Verified, into the queue; what is refused is counted there. */
static void bring(struct lane *lane, size_t place, const struct channel_entry *entry)
{
    struct reader *reader = lane->reader;
    struct shell *shell = reader->shell;
    struct error err;
    struct cluster *cluster = &shell->clusters[lane->owner[place]];
    struct item *item = item_new(ITEM_NUDGE, lane->owner[place]);
    bool is_good = false;
    if (entry->body == NULL)
        error_set(&err, ERROR_PROTOCOL, "an entry without body, key or signature, or too long");
    else
        is_good = place % STREAMS == 0 ? read_report(cluster, entry, item, &err)
                                       : read_request(reader, entry, item, &err);
    if (!is_good) {
        item->kind = ITEM_NUDGE; /* the status shows the number */
        atomic_fetch_add(&shell->refused, 1);
        log_failure(LOG_LEVEL_WARNING, &err, "cluster %s: %s refused", cluster->config->name,
                    place % STREAMS == 0 ? "report" : "request");
    }
    queue_put(shell->queue, item);
}

/* Those of one stream together, all with one round trip. */
static void acknowledge_taken(struct reader *reader)
{
    struct error err;
    if (reader->taken_count > 0 &&
        !channel_acknowledge_all(reader->acknowledge, deadline_after_ms(REDIS_CALL_MS), GROUP,
                                 reader->taken, reader->taken_count, &err))
        log_failure(LOG_LEVEL_WARNING, &err, "acknowledge in %s", reader->taken[0].stream);
    reader->taken_count = 0;
}

static void take(void *context, const struct channel_entry *entry)
{
    struct lane *lane = context;
    struct reader *reader = lane->reader;
    struct error err;
    size_t place = 0;
    while (place < lane->stream_count && !text_equal(lane->streams[place], entry->stream))
        place++;
    if (place == lane->stream_count)
        return; /* not asked for */
    if (is_ours(reader, lane->owner[place])) {
        bring(lane, place, entry);
        if (reader->taken_count == TAKEN_MOST) /* Redis gives no more than it was asked for */
            acknowledge_taken(reader);
        reader->taken[reader->taken_count++] = (struct channel_entry_id){entry->stream, entry->id};
        return;
    }
    acknowledge_taken(reader); /* what is in the queue is not put back */
    if (!reader->has_left[lane->owner[place]] && !put_back_all(reader, entry->stream, &err)) {
        reader->has_left[lane->owner[place]] = true;
        log_failure(LOG_LEVEL_WARNING, &err, "put back into %s; tried again", entry->stream);
    }
}

static bool take_all(struct lane *lane, const redisReply *reply, struct error *err)
{
    bool is_good = channel_each(reply, take, lane, err);
    acknowledge_taken(lane->reader);
    return is_good;
}

/* Where nothing is led of a lane, nothing is asked. */
static bool ask(struct lane *lane, struct error *err)
{
    list_streams(lane);
    if (lane->stream_count == 0)
        return true;
    lane->answer = deadline_after_ms(BLOCK_MS + REDIS_CALL_MS);
    lane->is_asked = make_groups(lane, err) &&
                     channel_send_read(lane->redis, deadline_after_ms(REDIS_CALL_MS), GROUP,
                                       lane->reader->shell->config->name, lane->batch, BLOCK_MS,
                                       lane->streams, lane->stream_count, false, err);
    return lane->is_asked;
}

static bool take_answer(struct lane *lane, struct error *err)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    if (!redis_receive_nowait(lane->redis, &reply, err))
        return false;
    if (reply != NULL) {
        lane->is_asked = false;
        lane->batch = BATCH;
        return take_all(lane, reply, err);
    }
    if (!deadline_is_over(lane->answer))
        return true;
    error_set(err, ERROR_TIMEOUT, "redis does not answer");
    return false;
}

/* What has come on some of the lanes; none may have anything within BLOCK_MS. */
static bool wait_answers(struct reader *reader, struct error *err)
{
    struct redis *waiting[LANES_MOST];
    struct lane *lanes[LANES_MOST];
    bool is_ready[LANES_MOST];
    size_t count = 0;
    for (size_t i = 0; i < reader->lane_count; i++)
        if (reader->lanes[i].is_asked) {
            lanes[count] = &reader->lanes[i];
            waiting[count++] = reader->lanes[i].redis;
        }
    if (count == 0) {
        clock_sleep_ms(IDLE_MS);
        return true;
    }
    redis_wait(waiting, count, deadline_after_ms(BLOCK_MS), is_ready);
    for (size_t i = 0; i < count; i++)
        if ((is_ready[i] || deadline_is_over(lanes[i]->answer)) && !take_answer(lanes[i], err))
            return false;
    return true;
}

static bool read_once(struct reader *reader, struct error *err)
{
    put_back_left(reader);
    for (size_t i = 0; i < reader->lane_count; i++)
        if (!reader->lanes[i].is_asked && !ask(&reader->lanes[i], err))
            return false;
    return wait_answers(reader, err);
}

static bool connect_all(struct reader *reader, struct error *err)
{
    struct deadline deadline = deadline_after_ms(REDIS_CALL_MS);
    bool is_new = !redis_is_connected(reader->acknowledge);
    for (size_t i = 0; i < reader->lane_count; i++)
        if (!redis_connect_both(reader->lanes[i].redis, reader->acknowledge, deadline, err))
            return false;
    if (is_new)
        memset(reader->is_grouped, 0, reader->shell->cluster_count * sizeof(bool));
    return true;
}

/* Answers that we did not hear have their entries as well. */
static void leave_lanes(struct reader *reader)
{
    for (size_t i = 0; i < reader->lane_count; i++) {
        struct lane *lane = &reader->lanes[i];
        for (size_t place = 0; place < lane->stream_count; place++)
            reader->has_left[lane->owner[place]] = true;
        redis_disconnect(lane->redis);
        lane->is_asked = false;
        lane->batch = SMALL_BATCH;
    }
}

static void trouble(struct reader *reader, const struct error *err)
{
    log_failure(LOG_LEVEL_DEBUG, err, "reader"); /* the main thread tells of an outage */
    leave_lanes(reader);
    redis_disconnect(reader->acknowledge);
    clock_sleep_ms(RECONNECT_MS);
}

static struct reader *reader_new(struct shell *shell)
{
    struct reader *reader = memory_zeroed(1, sizeof(*reader));
    uint32_t clusters = (uint32_t)shell->cluster_count;
    reader->shell = shell;
    reader->acknowledge = redis_new(&shell->config->redis);
    reader->is_grouped = memory_zeroed(clusters, sizeof(bool));
    reader->has_left = memory_zeroed(clusters, sizeof(bool));
    memset(reader->has_left, true, clusters * sizeof(bool)); /* by one of our name before us */
    reader->lane_count = (clusters + LANE_CLUSTERS - 1) / LANE_CLUSTERS;
    reader->lanes = memory_zeroed(reader->lane_count, sizeof(reader->lanes[0]));
    for (uint32_t i = 0; i < reader->lane_count; i++) {
        struct lane *lane = &reader->lanes[i];
        lane->reader = reader;
        lane->batch = BATCH;
        lane->redis = redis_new(&shell->config->redis);
        lane->first = i * LANE_CLUSTERS;
        lane->end = lane->first + LANE_CLUSTERS < clusters ? lane->first + LANE_CLUSTERS : clusters;
    }
    return reader;
}

static void reader_free(struct reader *reader)
{
    for (size_t i = 0; i < reader->lane_count; i++)
        redis_free(reader->lanes[i].redis);
    redis_free(reader->acknowledge);
    free(reader->lanes);
    free(reader->is_grouped);
    free(reader->has_left);
    free(reader);
}

void reader_run(struct shell *shell)
{
    struct reader *reader = reader_new(shell);
    struct error err;
    while (!atomic_load(&shell->is_stopping))
        if (!connect_all(reader, &err) || !read_once(reader, &err))
            trouble(reader, &err);
    leave_lanes(reader);
    put_back_left(reader);
    reader_free(reader);
}
