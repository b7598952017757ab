/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that read streams: XLEN, XRANGE and XREVRANGE, XREAD and XREADGROUP.
 */
#include "redis_request.h"

#include "memory.h"

#include <string.h>

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* [field, value, …] */
static redisReply *answer_fields(const struct redis_texts *fields)
{
    redisReply *reply = redis_answer_array(fields->count);
    const char *position = fields->bytes;
    for (size_t i = 0; i < fields->count; i++) {
        size_t size = 0;
        const char *text = redis_texts_next(&position, &size);
        reply->element[i] = redis_answer_text(text, size);
    }
    return reply;
}

/* [id, fields]; fields of an entry that is gone are NULL, and nil. */
static redisReply *answer_entry(struct stream_id id, const struct redis_texts *fields)
{
    redisReply *reply = redis_answer_array(2);
    reply->element[0] = redis_answer_stream_id(id);
    reply->element[1] = fields != NULL ? answer_fields(fields) : redis_answer_nil();
    return reply;
}

static redisReply *answer_entries(const struct stream_rows *entries, size_t first, size_t count)
{
    redisReply *reply = redis_answer_array(count);
    for (size_t i = 0; i < count; i++) {
        const struct stream_row *row = &entries->rows[first + i];
        reply->element[i] = answer_entry(row->id, row->fields);
    }
    return reply;
}

redisReply *command_xlen(struct redis_request *request)
{
    redisReply *refusal = NULL;
    const struct redis_key *key = request_find(request, 1, REDIS_TYPE_STREAM, &refusal);
    if (refusal != NULL)
        return refusal;
    return redis_answer_integer(key != NULL ? (long long)redis_stream_length(key->stream) : 0);
}

/* One end of an interval: "-", "+", an id, or "(" and an id, which is not in it then. */
static redisReply *read_end(const struct redis_request *request, size_t index, bool is_start,
                            struct stream_id *ret_id)
{
    const char *text = request->argv[index];
    size_t size = request->sizes[index];
    bool is_open = size > 1 && text[0] == '(';
    if (request_is(request, index, "-"))
        *ret_id = STREAM_ID_FIRST;
    else if (request_is(request, index, "+"))
        *ret_id = STREAM_ID_LAST;
    else if (!redis_parse_stream_id(text + is_open, size - is_open, is_start ? 0 : UINT64_MAX,
                                    ret_id))
        return redis_refuse_stream_id();
    if (is_open && !(is_start ? stream_id_next(ret_id) : stream_id_previous(ret_id)))
        return redis_answer_error("ERR invalid %s ID for the interval", is_start ? "start" : "end");
    return NULL;
}

/* Redis's own: COUNT -1 is no limit, less than that is 0. */
static redisReply *read_range_count(const struct redis_request *request, size_t *ret_most,
                                    bool *ret_is_none)
{
    for (size_t i = 4; i < request->count; i += 2) {
        int64_t count = 0;
        if (!request_is(request, i, "COUNT") || i + 1 >= request->count)
            return redis_refuse_syntax();
        redisReply *refusal = request_integer(request, i + 1, &count);
        if (refusal != NULL)
            return refusal;
        *ret_is_none = count <= 0;
        *ret_most = *ret_is_none ? 0 : (size_t)count;
    }
    return NULL;
}

static void reverse(redisReply *array)
{
    for (size_t i = 0; i < array->elements / 2; i++) {
        redisReply *kept = array->element[i];
        array->element[i] = array->element[array->elements - 1 - i];
        array->element[array->elements - 1 - i] = kept;
    }
}

static redisReply *range(const struct redis_request *request, bool is_backward)
{
    struct stream_id start, end;
    size_t most = SIZE_MAX;
    bool is_none = false;
    redisReply *refusal = read_end(request, is_backward ? 3 : 2, true, &start);
    if (refusal == NULL)
        refusal = read_end(request, is_backward ? 2 : 3, false, &end);
    if (refusal == NULL)
        refusal = read_range_count(request, &most, &is_none);
    if (refusal != NULL)
        return refusal;
    const struct redis_key *key = request_find(request, 1, REDIS_TYPE_STREAM, &refusal);
    if (key == NULL)
        return refusal != NULL ? refusal : redis_answer_array(0);
    if (is_none)
        return redis_answer_nil();
    const struct stream_rows *entries = &key->stream->entries;
    size_t first = stream_rows_from(entries, start);
    size_t behind = stream_id_next(&end) ? stream_rows_from(entries, end) : entries->end;
    size_t count = behind > first ? smaller(behind - first, most) : 0;
    redisReply *reply = answer_entries(entries, is_backward ? behind - count : first, count);
    if (is_backward)
        reverse(reply);
    return reply;
}

redisReply *command_xrange(struct redis_request *request)
{
    return range(request, false);
}

redisReply *command_xrevrange(struct redis_request *request)
{
    return range(request, true);
}

