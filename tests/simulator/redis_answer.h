/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies as hiredis gives them, made by hand. The caller owns each (freeReplyObject()); an array
 * owns its elements, of which the caller sets all.
 */
#ifndef SHUNT_SIMULATOR_REDIS_ANSWER_H
#define SHUNT_SIMULATOR_REDIS_ANSWER_H

#include <hiredis/hiredis.h>
#include <stddef.h>

redisReply *redis_answer_nil(void);
redisReply *redis_answer_integer(long long value);
redisReply *redis_answer_text(const char *bytes, size_t size);
redisReply *redis_answer_array(size_t count);

/* On one line, as the protocol needs it: a line break becomes a space. */
redisReply *redis_answer_status(const char *text);
redisReply *redis_answer_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
