/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs of a pool: which runs next, which are the same, which may not run beside each other.
 * No threads and no clock here; the pool guards the list and passes the time in.
 *
 * A work of the core (work < WORK_COUNT) is asked for again after a restart of Redis or of an
 * agent: while it is still being done it is not done twice. Works of a node with another sequence
 * overtake those before: they are cancelled, and the later ones wait until the earlier have really
 * ended, or the earlier would have the last word.
 *
 * A large fleet has thousands of jobs: those that wait are a heap by time, and all of a cluster are
 * found without looking at those of others.
 */
#ifndef SHUNT_POOL_LIST_H
#define SHUNT_POOL_LIST_H

#include "pool.h"

#define POOL_LIST_CHAINS                                                                           \
    1024 /* a cluster of the largest fleet shares its chain with three others */

struct pool_list {
    struct pool_job *chains[POOL_LIST_CHAINS]; /* all jobs, by cluster; in no order */
    struct pool_job **heap;                    /* those that wait, by due_ms; owned */
    size_t waiting, capacity;
    size_t overtaken; /* that still run, and are cancelled */
};

/* Frees what the list itself holds; the jobs are the caller's. */
void pool_list_done(struct pool_list *list);

/* False where the same work is on the list already: that one is due at once, and `job` stays the
 * caller's. */
bool pool_list_add(struct pool_list *list, struct pool_job *job, int64_t now_ms);
void pool_list_remove(struct pool_list *list, struct pool_job *job);

/* The first of the jobs among which all of the cluster are; the others follow by ->next. */
struct pool_job *pool_list_of(const struct pool_list *list, uint32_t cluster);
/* One of all; NULL if there is none. */
struct pool_job *pool_list_any(const struct pool_list *list);

/* The waiting job that is due first, cancelled ones at once; NULL if none waits. */
struct pool_job *pool_list_next(const struct pool_list *list);
/* Before a run; after it the job is asked for again, or removed. */
void pool_list_begin(struct pool_list *list, struct pool_job *job);
/* After a run that asked for another one. */
void pool_list_again(struct pool_list *list, struct pool_job *job, int64_t again_ms,
                     int64_t now_ms);

/* `job` may be gone already: it is only looked for. */
void pool_list_kick(struct pool_list *list, uint32_t cluster, const struct pool_job *job,
                    int64_t now_ms);
void pool_list_cancel(struct pool_list *list, uint32_t cluster, uint32_t node, enum work work,
                      uint32_t sequence, int64_t now_ms);
/* All works of the core for this cluster. */
void pool_list_cancel_works(struct pool_list *list, uint32_t cluster, int64_t now_ms);

#endif