/* The arguments of XREAD or XREADGROUP. */
struct reading {
    bool is_group;      /* XREADGROUP */
    size_t group_index; /* the consumer's follows; 0: not given */
    bool is_acknowledged;
    size_t most;         /* of each stream */
    size_t stream_index; /* of the keys, then of the ids; 0: not given */
    size_t stream_count;
};

static redisReply *read_block(const struct redis_request *request, size_t index)
{
    int64_t block_ms = 0;
    if (!redis_parse_integer(request->argv[index], request->sizes[index], &block_ms))
        return redis_answer_error("ERR timeout is not an integer or out of range");
    return block_ms < 0 ? redis_answer_error("ERR timeout is negative") : NULL;
}

static redisReply *read_count(const struct redis_request *request, size_t index, size_t *ret_most)
{
    int64_t count = 0;
    redisReply *refusal = request_integer(request, index, &count);
    if (refusal == NULL)
        *ret_most = count > 0 ? (size_t)count : SIZE_MAX;
    return refusal;
}

static redisReply *read_streams(const struct redis_request *request, size_t index,
                                struct reading *reading)
{
    reading->stream_index = index;
    reading->stream_count = (request->count - index) / 2;
    if ((request->count - index) % 2 == 0)
        return NULL;
    return redis_answer_error("ERR Unbalanced XREAD list of streams: for each stream key an ID or "
                              "'$' must be specified."); /* of XREADGROUP as well */
}

static redisReply *refuse_group_option(const char *option)
{
    return redis_answer_error(
        "ERR The %s option is only supported by XREADGROUP. You called XREAD instead.", option);
}

/* The option at *index, which is moved to its last argument. */
static redisReply *read_option(const struct redis_request *request, size_t *index,
                               struct reading *reading)
{
    size_t left = request->count - *index - 1;
    if (request_is(request, *index, "BLOCK") && left > 0)
        return read_block(request, ++*index);
    if (request_is(request, *index, "COUNT") && left > 0)
        return read_count(request, ++*index, &reading->most);
    if (request_is(request, *index, "STREAMS") && left > 0)
        return read_streams(request, *index + 1, reading);
    if (request_is(request, *index, "GROUP") && left > 1) {
        reading->group_index = *index + 1;
        *index += 2;
        return reading->is_group ? NULL : refuse_group_option("GROUP");
    }
    if (request_is(request, *index, "NOACK")) {
        reading->is_acknowledged = true;
        return reading->is_group ? NULL : refuse_group_option("NOACK");
    }
    return redis_refuse_syntax();
}

static redisReply *read_reading(const struct redis_request *request, struct reading *reading)
{
    redisReply *refusal = NULL;
    reading->most = SIZE_MAX;
    for (size_t i = 1; i < request->count && reading->stream_index == 0 && refusal == NULL; i++)
        refusal = read_option(request, &i, reading);
    if (refusal != NULL)
        return refusal;
    if (reading->stream_index == 0)
        return redis_refuse_syntax();
    if (reading->is_group && reading->group_index == 0)
        return redis_answer_error("ERR Missing GROUP option for XREADGROUP");
    return NULL;
}

/* One stream of a reading, found. */
struct read_stream {
    const struct redis_request *request;
    const struct reading *reading;
    size_t key_index;
    struct redis_stream *stream; /* NULL: no such key */
    struct stream_group *group;  /* NULL for XREAD */
    bool is_news;                /* ">": what the group has not yet delivered */
    struct stream_id after;      /* else: what is later than this */
};

static redisReply *find_group(struct read_stream *read)
{
    const struct redis_request *request = read->request;
    size_t index = read->reading->group_index;
    if (read->stream != NULL)
        read->group = redis_stream_group(read->stream, request->argv[index], request->sizes[index]);
    if (read->group != NULL)
        return NULL;
    return redis_answer_error(
        "NOGROUP No such key '%.*s' or consumer group '%.*s' in XREADGROUP with GROUP option",
        (int)request->sizes[read->key_index], request->argv[read->key_index],
        (int)request->sizes[index], request->argv[index]);
}

static redisReply *read_after(struct read_stream *read, size_t index)
{
    bool is_group = read->reading->is_group;
    if (request_is(read->request, index, "$")) {
        read->after = read->stream != NULL ? read->stream->last : STREAM_ID_FIRST;
        return !is_group ? NULL
                         : redis_answer_error(
                               "ERR The $ ID is meaningless in the context of XREADGROUP: you want "
                               "to read the history of this consumer by specifying a proper ID, or "
                               "use the > ID to get new messages. The $ ID would just return an "
                               "empty result set.");
    }
    if (request_is(read->request, index, ">")) {
        read->is_news = true;
        return is_group ? NULL
                        : redis_answer_error("ERR The > ID can be specified only when calling "
                                             "XREADGROUP using the GROUP <group> <consumer> "
                                             "option.");
    }
    return request_stream_id(read->request, index, 0, &read->after);
}

