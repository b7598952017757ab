/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes lie unaligned among the bytes and are copied in and out.
 */
#include "redis_texts.h"

#include "memory.h"

#include <string.h>

struct redis_texts *redis_texts_new(size_t count, const char *const *texts, const size_t *sizes)
{
    size_t total = sizeof(struct redis_texts);
    for (size_t i = 0; i < count; i++)
        total += sizeof(sizes[i]) + sizes[i] + 1;
    struct redis_texts *packed = memory_resize(NULL, total, 1);
    char *position = packed->bytes;
    packed->count = count;
    for (size_t i = 0; i < count; i++) {
        memcpy(position, &sizes[i], sizeof(sizes[i]));
        position += sizeof(sizes[i]);
        memcpy(position, texts[i], sizes[i]);
        position[sizes[i]] = '\0';
        position += sizes[i] + 1;
    }
    return packed;
}

const char *redis_texts_next(const char **position, size_t *ret_size)
{
    memcpy(ret_size, *position, sizeof(*ret_size));
    const char *text = *position + sizeof(*ret_size);
    *position = text + *ret_size + 1;
    return text;
}

const char *redis_texts_first(const struct redis_texts *texts, size_t *ret_size)
{
    const char *position = texts->bytes;
    return redis_texts_next(&position, ret_size);
}
