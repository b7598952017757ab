/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A few byte strings in one allocation, never changed: a string's value, an element of a list, the
 * fields of a stream's entry, the arguments of a logged command. Each is followed by a NUL.
 */
#ifndef SHUNT_SIMULATOR_REDIS_TEXTS_H
#define SHUNT_SIMULATOR_REDIS_TEXTS_H

#include <stddef.h>

struct redis_texts {
    size_t count;
    char bytes[]; /* of each: its size as a size_t, its bytes, a NUL */
};

/* Ended with free(). */
struct redis_texts *redis_texts_new(size_t count, const char *const *texts, const size_t *sizes);

/* For a walk: *position begins as texts->bytes; at most `count` calls. */
const char *redis_texts_next(const char **position, size_t *ret_size);

const char *redis_texts_first(const struct redis_texts *texts, size_t *ret_size);

#endif
