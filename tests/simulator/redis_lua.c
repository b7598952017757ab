/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EVAL, EVALSHA and SCRIPT. Conversions between Lua and Redis are those of
 * https://redis.io/docs/interact/programmability/lua-api/#data-type-conversion for RESP2.
 */
#include "redis_lua.h"

#include "arena.h"
#include "check.h"
#include "memory.h"
#include "redis_request.h"

#include <ctype.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MOST 32 /* of arrays in arrays that a script gives back; ours have two levels */

struct redis_interpreter {
    struct redis_interpreter *next; /* while it waits */
    lua_State *lua;                 /* compiled scripts are in its registry by their SHA1 */
    struct redis_server *server;
};

static struct redis_interpreter *waiting;

static void set_global(lua_State *lua, const char *name)
{
    lua_pushstring(lua, name);
    lua_insert(lua, -2);
    lua_rawset(lua, LUA_GLOBALSINDEX);
}

/* {err = text}, as redis.pcall() gives it. */
static void push_error(lua_State *lua, const char *text)
{
    lua_createtable(lua, 0, 1);
    lua_pushstring(lua, text);
    lua_setfield(lua, -2, "err");
}

static void push_reply(lua_State *lua, const redisReply *reply)
{
    luaL_checkstack(lua, 4, "reply of too many levels");
    switch (reply->type) {
    case REDIS_REPLY_STRING:
        lua_pushlstring(lua, reply->str, reply->len);
        break;
    case REDIS_REPLY_INTEGER:
        lua_pushnumber(lua, (lua_Number)reply->integer);
        break;
    case REDIS_REPLY_STATUS:
        lua_createtable(lua, 0, 1);
        lua_pushlstring(lua, reply->str, reply->len);
        lua_setfield(lua, -2, "ok");
        break;
    case REDIS_REPLY_ERROR:
        push_error(lua, reply->str);
        break;
    case REDIS_REPLY_ARRAY:
        lua_createtable(lua, (int)reply->elements, 0);
        for (size_t i = 0; i < reply->elements; i++) {
            push_reply(lua, reply->element[i]);
            lua_rawseti(lua, -2, (int)i + 1);
        }
        break;
    default: /* nil */
        lua_pushboolean(lua, false);
        break;
    }
}

/* As Redis does: all digits of a number, unlike Lua. */
static bool argument_is_text(lua_State *lua, int index)
{
    char text[32];
    if (lua_type(lua, index) == LUA_TNUMBER) {
        (void)snprintf(text, sizeof(text), "%.17g", (double)lua_tonumber(lua, index));
        lua_pushstring(lua, text);
        lua_replace(lua, index);
    }
    return lua_type(lua, index) == LUA_TSTRING;
}

/* Pushes the reply; false: it is an error. All memory is Lua's, which may jump out of here. */
static bool call_server(lua_State *lua)
{
    struct redis_interpreter *interpreter = lua_touserdata(lua, lua_upvalueindex(1));
    int count = lua_gettop(lua);
    if (count == 0) {
        push_error(lua, "ERR Please specify at least one argument for this redis lib call");
        return false;
    }
    const char **argv = lua_newuserdata(lua, (size_t)count * sizeof(*argv));
    size_t *sizes = lua_newuserdata(lua, (size_t)count * sizeof(*sizes));
    for (int i = 0; i < count; i++) {
        if (!argument_is_text(lua, i + 1)) {
            push_error(lua, "ERR Lua redis lib command arguments must be strings or integers");
            return false;
        }
        argv[i] = lua_tolstring(lua, i + 1, &sizes[i]);
    }
    redisReply *reply = redis_server_call(interpreter->server, (size_t)count, argv, sizes);
    bool is_good = reply->type != REDIS_REPLY_ERROR;
    push_reply(lua, reply);
    freeReplyObject(reply);
    return is_good;
}

static int lua_redis_call(lua_State *lua)
{
    if (!call_server(lua))
        return lua_error(lua);
    return 1;
}

static int lua_redis_pcall(lua_State *lua)
{
    (void)call_server(lua);
    return 1;
}

static int lua_status_reply(lua_State *lua)
{
    lua_createtable(lua, 0, 1);
    lua_pushstring(lua, luaL_checkstring(lua, 1));
    lua_setfield(lua, -2, "ok");
    return 1;
}

/* A text of one word has no code of its own and gets the general one. */
static int lua_error_reply(lua_State *lua)
{
    const char *text = luaL_checkstring(lua, 1);
    text += text[0] == '-';
    push_error(lua, strchr(text, ' ') != NULL ? text : lua_pushfstring(lua, "ERR %s", text));
    return 1;
}

