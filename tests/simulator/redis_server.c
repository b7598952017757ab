/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of commands, their dispatch, and the log of writes. The log holds what has changed
 * something, with its time, and no script but the commands that a script has called. A command's
 * effect depends on the keys and the time alone: the log, carried out again from the start, gives
 * the same keys, with the same ids for "*" and the same times of expiry.
 */
#include "redis_server.h"

#include "check.h"
#include "memory.h"
#include "redis_lua.h"
#include "redis_request.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_INLINE 64 /* more take an allocation */
#define NAME_SIZE        32 /* of a command with its subcommand */
#define FIRST_WRITES     64
#define SHOWN_BYTES      128 /* of the arguments of an unknown command, as in Redis */

struct redis_write {
    int64_t at_ms;
    struct redis_texts *argv;
};

struct redis_server {
    struct redis_keyspace keyspace;
    struct redis_scripts scripts;
    int64_t now_ms; /* of the command that is being carried out */
    uint64_t additions;
    struct redis_write *writes; /* at_ms never falls */
    size_t write_count, write_capacity;
};

/* A command with subcommands has one row of its own without a function, for its arity. */
struct command_row {
    const char *name;
    int arity; /* with the name; negative: at least so many */
    redis_command_fn carry_out;
    bool is_not_for_scripts;
};

/* In the order of strcmp(). */
static const struct command_row rows[] = {
    {"del", -2, command_del, false},
    {"eval", -3, command_eval, true},
    {"evalsha", -3, command_evalsha, true},
    {"exists", -2, command_exists, false},
    {"expire", -3, command_expire, false},
    {"flushall", -1, command_flushall, false},
    {"get", 2, command_get, false},
    {"incr", 2, command_incr, false},
    {"llen", 2, command_llen, false},
    {"lpop", 2, command_lpop, false},
    {"lrange", 4, command_lrange, false},
    {"pexpire", -3, command_pexpire, false},
    {"ping", -1, command_ping, false},
    {"pttl", 2, command_pttl, false},
    {"rpush", -3, command_rpush, false},
    {"script", -2, NULL, true},
    {"script|exists", -3, command_script_exists, true},
    {"script|flush", -2, command_script_flush, true},
    {"script|load", 3, command_script_load, true},
    {"set", -3, command_set, false},
    {"ttl", 2, command_ttl, false},
    {"type", 2, command_type, false},
    {"xack", -4, command_xack, false},
    {"xadd", -5, command_xadd, false},
    {"xdel", -3, command_xdel, false},
    {"xgroup", -2, NULL, false},
    {"xgroup|create", -5, command_xgroup_create, false},
    {"xgroup|destroy", 4, command_xgroup_destroy, false},
    {"xlen", 2, command_xlen, false},
    {"xrange", -4, command_xrange, false},
    {"xread", -4, command_xread, false},
    {"xreadgroup", -7, command_xreadgroup, false},
    {"xrevrange", -4, command_xrevrange, false},
    {"xtrim", -4, command_xtrim, false},
};

static int compare_name(const void *name, const void *row)
{
    return strcmp(name, ((const struct command_row *)row)->name);
}

static const struct command_row *find_name(const char *name)
{
    return bsearch(name, rows, sizeof(rows) / sizeof(rows[0]), sizeof(rows[0]), compare_name);
}

/* Adds an argument in lower case; false: no command has so long a name. */
static bool add_name(char name[NAME_SIZE], size_t *length, const struct redis_request *request,
                     size_t index)
{
    size_t size = request->sizes[index];
    if (*length + size >= NAME_SIZE)
        return false;
    for (size_t i = 0; i < size; i++)
        name[(*length)++] = (char)tolower((unsigned char)request->argv[index][i]);
    name[*length] = '\0';
    return true;
}

/* The row of the command or of its subcommand; NULL: unknown. */
static const struct command_row *find_row(const struct redis_request *request)
{
    char name[NAME_SIZE];
    size_t length = 0;
    if (!add_name(name, &length, request, 0))
        return NULL;
    const struct command_row *row = find_name(name);
    if (row == NULL || row->carry_out != NULL || request->count == 1)
        return row;
    name[length++] = '|';
    return add_name(name, &length, request, 1) ? find_name(name) : NULL;
}

static bool has_arity(const struct command_row *row, size_t count)
{
    return row->carry_out != NULL &&
           (row->arity > 0 ? count == (size_t)row->arity : count >= (size_t)-row->arity);
}

static redisReply *refuse_unknown(const struct redis_request *request)
{
    char name[NAME_SIZE], shown[2 * SHOWN_BYTES] = "";
    size_t length = 0;
    if (add_name(name, &length, request, 0) && find_name(name) != NULL) {
        for (size_t i = 0; i < length; i++)
            name[i] = (char)toupper((unsigned char)name[i]);
        return redis_answer_error("ERR unknown subcommand '%.*s'. Try %s HELP.",
                                  (int)request->sizes[1], request->argv[1], name);
    }
    length = 0;
    for (size_t i = 1; i < request->count && length < SHOWN_BYTES; i++) {
        size_t most = SHOWN_BYTES - length;
        size_t size = request->sizes[i] < most ? request->sizes[i] : most;
        length += (size_t)snprintf(shown + length, sizeof(shown) - length, "'%.*s' ", (int)size,
                                   request->argv[i]);
    }
    return redis_answer_error(
        "ERR unknown command '%.*s', with args beginning with: %s",
        (int)(request->sizes[0] < SHOWN_BYTES ? request->sizes[0] : SHOWN_BYTES), request->argv[0],
        shown);
}

