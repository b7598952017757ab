/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table with chains.
 */
#include "redis_keyspace.h"

#include "check.h"
#include "memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 32 /* enough for a cluster of a few nodes */

/* FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash_of(const char *name, size_t size)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)name[i]) * 1099511628211u;
    return hash;
}

static struct redis_key **bucket_of(const struct redis_keyspace *keyspace, uint64_t hash)
{
    return &keyspace->buckets[hash & (keyspace->bucket_count - 1)];
}

static struct redis_key *find_any(const struct redis_keyspace *keyspace, const char *name,
                                  size_t size)
{
    uint64_t hash = hash_of(name, size);
    if (keyspace->bucket_count == 0)
        return NULL;
    struct redis_key *key = *bucket_of(keyspace, hash);
    while (key != NULL &&
           (key->hash != hash || key->size != size || memcmp(key->name, name, size) != 0))
        key = key->next;
    return key;
}

static bool is_expired(const struct redis_key *key, int64_t now_ms)
{
    return now_ms > key->expires_ms;
}

struct redis_key *redis_keyspace_find(struct redis_keyspace *keyspace, int64_t now_ms,
                                      const char *name, size_t size)
{
    struct redis_key *key = find_any(keyspace, name, size);
    if (key == NULL || !is_expired(key, now_ms))
        return key;
    redis_keyspace_remove(keyspace, key);
    return NULL;
}

const struct redis_key *redis_keyspace_peek(const struct redis_keyspace *keyspace, int64_t now_ms,
                                            const char *name, size_t size)
{
    const struct redis_key *key = find_any(keyspace, name, size);
    return key == NULL || is_expired(key, now_ms) ? NULL : key;
}

static void link_key(struct redis_keyspace *keyspace, struct redis_key *key)
{
    struct redis_key **bucket = bucket_of(keyspace, key->hash);
    key->next = *bucket;
    *bucket = key;
}

static void grow(struct redis_keyspace *keyspace)
{
    size_t old_count = keyspace->bucket_count;
    struct redis_key **old = keyspace->buckets;
    keyspace->bucket_count = old_count == 0 ? FIRST_BUCKETS : old_count * 2;
    keyspace->buckets = memory_zeroed(keyspace->bucket_count, sizeof(struct redis_key *));
    for (size_t i = 0; i < old_count; i++) {
        while (old[i] != NULL) {
            struct redis_key *key = old[i];
            old[i] = key->next;
            link_key(keyspace, key);
        }
    }
    free(old);
}

struct redis_key *redis_keyspace_add(struct redis_keyspace *keyspace, const char *name, size_t size,
                                     enum redis_type type)
{
    struct redis_key *key = memory_zeroed(1, sizeof(*key) + size + 1);
    key->hash = hash_of(name, size);
    key->expires_ms = REDIS_NEVER_MS;
    key->type = type;
    key->size = size;
    memcpy(key->name, name, size);
    if (type == REDIS_TYPE_STREAM)
        key->stream = redis_stream_new();
    if (keyspace->key_count >= keyspace->bucket_count)
        grow(keyspace);
    link_key(keyspace, key);
    keyspace->key_count++;
    return key;
}

static void free_value(struct redis_key *key)
{
    switch (key->type) {
    case REDIS_TYPE_STRING:
        free(key->string);
        break;
    case REDIS_TYPE_LIST:
        for (size_t i = key->list.head; i < key->list.end; i++)
            free(key->list.items[i]);
        free(key->list.items);
        break;
    case REDIS_TYPE_STREAM:
        redis_stream_free(key->stream);
        break;
    }
}

static void free_key(struct redis_key *key)
{
    free_value(key);
    free(key);
}

void redis_keyspace_remove(struct redis_keyspace *keyspace, struct redis_key *key)
{
    struct redis_key **link = bucket_of(keyspace, key->hash);
    while (*link != key) {
        CHECK(*link != NULL);
        link = &(*link)->next;
    }
    *link = key->next;
    keyspace->key_count--;
    free_key(key);
}

void redis_keyspace_clear(struct redis_keyspace *keyspace)
{
    for (size_t i = 0; i < keyspace->bucket_count; i++) {
        struct redis_key *next = NULL;
        for (struct redis_key *key = keyspace->buckets[i]; key != NULL; key = next) {
            next = key->next;
            free_key(key);
        }
    }
    free(keyspace->buckets);
    *keyspace = (struct redis_keyspace){0};
}
