/* SPDX-License-Identifier: Apache-2.0 */
/* common/redis.h: connections to the simulated server, which may be cut at any moment. */
#include "redis.h"

#include "check.h"
#include "edge.h"
#include "memory.h"
#include "redis_reply.h"
#include "trace.h"
#include "world.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_MOST 24 /* of redis_command() */

struct redis {
    bool is_connected;
    unsigned connections;
    int64_t connected_ms;
    uint64_t generation; /* of the server when it was connected */
    char **waiting;      /* a blocking read under way */
    size_t waiting_count;
    int64_t block_until_us;
    uint64_t seen_additions;
};

struct redis *redis_new(const struct redis_address *address)
{
    (void)address;
    return memory_zeroed(1, sizeof(struct redis));
}

static void forget_waiting(struct redis *redis)
{
    for (size_t i = 0; i < redis->waiting_count; i++)
        free(redis->waiting[i]);
    free(redis->waiting);
    redis->waiting = NULL;
    redis->waiting_count = 0;
}

void redis_disconnect(struct redis *redis)
{
    forget_waiting(redis);
    redis->is_connected = false;
}

void redis_free(struct redis *redis)
{
    if (redis == NULL)
        return;
    redis_disconnect(redis);
    free(redis);
}

bool redis_is_connected(const struct redis *redis)
{
    return redis->is_connected;
}

int redis_fd(const struct redis *redis)
{
    return redis->is_connected ? 0 : -1;
}

void redis_reply_cleanup(redisReply **reply)
{
    if (*reply != NULL)
        freeReplyObject(*reply);
    *reply = NULL;
}

static bool is_down(void)
{
    return schedule_now_us() < world.redis.down_until_us;
}

static bool fail(struct redis *redis, struct error *err, const char *what)
{
    redis_disconnect(redis);
    error_set(err, ERROR_UNAVAILABLE, "redis: %s", what);
    return false;
}

static void travel(void)
{
    bool is_slow = random_one_in(&world.random, 50);
    fiber_sleep_us(random_between(&world.random, 50, is_slow ? 400 * WORLD_MS : 1500));
}

bool redis_connect(struct redis *redis, struct deadline deadline, struct error *err)
{
    (void)deadline;
    if (redis->is_connected)
        return true;
    travel();
    if (is_down())
        return fail(redis, err, "connection refused");
    redis->is_connected = true;
    redis->connections++;
    redis->connected_ms = clock_monotonic_ms();
    redis->generation = world.redis.generation;
    return true;
}

static int64_t server_ms(void)
{
    return WORLD_EPOCH_MS + schedule_now_us() / WORLD_MS;
}

static void tell_news(void)
{
    uint64_t additions = redis_server_additions(world.redis.server);
    if (additions == world.redis.additions)
        return;
    world.redis.additions = additions;
    signal_raise(&world.redis.news);
}

static redisReply *execute(size_t count, const char *const *argv, const size_t *lengths)
{
    redisReply *reply = redis_server_execute(world.redis.server, server_ms(), count, argv, lengths);
    tell_news();
    return reply;
}

static bool is_broken(const struct redis *redis)
{
    return !redis->is_connected || redis->generation != world.redis.generation || is_down();
}

/* A leader's scripts name its lease and epoch, and then what they write. */
static void tell_rules(size_t count, const char *const *argv, const redisReply *reply)
{
    const struct controller *controller = edge_controller();
    bool is_obeyed = reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
    if (controller == NULL || !is_obeyed || count <= 5 || strncmp(argv[0], "EVAL", 4) != 0)
        return;
    if (strstr(argv[5], ":journal") != NULL || strstr(argv[5], ":command:") != NULL)
        rules_at_script(controller);
}

/* There and back; on the way either may be lost. */
static redisReply *exchange(struct redis *redis, size_t count, const char *const *argv,
                            const size_t *lengths, struct error *err)
{
    process_boundary(argv[0]);
    travel();
    if (is_broken(redis)) {
        fail(redis, err, "the connection was cut");
        return NULL;
    }
    redisReply *reply = execute(count, argv, lengths);
    tell_rules(count, argv, reply);
    process_boundary(argv[0]);
    travel();
    if (world.redis.lost_answers == 0 && !is_broken(redis))
        return reply;
    if (world.redis.lost_answers > 0)
        world.redis.lost_answers--;
    freeReplyObject(reply);
    fail(redis, err, "the connection was cut while an answer was awaited");
    return NULL;
}

static bool judge(redisReply *reply, redisReply **ret_reply, struct error *err)
{
    if (reply == NULL)
        return false;
    if (redis_reply_check(reply, err)) {
        *ret_reply = reply;
        return true;
    }
    freeReplyObject(reply);
    return false;
}

bool redis_call(struct redis *redis, struct deadline deadline, size_t count,
                const char *const *argv, const size_t *lengths, redisReply **ret_reply,
                struct error *err)
{
    (void)deadline;
    return judge(exchange(redis, count, argv, lengths, err), ret_reply, err);
}

bool redis_command(struct redis *redis, struct deadline deadline, redisReply **ret_reply,
                   struct error *err, ...)
{
    const char *argv[ARGUMENTS_MOST] = {NULL};
    size_t count = 0;
    va_list arguments;
    va_start(arguments, err);
    for (const char *text; (text = va_arg(arguments, const char *)) != NULL;) {
        CHECK(count < ARGUMENTS_MOST);
        argv[count++] = text;
    }
    va_end(arguments);
    return redis_call(redis, deadline, count, argv, NULL, ret_reply, err);
}

