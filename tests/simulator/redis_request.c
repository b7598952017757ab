/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments, and the refusals that many commands have in common.
 */
#include "redis_request.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct redis_key *request_find(const struct redis_request *request, size_t index,
                               enum redis_type type, redisReply **ret_refusal)
{
    struct redis_key *key = redis_keyspace_find(request->keyspace, request->now_ms,
                                                request->argv[index], request->sizes[index]);
    if (key == NULL || key->type == type)
        return key;
    *ret_refusal =
        redis_answer_error("WRONGTYPE Operation against a key holding the wrong kind of value");
    return NULL;
}

bool request_is(const struct redis_request *request, size_t index, const char *word)
{
    size_t size = strlen(word);
    return request->sizes[index] == size && strncasecmp(request->argv[index], word, size) == 0;
}

bool redis_parse_unsigned(const char *text, size_t size, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
            return false;
    }
    *ret_value = value;
    return size > 0;
}

/* As Redis writes it: no leading zeros, no "-0". */
bool redis_parse_integer(const char *text, size_t size, int64_t *ret_value)
{
    bool is_negative = size > 0 && text[0] == '-';
    uint64_t value = 0;
    size_t digits = size - is_negative;
    if (!redis_parse_unsigned(text + is_negative, digits, &value) ||
        (text[is_negative] == '0' && size > 1) || value > (uint64_t)INT64_MAX + is_negative)
        return false;
    *ret_value = is_negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

redisReply *request_integer(const struct redis_request *request, size_t index, int64_t *ret_value)
{
    if (redis_parse_integer(request->argv[index], request->sizes[index], ret_value))
        return NULL;
    return redis_answer_error("ERR value is not an integer or out of range");
}

redisReply *request_expiry(const struct redis_request *request, size_t index, int64_t unit_ms,
                           const char *command, int64_t *ret_expires_ms)
{
    int64_t amount = 0;
    redisReply *refusal = request_integer(request, index, &amount);
    if (refusal != NULL)
        return refusal;
    if (__builtin_mul_overflow(amount, unit_ms, &amount) ||
        __builtin_add_overflow(amount, request->now_ms, ret_expires_ms))
        return redis_answer_error("ERR invalid expire time in '%s' command", command);
    return NULL;
}

bool redis_parse_stream_id(const char *text, size_t size, uint64_t missing_sequence,
                           struct stream_id *ret_id)
{
    const char *dash = memchr(text, '-', size);
    size_t ms_size = dash != NULL ? (size_t)(dash - text) : size;
    ret_id->sequence = missing_sequence;
    return redis_parse_unsigned(text, ms_size, &ret_id->ms) &&
           (dash == NULL || redis_parse_unsigned(dash + 1, size - ms_size - 1, &ret_id->sequence));
}

redisReply *redis_refuse_stream_id(void)
{
    return redis_answer_error("ERR Invalid stream ID specified as stream command argument");
}

redisReply *request_stream_id(const struct redis_request *request, size_t index,
                              uint64_t missing_sequence, struct stream_id *ret_id)
{
    if (redis_parse_stream_id(request->argv[index], request->sizes[index], missing_sequence,
                              ret_id))
        return NULL;
    return redis_refuse_stream_id();
}

redisReply *redis_answer_stream_id(struct stream_id id)
{
    char text[44]; /* two numbers of 20 digits */
    int length = snprintf(text, sizeof(text), "%llu-%llu", (unsigned long long)id.ms,
                          (unsigned long long)id.sequence);
    return redis_answer_text(text, (size_t)length);
}

redisReply *redis_refuse_syntax(void)
{
    return redis_answer_error("ERR syntax error");
}

redisReply *redis_refuse_arity(const char *command)
{
    return redis_answer_error("ERR wrong number of arguments for '%s' command", command);
}
