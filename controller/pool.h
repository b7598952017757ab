/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded pool of workers for blocking calls (REST, load balancers). A job that has to wait does
 * not keep a worker: its function looks once and asks to be called again after a delay.
 */
#ifndef SHUNT_POOL_H
#define SHUNT_POOL_H

#include "error.h"
#include "steps.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_FINISHED (-1)

struct pool;
struct pool_job;

/* Returns POOL_FINISHED, or milliseconds until it is to be called again. Never called by two
 * workers at one time. */
typedef int64_t (*pool_run_fn)(struct pool_job *job);
/* Frees what the job holds, after its last run or when it was cancelled before one. */
typedef void (*pool_end_fn)(struct pool_job *job);

struct pool_job {
    struct pool_job *next;
    pool_run_fn run;
    pool_end_fn end;
    int64_t due_ms;           /* monotonic; the pool's */
    size_t place;             /* among those that wait; the pool's */
    bool is_running;          /* the pool's */
    atomic_bool is_cancelled; /* the pool's */
    bool is_kicked;           /* the pool's */
    /* Who it is, for pool_cancel(). */
    uint32_t cluster, node;
    enum work work;
    uint32_t sequence;
};

/* For a run, before each effect: ERROR_CANCELLED where it has been overtaken meanwhile. */
bool pool_job_may_go_on(const struct pool_job *job, struct error *err);

struct pool *pool_new(size_t threads);
/* Waits for running jobs and ends all others. */
void pool_free(struct pool *pool);

/* Takes the job over. The same work of the core, added while it is still being done, is done once.
 */
void pool_add(struct pool *pool, struct pool_job *job);
/* The job of that cluster, if it still exists, is run now instead of at the end of its delay. */
void pool_kick(struct pool *pool, uint32_t cluster, const struct pool_job *job);
/* Ends the matching job; one that runs just now is not called again. */
void pool_cancel(struct pool *pool, uint32_t cluster, uint32_t node, enum work work,
                 uint32_t sequence);
/* All works of the core for the cluster: it is led by somebody else now. */
void pool_cancel_works(struct pool *pool, uint32_t cluster);

#endif
