/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Redis in memory for the simulator: one thread, and a clock that the caller gives with each
 * command. Its replies are those of Redis 7.0, but for what the comments in the sources name.
 */
#ifndef SHUNT_SIMULATOR_REDIS_SERVER_H
#define SHUNT_SIMULATOR_REDIS_SERVER_H

#include <hiredis/hiredis.h>
#include <stddef.h>
#include <stdint.h>

struct redis_server;

struct redis_server *redis_server_new(void);
void redis_server_free(struct redis_server *server);

/* Carries out one command at the server's wall clock now_ms (Unix epoch, ms; it never goes back but
 * for redis_server_lose()). The reply is hiredis's own type and ended with freeReplyObject(). BLOCK
 * of XREADGROUP is accepted and not obeyed: nil at once when there is nothing; waiting is the
 * caller's. An unknown command or wrong arity is an error reply, worded as Redis words it.
 * lengths: NULL = strlen of each. */
redisReply *redis_server_execute(struct redis_server *server, int64_t now_ms, size_t count,
                                 const char *const *argv, const size_t *lengths);

/* Grows with each entry added to any stream: whoever waits in XREADGROUP looks again then. */
uint64_t redis_server_additions(const struct redis_server *server);

/* Faults. */
void redis_server_wipe(struct redis_server *server);    /* all keys and scripts gone for good */
void redis_server_restart(struct redis_server *server); /* script cache gone, keys stay */
/* Every write made at since_ms or later is undone, as after a failover to a replica that lagged;
 * script cache gone. */
void redis_server_lose(struct redis_server *server, int64_t since_ms);

/* For checks; no side effect. NULL if there is no such string key now. Borrowed until the next
 * command or fault. */
const char *redis_server_peek(struct redis_server *server, int64_t now_ms, const char *key);

#endif