static redisReply *refuse(const struct command_row *row, const struct redis_request *request)
{
    if (row == NULL)
        return refuse_unknown(request);
    return has_arity(row, request->count) ? NULL : redis_refuse_arity(row->name);
}

static redisReply *refuse_script(const struct command_row *row, const struct redis_request *request)
{
    if (row == NULL)
        return redis_answer_error("ERR Unknown Redis command called from script");
    if (!has_arity(row, request->count))
        return redis_answer_error("ERR Wrong number of args calling Redis command from script");
    if (row->is_not_for_scripts)
        return redis_answer_error("ERR This Redis command is not allowed from script");
    return NULL;
}

static void log_write(struct redis_server *server, const struct redis_request *request)
{
    if (server->write_count == server->write_capacity) {
        server->write_capacity =
            server->write_capacity == 0 ? FIRST_WRITES : server->write_capacity * 2;
        server->writes =
            memory_resize(server->writes, server->write_capacity, sizeof(*server->writes));
    }
    server->writes[server->write_count++] = (struct redis_write){
        .at_ms = request->now_ms,
        .argv = redis_texts_new(request->count, request->argv, request->sizes)};
}

static void forget_writes(struct redis_server *server, size_t kept)
{
    while (server->write_count > kept)
        free(server->writes[--server->write_count].argv);
}

static struct redis_request make_request(struct redis_server *server, size_t count,
                                         const char *const *argv, const size_t *sizes)
{
    return (struct redis_request){.server = server,
                                  .keyspace = &server->keyspace,
                                  .now_ms = server->now_ms,
                                  .count = count,
                                  .argv = argv,
                                  .sizes = sizes};
}

static redisReply *carry_out(const struct command_row *row, struct redis_request *request)
{
    struct redis_server *server = request->server;
    redisReply *reply = row->carry_out(request);
    server->additions += request->additions;
    if (request->has_changed)
        log_write(server, request);
    return reply;
}

redisReply *redis_server_call(struct redis_server *server, size_t count, const char *const *argv,
                              const size_t *sizes)
{
    struct redis_request request = make_request(server, count, argv, sizes);
    const struct command_row *row = find_row(&request);
    redisReply *refusal = refuse_script(row, &request);
    return refusal != NULL ? refusal : carry_out(row, &request);
}

static redisReply *execute(struct redis_server *server, size_t count, const char *const *argv,
                           const size_t *sizes)
{
    struct redis_request request = make_request(server, count, argv, sizes);
    const struct command_row *row = find_row(&request);
    redisReply *refusal = refuse(row, &request);
    return refusal != NULL ? refusal : carry_out(row, &request);
}

redisReply *redis_server_execute(struct redis_server *server, int64_t now_ms, size_t count,
                                 const char *const *argv, const size_t *lengths)
{
    size_t few[ARGUMENTS_INLINE];
    CHECK(count > 0);
    server->now_ms = now_ms;
    if (lengths != NULL)
        return execute(server, count, argv, lengths);
    FREE_CLEANUP size_t *many =
        count > ARGUMENTS_INLINE ? memory_zeroed(count, sizeof(*many)) : NULL;
    size_t *sizes = many != NULL ? many : few;
    for (size_t i = 0; i < count; i++)
        sizes[i] = strlen(argv[i]);
    return execute(server, count, argv, sizes);
}

struct redis_server *redis_server_new(void)
{
    return memory_zeroed(1, sizeof(struct redis_server));
}

void redis_server_free(struct redis_server *server)
{
    if (server == NULL)
        return;
    redis_server_wipe(server);
    free(server->writes);
    free(server);
}

uint64_t redis_server_additions(const struct redis_server *server)
{
    return server->additions;
}

struct redis_scripts *redis_server_scripts(struct redis_server *server)
{
    return &server->scripts;
}

void redis_server_wipe(struct redis_server *server)
{
    redis_keyspace_clear(&server->keyspace);
    redis_scripts_forget(&server->scripts);
    forget_writes(server, 0);
}

void redis_server_restart(struct redis_server *server)
{
    redis_scripts_forget(&server->scripts);
}

/* Outside the log, which has it already. */
static void repeat(struct redis_server *server, const struct redis_write *write)
{
    size_t count = write->argv->count;
    FREE_CLEANUP const char **argv = memory_zeroed(count, sizeof(*argv));
    FREE_CLEANUP size_t *sizes = memory_zeroed(count, sizeof(*sizes));
    const char *position = write->argv->bytes;
    for (size_t i = 0; i < count; i++)
        argv[i] = redis_texts_next(&position, &sizes[i]);
    server->now_ms = write->at_ms;
    struct redis_request request = make_request(server, count, argv, sizes);
    freeReplyObject(find_row(&request)->carry_out(&request));
    CHECK(request.has_changed);
}

void redis_server_lose(struct redis_server *server, int64_t since_ms)
{
    size_t kept = server->write_count;
    redis_scripts_forget(&server->scripts);
    while (kept > 0 && server->writes[kept - 1].at_ms >= since_ms)
        kept--;
    forget_writes(server, kept);
    redis_keyspace_clear(&server->keyspace);
    for (size_t i = 0; i < kept; i++)
        repeat(server, &server->writes[i]);
}

const char *redis_server_peek(struct redis_server *server, int64_t now_ms, const char *key)
{
    size_t size = 0;
    const struct redis_key *found =
        redis_keyspace_peek(&server->keyspace, now_ms, key, strlen(key));
    if (found == NULL || found->type != REDIS_TYPE_STRING)
        return NULL;
    return redis_texts_first(found->string, &size);
}