static int refuse_global_read(lua_State *lua)
{
    return luaL_error(lua, "Script attempted to access nonexistent global variable '%s'",
                      lua_tostring(lua, 2));
}

static int refuse_global_write(lua_State *lua)
{
    return luaL_error(lua, "Attempt to modify a readonly table");
}

static void open_library(lua_State *lua, lua_CFunction open, const char *name)
{
    lua_pushcfunction(lua, open);
    lua_pushstring(lua, name);
    lua_call(lua, 1, 0);
}

/* Without what reaches out of the simulation, or is not the same in each run. */
static void open_libraries(lua_State *lua)
{
    static const char *const removed[] = {"dofile", "loadfile", "print"};
    open_library(lua, luaopen_base, "");
    open_library(lua, luaopen_string, LUA_STRLIBNAME);
    open_library(lua, luaopen_table, LUA_TABLIBNAME);
    open_library(lua, luaopen_math, LUA_MATHLIBNAME);
    for (size_t i = 0; i < sizeof(removed) / sizeof(removed[0]); i++) {
        lua_pushnil(lua);
        set_global(lua, removed[i]);
    }
    lua_getglobal(lua, LUA_MATHLIBNAME);
    lua_pushnil(lua);
    lua_setfield(lua, -2, "random");
    lua_pushnil(lua);
    lua_setfield(lua, -2, "randomseed");
    lua_pop(lua, 1);
}

static void open_redis(struct redis_interpreter *interpreter)
{
    static const luaL_Reg functions[] = {{"call", lua_redis_call},
                                         {"pcall", lua_redis_pcall},
                                         {"status_reply", lua_status_reply},
                                         {"error_reply", lua_error_reply}};
    lua_State *lua = interpreter->lua;
    lua_newtable(lua);
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        lua_pushlightuserdata(lua, interpreter);
        lua_pushcclosure(lua, functions[i].func, 1);
        lua_setfield(lua, -2, functions[i].name);
    }
    set_global(lua, "redis");
}

/* A script can leave nothing behind in globals for the next one, or for the next server. */
static void protect_globals(lua_State *lua)
{
    lua_createtable(lua, 0, 2);
    lua_pushcfunction(lua, refuse_global_read);
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, refuse_global_write);
    lua_setfield(lua, -2, "__newindex");
    lua_setmetatable(lua, LUA_GLOBALSINDEX);
}

static void *resize_for_lua(void *context, void *pointer, size_t before, size_t size)
{
    (void)context;
    (void)before;
    return arena_keep_resize(pointer, size);
}

/* Outlives the run: compiled scripts are those of the next one. */
static struct redis_interpreter *interpreter_new(void)
{
    struct redis_interpreter *interpreter = arena_keep_resize(NULL, sizeof(*interpreter));
    CHECK(interpreter != NULL);
    *interpreter = (struct redis_interpreter){.lua = lua_newstate(resize_for_lua, NULL)};
    CHECK(interpreter->lua != NULL);
    open_libraries(interpreter->lua);
    open_redis(interpreter);
    protect_globals(interpreter->lua);
    return interpreter;
}

static lua_State *interpreter_of(const struct redis_request *request)
{
    struct redis_scripts *scripts = redis_server_scripts(request->server);
    if (scripts->interpreter == NULL) {
        scripts->interpreter = waiting != NULL ? waiting : interpreter_new();
        waiting = scripts->interpreter->next;
        scripts->interpreter->next = NULL;
        scripts->interpreter->server = request->server;
    }
    return scripts->interpreter->lua;
}

void redis_scripts_forget(struct redis_scripts *scripts)
{
    struct redis_interpreter *interpreter = scripts->interpreter;
    if (interpreter != NULL) {
        interpreter->server = NULL;
        interpreter->next = waiting;
        waiting = interpreter;
    }
    free(scripts->known);
    *scripts = (struct redis_scripts){0};
}

static bool is_known(const struct redis_scripts *scripts, const char *sha1)
{
    for (size_t i = 0; i < scripts->known_count; i++)
        if (memcmp(scripts->known[i], sha1, SCRIPT_SHA1_SIZE) == 0)
            return true;
    return false;
}

static void make_known(struct redis_scripts *scripts, const char *sha1)
{
    if (is_known(scripts, sha1))
        return;
    scripts->known =
        memory_resize(scripts->known, scripts->known_count + 1, sizeof(*scripts->known));
    memcpy(scripts->known[scripts->known_count++], sha1, SCRIPT_SHA1_SIZE);
}