static redisReply *find_stream(struct read_stream *read)
{
    redisReply *refusal = NULL;
    struct redis_key *key =
        request_find(read->request, read->key_index, REDIS_TYPE_STREAM, &refusal);
    if (refusal != NULL)
        return refusal;
    read->stream = key != NULL ? key->stream : NULL;
    if (read->reading->is_group)
        refusal = find_group(read);
    if (refusal == NULL)
        refusal = read_after(read, read->key_index + read->reading->stream_count);
    return refusal;
}

static redisReply *answer_later(const struct read_stream *read, struct stream_id after)
{
    const struct stream_rows *entries = &read->stream->entries;
    if (!stream_id_next(&after))
        return redis_answer_array(0);
    size_t first = stream_rows_from(entries, after);
    return answer_entries(entries, first, smaller(entries->end - first, read->reading->most));
}

static const struct stream_consumer *consumer_of(const struct read_stream *read)
{
    size_t index = read->reading->group_index + 1;
    return stream_group_consumer(read->group, read->request->argv[index],
                                 read->request->sizes[index]);
}

static redisReply *answer_news(const struct read_stream *read)
{
    const struct stream_rows *entries = &read->stream->entries;
    struct stream_group *group = read->group;
    redisReply *reply = answer_later(read, group->last);
    const struct stream_consumer *consumer = consumer_of(read);
    size_t first = stream_rows_from(entries, group->last);
    first += first < entries->end && stream_id_compare(entries->rows[first].id, group->last) == 0;
    for (size_t i = first; i < first + reply->elements; i++) {
        group->last = entries->rows[i].id;
        if (!read->reading->is_acknowledged)
            stream_group_deliver(group, group->last, consumer);
    }
    return reply;
}

/* What this consumer was given and has not acknowledged. */
static redisReply *answer_pending(const struct read_stream *read)
{
    const struct stream_rows *pending = &read->group->pending;
    const struct stream_consumer *consumer = consumer_of(read);
    struct stream_id from = read->after;
    size_t first = stream_id_next(&from) ? stream_rows_from(pending, from) : pending->end;
    redisReply *reply = redis_answer_array(smaller(pending->end - first, read->reading->most));
    size_t most = reply->elements;
    reply->elements = 0;
    for (size_t i = first; i < pending->end && reply->elements < most; i++) {
        const struct stream_row *row = &pending->rows[i];
        const struct stream_row *entry = stream_rows_find(&read->stream->entries, row->id);
        if (row->delivered_to == consumer)
            reply->element[reply->elements++] =
                answer_entry(row->id, entry != NULL ? entry->fields : NULL);
    }
    return reply;
}

/* [key, [entry, …]], or NULL where there is nothing to tell of this stream. */
static redisReply *read_one(const struct read_stream *read)
{
    const struct redis_request *request = read->request;
    redisReply *entries = NULL;
    if (read->stream == NULL)
        return NULL;
    if (read->group != NULL && !read->is_news)
        entries = answer_pending(read);
    else if (read->group != NULL)
        entries = answer_news(read);
    else
        entries = answer_later(read, read->after);
    bool is_told = entries->elements > 0 || (read->group != NULL && !read->is_news);
    if (!is_told) {
        freeReplyObject(entries);
        return NULL;
    }
    redisReply *reply = redis_answer_array(2);
    reply->element[0] =
        redis_answer_text(request->argv[read->key_index], request->sizes[read->key_index]);
    reply->element[1] = entries;
    return reply;
}

/* All streams are checked before the first is read: a refusal changes nothing. */
static redisReply *read_all(struct redis_request *request, const struct reading *reading)
{
    FREE_CLEANUP struct read_stream *reads = memory_zeroed(reading->stream_count, sizeof(*reads));
    for (size_t i = 0; i < reading->stream_count; i++) {
        reads[i] = (struct read_stream){
            .request = request, .reading = reading, .key_index = reading->stream_index + i};
        redisReply *refusal = find_stream(&reads[i]);
        if (refusal != NULL)
            return refusal;
    }
    redisReply *reply = redis_answer_array(reading->stream_count);
    reply->elements = 0;
    for (size_t i = 0; i < reading->stream_count; i++) {
        redisReply *of_stream = read_one(&reads[i]);
        if (of_stream == NULL)
            continue;
        reply->element[reply->elements++] = of_stream;
        request->has_changed |= reads[i].is_news;
    }
    if (reply->elements > 0)
        return reply;
    freeReplyObject(reply);
    return redis_answer_nil();
}

static redisReply *read_command(struct redis_request *request, bool is_group)
{
    struct reading reading = {.is_group = is_group};
    redisReply *refusal = read_reading(request, &reading);
    return refusal != NULL ? refusal : read_all(request, &reading);
}

redisReply *command_xread(struct redis_request *request)
{
    return read_command(request, false);
}

redisReply *command_xreadgroup(struct redis_request *request)
{
    return read_command(request, true);
}
