/* SPDX-License-Identifier: Apache-2.0 */
#include "pool_list.h"

#include "check.h"
#include "memory.h"

#include <stddef.h>
#include <stdlib.h>

/* ---- those that wait: a heap, whose parents are due before their children ---- */

static void put(struct pool_list *list, size_t place, struct pool_job *job)
{
    list->heap[place] = job;
    job->place = place;
}

static void rise(struct pool_list *list, size_t place)
{
    struct pool_job *job = list->heap[place];
    while (place > 0) {
        size_t parent = (place - 1) / 2;
        if (list->heap[parent]->due_ms <= job->due_ms)
            break;
        put(list, place, list->heap[parent]);
        place = parent;
    }
    put(list, place, job);
}

static void sink(struct pool_list *list, size_t place)
{
    struct pool_job *job = list->heap[place];
    for (;;) {
        size_t child = 2 * place + 1;
        if (child + 1 < list->waiting && list->heap[child + 1]->due_ms < list->heap[child]->due_ms)
            child++;
        if (child >= list->waiting || job->due_ms <= list->heap[child]->due_ms)
            break;
        put(list, place, list->heap[child]);
        place = child;
    }
    put(list, place, job);
}

static void begin_wait(struct pool_list *list, struct pool_job *job)
{
    if (list->waiting == list->capacity) {
        list->capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
        list->heap = memory_resize(list->heap, list->capacity, sizeof(struct pool_job *));
    }
    put(list, list->waiting++, job);
    rise(list, job->place);
}

static void end_wait(struct pool_list *list, struct pool_job *job)
{
    size_t place = job->place;
    CHECK(place < list->waiting && list->heap[place] == job);
    struct pool_job *last = list->heap[--list->waiting];
    if (last == job)
        return;
    put(list, place, last);
    rise(list, place);
    sink(list, last->place);
}

void pool_list_done(struct pool_list *list)
{
    free(list->heap);
    list->heap = NULL;
    list->waiting = list->capacity = 0;
}

/* ---- all of them ---- */

static struct pool_job **chain_of(struct pool_list *list, uint32_t cluster)
{
    return &list->chains[cluster % POOL_LIST_CHAINS];
}

struct pool_job *pool_list_of(const struct pool_list *list, uint32_t cluster)
{
    return list->chains[cluster % POOL_LIST_CHAINS];
}

struct pool_job *pool_list_any(const struct pool_list *list)
{
    for (size_t i = 0; i < POOL_LIST_CHAINS; i++)
        if (list->chains[i] != NULL)
            return list->chains[i];
    return NULL;
}

static bool is_of_core(const struct pool_job *job)
{
    return job->work < WORK_COUNT;
}

static bool is_of_same_node(const struct pool_job *a, const struct pool_job *b)
{
    return a->cluster == b->cluster && a->node == b->node && is_of_core(a) && is_of_core(b);
}

/* Sooner than it was. */
static void make_due(struct pool_list *list, struct pool_job *job, int64_t now_ms)
{
    job->is_kicked = job->is_running;
    job->due_ms = now_ms < job->due_ms || job->is_running ? now_ms : job->due_ms;
    if (!job->is_running)
        rise(list, job->place);
}

static void cancel(struct pool_list *list, struct pool_job *job, int64_t now_ms)
{
    list->overtaken += job->is_running && !job->is_cancelled;
    job->is_cancelled = true;
    if (!job->is_running)
        make_due(list, job, now_ms);
}

bool pool_list_add(struct pool_list *list, struct pool_job *job, int64_t now_ms)
{
    struct pool_job **chain = chain_of(list, job->cluster);
    for (struct pool_job *other = *chain; other != NULL; other = other->next) {
        if (!is_of_same_node(job, other) || other->is_cancelled)
            continue;
        if (other->sequence != job->sequence) {
            cancel(list, other, now_ms);
        } else if (other->work == job->work) {
            make_due(list, other, now_ms);
            return false;
        }
    }
    job->due_ms = now_ms;
    job->is_running = job->is_kicked = false;
    atomic_init(&job->is_cancelled, false);
    job->next = *chain;
    *chain = job;
    begin_wait(list, job);
    return true;
}

static void end_run(struct pool_list *list, struct pool_job *job)
{
    CHECK(job->is_running);
    job->is_running = false;
    list->overtaken -= job->is_cancelled;
}

void pool_list_remove(struct pool_list *list, struct pool_job *job)
{
    struct pool_job **place = chain_of(list, job->cluster);
    while (*place != job) {
        CHECK(*place != NULL);
        place = &(*place)->next;
    }
    *place = job->next;
    if (job->is_running)
        end_run(list, job);
    else
        end_wait(list, job);
}

static bool is_held_up(const struct pool_list *list, const struct pool_job *job)
{
    for (const struct pool_job *other = pool_list_of(list, job->cluster); other != NULL;
         other = other->next)
        if (other->is_running && other->is_cancelled && is_of_same_node(job, other))
            return true;
    return false;
}

struct pool_job *pool_list_next(const struct pool_list *list)
{
    struct pool_job *first = list->waiting > 0 ? list->heap[0] : NULL;
    if (first == NULL || list->overtaken == 0 || !is_held_up(list, first))
        return first;
    first = NULL; /* rare, and over as soon as the one that was overtaken has ended */
    for (size_t i = 1; i < list->waiting; i++)
        if ((first == NULL || list->heap[i]->due_ms < first->due_ms) &&
            !is_held_up(list, list->heap[i]))
            first = list->heap[i];
    return first;
}

void pool_list_begin(struct pool_list *list, struct pool_job *job)
{
    end_wait(list, job);
    job->is_running = true;
    list->overtaken += job->is_cancelled;
}

void pool_list_again(struct pool_list *list, struct pool_job *job, int64_t again_ms, int64_t now_ms)
{
    end_run(list, job);
    job->due_ms = now_ms + (job->is_kicked ? 0 : again_ms);
    job->is_kicked = false;
    begin_wait(list, job);
}

void pool_list_kick(struct pool_list *list, uint32_t cluster, const struct pool_job *job,
                    int64_t now_ms)
{
    for (struct pool_job *one = pool_list_of(list, cluster); one != NULL; one = one->next)
        if (one == job && one->cluster == cluster)
            make_due(list, one, now_ms);
}

bool pool_job_may_go_on(const struct pool_job *job, struct error *err)
{
    if (!atomic_load(&job->is_cancelled))
        return true;
    error_set(err, ERROR_CANCELLED, "cancelled");
    return false;
}

void pool_list_cancel(struct pool_list *list, uint32_t cluster, uint32_t node, enum work work,
                      uint32_t sequence, int64_t now_ms)
{
    for (struct pool_job *job = pool_list_of(list, cluster); job != NULL; job = job->next)
        if (job->cluster == cluster && job->node == node && job->work == work &&
            job->sequence == sequence)
            cancel(list, job, now_ms);
}

void pool_list_cancel_works(struct pool_list *list, uint32_t cluster, int64_t now_ms)
{
    for (struct pool_job *job = pool_list_of(list, cluster); job != NULL; job = job->next)
        if (job->cluster == cluster && is_of_core(job))
            cancel(list, job, now_ms);
}
