/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs of a pool: which runs next, which are the same, which may not run beside each other.
 * No threads and no clock here; the pool guards the list and passes the time in.
 *
 * A work of the core (work < WORK_COUNT) is asked for again after a restart of Redis or of an
 * agent: while it is still being done it is not done twice. Works of a node with another sequence
 * overtake those before: they are cancelled, and the later ones wait until the earlier have really
 * ended, or the earlier would have the last word.
 */
#ifndef SHUNT_POOL_LIST_H
#define SHUNT_POOL_LIST_H

#include "pool.h"

struct pool_list {
    struct pool_job *first; /* waiting and running, in no order: there are few at a time */
};

/* False where the same work is on the list already: that one is due at once, and `job` stays the
 * caller's. */
bool pool_list_add(struct pool_list *list, struct pool_job *job, int64_t now_ms);
void pool_list_remove(struct pool_list *list, struct pool_job *job);

/* The waiting job that is due first, cancelled ones at once; NULL if none waits. */
struct pool_job *pool_list_next(const struct pool_list *list);
/* After a run that asked for another one. */
void pool_list_again(struct pool_job *job, int64_t again_ms, int64_t now_ms);

void pool_list_kick(struct pool_list *list, const struct pool_job *job, int64_t now_ms);
void pool_list_kick_work(struct pool_list *list, uint32_t cluster, uint32_t node, enum work work,
                         int64_t now_ms);
void pool_list_cancel(struct pool_list *list, uint32_t cluster, uint32_t node, enum work work,
                      uint32_t sequence, int64_t now_ms);
/* All works of the core for this cluster. */
void pool_list_cancel_works(struct pool_list *list, uint32_t cluster, int64_t now_ms);

#endif
