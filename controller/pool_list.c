/* SPDX-License-Identifier: Apache-2.0 */
#include "pool_list.h"

#include "check.h"

#include <stddef.h>

static bool is_of_core(const struct pool_job *job)
{
    return job->work < WORK_COUNT;
}

static bool is_of_same_node(const struct pool_job *a, const struct pool_job *b)
{
    return a->cluster == b->cluster && a->node == b->node && is_of_core(a) && is_of_core(b);
}

static void make_due(struct pool_job *job, int64_t now_ms)
{
    job->is_kicked = job->is_running;
    job->due_ms = now_ms;
}

static void cancel(struct pool_job *job, int64_t now_ms)
{
    job->is_cancelled = true;
    job->due_ms = now_ms;
}

bool pool_list_add(struct pool_list *list, struct pool_job *job, int64_t now_ms)
{
    for (struct pool_job *other = list->first; other != NULL; other = other->next) {
        if (!is_of_same_node(job, other) || other->is_cancelled)
            continue;
        if (other->sequence != job->sequence) {
            cancel(other, now_ms);
        } else if (other->work == job->work) {
            make_due(other, now_ms);
            return false;
        }
    }
    job->due_ms = now_ms;
    job->is_running = job->is_kicked = false;
    atomic_init(&job->is_cancelled, false);
    job->next = list->first;
    list->first = job;
    return true;
}

void pool_list_remove(struct pool_list *list, struct pool_job *job)
{
    struct pool_job **place = &list->first;
    while (*place != job) {
        CHECK(*place != NULL);
        place = &(*place)->next;
    }
    *place = job->next;
}

static bool has_cancelled_runner(const struct pool_list *list)
{
    for (const struct pool_job *job = list->first; job != NULL; job = job->next)
        if (job->is_running && job->is_cancelled)
            return true;
    return false;
}

static bool is_held_up(const struct pool_list *list, const struct pool_job *job)
{
    for (const struct pool_job *other = list->first; other != NULL; other = other->next)
        if (other->is_running && other->is_cancelled && is_of_same_node(job, other))
            return true;
    return false;
}

struct pool_job *pool_list_next(const struct pool_list *list)
{
    struct pool_job *first = NULL;
    bool may_hold_up = has_cancelled_runner(list); /* rare, and looking who is held up is slow */
    for (struct pool_job *job = list->first; job != NULL; job = job->next)
        if (!job->is_running && (first == NULL || job->due_ms < first->due_ms) &&
            !(may_hold_up && is_held_up(list, job)))
            first = job;
    return first;
}

void pool_list_again(struct pool_job *job, int64_t again_ms, int64_t now_ms)
{
    job->due_ms = now_ms + (job->is_kicked ? 0 : again_ms);
    job->is_kicked = false;
}

void pool_list_kick(struct pool_list *list, const struct pool_job *job, int64_t now_ms)
{
    for (struct pool_job *one = list->first; one != NULL; one = one->next)
        if (one == job)
            make_due(one, now_ms);
}

void pool_list_kick_work(struct pool_list *list, uint32_t cluster, uint32_t node, enum work work,
                         int64_t now_ms)
{
    for (struct pool_job *job = list->first; job != NULL; job = job->next)
        if (job->cluster == cluster && job->node == node && job->work == work)
            make_due(job, now_ms);
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
    for (struct pool_job *job = list->first; job != NULL; job = job->next)
        if (job->cluster == cluster && job->node == node && job->work == work &&
            job->sequence == sequence)
            cancel(job, now_ms);
}

void pool_list_cancel_works(struct pool_list *list, uint32_t cluster, int64_t now_ms)
{
    for (struct pool_job *job = list->first; job != NULL; job = job->next)
        if (job->cluster == cluster && is_of_core(job))
            cancel(job, now_ms);
}
