/* SPDX-License-Identifier: Apache-2.0 */
#include "read_ahead.h"

#include "gunzip.h"
#include "memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CHUNKS_AHEAD 8 /* of 64 KiB: a file that is slow to make does not stop the other thread */
#define STACK_BYTES  ((size_t)512 * 1024) /* reports are written in it as well */

/* One step of the reader, as it came out. */
struct chunk {
    unsigned char bytes[GUNZIP_BYTES];
    size_t size;
    int64_t packed;
    bool is_gzip;
    bool is_good; /* else `error` says why there is no more */
    struct error error;
};

/* Chunks go round: filled by the thread, emptied by the caller, who keeps the newest. */
struct read_ahead {
    struct gunzip gunzip;
    pthread_t thread;
    bool is_started;
    pthread_mutex_t lock; /* of what follows, but the chunks themselves */
    pthread_cond_t changed;
    bool is_ending;
    uint64_t filled, taken, given_back;
    const struct chunk *current; /* the caller's own */
    struct chunk chunks[CHUNKS_AHEAD];
};

/* ---- the thread ---- */

static struct chunk *wait_for_room(struct read_ahead *ahead)
{
    struct chunk *chunk = NULL;
    pthread_mutex_lock(&ahead->lock);
    while (!ahead->is_ending && ahead->filled - ahead->given_back == CHUNKS_AHEAD)
        pthread_cond_wait(&ahead->changed, &ahead->lock);
    if (!ahead->is_ending)
        chunk = &ahead->chunks[ahead->filled % CHUNKS_AHEAD];
    pthread_mutex_unlock(&ahead->lock);
    return chunk;
}

static void fill(struct read_ahead *ahead, struct chunk *chunk)
{
    const void *bytes = NULL;
    chunk->size = 0;
    chunk->is_good = gunzip_read(&ahead->gunzip, &bytes, &chunk->size, &chunk->error);
    if (chunk->is_good && chunk->size > 0)
        memcpy(chunk->bytes, bytes, chunk->size);
    chunk->packed = ahead->gunzip.packed;
    chunk->is_gzip = ahead->gunzip.is_gzip;
}

static void *run(void *context)
{
    struct read_ahead *ahead = context;
    struct chunk *chunk;
    bool has_more = true;
    while (has_more && (chunk = wait_for_room(ahead)) != NULL) {
        fill(ahead, chunk);
        has_more = chunk->is_good && chunk->size > 0;
        pthread_mutex_lock(&ahead->lock);
        ahead->filled++;
        pthread_cond_signal(&ahead->changed);
        pthread_mutex_unlock(&ahead->lock);
    }
    return NULL;
}

/* ---- the caller ---- */

struct read_ahead *read_ahead_new(unpack_read_fn read, void *context)
{
    struct read_ahead *ahead = memory_zeroed(1, sizeof(*ahead));
    gunzip_init(&ahead->gunzip, read, context);
    pthread_mutex_init(&ahead->lock, NULL);
    pthread_cond_init(&ahead->changed, NULL);
    return ahead;
}

void read_ahead_free(struct read_ahead *ahead)
{
    if (ahead == NULL)
        return;
    pthread_mutex_lock(&ahead->lock);
    ahead->is_ending = true;
    pthread_cond_signal(&ahead->changed);
    pthread_mutex_unlock(&ahead->lock);
    if (ahead->is_started)
        pthread_join(ahead->thread, NULL);
    gunzip_done(&ahead->gunzip);
    pthread_cond_destroy(&ahead->changed);
    pthread_mutex_destroy(&ahead->lock);
    free(ahead);
}

static bool start(struct read_ahead *ahead, struct error *err)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int failure = pthread_create(&ahead->thread, &attributes, run, ahead);
    pthread_attr_destroy(&attributes);
    ahead->is_started = failure == 0;
    if (failure != 0)
        error_set_errno(err, failure, "start a thread");
    return failure == 0;
}

/* What the caller had until now may be filled again. */
static const struct chunk *take_next(struct read_ahead *ahead)
{
    pthread_mutex_lock(&ahead->lock);
    if (ahead->given_back < ahead->taken) {
        ahead->given_back = ahead->taken;
        pthread_cond_signal(&ahead->changed);
    }
    while (ahead->filled == ahead->taken)
        pthread_cond_wait(&ahead->changed, &ahead->lock);
    const struct chunk *chunk = &ahead->chunks[ahead->taken++ % CHUNKS_AHEAD];
    pthread_mutex_unlock(&ahead->lock);
    return chunk;
}

/* The last chunk stays the last one: the thread has ended with it. */
bool read_ahead_read(struct read_ahead *ahead, const void **ret_bytes, size_t *ret_size,
                     struct error *err)
{
    bool is_over =
        ahead->current != NULL && (!ahead->current->is_good || ahead->current->size == 0);
    if (!ahead->is_started && !start(ahead, err))
        return false;
    if (!is_over)
        ahead->current = take_next(ahead);
    if (!ahead->current->is_good) {
        *err = ahead->current->error;
        return false;
    }
    *ret_bytes = ahead->current->bytes;
    *ret_size = ahead->current->size;
    return true;
}

int64_t read_ahead_packed(const struct read_ahead *ahead)
{
    return ahead->current != NULL ? ahead->current->packed : 0;
}

bool read_ahead_is_gzip(const struct read_ahead *ahead)
{
    return ahead->current != NULL && ahead->current->is_gzip;
}
