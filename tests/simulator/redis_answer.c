/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hiredis frees a reply with free(), so that everything here comes from malloc().
 */
#include "redis_answer.h"

#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ERROR_SIZE 512 /* the longest are Redis' own texts round a key or a script's message */

static redisReply *answer_of_type(int type)
{
    redisReply *reply = memory_zeroed(1, sizeof(*reply));
    reply->type = type;
    return reply;
}

static redisReply *answer_bytes(int type, const char *bytes, size_t size)
{
    redisReply *reply = answer_of_type(type);
    reply->str = memory_resize(NULL, size + 1, 1);
    if (size > 0)
        memcpy(reply->str, bytes, size);
    reply->str[size] = '\0';
    reply->len = size;
    return reply;
}

static redisReply *answer_line(int type, const char *text)
{
    redisReply *reply = answer_bytes(type, text, strlen(text));
    for (size_t i = 0; i < reply->len; i++)
        if (reply->str[i] == '\r' || reply->str[i] == '\n')
            reply->str[i] = ' ';
    return reply;
}

redisReply *redis_answer_nil(void)
{
    return answer_of_type(REDIS_REPLY_NIL);
}

redisReply *redis_answer_integer(long long value)
{
    redisReply *reply = answer_of_type(REDIS_REPLY_INTEGER);
    reply->integer = value;
    return reply;
}

redisReply *redis_answer_text(const char *bytes, size_t size)
{
    return answer_bytes(REDIS_REPLY_STRING, bytes, size);
}

redisReply *redis_answer_array(size_t count)
{
    redisReply *reply = answer_of_type(REDIS_REPLY_ARRAY);
    reply->elements = count;
    if (count > 0)
        reply->element = memory_zeroed(count, sizeof(redisReply *));
    return reply;
}

redisReply *redis_answer_status(const char *text)
{
    return answer_line(REDIS_REPLY_STATUS, text);
}

redisReply *redis_answer_error(const char *format, ...)
{
    char text[ERROR_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return answer_line(REDIS_REPLY_ERROR, text);
}
