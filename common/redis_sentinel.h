/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redis Sentinel, as "Guidelines for Redis clients with support for Redis Sentinel" describes it:
 * sentinels are asked where the master is, and the server they name is asked whether it is one.
 * What they answer is checked like everything from outside. Private to redis.c and redis_config.c.
 */
#ifndef SHUNT_REDIS_SENTINEL_H
#define SHUNT_REDIS_SENTINEL_H

#include "redis.h"

/* HOST[:PORT] or [IPV6][:PORT]; the port is 26379 where it is not given. ERROR_INVALID. */
bool redis_sentinel_parse(const char *text, struct redis_host *ret_host, struct error *err);

/* The reply to SENTINEL get-master-addr-by-name: ERROR_NOT_FOUND where the sentinel knows no master
 * of that name, ERROR_PROTOCOL where it is no address. */
bool redis_sentinel_read_master(const redisReply *reply, const char *name,
                                struct redis_host *ret_master, struct error *err);

/* The reply to ROLE: ERROR_UNAVAILABLE of another role than master. */
bool redis_sentinel_check_role(const redisReply *reply, struct error *err);

/* What one connection knows of the master that it was led to. Zeroed at first. */
struct redis_watch {
    size_t index;             /* the sentinel to ask first, modulo their number */
    struct redis *sentinel;   /* connected to it, once redis_watch_is_overtaken() was called */
    struct deadline due;      /* of the next look */
    struct redis_host master; /* the last one; port 0 = none yet */
};

/* Asks the sentinels in turn, the last good one first. Takes at most half of the time that is left
 * until the deadline, and none of them can use up what the others need. */
bool redis_watch_find(struct redis_watch *watch, const struct redis_address *address,
                      struct deadline deadline, struct redis_host *ret_master, struct error *err);
/* What became of that server: it is the master, or it is none. */
void redis_watch_accept(struct redis_watch *watch, const struct redis_host *master);
void redis_watch_reject(struct redis_watch *watch);

/* True where a sentinel now names another master. Asks at most twice a second, for 0.2 s at most; a
 * sentinel that does not answer says nothing. */
bool redis_watch_is_overtaken(struct redis_watch *watch, const struct redis_address *address);

void redis_watch_done(struct redis_watch *watch);

#endif
