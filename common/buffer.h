/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer with a maximum. Invariants: length < capacity, data[length] == '\0' once
 * anything was added, length <= limit. Out of memory aborts; reaching the limit is an error.
 */
#ifndef SHUNT_BUFFER_H
#define SHUNT_BUFFER_H

#include "error.h"

#include <stddef.h>

struct buffer {
    char *data; /* owned; NULL while empty */
    size_t length;
    size_t capacity;
    size_t limit; /* most bytes it may hold */
};

void buffer_init(struct buffer *buffer, size_t limit);
void buffer_done(struct buffer *buffer); /* also right on a zeroed buffer, and twice */
void buffer_clear(struct buffer *buffer);

/* False where the limit would be passed; the buffer is unchanged then. */
bool buffer_add(struct buffer *buffer, const void *bytes, size_t size);
bool buffer_add_text(struct buffer *buffer, const char *text);
bool buffer_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Removes the first `size` bytes. */
void buffer_consume(struct buffer *buffer, size_t size);

/* The text, never NULL; borrowed until the next change. */
const char *buffer_text(const struct buffer *buffer);

/* Gives the memory to the caller, who frees it; the buffer is empty afterwards. Never NULL. */
char *buffer_take(struct buffer *buffer);

#define BUFFER_CLEANUP __attribute__((cleanup(buffer_done)))

#endif
