/* SPDX-License-Identifier: Apache-2.0 */
#include "log_syncer.h"

#include "check.h"
#include "memory.h"

#include <pthread.h>
#include <stdlib.h>

#define THREADS 3 /* beside the caller: four side by side are as quick as sixteen */

/* What is left of a list is guarded by the lock; who takes a log has it for itself. */
struct log_syncer {
    pthread_mutex_t lock;
    pthread_cond_t has_work, is_done;
    struct log_sync *list;
    size_t next, count;
    size_t under_way;
    bool is_ending;
    size_t thread_count;
    pthread_t threads[THREADS];
};

struct log_syncer *log_syncer_new(void)
{
    struct log_syncer *syncer = memory_zeroed(1, sizeof(*syncer));
    pthread_mutex_init(&syncer->lock, NULL);
    pthread_cond_init(&syncer->has_work, NULL);
    pthread_cond_init(&syncer->is_done, NULL);
    return syncer;
}

/* Under the lock. */
static void sync_next(struct log_syncer *syncer)
{
    struct log_sync *sync = &syncer->list[syncer->next++];
    syncer->under_way++;
    pthread_mutex_unlock(&syncer->lock);
    sync->is_synced = sync->whole != NULL
                          ? append_log_rewrite(sync->log, &sync->whole, 1, &sync->err)
                          : append_log_sync(sync->log, &sync->err);
    pthread_mutex_lock(&syncer->lock);
    syncer->under_way--;
}

static void *work(void *context)
{
    struct log_syncer *syncer = context;
    pthread_mutex_lock(&syncer->lock);
    while (!syncer->is_ending) {
        if (syncer->next == syncer->count) {
            pthread_cond_wait(&syncer->has_work, &syncer->lock);
            continue;
        }
        sync_next(syncer);
        if (syncer->next == syncer->count && syncer->under_way == 0)
            pthread_cond_signal(&syncer->is_done);
    }
    pthread_mutex_unlock(&syncer->lock);
    return NULL;
}

static void start_threads(struct log_syncer *syncer)
{
    while (syncer->thread_count < THREADS)
        CHECK(pthread_create(&syncer->threads[syncer->thread_count++], NULL, work, syncer) == 0);
}

void log_syncer_run(struct log_syncer *syncer, struct log_sync *list, size_t count)
{
    pthread_mutex_lock(&syncer->lock);
    syncer->list = list;
    syncer->next = 0;
    syncer->count = count;
    if (count > 1) {
        start_threads(syncer);
        pthread_cond_broadcast(&syncer->has_work);
    }
    while (syncer->next < syncer->count)
        sync_next(syncer);
    while (syncer->under_way > 0)
        pthread_cond_wait(&syncer->is_done, &syncer->lock);
    pthread_mutex_unlock(&syncer->lock);
}

void log_syncer_free(struct log_syncer *syncer)
{
    if (syncer == NULL)
        return;
    pthread_mutex_lock(&syncer->lock);
    syncer->is_ending = true;
    pthread_cond_broadcast(&syncer->has_work);
    pthread_mutex_unlock(&syncer->lock);
    for (size_t i = 0; i < syncer->thread_count; i++)
        pthread_join(syncer->threads[i], NULL);
    pthread_cond_destroy(&syncer->has_work);
    pthread_cond_destroy(&syncer->is_done);
    pthread_mutex_destroy(&syncer->lock);
    free(syncer);
}
