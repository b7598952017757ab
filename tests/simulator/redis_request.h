/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command of the simulated Redis gets: its arguments, read and checked as Redis does, the
 * keys, and where it says what it has changed. Also the list of all that carry out a command.
 */
#ifndef SHUNT_SIMULATOR_REDIS_REQUEST_H
#define SHUNT_SIMULATOR_REDIS_REQUEST_H

#include "redis_answer.h"
#include "redis_keyspace.h"

#include <stdbool.h>

struct redis_server;

struct redis_request {
    struct redis_server *server; /* for scripts */
    struct redis_keyspace *keyspace;
    int64_t now_ms;
    size_t count;
    const char *const *argv; /* maybe without a NUL at the end */
    const size_t *sizes;
    bool has_changed;   /* set by the command: something was written */
    uint64_t additions; /* set by the command: entries added to streams */
};

/* One command whose arity is right. The reply is the caller's, never NULL. */
typedef redisReply *(*redis_command_fn)(struct redis_request *request);

redisReply *command_del(struct redis_request *request);
redisReply *command_eval(struct redis_request *request);
redisReply *command_evalsha(struct redis_request *request);
redisReply *command_exists(struct redis_request *request);
redisReply *command_expire(struct redis_request *request);
redisReply *command_flushall(struct redis_request *request);
redisReply *command_get(struct redis_request *request);
redisReply *command_incr(struct redis_request *request);
redisReply *command_llen(struct redis_request *request);
redisReply *command_lpop(struct redis_request *request);
redisReply *command_lrange(struct redis_request *request);
redisReply *command_pexpire(struct redis_request *request);
redisReply *command_ping(struct redis_request *request);
redisReply *command_pttl(struct redis_request *request);
redisReply *command_rpush(struct redis_request *request);
redisReply *command_script_exists(struct redis_request *request);
redisReply *command_script_flush(struct redis_request *request);
redisReply *command_script_load(struct redis_request *request);
redisReply *command_set(struct redis_request *request);
redisReply *command_ttl(struct redis_request *request);
redisReply *command_type(struct redis_request *request);
redisReply *command_xack(struct redis_request *request);
redisReply *command_xadd(struct redis_request *request);
redisReply *command_xdel(struct redis_request *request);
redisReply *command_xtrim(struct redis_request *request); /* MAXLEN n, and no other form */
redisReply *command_xgroup_create(struct redis_request *request);
redisReply *command_xgroup_destroy(struct redis_request *request);
redisReply *command_xlen(struct redis_request *request);
redisReply *command_xrange(struct redis_request *request);
redisReply *command_xread(struct redis_request *request);
redisReply *command_xreadgroup(struct redis_request *request);
redisReply *command_xrevrange(struct redis_request *request);

/* NULL: no such key or, where *ret_refusal is set, one of another type. */
struct redis_key *request_find(const struct redis_request *request, size_t index,
                               enum redis_type type, redisReply **ret_refusal);

/* An argument in any case. */
bool request_is(const struct redis_request *request, size_t index, const char *word);

/* NULL, or the refusal of what is no decimal number. */
redisReply *request_integer(const struct redis_request *request, size_t index, int64_t *ret_value);
bool redis_parse_integer(const char *text, size_t size, int64_t *ret_value);

/* The time in units of unit_ms from now; NULL, or the refusal in the name of the command. */
redisReply *request_expiry(const struct redis_request *request, size_t index, int64_t unit_ms,
                           const char *command, int64_t *ret_expires_ms);

/* "ms-sequence"; "ms" alone has this sequence. NULL, or the refusal. */
redisReply *request_stream_id(const struct redis_request *request, size_t index,
                              uint64_t missing_sequence, struct stream_id *ret_id);
redisReply *redis_refuse_stream_id(void);
/* True for a decimal number of one digit or more. */
bool redis_parse_unsigned(const char *text, size_t size, uint64_t *ret_value);
bool redis_parse_stream_id(const char *text, size_t size, uint64_t missing_sequence,
                           struct stream_id *ret_id);

redisReply *redis_answer_stream_id(struct stream_id id);

redisReply *redis_refuse_syntax(void);
redisReply *redis_refuse_arity(const char *command);

#endif
