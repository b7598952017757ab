/* SPDX-License-Identifier: Apache-2.0 */
#include "redis.h"

#include "check.h"
#include "memory.h"
#include "redis_reply.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A script is static and shared by threads, each with a connection of its own. */
static void find_sha1(struct redis_script *script, char sha1[41])
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    pthread_mutex_lock(&mutex);
    if (script->sha1[0] == '\0') {
        CHECK(EVP_Digest(script->text, strlen(script->text), digest, &size, EVP_sha1(), NULL) == 1);
        CHECK(size == (sizeof(script->sha1) - 1) / 2);
        for (size_t i = 0; i < size; i++)
            snprintf(script->sha1 + 2 * i, 3, "%02x", digest[i]);
    }
    memcpy(sha1, script->sha1, sizeof(script->sha1));
    pthread_mutex_unlock(&mutex);
}

bool redis_eval(struct redis *redis, struct deadline deadline, struct redis_script *script,
                size_t key_count, const char *const *keys_and_arguments, size_t count,
                redisReply **ret_reply, struct error *err)
{
    char sha1[sizeof(script->sha1)], keys[24];
    redisReply *reply = NULL;
    CHECK(key_count <= count);
    FREE_CLEANUP const char **argv = memory_zeroed(count + 3, sizeof(*argv));
    find_sha1(script, sha1);
    snprintf(keys, sizeof(keys), "%zu", key_count);
    argv[0] = "EVALSHA";
    argv[1] = sha1;
    argv[2] = keys;
    if (count > 0)
        memcpy(argv + 3, keys_and_arguments, count * sizeof(*argv));
    if (!redis_exchange(redis, deadline, count + 3, argv, NULL, &reply, err))
        return false;
    if (redis_reply_is_error(reply, "NOSCRIPT")) {
        redis_reply_cleanup(&reply);
        argv[0] = "EVAL";
        argv[1] = script->text;
        if (!redis_exchange(redis, deadline, count + 3, argv, NULL, &reply, err))
            return false;
    }
    if (redis_reply_check(reply, err)) {
        *ret_reply = reply;
        return true;
    }
    redis_reply_cleanup(&reply);
    error_wrap(err, "redis script");
    return false;
}

/* Not known to the server (a restart, SCRIPT FLUSH): one of them teaches it. */
static void eval_again(struct redis *redis, struct deadline deadline, struct redis_script *script,
                       struct redis_request *request)
{
    if (request->reply != NULL || request->err.code != ERROR_NOT_FOUND)
        return;
    (void)redis_eval(redis, deadline, script, request->key_count, request->argv, request->count,
                     &request->reply, &request->err);
}

void redis_eval_all(struct redis *redis, struct deadline deadline, struct redis_script *script,
                    struct redis_request *requests, size_t count)
{
    char sha1[sizeof(script->sha1)], keys[REDIS_REQUESTS_MOST][24];
    const char **argv[REDIS_REQUESTS_MOST];
    FREE_CLEANUP struct redis_request *whole = memory_zeroed(count, sizeof(*whole));
    CHECK(count <= REDIS_REQUESTS_MOST);
    find_sha1(script, sha1);
    for (size_t i = 0; i < count; i++) {
        CHECK(requests[i].key_count <= requests[i].count);
        snprintf(keys[i], sizeof(keys[i]), "%zu", requests[i].key_count);
        whole[i].count = requests[i].count + 3;
        whole[i].argv = argv[i] = memory_zeroed(whole[i].count, sizeof(*argv[i]));
        argv[i][0] = "EVALSHA";
        argv[i][1] = sha1;
        argv[i][2] = keys[i];
        memcpy(argv[i] + 3, requests[i].argv, requests[i].count * sizeof(*argv[i]));
    }
    redis_call_all(redis, deadline, whole, count);
    for (size_t i = 0; i < count; i++) {
        free(argv[i]);
        requests[i].reply = whole[i].reply;
        requests[i].err = whole[i].err;
        eval_again(redis, deadline, script, &requests[i]);
    }
}
