/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams and consumer groups without the commands' syntax.
 */
#include "redis_stream.h"

#include "check.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ROWS 8

int stream_id_compare(struct stream_id a, struct stream_id b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return (a.sequence > b.sequence) - (a.sequence < b.sequence);
}

bool stream_id_next(struct stream_id *id)
{
    if (id->ms == UINT64_MAX && id->sequence == UINT64_MAX)
        return false;
    if (++id->sequence == 0)
        id->ms++;
    return true;
}

bool stream_id_previous(struct stream_id *id)
{
    if (id->ms == 0 && id->sequence == 0)
        return false;
    if (id->sequence-- == 0)
        id->ms--;
    return true;
}

size_t stream_rows_from(const struct stream_rows *rows, struct stream_id id)
{
    size_t low = rows->head, high = rows->end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (stream_id_compare(rows->rows[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct stream_row *stream_rows_find(const struct stream_rows *rows, struct stream_id id)
{
    size_t index = stream_rows_from(rows, id);
    bool is_there = index < rows->end && stream_id_compare(rows->rows[index].id, id) == 0;
    return is_there ? &rows->rows[index] : NULL;
}

/* Room that the head has left is used again before more is asked for. */
static void make_room(struct stream_rows *rows)
{
    if (rows->end < rows->capacity)
        return;
    if (rows->head > rows->capacity / 2) {
        memmove(rows->rows, rows->rows + rows->head,
                (rows->end - rows->head) * sizeof(*rows->rows));
        rows->end -= rows->head;
        rows->head = 0;
        return;
    }
    rows->capacity = rows->capacity == 0 ? FIRST_ROWS : rows->capacity * 2;
    rows->rows = memory_resize(rows->rows, rows->capacity, sizeof(*rows->rows));
}

static void add_row(struct stream_rows *rows, struct stream_row row)
{
    CHECK(rows->end == rows->head || stream_id_compare(rows->rows[rows->end - 1].id, row.id) < 0);
    make_room(rows);
    rows->rows[rows->end++] = row;
}

static void remove_row(struct stream_rows *rows, size_t index)
{
    if (index == rows->head) {
        rows->head++;
        return;
    }
    memmove(rows->rows + index, rows->rows + index + 1,
            (rows->end - index - 1) * sizeof(*rows->rows));
    rows->end--;
}

struct redis_stream *redis_stream_new(void)
{
    return memory_zeroed(1, sizeof(struct redis_stream));
}

static void free_group(struct stream_group *group)
{
    while (group->consumers != NULL) {
        struct stream_consumer *consumer = group->consumers;
        group->consumers = consumer->next;
        free(consumer);
    }
    free(group->pending.rows);
    free(group);
}

void redis_stream_free(struct redis_stream *stream)
{
    redis_stream_trim(stream, 0);
    free(stream->entries.rows);
    while (stream->groups != NULL) {
        struct stream_group *group = stream->groups;
        stream->groups = group->next;
        free_group(group);
    }
    free(stream);
}

size_t redis_stream_length(const struct redis_stream *stream)
{
    return stream->entries.end - stream->entries.head;
}

void redis_stream_add(struct redis_stream *stream, struct stream_id id, struct redis_texts *fields)
{
    CHECK(stream_id_compare(stream->last, id) < 0);
    add_row(&stream->entries, (struct stream_row){.id = id, .fields = fields});
    stream->last = id;
}

bool redis_stream_delete(struct redis_stream *stream, struct stream_id id)
{
    const struct stream_row *row = stream_rows_find(&stream->entries, id);
    if (row == NULL)
        return false;
    free(row->fields);
    remove_row(&stream->entries, (size_t)(row - stream->entries.rows));
    return true;
}

void redis_stream_trim(struct redis_stream *stream, size_t most)
{
    struct stream_rows *entries = &stream->entries;
    while (redis_stream_length(stream) > most)
        free(entries->rows[entries->head++].fields);
}

static bool has_name(const char *own, size_t own_size, const char *name, size_t size)
{
    return own_size == size && memcmp(own, name, size) == 0;
}

struct stream_group *redis_stream_group(struct redis_stream *stream, const char *name, size_t size)
{
    struct stream_group *group = stream->groups;
    while (group != NULL && !has_name(group->name, group->size, name, size))
        group = group->next;
    return group;
}

void redis_stream_add_group(struct redis_stream *stream, const char *name, size_t size,
                            struct stream_id last)
{
    struct stream_group *group = memory_zeroed(1, sizeof(*group) + size + 1);
    CHECK(redis_stream_group(stream, name, size) == NULL);
    memcpy(group->name, name, size);
    group->size = size;
    group->last = last;
    group->next = stream->groups;
    stream->groups = group;
}

bool redis_stream_remove_group(struct redis_stream *stream, const char *name, size_t size)
{
    struct stream_group **link = &stream->groups;
    while (*link != NULL && !has_name((*link)->name, (*link)->size, name, size))
        link = &(*link)->next;
    if (*link == NULL)
        return false;
    struct stream_group *group = *link;
    *link = group->next;
    free_group(group);
    return true;
}

const struct stream_consumer *stream_group_consumer(struct stream_group *group, const char *name,
                                                    size_t size)
{
    for (struct stream_consumer *known = group->consumers; known != NULL; known = known->next)
        if (has_name(known->name, known->size, name, size))
            return known;
    struct stream_consumer *consumer = memory_zeroed(1, sizeof(*consumer) + size + 1);
    memcpy(consumer->name, name, size);
    consumer->size = size;
    consumer->next = group->consumers;
    group->consumers = consumer;
    return consumer;
}

void stream_group_deliver(struct stream_group *group, struct stream_id id,
                          const struct stream_consumer *consumer)
{
    add_row(&group->pending, (struct stream_row){.id = id, .delivered_to = consumer});
}

bool stream_group_acknowledge(struct stream_group *group, struct stream_id id)
{
    const struct stream_row *row = stream_rows_find(&group->pending, id);
    if (row == NULL)
        return false;
    remove_row(&group->pending, (size_t)(row - group->pending.rows));
    return true;
}
