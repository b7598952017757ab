/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_reply.h"

#include "check.h"

#include <string.h>

#define LEVELS_MOST 7     /* of arrays: streams have 4; hiredis frees replies by recursion */
#define LINE_BYTES  65536 /* 64 KB, as Redis itself allows for a line of its protocol */

/* Which code an error reply's first word means for the caller's policy. */
static const struct {
    const char *word;
    enum error_code code;
} error_words[] = {
    {"NOAUTH", ERROR_DENIED},
    {"NOPERM", ERROR_DENIED},
    {"WRONGPASS", ERROR_DENIED},
    {"LOADING", ERROR_UNAVAILABLE},
    {"BUSY", ERROR_UNAVAILABLE},
    {"READONLY", ERROR_UNAVAILABLE},
    {"CLUSTERDOWN", ERROR_UNAVAILABLE},
    {"MASTERDOWN", ERROR_UNAVAILABLE},
    {"TRYAGAIN", ERROR_UNAVAILABLE},
    {"NOREPLICAS", ERROR_UNAVAILABLE},
    {"MISCONF", ERROR_UNAVAILABLE},   /* cannot save to its disk at the moment */
    {"UNBLOCKED", ERROR_UNAVAILABLE}, /* a blocked read ended by a failover */
    {"OOM", ERROR_FULL},
    {"NOGROUP", ERROR_NOT_FOUND},
    {"NOSCRIPT", ERROR_NOT_FOUND},
    {"BUSYGROUP", ERROR_CONFLICT}, /* the consumer group exists already */
};

bool redis_reply_is_error(const redisReply *reply, const char *word)
{
    size_t length = strlen(word);
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, word, length) == 0 &&
           (reply->str[length] == ' ' || reply->str[length] == '\0');
}

bool redis_reply_is_of_replica(const redisReply *reply)
{
    return redis_reply_is_error(reply, "READONLY") || redis_reply_is_error(reply, "UNBLOCKED") ||
           redis_reply_is_error(reply, "MASTERDOWN");
}

bool redis_reply_check(const redisReply *reply, struct error *err)
{
    enum error_code code = ERROR_PROTOCOL;
    if (reply->type != REDIS_REPLY_ERROR)
        return true;
    for (size_t i = 0; i < sizeof(error_words) / sizeof(error_words[0]); i++)
        if (redis_reply_is_error(reply, error_words[i].word))
            code = error_words[i].code;
    error_set(err, code, "%s", reply->str);
    return false;
}

static size_t level_of(const redisReadTask *task)
{
    size_t level = 1;
    for (; task->parent && level <= LEVELS_MOST; task = task->parent)
        level++;
    return level;
}

/* A few bytes can announce an array of billions, whose pointers hiredis allocates at once. */
static void *create_bounded_array(const redisReadTask *task, redis_array_length length)
{
    struct reply_reader *reader = task->privdata;
    if ((size_t)length > REDIS_REPLY_ELEMENTS - reader->reply_elements ||
        level_of(task) > LEVELS_MOST)
        return NULL;
    reader->reply_elements += (size_t)length;
    return reader->create_array(task, length);
}

void reply_reader_init(struct reply_reader *reader)
{
    *reader = (struct reply_reader){.reader = redisReaderCreate()};
    CHECK(reader->reader != NULL);
    reader->functions = *reader->reader->fn;
    reader->create_array = reader->functions.createArray;
    reader->functions.createArray = create_bounded_array;
    reader->reader->fn = &reader->functions;
    reader->reader->privdata = reader;
}

void reply_reader_done(struct reply_reader *reader)
{
    if (reader->reader)
        redisReaderFree(reader->reader);
    reader->reader = NULL;
}

/* hiredis looks for the end of a line from its begin, each time again. */
static bool has_endless_line(const redisReader *reader)
{
    return reader->len - reader->pos > LINE_BYTES &&
           !memchr(reader->buf + reader->pos, '\n', LINE_BYTES);
}

bool reply_reader_feed(struct reply_reader *reader, const char *bytes, size_t size,
                       struct error *err)
{
    reader->reply_bytes += size;
    if (reader->reply_bytes > REDIS_REPLY_BYTES) {
        error_set(err, ERROR_PROTOCOL, "a reply of more than %u bytes", REDIS_REPLY_BYTES);
        return false;
    }
    CHECK(redisReaderFeed(reader->reader, bytes, size) == REDIS_OK);
    if (!has_endless_line(reader->reader))
        return true;
    error_set(err, ERROR_PROTOCOL, "not a reply of Redis: a line of more than %d bytes",
              LINE_BYTES);
    return false;
}

bool reply_reader_take(struct reply_reader *reader, redisReply **ret_reply, struct error *err)
{
    void *reply = NULL;
    if (redisReaderGetReply(reader->reader, &reply) != REDIS_OK) {
        error_set(err, ERROR_PROTOCOL, "not a reply of Redis: %s", reader->reader->errstr);
        return false;
    }
    if (reply) {
        reader->reply_bytes = 0;
        reader->reply_elements = 0;
    }
    *ret_reply = reply;
    return true;
}
