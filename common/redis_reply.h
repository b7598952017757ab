/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies of Redis out of a stream of bytes: hiredis's reader with bounds on what one reply may
 * make us hold, and the meaning of error replies. Private to redis.c and redis_script.c.
 */
#ifndef SHUNT_REDIS_REPLY_H
#define SHUNT_REDIS_REPLY_H

#include "error.h"
#include "redis.h"

/* The type of an array's length in hiredis's interface. */
#if HIREDIS_MAJOR >= 1
typedef size_t redis_array_length;
#else
typedef int redis_array_length;
#endif

struct reply_reader {
    redisReader *reader;
    redisReplyObjectFunctions functions; /* hiredis's own, but for arrays: */
    void *(*create_array)(const redisReadTask *task, redis_array_length length);
    size_t reply_bytes;    /* fed since the last complete reply */
    size_t reply_elements; /* announced by the arrays of the reply being read */
};

/* The reader must not move in memory until reply_reader_done(). */
void reply_reader_init(struct reply_reader *reader);
void reply_reader_done(struct reply_reader *reader);

/* ERROR_PROTOCOL where the reply passes the bounds. */
bool reply_reader_feed(struct reply_reader *reader, const char *bytes, size_t size,
                       struct error *err);
/* *ret_reply is NULL while no reply is complete. ERROR_PROTOCOL for bytes that are no reply. */
bool reply_reader_take(struct reply_reader *reader, redisReply **ret_reply, struct error *err);

/* True but for an error reply, whose meaning is set in *err. */
bool redis_reply_check(const redisReply *reply, struct error *err);
/* True for an error reply with this first word. */
bool redis_reply_is_error(const redisReply *reply, const char *word);
/* True for an error reply that only a replica gives: the master is elsewhere. */
bool redis_reply_is_of_replica(const redisReply *reply);

/* As redis_call(), but an error reply is a reply like others; false: the connection is closed. */
bool redis_exchange(struct redis *redis, struct deadline deadline, size_t count,
                    const char *const *argv, const size_t *lengths, redisReply **ret_reply,
                    struct error *err);

#endif
