/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include "check.h"
#include "clock.h"
#include "memory.h"
#include "pool_list.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define POOL_THREADS 64 /* more would only wait for each other on two cores */

/* One idle worker waits until the next job is due, the others until they are called: all of them
 * waking for each job would cost more than most jobs. */
struct pool {
    pthread_mutex_t lock;
    pthread_cond_t timer, idle;
    int64_t timer_ms; /* what somebody waits for at the timer; 0 = nobody does */
    struct pool_list jobs;
    bool is_ending;
    size_t thread_count;
    pthread_t threads[POOL_THREADS];
};

/* Somebody is to look at the jobs again. */
static void call_one(struct pool *pool)
{
    pthread_cond_signal(pool->timer_ms != 0 ? &pool->timer : &pool->idle);
}

/* While this one works, another has to look at the jobs. */
static void run_job(struct pool *pool, struct pool_job *job)
{
    int64_t again_ms = POOL_FINISHED;
    pool_list_begin(&pool->jobs, job);
    call_one(pool);
    if (!job->is_cancelled) {
        pthread_mutex_unlock(&pool->lock);
        again_ms = job->run(job);
        pthread_mutex_lock(&pool->lock);
    }
    if (again_ms != POOL_FINISHED && !job->is_cancelled) {
        pool_list_again(&pool->jobs, job, again_ms, clock_monotonic_ms());
        return; /* and looks itself what is next */
    }
    pool_list_remove(&pool->jobs, job);
    call_one(pool); /* others may have waited for its end */
    pthread_mutex_unlock(&pool->lock);
    job->end(job);
    pthread_mutex_lock(&pool->lock);
}

static void wait_until(struct pool *pool, const struct pool_job *next)
{
    if (next == NULL || pool->timer_ms != 0) {
        if (next != NULL && next->due_ms < pool->timer_ms)
            call_one(pool);
        pthread_cond_wait(&pool->idle, &pool->lock);
        return;
    }
    struct timespec until = {next->due_ms / 1000, (next->due_ms % 1000) * 1000000};
    pool->timer_ms = next->due_ms;
    pthread_cond_timedwait(&pool->timer, &pool->lock, &until);
    pool->timer_ms = 0;
}

static void *work(void *context)
{
    struct pool *pool = context;
    pthread_mutex_lock(&pool->lock);
    while (!pool->is_ending) {
        struct pool_job *job = pool_list_next(&pool->jobs);
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
    pthread_cond_init(&pool->timer, &attributes);
    pthread_cond_init(&pool->idle, &attributes);
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
    pthread_cond_broadcast(&pool->timer);
    pthread_cond_broadcast(&pool->idle);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    for (struct pool_job *job; (job = pool_list_any(&pool->jobs)) != NULL;) {
        pool_list_remove(&pool->jobs, job);
        job->end(job);
    }
    pool_list_done(&pool->jobs);
    pthread_cond_destroy(&pool->timer);
    pthread_cond_destroy(&pool->idle);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void pool_add(struct pool *pool, struct pool_job *job)
{
    pthread_mutex_lock(&pool->lock);
    bool is_added = pool_list_add(&pool->jobs, job, clock_monotonic_ms());
    call_one(pool);
    pthread_mutex_unlock(&pool->lock);
    if (!is_added)
        job->end(job);
}

void pool_kick(struct pool *pool, uint32_t cluster, const struct pool_job *job)
{
    pthread_mutex_lock(&pool->lock);
    pool_list_kick(&pool->jobs, cluster, job, clock_monotonic_ms());
    call_one(pool);
    pthread_mutex_unlock(&pool->lock);
}

void pool_cancel(struct pool *pool, uint32_t cluster, uint32_t node, enum work work_,
                 uint32_t sequence)
{
    pthread_mutex_lock(&pool->lock);
    pool_list_cancel(&pool->jobs, cluster, node, work_, sequence, clock_monotonic_ms());
    call_one(pool);
    pthread_mutex_unlock(&pool->lock);
}

void pool_cancel_works(struct pool *pool, uint32_t cluster)
{
    pthread_mutex_lock(&pool->lock);
    pool_list_cancel_works(&pool->jobs, cluster, clock_monotonic_ms());
    call_one(pool);
    pthread_mutex_unlock(&pool->lock);
}
