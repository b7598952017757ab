/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands for strings and lists.
 */
#include "redis_request.h"

#include "memory.h"

#include <stdio.h>
#include <stdlib.h>

#define FIRST_ITEMS 4

/* Owns the copy of one argument or text. */
static struct redis_texts *one_text(const char *text, size_t size)
{
    return redis_texts_new(1, &text, &size);
}

static redisReply *answer_first(const struct redis_texts *texts)
{
    size_t size = 0;
    const char *text = redis_texts_first(texts, &size);
    return redis_answer_text(text, size);
}

redisReply *command_get(struct redis_request *request)
{
    redisReply *refusal = NULL;
    const struct redis_key *key = request_find(request, 1, REDIS_TYPE_STRING, &refusal);
    if (key == NULL)
        return refusal != NULL ? refusal : redis_answer_nil();
    return answer_first(key->string);
}

struct set_options {
    int64_t unit_ms;   /* 0: never expires */
    size_t time_index; /* the argument */
    bool is_for_new, is_for_old, keeps_expiry;
};

/* False: a syntax error. GET, EXAT and PXAT are left out. */
static bool read_set_options(const struct redis_request *request, struct set_options *options)
{
    for (size_t i = 3; i < request->count; i++) {
        bool is_seconds = request_is(request, i, "EX");
        bool has_time = options->unit_ms != 0 || options->keeps_expiry;
        if (request_is(request, i, "NX") && !options->is_for_old) {
            options->is_for_new = true;
        } else if (request_is(request, i, "XX") && !options->is_for_new) {
            options->is_for_old = true;
        } else if (request_is(request, i, "KEEPTTL") && options->unit_ms == 0) {
            options->keeps_expiry = true;
        } else if ((is_seconds || request_is(request, i, "PX")) && !has_time &&
                   i + 1 < request->count) {
            options->unit_ms = is_seconds ? 1000 : 1;
            options->time_index = ++i;
        } else {
            return false;
        }
    }
    return true;
}

static void put_string(struct redis_request *request, struct redis_key *old, int64_t expires_ms)
{
    if (old != NULL && old->type != REDIS_TYPE_STRING) {
        redis_keyspace_remove(request->keyspace, old);
        old = NULL;
    }
    struct redis_key *key = old != NULL ? old
                                        : redis_keyspace_add(request->keyspace, request->argv[1],
                                                             request->sizes[1], REDIS_TYPE_STRING);
    free(key->string);
    key->string = one_text(request->argv[2], request->sizes[2]);
    key->expires_ms = expires_ms;
    request->has_changed = true;
}

redisReply *command_set(struct redis_request *request)
{
    struct set_options options = {0};
    int64_t expires_ms = REDIS_NEVER_MS;
    redisReply *refusal = NULL;
    if (!read_set_options(request, &options))
        return redis_refuse_syntax();
    if (options.unit_ms != 0)
        refusal = request_expiry(request, options.time_index, options.unit_ms, "set", &expires_ms);
    if (refusal != NULL)
        return refusal;
    if (expires_ms <= request->now_ms)
        return redis_answer_error("ERR invalid expire time in 'set' command");
    struct redis_key *old = redis_keyspace_find(request->keyspace, request->now_ms,
                                                request->argv[1], request->sizes[1]);
    if (old != NULL ? options.is_for_new : options.is_for_old)
        return redis_answer_nil();
    if (old != NULL && options.keeps_expiry)
        expires_ms = old->expires_ms;
    put_string(request, old, expires_ms);
    return redis_answer_status("OK");
}

redisReply *command_incr(struct redis_request *request)
{
    redisReply *refusal = NULL;
    int64_t value = 0;
    char text[24];
    size_t size = 0;
    struct redis_key *key = request_find(request, 1, REDIS_TYPE_STRING, &refusal);
    if (refusal != NULL)
        return refusal;
    const char *old = key != NULL ? redis_texts_first(key->string, &size) : NULL;
    if (old != NULL && !redis_parse_integer(old, size, &value))
        return redis_answer_error("ERR value is not an integer or out of range");
    if (__builtin_add_overflow(value, 1, &value))
        return redis_answer_error("ERR increment or decrement would overflow");
    if (key == NULL)
        key = redis_keyspace_add(request->keyspace, request->argv[1], request->sizes[1],
                                 REDIS_TYPE_STRING);
    free(key->string);
    int length = snprintf(text, sizeof(text), "%lld", (long long)value);
    key->string = one_text(text, (size_t)length);
    request->has_changed = true;
    return redis_answer_integer(value);
}

static void push(struct redis_list *list, struct redis_texts *item)
{
    if (list->end == list->capacity) {
        list->capacity = list->capacity == 0 ? FIRST_ITEMS : list->capacity * 2;
        list->items = memory_resize(list->items, list->capacity, sizeof(struct redis_texts *));
    }
    list->items[list->end++] = item;
}

static size_t list_length(const struct redis_list *list)
{
    return list->end - list->head;
}

redisReply *command_rpush(struct redis_request *request)
{
    redisReply *refusal = NULL;
    struct redis_key *key = request_find(request, 1, REDIS_TYPE_LIST, &refusal);
    if (refusal != NULL)
        return refusal;
    if (key == NULL)
        key = redis_keyspace_add(request->keyspace, request->argv[1], request->sizes[1],
                                 REDIS_TYPE_LIST);
    for (size_t i = 2; i < request->count; i++)
        push(&key->list, one_text(request->argv[i], request->sizes[i]));
    request->has_changed = true;
    return redis_answer_integer((long long)list_length(&key->list));
}

/* LPOP's count is left out. */
redisReply *command_lpop(struct redis_request *request)
{
    redisReply *refusal = NULL;
    struct redis_key *key = request_find(request, 1, REDIS_TYPE_LIST, &refusal);
    if (key == NULL)
        return refusal != NULL ? refusal : redis_answer_nil();
    struct redis_texts *item = key->list.items[key->list.head++];
    redisReply *reply = answer_first(item);
    free(item);
    if (list_length(&key->list) == 0)
        redis_keyspace_remove(request->keyspace, key);
    request->has_changed = true;
    return reply;
}

redisReply *command_llen(struct redis_request *request)
{
    redisReply *refusal = NULL;
    const struct redis_key *key = request_find(request, 1, REDIS_TYPE_LIST, &refusal);
    if (refusal != NULL)
        return refusal;
    return redis_answer_integer(key != NULL ? (long long)list_length(&key->list) : 0);
}

/* A place from the end is negative. */
static int64_t place(int64_t index, int64_t length)
{
    if (index >= 0)
        return index;
    return index + length > 0 ? index + length : 0;
}

redisReply *command_lrange(struct redis_request *request)
{
    int64_t first = 0, last = 0;
    redisReply *refusal = request_integer(request, 2, &first);
    if (refusal == NULL)
        refusal = request_integer(request, 3, &last);
    if (refusal != NULL)
        return refusal;
    const struct redis_key *key = request_find(request, 1, REDIS_TYPE_LIST, &refusal);
    if (key == NULL)
        return refusal != NULL ? refusal : redis_answer_array(0);
    int64_t length = (int64_t)list_length(&key->list);
    bool is_before_all = last < 0 && last + length < 0;
    first = place(first, length);
    last = place(last, length) < length ? place(last, length) : length - 1;
    size_t count = first > last || is_before_all ? 0 : (size_t)(last - first + 1);
    redisReply *reply = redis_answer_array(count);
    for (size_t i = 0; i < count; i++)
        reply->element[i] = answer_first(key->list.items[key->list.head + (size_t)first + i]);
    return reply;
}
