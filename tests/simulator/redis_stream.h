/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of the simulated Redis with its consumer groups:
 * https://redis.io/docs/data-types/streams Ids only grow, so that entries and pending ids are
 * arrays in their order, with a head that moves on: what is read, acknowledged and deleted in order
 * costs nothing to remove.
 */
#ifndef SHUNT_SIMULATOR_REDIS_STREAM_H
#define SHUNT_SIMULATOR_REDIS_STREAM_H

#include "redis_texts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream_id {
    uint64_t ms, sequence;
};

#define STREAM_ID_FIRST                                                                            \
    (struct stream_id)                                                                             \
    {                                                                                              \
        0                                                                                          \
    }
#define STREAM_ID_LAST                                                                             \
    (struct stream_id)                                                                             \
    {                                                                                              \
        UINT64_MAX, UINT64_MAX                                                                     \
    }

int stream_id_compare(struct stream_id a, struct stream_id b);
bool stream_id_next(struct stream_id *id);     /* false and no change: it is the last */
bool stream_id_previous(struct stream_id *id); /* false and no change: it is the first */

struct stream_consumer {
    struct stream_consumer *next;
    size_t size;
    char name[];
};

struct stream_row {
    struct stream_id id;
    union {
        struct redis_texts *fields;                 /* of an entry: owned */
        const struct stream_consumer *delivered_to; /* of a pending id */
    };
};

/* rows[head … end) are there, in the order of their ids. */
struct stream_rows {
    struct stream_row *rows;
    size_t head, end, capacity;
};

/* The index of the first row with this id or a later one; `end` if there is none. */
size_t stream_rows_from(const struct stream_rows *rows, struct stream_id id);
/* The row with this very id, or NULL. */
const struct stream_row *stream_rows_find(const struct stream_rows *rows, struct stream_id id);

struct stream_group {
    struct stream_group *next;
    struct stream_id last; /* delivered */
    struct stream_rows pending;
    struct stream_consumer *consumers;
    size_t size;
    char name[];
};

struct redis_stream {
    struct stream_rows entries;
    struct stream_id last; /* ever added */
    struct stream_group *groups;
};

struct redis_stream *redis_stream_new(void);
void redis_stream_free(struct redis_stream *stream);

size_t redis_stream_length(const struct redis_stream *stream);
/* The id must be later than stream->last. Takes the fields. */
void redis_stream_add(struct redis_stream *stream, struct stream_id id, struct redis_texts *fields);
bool redis_stream_delete(struct redis_stream *stream, struct stream_id id);
/* The oldest go. */
void redis_stream_trim(struct redis_stream *stream, size_t most);

struct stream_group *redis_stream_group(struct redis_stream *stream, const char *name, size_t size);
/* There must be no such group. */
void redis_stream_add_group(struct redis_stream *stream, const char *name, size_t size,
                            struct stream_id last);
bool redis_stream_remove_group(struct redis_stream *stream, const char *name, size_t size);

/* The consumer with this name, new at first sight. */
const struct stream_consumer *stream_group_consumer(struct stream_group *group, const char *name,
                                                    size_t size);
/* The id must be later than all that are pending. */
void stream_group_deliver(struct stream_group *group, struct stream_id id,
                          const struct stream_consumer *consumer);
bool stream_group_acknowledge(struct stream_group *group, struct stream_id id);

#endif
