/* SPDX-License-Identifier: Apache-2.0 */
#include "redis.h"

#include "check.h"
#include "memory.h"
#include "redis_reply.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
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
