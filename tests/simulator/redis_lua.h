/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scripts of the simulated Redis, run by the real Lua 5.1. Interpreters outlive their server: they
 * wait for the next one with all that they have compiled, since a simulation starts servers by the
 * million. What a server knows by SHA1 is its own, and begins empty. For one thread only.
 */
#ifndef SHUNT_SIMULATOR_REDIS_LUA_H
#define SHUNT_SIMULATOR_REDIS_LUA_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

#define SCRIPT_SHA1_SIZE 41 /* hexadecimal, with the NUL */

struct redis_server;
struct redis_interpreter;

/* The scripts of one server; zeroed = none. */
struct redis_scripts {
    struct redis_interpreter *interpreter; /* NULL until the first script */
    char (*known)[SCRIPT_SHA1_SIZE];
    size_t known_count;
};

/* The script cache is gone. Also gives the interpreter back, and the memory. */
void redis_scripts_forget(struct redis_scripts *scripts);

/* What a script needs of the server; defined in redis_server.c. */
struct redis_scripts *redis_server_scripts(struct redis_server *server);
redisReply *redis_server_call(struct redis_server *server, size_t count, const char *const *argv,
                              const size_t *sizes);

#endif
