/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_link.h"

#include "failpoint.h"
#include "log.h"

#include <sodium.h>
#include <string.h>

#define BACKOFF_LEAST_MS 200
#define BACKOFF_MOST_MS  5000
#define CONNECT_MS       2000
#define BLOCK_MS         30000 /* then an empty answer, as a sign of life */
#define ANSWER_MS        40000
#define COMMANDS_MOST    16 /* a read: 1 MB were all of the greatest size */
#define COMMAND_GROUP    "agent"

void redis_link_init(struct redis_link *link, const struct agent_config *config)
{
    memset(link, 0, sizeof(*link));
    link->config = config;
    link->reader = redis_new(&config->redis);
    link->writer = redis_new(&config->redis);
    link->answer = deadline_never();
    link->retry = deadline_after_ms(0);
    link->backoff_ms = BACKOFF_LEAST_MS;
    link->down_since_ms = -1;
    channel_key(link->commands, config->cluster, "command", config->node);
    redis_address_write(&config->redis, link->address, sizeof(link->address));
}

void redis_link_done(struct redis_link *link)
{
    redis_free(link->reader);
    redis_free(link->writer);
}

bool redis_link_open(struct redis_link *link, struct error *err)
{
    struct deadline deadline = deadline_after_ms(CONNECT_MS);
    if (!redis_connect_both(link->writer, link->reader, deadline, err) ||
        !channel_make_group(link->writer, deadline, link->commands, COMMAND_GROUP, err))
        return false;
    link->is_reading_pending = true;
    link->is_open = true;
    return true;
}

/* Half of it for certain, half by chance. */
static int64_t jittered(int64_t ms)
{
    return ms / 2 + randombytes_uniform((uint32_t)ms / 2 + 1);
}

void redis_link_fail(struct redis_link *link, const struct error *err)
{
    if (link->down_since_ms < 0) {
        log_failure(LOG_LEVEL_WARNING, err, "waiting for Redis");
        link->down_since_ms = clock_monotonic_ms();
    }
    redis_disconnect(link->reader);
    redis_disconnect(link->writer);
    link->is_open = false;
    link->is_proved = false;
    link->answer = deadline_never();
    link->retry = deadline_after_ms(jittered(link->backoff_ms));
    link->backoff_ms *= 2;
    if (link->backoff_ms > BACKOFF_MOST_MS)
        link->backoff_ms = BACKOFF_MOST_MS;
}

bool redis_link_ask(struct redis_link *link, struct error *err)
{
    const char *streams[] = {link->commands};
    if (!channel_send_read(link->reader, deadline_after_ms(REDIS_LINK_CALL_MS), COMMAND_GROUP,
                           link->config->node, COMMANDS_MOST, BLOCK_MS, streams, 1,
                           link->is_reading_pending, err))
        return false;
    link->answer = deadline_after_ms(ANSWER_MS);
    return true;
}

static void tell_proved(struct redis_link *link)
{
    if (link->down_since_ms < 0)
        log_notice("redis %s: connected", link->address);
    else
        log_notice("redis %s: connected after %.1f s", link->address,
                   (double)(clock_monotonic_ms() - link->down_since_ms) / 1000);
    link->is_proved = true;
    link->down_since_ms = -1;
    link->backoff_ms = BACKOFF_LEAST_MS;
}

bool redis_link_take(struct redis_link *link, redisReply **ret_reply, struct error *err)
{
    if (!redis_receive_nowait(link->reader, ret_reply, err))
        return false;
    if (*ret_reply != NULL) {
        if (!link->is_proved)
            tell_proved(link);
        return true;
    }
    if (!deadline_is_over(link->answer))
        return true;
    error_set(err, ERROR_TIMEOUT, "redis %s: no answer for %d s", link->address, ANSWER_MS / 1000);
    return false;
}

bool redis_link_acknowledge(struct redis_link *link, const char *id, struct error *err)
{
    failpoint("command-before-ack");
    return channel_acknowledge(link->writer, deadline_after_ms(REDIS_LINK_CALL_MS), link->commands,
                               COMMAND_GROUP, id, err);
}
