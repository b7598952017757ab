/* SPDX-License-Identifier: Apache-2.0 */
#include "channel.h"

#include "check.h"
#include "memory.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define FIELD_COUNT 3 /* body, key, sig */

void channel_key(char key[CHANNEL_KEY_SIZE], const char *cluster, const char *what,
                 const char *tail)
{
    int length = snprintf(key, CHANNEL_KEY_SIZE, "shunt:{%s}:%s%s%s", cluster, what,
                          tail ? ":" : "", tail ? tail : "");
    CHECK(length > 0 && length < CHANNEL_KEY_SIZE);
}

bool channel_add(struct redis *redis, struct deadline deadline, const char *stream, size_t most,
                 const struct key_pair *key, const char *signer, const char *domain,
                 const char *body, struct error *err)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    char signature[KEY_SIGNATURE_TEXT_SIZE], most_text[24];
    size_t size = strlen(body);
    if (size > LIMIT_MESSAGE_BYTES) {
        error_set(err, ERROR_INVALID, "a message of %zu bytes; at most %d may be sent", size,
                  LIMIT_MESSAGE_BYTES);
        return false;
    }
    key_sign(key, domain, body, size, signature);
    snprintf(most_text, sizeof(most_text), "%zu", most);
    return redis_command(redis, deadline, &reply, err, "XADD", stream, "MAXLEN", "~", most_text,
                         "*", "body", body, "key", signer, "sig", signature, (char *)NULL);
}

bool channel_make_group(struct redis *redis, struct deadline deadline, const char *stream,
                        const char *group, struct error *err)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    struct error reason;
    if (redis_command(redis, deadline, &reply, &reason, "XGROUP", "CREATE", stream, group, "0",
                      "MKSTREAM", (char *)NULL) ||
        reason.code == ERROR_CONFLICT)
        return true;
    *err = reason;
    return false;
}

bool channel_send_read(struct redis *redis, struct deadline deadline, const char *group,
                       const char *consumer, size_t count, int64_t block_ms,
                       const char *const *streams, size_t stream_count, bool from_pending,
                       struct error *err)
{
    char count_text[24], block_text[24];
    const char *head[] = {"XREADGROUP", "GROUP", group,      consumer, "COUNT",
                          count_text,   "BLOCK", block_text, "STREAMS"};
    size_t head_count = sizeof(head) / sizeof(head[0]);
    FREE_CLEANUP const char **argv = memory_zeroed(head_count + 2 * stream_count, sizeof(*argv));
    snprintf(count_text, sizeof(count_text), "%zu", count);
    snprintf(block_text, sizeof(block_text), "%lld", (long long)block_ms);
    memcpy(argv, head, sizeof(head));
    for (size_t i = 0; i < stream_count; i++) {
        argv[head_count + i] = streams[i];
        argv[head_count + stream_count + i] = from_pending ? "0" : ">";
    }
    return redis_send(redis, deadline, head_count + 2 * stream_count, argv, err);
}

static bool is_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING;
}

static bool is_array(const redisReply *reply, size_t count)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == count;
}

/* The value of a field, NULL where it is missing or not text of at most `most` bytes. */
static const redisReply *find_field(const redisReply *fields, const char *name, size_t most)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const redisReply *key = fields->element[i], *value = fields->element[i + 1];
        if (is_text(key) && is_text(value) && text_equal(key->str, name))
            return value->len <= most && strlen(value->str) == value->len ? value : NULL;
    }
    return NULL;
}

/* An entry that somebody else wrote is passed on without a body, so that it can be counted and
 * acknowledged. */
static void read_fields(const redisReply *fields, struct channel_entry *entry)
{
    entry->is_gone = fields->type == REDIS_REPLY_NIL;
    if (!is_array(fields, 2 * FIELD_COUNT))
        return;
    const redisReply *body = find_field(fields, "body", LIMIT_MESSAGE_BYTES);
    const redisReply *signer = find_field(fields, "key", LIMIT_NAME - 1);
    const redisReply *signature = find_field(fields, "sig", KEY_SIGNATURE_TEXT_SIZE - 1);
    if (!body || !signer || !signature)
        return;
    entry->body = body->str;
    entry->body_size = body->len;
    entry->signer = signer->str;
    entry->signature = signature->str;
}

