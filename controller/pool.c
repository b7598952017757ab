/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include "check.h"
#include "clock.h"
#include "memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define POOL_THREADS 64 /* more would only wait for each other on two cores */

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct pool_job *jobs; /* waiting and running, in no order: there are few at a time */
    bool is_ending;
    size_t thread_count;
    pthread_t threads[POOL_THREADS];
};

static void unlink_job(struct pool *pool, struct pool_job *job)
{
    struct pool_job **place = &pool->jobs;
    while (*place != job)
        place = &(*place)->next;
    *place = job->next;
}

/* The waiting job that is due first; cancelled ones are due at once. */
static struct pool_job *next_job(const struct pool *pool)
{
    struct pool_job *first = NULL;
    for (struct pool_job *job = pool->jobs; job != NULL; job = job->next)
        if (!job->is_running && (first == NULL || job->due_ms < first->due_ms))
            first = job;
    return first;
}

static void run_job(struct pool *pool, struct pool_job *job)
{
    int64_t again_ms = POOL_FINISHED;
    job->is_running = true;
    if (!job->is_cancelled) {
        pthread_mutex_unlock(&pool->lock);
        again_ms = job->run(job);
        pthread_mutex_lock(&pool->lock);
    }
    job->is_running = false;
    if (again_ms == POOL_FINISHED || job->is_cancelled) {
        unlink_job(pool, job);
        pthread_mutex_unlock(&pool->lock);
        job->end(job);
        pthread_mutex_lock(&pool->lock);
        return;
    }
    job->due_ms = clock_monotonic_ms() + (job->is_kicked ? 0 : again_ms);
    job->is_kicked = false;
    pthread_cond_signal(&pool->changed);
}

static void wait_until(struct pool *pool, const struct pool_job *next)
{
    if (next == NULL) {
        pthread_cond_wait(&pool->changed, &pool->lock);
        return;
    }
    struct timespec until = {next->due_ms / 1000, (next->due_ms % 1000) * 1000000};
    pthread_cond_timedwait(&pool->changed, &pool->lock, &until);
}

static void *work(void *context)
{
    struct pool *pool = context;
    pthread_mutex_lock(&pool->lock);
    while (!pool->is_ending) {
        struct pool_job *job = next_job(pool);
        if (job != NULL && job->due_ms <= clock_monotonic_ms())
            run_job(pool, job);
        else
            wait_until(pool, job);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

struct pool *pool_new(size_t threads)
{
    struct pool *pool = memory_zeroed(1, sizeof(*pool));
    pthread_condattr_t attributes;
    CHECK(threads >= 1 && threads <= POOL_THREADS);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    for (size_t i = 0; i < threads; i++) {
        CHECK(pthread_create(&pool->threads[i], NULL, work, pool) == 0);
        pool->thread_count++;
    }
    return pool;
}

void pool_free(struct pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->is_ending = true;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    while (pool->jobs != NULL) {
        struct pool_job *job = pool->jobs;
        pool->jobs = job->next;
        job->end(job);
    }
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void pool_add(struct pool *pool, struct pool_job *job)
{
    pthread_mutex_lock(&pool->lock);
    job->due_ms = clock_monotonic_ms();
    job->is_running = job->is_cancelled = job->is_kicked = false;
    job->next = pool->jobs;
    pool->jobs = job;
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
}

void pool_kick(struct pool *pool, struct pool_job *job)
{
    pthread_mutex_lock(&pool->lock);
    for (struct pool_job *one = pool->jobs; one != NULL; one = one->next) {
        if (one != job)
            continue;
        one->is_kicked = one->is_running;
        one->due_ms = clock_monotonic_ms();
        pthread_cond_signal(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
}

void pool_cancel(struct pool *pool, uint32_t cluster, uint32_t node, enum work work_,
                 uint32_t sequence)
{
    pthread_mutex_lock(&pool->lock);
    for (struct pool_job *job = pool->jobs; job != NULL; job = job->next) {
        if (job->cluster != cluster || job->node != node || job->work != work_ ||
            job->sequence != sequence)
            continue;
        job->is_cancelled = true;
        job->due_ms = clock_monotonic_ms();
        pthread_cond_signal(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
}
