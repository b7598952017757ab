/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/pool.h and queue.h: workers are fibers of the controller's process. How long a call
 * takes is chance, and so is which of two workers comes first; which job may run is decided by the
 * production's own list.
 */
#include "check.h"
#include "clock.h"
#include "edge.h"
#include "memory.h"
#include "pool_list.h"

#include <stdlib.h>

#define WORKERS 3

/* ---- the pool ---- */

struct pool {
    struct pool_list jobs;
    struct signal changed;
};

/* Mostly quick, sometimes a call that nearly reaches its deadline of 5 s. */
static int64_t call_us(void)
{
    if (random_one_in(&world.random, 200))
        return random_between(&world.random, 0, 5 * WORLD_S);
    return random_between(&world.random, 100, 30 * WORLD_MS);
}

/* Polls of a few milliseconds would only cost time here. */
static int64_t pause_ms(int64_t delay_ms)
{
    int64_t least_ms = random_between(&world.random, 20, 300);
    return delay_ms > least_ms ? delay_ms : least_ms;
}

/* Asked for again, a work goes on; it is not done twice, side by side. */
static void check_alone(const struct pool *pool, const struct pool_job *job)
{
    for (const struct pool_job *other = pool_list_of(&pool->jobs, job->cluster); other != NULL;
         other = other->next)
        if (other != job && !other->is_cancelled && other->work == job->work &&
            other->cluster == job->cluster && other->node == job->node && job->work < WORK_COUNT)
            rule_broken("no work is done beside itself", "%s", work_name(job->work));
}

static void run_job(struct pool *pool, struct pool_job *job)
{
    int64_t again_ms = POOL_FINISHED;
    pool_list_begin(&pool->jobs, job);
    if (!job->is_cancelled) {
        check_alone(pool, job);
        fiber_sleep_us(call_us());
        again_ms = job->run(job);
    }
    if (again_ms != POOL_FINISHED && !job->is_cancelled) {
        pool_list_again(&pool->jobs, job, pause_ms(again_ms), clock_monotonic_ms());
    } else {
        pool_list_remove(&pool->jobs, job);
        job->end(job);
    }
    signal_raise(&pool->changed);
}

static void work(void *context)
{
    struct pool *pool = context;
    for (;;) {
        struct pool_job *job = pool_list_next(&pool->jobs);
        if (job != NULL && job->due_ms <= clock_monotonic_ms())
            run_job(pool, job);
        else
            (void)fiber_wait(&pool->changed,
                             job != NULL ? (job->due_ms - 1000) * WORLD_MS : INT64_MAX);
    }
}

struct pool *pool_new(size_t threads)
{
    struct pool *pool = memory_zeroed(1, sizeof(*pool));
    CHECK(threads >= WORKERS);
    for (unsigned i = 0; i < WORKERS; i++)
        process_add_fiber(process_current(), work, pool);
    return pool;
}

void pool_free(struct pool *pool)
{
    free(pool);
}

void pool_add(struct pool *pool, struct pool_job *job)
{
    if (!pool_list_add(&pool->jobs, job, clock_monotonic_ms()))
        job->end(job);
    signal_raise(&pool->changed);
}

void pool_kick(struct pool *pool, uint32_t cluster, const struct pool_job *job)
{
    pool_list_kick(&pool->jobs, cluster, job, clock_monotonic_ms());
    signal_raise(&pool->changed);
}

void pool_cancel(struct pool *pool, uint32_t cluster, uint32_t node, enum work kind,
                 uint32_t sequence)
{
    pool_list_cancel(&pool->jobs, cluster, node, kind, sequence, clock_monotonic_ms());
    signal_raise(&pool->changed);
}

void pool_cancel_works(struct pool *pool, uint32_t cluster)
{
    pool_list_cancel_works(&pool->jobs, cluster, clock_monotonic_ms());
    signal_raise(&pool->changed);
}

/* ---- the queue ---- */

struct queue {
    struct item *first, **last;
    struct signal has_item;
};

struct queue *queue_new(void)
{
    struct queue *queue = memory_zeroed(1, sizeof(*queue));
    queue->last = &queue->first;
    return queue;
}

void queue_free(struct queue *queue)
{
    free(queue);
}

void queue_put(struct queue *queue, struct item *item)
{
    item->next = NULL;
    *queue->last = item;
    queue->last = &item->next;
    signal_raise(&queue->has_item);
}

struct item *queue_take(struct queue *queue, int64_t timeout_ms)
{
    int64_t until_us = schedule_now_us() + (timeout_ms > 0 ? timeout_ms : 1) * WORLD_MS;
    if (queue->first == NULL)
        (void)fiber_wait(&queue->has_item, until_us);
    else
        fiber_sleep_us(random_between(&world.random, 10, 500));
    struct item *item = queue->first;
    if (item == NULL)
        return NULL;
    queue->first = item->next;
    if (queue->first == NULL)
        queue->last = &queue->first;
    return item;
}