/* [stream, [[id, fields], …]] */
static bool has_shape_of_stream(const redisReply *stream)
{
    if (!is_array(stream, 2) || !is_text(stream->element[0]) ||
        stream->element[1]->type != REDIS_REPLY_ARRAY)
        return false;
    const redisReply *entries = stream->element[1];
    for (size_t i = 0; i < entries->elements; i++)
        if (!is_array(entries->element[i], 2) || !is_text(entries->element[i]->element[0]))
            return false;
    return true;
}

static void each_of_stream(const redisReply *stream, channel_entry_fn each, void *context)
{
    const redisReply *entries = stream->element[1];
    for (size_t i = 0; i < entries->elements; i++) {
        struct channel_entry entry = {
            .stream = stream->element[0]->str,
            .id = entries->element[i]->element[0]->str,
        };
        read_fields(entries->element[i]->element[1], &entry);
        each(context, &entry);
    }
}

bool channel_each(const redisReply *reply, channel_entry_fn each, void *context, struct error *err)
{
    if (reply->type == REDIS_REPLY_NIL)
        return true;
    bool is_good = reply->type == REDIS_REPLY_ARRAY;
    for (size_t i = 0; is_good && i < reply->elements; i++)
        is_good = has_shape_of_stream(reply->element[i]);
    if (!is_good) {
        error_set(err, ERROR_PROTOCOL, "the reply is no list of streams and their entries");
        return false;
    }
    for (size_t i = 0; i < reply->elements; i++)
        each_of_stream(reply->element[i], each, context);
    return true;
}

bool channel_acknowledge(struct redis *redis, struct deadline deadline, const char *stream,
                         const char *group, const char *id, struct error *err)
{
    REPLY_CLEANUP redisReply *acknowledged = NULL, *removed = NULL;
    return redis_command(redis, deadline, &acknowledged, err, "XACK", stream, group, id,
                         (char *)NULL) &&
           redis_command(redis, deadline, &removed, err, "XDEL", stream, id, (char *)NULL);
}

#define ACKNOWLEDGED_AT_ONCE 64 /* of one stream: what a read brings of it */

/* Of the first entries, which are of one stream. */
struct acknowledgement {
    const char *acknowledge[3 + ACKNOWLEDGED_AT_ONCE], *remove[2 + ACKNOWLEDGED_AT_ONCE];
};

static size_t acknowledge_run(struct acknowledgement *words, const char *group,
                              const struct channel_entry_id *entries, size_t count,
                              struct redis_request requests[2])
{
    size_t run = 0;
    words->acknowledge[0] = "XACK";
    words->remove[0] = "XDEL";
    words->acknowledge[1] = words->remove[1] = entries[0].stream;
    words->acknowledge[2] = group;
    while (run < count && run < ACKNOWLEDGED_AT_ONCE &&
           strcmp(entries[run].stream, entries[0].stream) == 0) {
        words->acknowledge[3 + run] = words->remove[2 + run] = entries[run].id;
        run++;
    }
    requests[0] = (struct redis_request){.argv = words->acknowledge, .count = 3 + run};
    requests[1] = (struct redis_request){.argv = words->remove, .count = 2 + run};
    return run;
}

static bool have_replies(struct redis_request *requests, size_t count, struct error *err)
{
    bool is_good = true;
    for (size_t i = 0; i < count; i++) {
        if (is_good && requests[i].reply == NULL) {
            *err = requests[i].err;
            is_good = false;
        }
        redis_reply_cleanup(&requests[i].reply);
    }
    return is_good;
}

#define STREAMS_AT_ONCE (REDIS_REQUESTS_MOST / 2)

bool channel_acknowledge_all(struct redis *redis, struct deadline deadline, const char *group,
                             const struct channel_entry_id *entries, size_t count,
                             struct error *err)
{
    FREE_CLEANUP struct acknowledgement *words = memory_zeroed(STREAMS_AT_ONCE, sizeof(*words));
    FREE_CLEANUP struct redis_request *requests =
        memory_zeroed(REDIS_REQUESTS_MOST, sizeof(*requests));
    for (size_t done = 0; done < count;) {
        size_t streams = 0;
        for (; streams < STREAMS_AT_ONCE && done < count; streams++)
            done += acknowledge_run(&words[streams], group, entries + done, count - done,
                                    &requests[2 * streams]);
        redis_call_all(redis, deadline, requests, 2 * streams);
        if (!have_replies(requests, 2 * streams, err))
            return false;
    }
    return true;
}
