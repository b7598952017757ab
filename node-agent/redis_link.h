/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's two connections to Redis, up or down together: one waits for commands, one writes.
 * Whatever fails on either takes the link down; it is tried again after 0.2 s, doubled up to 5 s
 * and jittered, so that a fleet does not come back in step. An outage is logged once, and its end.
 */
#ifndef SHUNT_REDIS_LINK_H
#define SHUNT_REDIS_LINK_H

#include "agent_config.h"
#include "channel.h"
#include "clock.h"

#define REDIS_LINK_CALL_MS 2000 /* Redis answers within 1 ms, or is ill */

struct redis_link {
    const struct agent_config *config;
    struct redis *reader;
    struct redis *writer;
    char commands[CHANNEL_KEY_SIZE]; /* the stream of this node */
    char address[300];               /* for messages */
    bool is_open;
    bool is_proved;          /* has answered since it was opened */
    bool is_reading_pending; /* what was delivered before, and not acknowledged, first */
    struct deadline answer;  /* of the read under way */
    struct deadline retry;   /* while not open */
    int64_t backoff_ms;
    int64_t down_since_ms; /* monotonic; -1 = not, or told to be back */
};

void redis_link_init(struct redis_link *link, const struct agent_config *config);
void redis_link_done(struct redis_link *link);

/* Connects both and makes the consumer group. */
bool redis_link_open(struct redis_link *link, struct error *err);

/* After any failure: closes both and sets link->retry. Only an answer to redis_link_ask() ends an
 * outage: a server that takes the connection and nothing more is none. */
void redis_link_fail(struct redis_link *link, const struct error *err);

/* Asks for the next commands; the answer makes redis_fd(link->reader) readable. */
bool redis_link_ask(struct redis_link *link, struct error *err);

/* One answer, if there is one (*ret_reply NULL if not). ERROR_TIMEOUT where Redis should have
 * answered long ago: a connection can be dead without anybody having told us. */
bool redis_link_take(struct redis_link *link, redisReply **ret_reply, struct error *err);

/* The command with this entry id is recorded or refused: Redis may forget it. */
bool redis_link_acknowledge(struct redis_link *link, const char *id, struct error *err);

#endif
