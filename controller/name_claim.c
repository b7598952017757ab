/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A controller's name at its Redis. Two that have the same one would sign as the same and read the
 * same streams as one consumer, so that each hears half: the second one refuses to start.
 */
#include "clock.h"
#include "log.h"
#include "memory.h"
#include "shell.h"
#include "text.h"

#include <stdio.h>

#define REDIS_CALL_MS 2000
#define NAME_LIFE_MS  6000 /* three renewals may fail */
#define NAME_SLACK_MS 500
#define NAME_LOOK_MS  100

/* KEYS name, ARGV value life_ms gone → {holder, ttl_ms}. `gone` is a holder that has surely ended,
 * or empty. */
static struct redis_script claim_script = {
    .text = "local holder = redis.call('GET', KEYS[1])\n"
            "if holder and holder ~= ARGV[1] and holder ~= ARGV[3] then\n"
            "  return {holder, redis.call('PTTL', KEYS[1])}\n"
            "end\n"
            "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
            "return {ARGV[1], tonumber(ARGV[2])}\n"};

static struct redis_script release_script = {
    .text = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end\n"
            "return 0\n"};

struct claim {
    char holder[NAME_HOLDER_SIZE];
    int64_t ttl_ms;
};

static void name_key(const struct shell *shell, char key[CHANNEL_KEY_SIZE])
{
    snprintf(key, CHANNEL_KEY_SIZE, "shunt:controller:%s", shell->config->name);
}

static bool ask(struct shell *shell, const char *gone, struct claim *ret_claim, struct error *err)
{
    char key[CHANNEL_KEY_SIZE], life[24];
    REPLY_CLEANUP redisReply *reply = NULL;
    name_key(shell, key);
    snprintf(life, sizeof(life), "%d", NAME_LIFE_MS);
    const char *arguments[] = {key, shell->identity, life, gone};
    if (!redis_eval(shell->redis, deadline_after_ms(REDIS_CALL_MS), &claim_script, 1, arguments, 4,
                    &reply, err))
        return false;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING ||
        reply->element[1]->type != REDIS_REPLY_INTEGER) {
        error_set(err, ERROR_PROTOCOL, "redis: the name script gave another answer than expected");
        return false;
    }
    snprintf(ret_claim->holder, sizeof(ret_claim->holder), "%s", reply->element[0]->str);
    ret_claim->ttl_ms = reply->element[1]->integer;
    return true;
}

/* The process before us in the same state directory, killed, need not be waited for. */
static bool claim(struct shell *shell, struct claim *ret_claim, struct error *err)
{
    struct name_holder own, other;
    char gone[NAME_HOLDER_SIZE];
    if (!ask(shell, "", ret_claim, err))
        return false;
    name_holder_read(shell->identity, &own);
    name_holder_read(ret_claim->holder, &other);
    if (text_equal(own.instance, other.instance) || !name_holder_succeeds(&own, &other))
        return true;
    (void)TEXT_COPY(gone, ret_claim->holder);
    return ask(shell, gone, ret_claim, err);
}

static void taken(const struct shell *shell, const struct claim *claim, struct error *err)
{
    struct name_holder other;
    name_holder_read(claim->holder, &other);
    error_set(err, ERROR_CONFLICT,
              "another controller at this Redis is named '%s': instance %s on host %s, process %s",
              shell->config->name, other.instance, other.host, other.pid);
    error_hint(err, "give one of them another controller.name, and the agents its key");
}

/*
 * A holder that has ended is waited for until its claim has expired; one that renews its claim
 * lives. A Redis that is away is no reason not to start: name_keep() claims the name later.
 */
bool name_claim(struct shell *shell, struct error *err)
{
    struct deadline deadline = deadline_after_ms(NAME_LIFE_MS + NAME_SLACK_MS);
    struct error ignored;
    struct claim now = {.ttl_ms = 0};
    int64_t before_ms = INT64_MAX;
    while (redis_connect(shell->redis, deadline_after_ms(REDIS_CALL_MS), &ignored) &&
           claim(shell, &now, &ignored)) {
        if (text_equal(now.holder, shell->identity))
            return true;
        if (now.ttl_ms > before_ms || deadline_is_over(deadline)) {
            taken(shell, &now, err);
            return false;
        }
        if (before_ms == INT64_MAX)
            log_notice("the name '%s' is taken; waiting whether its holder lives",
                       shell->config->name);
        before_ms = now.ttl_ms;
        clock_sleep_ms(NAME_LOOK_MS);
    }
    return true;
}

bool name_keep(struct shell *shell)
{
    struct error err;
    struct claim now;
    if (shell->identity[0] == '\0')
        return true;
    if (!claim(shell, &now, &err)) {
        log_failure(LOG_LEVEL_WARNING, &err, "the name '%s'", shell->config->name);
        return !shell->is_nameless;
    }
    bool is_ours = text_equal(now.holder, shell->identity);
    if (!is_ours && !shell->is_nameless) {
        taken(shell, &now, &err);
        log_failure(LOG_LEVEL_ERROR, &err, "standing back from all clusters");
    } else if (is_ours && shell->is_nameless) {
        log_notice("the name '%s' is ours again", shell->config->name);
    }
    shell->is_nameless = !is_ours;
    return is_ours;
}

void name_release(struct shell *shell)
{
    char key[CHANNEL_KEY_SIZE];
    struct error ignored;
    REPLY_CLEANUP redisReply *reply = NULL;
    if (shell->identity[0] == '\0' || !redis_is_connected(shell->redis))
        return;
    name_key(shell, key);
    const char *arguments[] = {key, shell->identity};
    (void)redis_eval(shell->redis, deadline_after_ms(REDIS_CALL_MS), &release_script, 1, arguments,
                     2, &reply, &ignored); /* it ends by itself otherwise */
}
