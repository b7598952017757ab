/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

#include "check.h"
#include "memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t has_item;
    struct item *first, **last;
};

struct queue *queue_new(void)
{
    struct queue *queue = memory_zeroed(1, sizeof(*queue));
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->has_item, &attributes);
    pthread_condattr_destroy(&attributes);
    queue->last = &queue->first;
    return queue;
}

void queue_free(struct queue *queue)
{
    if (queue == NULL)
        return;
    while (queue->first != NULL) {
        struct item *item = queue->first;
        queue->first = item->next;
        item_free(item);
    }
    pthread_cond_destroy(&queue->has_item);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

void queue_put(struct queue *queue, struct item *item)
{
    item->next = NULL;
    pthread_mutex_lock(&queue->lock);
    *queue->last = item;
    queue->last = &item->next;
    pthread_cond_signal(&queue->has_item);
    pthread_mutex_unlock(&queue->lock);
}

static struct timespec monotonic_after(int64_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

struct item *queue_take(struct queue *queue, int64_t timeout_ms)
{
    struct timespec until = monotonic_after(timeout_ms > 0 ? timeout_ms : 0);
    pthread_mutex_lock(&queue->lock);
    while (queue->first == NULL)
        if (pthread_cond_timedwait(&queue->has_item, &queue->lock, &until) == ETIMEDOUT)
            break;
    struct item *item = queue->first;
    if (item != NULL) {
        queue->first = item->next;
        if (queue->first == NULL)
            queue->last = &queue->first;
    }
    pthread_mutex_unlock(&queue->lock);
    return item;
}
