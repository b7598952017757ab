/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that write to streams: XADD, XDEL, XTRIM, XACK and XGROUP.
 */
#include "redis_request.h"

#include <string.h>

struct addition {
    bool has_most, is_about, makes_no_stream;
    int64_t most;
    size_t id_index;
};

/* "MAXLEN [~|=] n" at *index, which is moved to n. */
static redisReply *read_most(const struct redis_request *request, size_t *index,
                             struct addition *addition)
{
    if (*index + 2 < request->count) {
        addition->is_about = request_is(request, *index + 1, "~");
        *index += addition->is_about || request_is(request, *index + 1, "=");
    }
    redisReply *refusal = request_integer(request, ++*index, &addition->most);
    if (refusal != NULL)
        return refusal;
    addition->has_most = true;
    if (addition->most < 0)
        return redis_answer_error("ERR The MAXLEN argument must be >= 0.");
    return NULL;
}

/* Up to the id, whatever that is. MINID and LIMIT are left out. */
static redisReply *read_addition(const struct redis_request *request, struct addition *addition)
{
    for (size_t i = 2; i < request->count; i++) {
        redisReply *refusal = NULL;
        if (request_is(request, i, "MAXLEN") && i + 1 < request->count) {
            refusal = read_most(request, &i, addition);
        } else if (request_is(request, i, "NOMKSTREAM")) {
            addition->makes_no_stream = true;
        } else {
            addition->id_index = i;
            return NULL;
        }
        if (refusal != NULL)
            return refusal;
    }
    return NULL;
}

struct wanted_id {
    bool is_any;         /* * */
    bool is_any_in_ms;   /* ms-* */
    struct stream_id id; /* else: this one */
};

static redisReply *read_wanted_id(const struct redis_request *request, size_t index,
                                  struct wanted_id *wanted)
{
    const char *text = request->argv[index];
    size_t size = request->sizes[index];
    wanted->is_any = size == 1 && text[0] == '*';
    if (wanted->is_any)
        return NULL;
    wanted->is_any_in_ms = size > 2 && memcmp(text + size - 2, "-*", 2) == 0;
    if (!wanted->is_any_in_ms)
        return request_stream_id(request, index, 0, &wanted->id);
    return redis_parse_unsigned(text, size - 2, &wanted->id.ms) ? NULL : redis_refuse_stream_id();
}

/* False: the stream has no such id to give any more. */
static bool choose_id(const struct wanted_id *wanted, struct stream_id last, int64_t now_ms,
                      struct stream_id *ret_id)
{
    struct stream_id id = wanted->id;
    if (wanted->is_any)
        id = (struct stream_id){.ms = (uint64_t)now_ms > last.ms ? (uint64_t)now_ms : last.ms};
    if ((wanted->is_any || wanted->is_any_in_ms) && id.ms == last.ms) {
        id = last;
        if (!stream_id_next(&id) || (wanted->is_any_in_ms && id.ms != last.ms))
            return false;
    }
    *ret_id = id;
    return stream_id_compare(last, id) < 0;
}

/* Where about that many are wanted, a tenth more may stay: most additions need no trimming then. */
static void trim(struct redis_stream *stream, const struct addition *addition)
{
    size_t most = (size_t)addition->most;
    size_t slack = addition->is_about ? most / 10 : 0;
    if (addition->has_most && redis_stream_length(stream) > most + slack)
        redis_stream_trim(stream, most);
}

static struct redis_stream *make_stream(struct redis_request *request, size_t index)
{
    struct redis_key *key = redis_keyspace_add(request->keyspace, request->argv[index],
                                               request->sizes[index], REDIS_TYPE_STREAM);
    return key->stream;
}

static redisReply *refuse_id(const struct redis_stream *stream)
{
    if (stream_id_compare(stream->last, STREAM_ID_LAST) == 0)
        return redis_answer_error(
            "ERR The stream has exhausted the last possible ID, unable to add more items");
    return redis_answer_error("ERR The ID specified in XADD is equal or smaller than the target "
                              "stream top item");
}

static redisReply *add_entry(struct redis_request *request, const struct addition *addition,
                             const struct wanted_id *wanted)
{
    redisReply *refusal = NULL;
    struct stream_id id;
    size_t first = addition->id_index + 1;
    struct redis_key *key = request_find(request, 1, REDIS_TYPE_STREAM, &refusal);
    if (refusal != NULL)
        return refusal;
    if (key == NULL && addition->makes_no_stream)
        return redis_answer_nil();
    struct redis_stream *stream = key != NULL ? key->stream : make_stream(request, 1);
    if (!choose_id(wanted, stream->last, request->now_ms, &id))
        return refuse_id(stream);
    redis_stream_add(
        stream, id,
        redis_texts_new(request->count - first, request->argv + first, request->sizes + first));
    trim(stream, addition);
    request->has_changed = true;
    request->additions++;
    return redis_answer_stream_id(id);
}

