/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of the simulated Redis: names to values with a time of expiry. A zeroed keyspace is an
 * empty one. A key whose time is over is never found; it is removed when somebody looks for it.
 */
#ifndef SHUNT_SIMULATOR_REDIS_KEYSPACE_H
#define SHUNT_SIMULATOR_REDIS_KEYSPACE_H

#include "redis_stream.h"
#include "redis_texts.h"

#include <stddef.h>
#include <stdint.h>

#define REDIS_NEVER_MS INT64_MAX

enum redis_type { REDIS_TYPE_STRING, REDIS_TYPE_LIST, REDIS_TYPE_STREAM };

/* items[head … end) are there, each owned. */
struct redis_list {
    struct redis_texts **items;
    size_t head, end, capacity;
};

struct redis_key {
    struct redis_key *next; /* in its bucket */
    uint64_t hash;
    int64_t expires_ms; /* it is there up to this millisecond; REDIS_NEVER_MS */
    enum redis_type type;
    union {
        struct redis_texts *string; /* of one text; set by whoever adds the key */
        struct redis_list list;
        struct redis_stream *stream;
    };
    size_t size;
    char name[];
};

struct redis_keyspace {
    struct redis_key **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    size_t key_count;
};

void redis_keyspace_clear(struct redis_keyspace *keyspace);

struct redis_key *redis_keyspace_find(struct redis_keyspace *keyspace, int64_t now_ms,
                                      const char *name, size_t size);
const struct redis_key *redis_keyspace_peek(const struct redis_keyspace *keyspace, int64_t now_ms,
                                            const char *name, size_t size);

/* There must be no such key. Its value is empty (a string's is NULL); it never expires. */
struct redis_key *redis_keyspace_add(struct redis_keyspace *keyspace, const char *name, size_t size,
                                     enum redis_type type);
void redis_keyspace_remove(struct redis_keyspace *keyspace, struct redis_key *key);

#endif
