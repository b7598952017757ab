/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands for keys of any type, and for the server.
 */
#include "redis_request.h"

redisReply *command_ping(struct redis_request *request)
{
    if (request->count > 2)
        return redis_refuse_arity("ping");
    if (request->count == 2)
        return redis_answer_text(request->argv[1], request->sizes[1]);
    return redis_answer_status("PONG");
}

static struct redis_key *find_any(const struct redis_request *request, size_t index)
{
    return redis_keyspace_find(request->keyspace, request->now_ms, request->argv[index],
                               request->sizes[index]);
}

redisReply *command_del(struct redis_request *request)
{
    long long deleted = 0;
    for (size_t i = 1; i < request->count; i++) {
        struct redis_key *key = find_any(request, i);
        if (key == NULL)
            continue;
        redis_keyspace_remove(request->keyspace, key);
        deleted++;
    }
    request->has_changed = deleted > 0;
    return redis_answer_integer(deleted);
}

redisReply *command_exists(struct redis_request *request)
{
    long long found = 0;
    for (size_t i = 1; i < request->count; i++)
        found += find_any(request, i) != NULL;
    return redis_answer_integer(found);
}

redisReply *command_flushall(struct redis_request *request)
{
    if (request->count > 1)
        return redis_refuse_syntax();
    redis_keyspace_clear(request->keyspace);
    request->has_changed = true;
    return redis_answer_status("OK");
}

redisReply *command_type(struct redis_request *request)
{
    static const char *const names[] = {
        [REDIS_TYPE_STRING] = "string", [REDIS_TYPE_LIST] = "list", [REDIS_TYPE_STREAM] = "stream"};
    const struct redis_key *key = find_any(request, 1);
    return redis_answer_status(key != NULL ? names[key->type] : "none");
}

/* The conditions NX, XX, GT and LT are left out. */
static redisReply *expire(struct redis_request *request, int64_t unit_ms, const char *name)
{
    int64_t expires_ms = 0;
    if (request->count > 3)
        return redis_answer_error("ERR Unsupported option %.*s", (int)request->sizes[3],
                                  request->argv[3]);
    redisReply *refusal = request_expiry(request, 2, unit_ms, name, &expires_ms);
    if (refusal != NULL)
        return refusal;
    struct redis_key *key = find_any(request, 1);
    if (key == NULL)
        return redis_answer_integer(0);
    if (expires_ms <= request->now_ms)
        redis_keyspace_remove(request->keyspace, key);
    else
        key->expires_ms = expires_ms;
    request->has_changed = true;
    return redis_answer_integer(1);
}

redisReply *command_expire(struct redis_request *request)
{
    return expire(request, 1000, "expire");
}

redisReply *command_pexpire(struct redis_request *request)
{
    return expire(request, 1, "pexpire");
}

static redisReply *time_left(const struct redis_request *request, int64_t unit_ms)
{
    const struct redis_key *key = find_any(request, 1);
    if (key == NULL)
        return redis_answer_integer(-2);
    if (key->expires_ms == REDIS_NEVER_MS)
        return redis_answer_integer(-1);
    return redis_answer_integer((key->expires_ms - request->now_ms + unit_ms / 2) / unit_ms);
}

redisReply *command_ttl(struct redis_request *request)
{
    return time_left(request, 1000);
}

redisReply *command_pttl(struct redis_request *request)
{
    return time_left(request, 1);
}