redisReply *command_xadd(struct redis_request *request)
{
    struct addition addition = {0};
    struct wanted_id wanted = {0};
    redisReply *refusal = read_addition(request, &addition);
    if (refusal == NULL && addition.id_index > 0)
        refusal = read_wanted_id(request, addition.id_index, &wanted);
    if (refusal != NULL)
        return refusal;
    size_t fields = request->count - addition.id_index - 1;
    if (addition.id_index == 0 || fields < 2 || fields % 2 != 0)
        return redis_refuse_arity("xadd");
    if (!wanted.is_any && !wanted.is_any_in_ms && wanted.id.ms == 0 && wanted.id.sequence == 0)
        return redis_answer_error("ERR The ID specified in XADD must be greater than 0-0");
    return add_entry(request, &addition, &wanted);
}

static redisReply *check_ids(const struct redis_request *request, size_t first)
{
    struct stream_id id;
    redisReply *refusal = NULL;
    for (size_t i = first; i < request->count && refusal == NULL; i++)
        refusal = request_stream_id(request, i, 0, &id);
    return refusal;
}

redisReply *command_xdel(struct redis_request *request)
{
    long long deleted = 0;
    struct stream_id id;
    redisReply *refusal = NULL;
    struct redis_key *key = request_find(request, 1, REDIS_TYPE_STREAM, &refusal);
    if (key == NULL)
        return refusal != NULL ? refusal : redis_answer_integer(0);
    refusal = check_ids(request, 2);
    if (refusal != NULL)
        return refusal;
    for (size_t i = 2; i < request->count; i++)
        if (redis_parse_stream_id(request->argv[i], request->sizes[i], 0, &id))
            deleted += redis_stream_delete(key->stream, id);
    request->has_changed = deleted > 0;
    return redis_answer_integer(deleted);
}

redisReply *command_xack(struct redis_request *request)
{
    long long acknowledged = 0;
    struct stream_id id;
    redisReply *refusal = NULL;
    struct redis_key *key = request_find(request, 1, REDIS_TYPE_STREAM, &refusal);
    if (refusal != NULL)
        return refusal;
    struct stream_group *group =
        key != NULL ? redis_stream_group(key->stream, request->argv[2], request->sizes[2]) : NULL;
    if (group == NULL)
        return redis_answer_integer(0);
    refusal = check_ids(request, 3);
    if (refusal != NULL)
        return refusal;
    for (size_t i = 3; i < request->count; i++)
        if (redis_parse_stream_id(request->argv[i], request->sizes[i], 0, &id))
            acknowledged += stream_group_acknowledge(group, id);
    request->has_changed = acknowledged > 0;
    return redis_answer_integer(acknowledged);
}

static redisReply *refuse_group_without_stream(void)
{
    return redis_answer_error(
        "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want "
        "to use the MKSTREAM option to create an empty stream automatically.");
}

/* ENTRIESREAD is left out. */
redisReply *command_xgroup_create(struct redis_request *request)
{
    struct stream_id last = {0};
    redisReply *refusal = NULL;
    bool makes_stream = request->count == 6 && request_is(request, 5, "MKSTREAM");
    if (request->count > 5 && !makes_stream)
        return redis_answer_error("ERR unknown subcommand or wrong number of arguments for "
                                  "'%.*s'. Try XGROUP HELP.",
                                  (int)request->sizes[1], request->argv[1]);
    struct redis_key *key = request_find(request, 2, REDIS_TYPE_STREAM, &refusal);
    if (refusal != NULL)
        return refusal;
    if (key == NULL && !makes_stream)
        return refuse_group_without_stream();
    if (!request_is(request, 4, "$"))
        refusal = request_stream_id(request, 4, 0, &last);
    else if (key != NULL)
        last = key->stream->last;
    if (refusal != NULL)
        return refusal;
    struct redis_stream *stream = key != NULL ? key->stream : make_stream(request, 2);
    if (redis_stream_group(stream, request->argv[3], request->sizes[3]) != NULL)
        return redis_answer_error("BUSYGROUP Consumer Group name already exists");
    redis_stream_add_group(stream, request->argv[3], request->sizes[3], last);
    request->has_changed = true;
    return redis_answer_status("OK");
}

redisReply *command_xgroup_destroy(struct redis_request *request)
{
    redisReply *refusal = NULL;
    struct redis_key *key = request_find(request, 2, REDIS_TYPE_STREAM, &refusal);
    if (key == NULL)
        return refusal != NULL ? refusal : refuse_group_without_stream();
    request->has_changed =
        redis_stream_remove_group(key->stream, request->argv[3], request->sizes[3]);
    return redis_answer_integer(request->has_changed);
}

redisReply *command_xtrim(struct redis_request *request)
{
    struct addition addition = {0};
    size_t index = 2;
    if (!request_is(request, index, "MAXLEN"))
        return redis_answer_error("ERR syntax error");
    redisReply *refusal = read_most(request, &index, &addition);
    if (refusal == NULL && index + 1 < request->count)
        refusal = redis_answer_error("ERR syntax error");
    if (refusal != NULL)
        return refusal;
    struct redis_key *key = request_find(request, 1, REDIS_TYPE_STREAM, &refusal);
    if (key == NULL)
        return refusal != NULL ? refusal : redis_answer_integer(0);
    size_t before = redis_stream_length(key->stream);
    trim(key->stream, &addition);
    size_t trimmed = before - redis_stream_length(key->stream);
    request->has_changed = trimmed > 0;
    return redis_answer_integer((long long)trimmed);
}