static void find_sha1(const char *text, size_t text_size, char sha1[SCRIPT_SHA1_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    CHECK(EVP_Digest(text, text_size, digest, &size, EVP_sha1(), NULL) == 1);
    CHECK(size == (SCRIPT_SHA1_SIZE - 1) / 2);
    for (size_t i = 0; i < size; i++) {
        sha1[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        sha1[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    sha1[SCRIPT_SHA1_SIZE - 1] = '\0';
}

/* The script in argument `index`, known to the server from now on; or the refusal. */
static redisReply *compile(const struct redis_request *request, size_t index,
                           char sha1[SCRIPT_SHA1_SIZE])
{
    lua_State *lua = interpreter_of(request);
    redisReply *refusal = NULL;
    find_sha1(request->argv[index], request->sizes[index], sha1);
    lua_getfield(lua, LUA_REGISTRYINDEX, sha1);
    if (lua_isnil(lua, -1)) {
        if (luaL_loadbuffer(lua, request->argv[index], request->sizes[index], "@user_script") == 0)
            lua_setfield(lua, LUA_REGISTRYINDEX, sha1);
        else
            refusal = redis_answer_error("ERR Error compiling script (new function): %s",
                                         lua_tostring(lua, -1));
    }
    lua_settop(lua, 0);
    if (refusal == NULL)
        make_known(redis_server_scripts(request->server), sha1);
    return refusal;
}

static bool field_is_text(lua_State *lua, const char *name)
{
    lua_pushstring(lua, name);
    lua_rawget(lua, -2);
    if (lua_type(lua, -1) == LUA_TSTRING)
        return true;
    lua_pop(lua, 1);
    return false;
}

static redisReply *take_value(lua_State *lua, unsigned depth);

/* {err = …}, {ok = …}, or an array up to its first nil. */
static redisReply *table_value(lua_State *lua, unsigned depth)
{
    redisReply *reply = NULL;
    int count = 0;
    if (depth == DEPTH_MOST || !lua_checkstack(lua, 4))
        return redis_answer_error("ERR reached lua stack limit");
    if (field_is_text(lua, "err"))
        reply = redis_answer_error("%s", lua_tostring(lua, -1));
    else if (field_is_text(lua, "ok"))
        reply = redis_answer_status(lua_tostring(lua, -1));
    if (reply != NULL) {
        lua_pop(lua, 1);
        return reply;
    }
    for (lua_rawgeti(lua, -1, 1); !lua_isnil(lua, -1); lua_rawgeti(lua, -1, count + 1)) {
        lua_pop(lua, 1);
        count++;
    }
    lua_pop(lua, 1);
    reply = redis_answer_array((size_t)count);
    for (int i = 0; i < count; i++) {
        lua_rawgeti(lua, -1, i + 1);
        reply->element[i] = take_value(lua, depth + 1);
    }
    return reply;
}

/* Out of range, x86's own answer instead of C's undefined one. */
static long long whole_number(lua_Number number)
{
    return number >= -0x1p63 && number < 0x1p63 ? (long long)number : INT64_MIN;
}

/* Pops a value and gives the reply that it makes; tables are followed DEPTH_MOST levels down. */
static redisReply *take_value(lua_State *lua, unsigned depth)
{
    redisReply *reply = NULL;
    size_t size = 0;
    const char *text = NULL;
    switch (lua_type(lua, -1)) {
    case LUA_TSTRING:
        text = lua_tolstring(lua, -1, &size);
        reply = redis_answer_text(text, size);
        break;
    case LUA_TNUMBER:
        reply = redis_answer_integer(whole_number(lua_tonumber(lua, -1)));
        break;
    case LUA_TBOOLEAN:
        reply = lua_toboolean(lua, -1) ? redis_answer_integer(1) : redis_answer_nil();
        break;
    case LUA_TTABLE:
        reply = table_value(lua, depth);
        break;
    default: /* nil, and what Redis has no word for */
        reply = redis_answer_nil();
        break;
    }
    lua_pop(lua, 1);
    return reply;
}

/* Where the error was raised, added to it as Redis does. */
static int complete_error(lua_State *lua)
{
    lua_Debug place;
    bool is_found = lua_getstack(lua, 1, &place) && lua_getinfo(lua, "Sl", &place);
    if (is_found && place.what[0] == 'C')
        is_found = lua_getstack(lua, 2, &place) && lua_getinfo(lua, "Sl", &place);
    if (!lua_istable(lua, 1))
        push_error(lua, lua_pushfstring(lua, "ERR %s",
                                        lua_isstring(lua, 1) ? lua_tostring(lua, 1)
                                                             : luaL_typename(lua, 1)));
    if (is_found) {
        lua_pushfstring(lua, "%s:%d", place.source, place.currentline);
        lua_setfield(lua, -2, "place");
    }
    return 1;
}

static redisReply *take_error(lua_State *lua, const char *sha1)
{
    const char *text = "execution failure", *place = NULL;
    if (lua_istable(lua, -1)) {
        lua_getfield(lua, -1, "err");
        lua_getfield(lua, -2, "place");
        text = lua_isstring(lua, -2) ? lua_tostring(lua, -2) : "ERR unknown error";
        place = lua_tostring(lua, -1);
    }
    if (place != NULL)
        return redis_answer_error("%s script: %s, on %s.", text, sha1, place);
    return redis_answer_error("%s", text);
}

static void set_arguments(lua_State *lua, const char *name, const struct redis_request *request,
                          size_t first, size_t behind)
{
    lua_createtable(lua, (int)(behind - first), 0);
    for (size_t i = first; i < behind; i++) {
        lua_pushlstring(lua, request->argv[i], request->sizes[i]);
        lua_rawseti(lua, -2, (int)(i - first) + 1);
    }
    set_global(lua, name);
}

static redisReply *run(const struct redis_request *request, const char *sha1, size_t key_count)
{
    lua_State *lua = interpreter_of(request);
    redisReply *reply = NULL;
    set_arguments(lua, "KEYS", request, 3, 3 + key_count);
    set_arguments(lua, "ARGV", request, 3 + key_count, request->count);
    lua_pushcfunction(lua, complete_error);
    lua_getfield(lua, LUA_REGISTRYINDEX, sha1);
    if (lua_pcall(lua, 0, 1, 1) == 0)
        reply = take_value(lua, 0);
    else
        reply = take_error(lua, sha1);
    lua_settop(lua, 0);
    return reply;
}

static redisReply *read_key_count(const struct redis_request *request, size_t *ret_count)
{
    int64_t count = 0;
    redisReply *refusal = request_integer(request, 2, &count);
    if (refusal != NULL)
        return refusal;
    if (count < 0)
        return redis_answer_error("ERR Number of keys can't be negative");
    if ((uint64_t)count > request->count - 3)
        return redis_answer_error("ERR Number of keys can't be greater than number of args");
    *ret_count = (size_t)count;
    return NULL;
}

redisReply *command_eval(struct redis_request *request)
{
    char sha1[SCRIPT_SHA1_SIZE];
    size_t key_count = 0;
    redisReply *refusal = read_key_count(request, &key_count);
    if (refusal == NULL)
        refusal = compile(request, 1, sha1);
    return refusal != NULL ? refusal : run(request, sha1, key_count);
}

/* In any case; what is no SHA1 is not known. */
static bool read_sha1(const struct redis_request *request, size_t index,
                      char sha1[SCRIPT_SHA1_SIZE])
{
    if (request->sizes[index] != SCRIPT_SHA1_SIZE - 1)
        return false;
    for (size_t i = 0; i < SCRIPT_SHA1_SIZE - 1; i++)
        sha1[i] = (char)tolower((unsigned char)request->argv[index][i]);
    sha1[SCRIPT_SHA1_SIZE - 1] = '\0';
    return is_known(redis_server_scripts(request->server), sha1);
}

redisReply *command_evalsha(struct redis_request *request)
{
    char sha1[SCRIPT_SHA1_SIZE];
    size_t key_count = 0;
    redisReply *refusal = read_key_count(request, &key_count);
    if (refusal != NULL)
        return refusal;
    if (!read_sha1(request, 1, sha1))
        return redis_answer_error("NOSCRIPT No matching script. Please use EVAL.");
    return run(request, sha1, key_count);
}

redisReply *command_script_load(struct redis_request *request)
{
    char sha1[SCRIPT_SHA1_SIZE];
    redisReply *refusal = compile(request, 2, sha1);
    return refusal != NULL ? refusal : redis_answer_text(sha1, SCRIPT_SHA1_SIZE - 1);
}

redisReply *command_script_exists(struct redis_request *request)
{
    char sha1[SCRIPT_SHA1_SIZE];
    redisReply *reply = redis_answer_array(request->count - 2);
    for (size_t i = 0; i < reply->elements; i++)
        reply->element[i] = redis_answer_integer(read_sha1(request, i + 2, sha1));
    return reply;
}

redisReply *command_script_flush(struct redis_request *request)
{
    redis_scripts_forget(redis_server_scripts(request->server));
    return redis_answer_status("OK");
}