static void find_sha1(struct redis_script *script)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (script->sha1[0] != '\0')
        return;
    CHECK(EVP_Digest(script->text, strlen(script->text), digest, &size, EVP_sha1(), NULL) == 1);
    for (size_t i = 0; i < size; i++)
        snprintf(script->sha1 + 2 * i, 3, "%02x", digest[i]);
}

bool redis_eval(struct redis *redis, struct deadline deadline, struct redis_script *script,
                size_t key_count, const char *const *keys_and_arguments, size_t count,
                redisReply **ret_reply, struct error *err)
{
    char keys[24];
    (void)deadline;
    FREE_CLEANUP const char **argv = memory_zeroed(count + 3, sizeof(*argv));
    find_sha1(script);
    snprintf(keys, sizeof(keys), "%zu", key_count);
    argv[0] = "EVALSHA";
    argv[1] = script->sha1;
    argv[2] = keys;
    memcpy(argv + 3, keys_and_arguments, count * sizeof(*argv));
    redisReply *reply = exchange(redis, count + 3, argv, NULL, err);
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR &&
        strncmp(reply->str, "NOSCRIPT", 8) == 0) {
        freeReplyObject(reply);
        argv[0] = "EVAL";
        argv[1] = script->text;
        reply = exchange(redis, count + 3, argv, NULL, err);
    }
    return judge(reply, ret_reply, err);
}

/* On the way together, they are carried out one after the other; the connection may be cut between
 * any two. */
void redis_call_all(struct redis *redis, struct deadline deadline, struct redis_request *requests,
                    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct redis_request *request = &requests[i];
        request->reply = NULL;
        (void)redis_call(redis, deadline, request->count, request->argv, NULL, &request->reply,
                         &request->err);
    }
}

void redis_eval_all(struct redis *redis, struct deadline deadline, struct redis_script *script,
                    struct redis_request *requests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct redis_request *request = &requests[i];
        request->reply = NULL;
        (void)redis_eval(redis, deadline, script, request->key_count, request->argv, request->count,
                         &request->reply, &request->err);
    }
}

/* ---- a blocking read ---- */

bool redis_send(struct redis *redis, struct deadline deadline, size_t count,
                const char *const *argv, struct error *err)
{
    (void)deadline;
    process_boundary(argv[0]);
    if (is_broken(redis))
        return fail(redis, err, "the connection was cut");
    forget_waiting(redis);
    redis->waiting = memory_zeroed(count, sizeof(redis->waiting[0]));
    redis->waiting_count = count;
    for (size_t i = 0; i < count; i++) {
        redis->waiting[i] = memory_text(argv[i]);
        if (i > 0 && strcmp(argv[i - 1], "BLOCK") == 0)
            redis->block_until_us = schedule_now_us() + atoll(argv[i]) * WORLD_MS;
    }
    redis->seen_additions = UINT64_MAX;
    return true;
}

/* Cut while it waited, the server may have handed out entries that nobody received. */
static bool cut_while_waiting(struct redis *redis, struct error *err)
{
    if (!is_down() && redis->waiting_count != 0 && random_one_in(&world.random, 2))
        freeReplyObject(execute(redis->waiting_count, (const char *const *)redis->waiting, NULL));
    return fail(redis, err, "the connection was cut");
}

bool redis_receive_nowait(struct redis *redis, redisReply **ret_reply, struct error *err)
{
    *ret_reply = NULL;
    if (is_broken(redis))
        return cut_while_waiting(redis, err);
    bool is_over = schedule_now_us() >= redis->block_until_us;
    if (redis->waiting_count == 0 || (redis->seen_additions == world.redis.additions && !is_over))
        return true;
    redis->seen_additions = world.redis.additions;
    redisReply *reply = execute(redis->waiting_count, (const char *const *)redis->waiting, NULL);
    if (reply->type == REDIS_REPLY_NIL && !is_over) {
        freeReplyObject(reply);
        return true;
    }
    forget_waiting(redis);
    process_boundary("entries received");
    return judge(reply, ret_reply, err);
}

void redis_wait(struct redis *const *connections, size_t count, struct deadline deadline,
                bool *ret_is_ready)
{
    int64_t until_us = (deadline.at_ms - 1000) * WORLD_MS;
    for (size_t i = 0; i < count; i++) {
        if (connections[i]->waiting_count != 0 && connections[i]->block_until_us < until_us)
            until_us = connections[i]->block_until_us;
        ret_is_ready[i] = true; /* whoever looks finds out */
    }
    if (fiber_wait(&world.redis.news, until_us))
        travel();
}

/* ---- what only sentinels need: there is one server here, which never moves ---- */

bool redis_connect_both(struct redis *one, struct redis *other, struct deadline deadline,
                        struct error *err)
{
    return redis_connect(one, deadline, err) && redis_connect(other, deadline, err);
}

unsigned redis_connections(const struct redis *redis)
{
    return redis->connections;
}

int64_t redis_connected_ms(const struct redis *redis)
{
    return redis->connected_ms;
}
