/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

#include "clock.h"
#include "common/unit_test.h"

#include <pthread.h>
#include <time.h>

#define WAIT_S     20 /* more than any busy machine needs */
#define HOUR_MS    3600000
#define ANSWERS    4
#define MOST_JOBS  500
#define MANY_RUNS  2000
#define MANY_KICKS 5000

/* A job that does what a test tells it to, and counts. Guarded by `lock`, but for what is set
 * before it is added. */
struct told_job {
    struct pool_job base;         /* first */
    int64_t answers[ANSWERS];     /* of its runs, in turn; the last one for all that follow */
    int finishes_after;           /* runs; 0: as the answers say */
    bool is_gated;                /* a run waits for open_gate() */
    struct told_job *adds;        /* to be added to the pool by the first run */
    int runs, ends, inside, most; /* most: runs at one time */
    int64_t run_ms[ANSWERS];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool is_gate_open;
static struct pool *pool;
static struct told_job jobs[MOST_JOBS];

static struct timespec latest(void)
{
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += WAIT_S;
    return at;
}

/* Until *counter has the value; `lock` is held. False after WAIT_S. */
static bool wait_for(const int *counter, int value)
{
    struct timespec until = latest();
    while (*counter < value)
        if (pthread_cond_timedwait(&changed, &lock, &until) != 0)
            return false;
    return true;
}

static void await(const int *counter, int value)
{
    pthread_mutex_lock(&lock);
    bool is_there = wait_for(counter, value);
    pthread_mutex_unlock(&lock);
    assert_true(is_there);
}

static int value_of(const int *counter)
{
    pthread_mutex_lock(&lock);
    int value = *counter;
    pthread_mutex_unlock(&lock);
    return value;
}

static void open_gate(void)
{
    pthread_mutex_lock(&lock);
    is_gate_open = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void wait_at_gate(void)
{
    struct timespec until = latest();
    while (!is_gate_open)
        if (pthread_cond_timedwait(&changed, &lock, &until) != 0)
            abort(); /* the test has failed already and forgot the gate */
}

static int64_t run(struct pool_job *base)
{
    struct told_job *job = (struct told_job *)base;
    pthread_mutex_lock(&lock);
    int number = job->runs < ANSWERS ? job->runs : ANSWERS - 1;
    job->run_ms[number] = clock_monotonic_ms();
    job->runs++;
    job->inside++;
    job->most = job->inside > job->most ? job->inside : job->most;
    pthread_cond_broadcast(&changed);
    if (job->adds != NULL && job->runs == 1)
        pool_add(pool, &job->adds->base);
    if (job->is_gated)
        wait_at_gate();
    bool has_finished = job->finishes_after != 0 && job->runs >= job->finishes_after;
    job->inside--;
    pthread_mutex_unlock(&lock);
    return has_finished ? POOL_FINISHED : job->answers[number];
}

static void end(struct pool_job *base)
{
    struct told_job *job = (struct told_job *)base;
    pthread_mutex_lock(&lock);
    job->ends++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* A job that finishes with its first run, if its answers are not changed. */
static struct told_job *job_of(size_t index)
{
    struct told_job *job = &jobs[index];
    job->base.run = run;
    job->base.end = end;
    job->base.cluster = 1;
    job->base.node = (uint32_t)index;
    job->base.work = WORK_LB_EMPTY;
    job->base.sequence = 9;
    for (int i = 0; i < ANSWERS; i++)
        job->answers[i] = POOL_FINISHED;
    return job;
}

/* A job that comes again in an hour, and has its first run behind it. */
static struct told_job *waiting_job(size_t index)
{
    struct told_job *job = job_of(index);
    job->answers[0] = HOUR_MS;
    pool_add(pool, &job->base);
    await(&job->runs, 1);
    return job;
}

/* With one worker: it has put away what it ran before when it runs this for the first time, and has
 * run all that was due when it runs it again. */
static void let_worker_settle(void)
{
    struct told_job *other = job_of(MOST_JOBS - 1);
    other->answers[0] = 2;
    pool_add(pool, &other->base);
    await(&other->ends, 1);
}

static void cancel(const struct told_job *job)
{
    pool_cancel(pool, job->base.cluster, job->base.node, job->base.work, job->base.sequence);
}

static int reset(size_t threads)
{
    memset(jobs, 0, sizeof(jobs));
    is_gate_open = false;
    pool = pool_new(threads);
    return 0;
}

static int one_worker(void **state)
{
    (void)state;
    return reset(1);
}

static int four_workers(void **state)
{
    (void)state;
    return reset(4);
}

/* Whatever a test did, no job is ended twice. */
static int free_pool(void **state)
{
    (void)state;
    open_gate();
    pool_free(pool);
    pool = NULL;
    for (size_t i = 0; i < MOST_JOBS; i++)
        if (jobs[i].base.run != NULL && jobs[i].ends > 1)
            return -1;
    return 0;
}

static void free_pool_now(void)
{
    pool_free(pool);
    pool = NULL;
}

/* ---- runs ---- */

static void finished_job_is_run_once_and_ended_once(void **state)
{
    struct told_job *job = job_of(0);
    (void)state;
    pool_add(pool, &job->base);
    await(&job->ends, 1);
    free_pool_now();
    assert_int_equal(job->runs, 1);
    assert_int_equal(job->ends, 1);
}

static void job_is_run_again_after_its_delay(void **state)
{
    struct told_job *job = job_of(0);
    (void)state;
    job->answers[0] = 30;
    job->answers[1] = 0;
    pool_add(pool, &job->base);
    await(&job->ends, 1);
    assert_int_equal(job->runs, 3);
    assert_true(job->run_ms[1] - job->run_ms[0] >= 30);
}

static void job_that_waits_keeps_no_worker(void **state)
{
    struct told_job *other = job_of(1);
    (void)state;
    waiting_job(0);
    pool_add(pool, &other->base);
    await(&other->ends, 1);
    assert_int_equal(value_of(&jobs[0].ends), 0);
}

static void job_may_add_another(void **state)
{
    struct told_job *first = job_of(0);
    (void)state;
    first->adds = job_of(1);
    pool_add(pool, &first->base);
    await(&jobs[1].ends, 1);
    assert_int_equal(value_of(&jobs[1].runs), 1);
}

static void workers_run_jobs_side_by_side(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        job_of(i)->is_gated = true;
        pool_add(pool, &jobs[i].base);
    }
    for (size_t i = 0; i < 4; i++)
        await(&jobs[i].inside, 1); /* and none can leave */
    open_gate();
    for (size_t i = 0; i < 4; i++)
        await(&jobs[i].ends, 1);
}

static void every_one_of_many_jobs_is_run(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOST_JOBS; i++)
        pool_add(pool, &job_of(i)->base);
    for (size_t i = 0; i < MOST_JOBS; i++)
        await(&jobs[i].ends, 1);
    for (size_t i = 0; i < MOST_JOBS; i++)
        assert_int_equal(value_of(&jobs[i].runs), 1);
}

/* ---- cancelled ---- */

static void job_cancelled_before_its_run_is_ended_without_one(void **state)
{
    struct told_job *busy = job_of(0), *job = job_of(1);
    (void)state;
    busy->is_gated = true;
    pool_add(pool, &busy->base);
    await(&busy->inside, 1);
    pool_add(pool, &job->base);
    cancel(job);
    open_gate();
    await(&job->ends, 1);
    free_pool_now();
    assert_int_equal(job->runs, 0);
    assert_int_equal(job->ends, 1);
}

static void job_cancelled_while_it_waits_is_ended_at_once(void **state)
{
    struct told_job *job = waiting_job(0);
    (void)state;
    let_worker_settle();
    cancel(job);
    await(&job->ends, 1);
    free_pool_now();
    assert_int_equal(job->runs, 1);
    assert_int_equal(job->ends, 1);
}

static void job_cancelled_while_it_runs_is_not_called_again(void **state)
{
    struct told_job *job = job_of(0);
    (void)state;
    job->is_gated = true;
    job->answers[0] = HOUR_MS;
    pool_add(pool, &job->base);
    await(&job->inside, 1);
    cancel(job);
    assert_int_equal(value_of(&job->ends), 0); /* not under its own feet */
    open_gate();
    await(&job->ends, 1);
    free_pool_now();
    assert_int_equal(job->runs, 1);
    assert_int_equal(job->ends, 1);
}

static void job_that_finishes_although_cancelled_is_ended_once(void **state)
{
    struct told_job *job = job_of(0);
    (void)state;
    job->is_gated = true;
    pool_add(pool, &job->base);
    await(&job->inside, 1);
    cancel(job);
    cancel(job);
    open_gate();
    await(&job->ends, 1);
    free_pool_now();
    assert_int_equal(job->ends, 1);
}

static void cancel_of_another_job_changes_nothing(void **state)
{
    struct told_job *job = waiting_job(0);
    const struct pool_job *base = &job->base;
    (void)state;
    let_worker_settle();
    pool_cancel(pool, base->cluster + 1, base->node, base->work, base->sequence);
    pool_cancel(pool, base->cluster, base->node + 1, base->work, base->sequence);
    pool_cancel(pool, base->cluster, base->node, WORK_LB_DOWN, base->sequence);
    pool_cancel(pool, base->cluster, base->node, base->work, base->sequence + 1);
    pool_kick(pool, job->base.cluster, &job->base);
    await(&job->runs, 2);
    await(&job->ends, 1);
}

/* ---- kicked ---- */

static void kicked_job_does_not_wait_for_the_end_of_its_delay(void **state)
{
    struct told_job *job = waiting_job(0);
    (void)state;
    let_worker_settle();
    pool_kick(pool, job->base.cluster, &job->base);
    await(&job->ends, 1);
    assert_int_equal(value_of(&job->runs), 2);
}

static void kick_leaves_other_jobs_to_their_delay(void **state)
{
    struct told_job *other = waiting_job(0), *job = waiting_job(1);
    (void)state;
    pool_kick(pool, job->base.cluster, &job->base);
    await(&job->ends, 1);
    let_worker_settle();
    assert_int_equal(value_of(&other->runs), 1);
}

static void job_kicked_while_it_runs_is_run_again_at_once(void **state)
{
    struct told_job *job = job_of(0);
    (void)state;
    job->is_gated = true;
    job->answers[0] = HOUR_MS;
    pool_add(pool, &job->base);
    await(&job->inside, 1);
    pool_kick(pool, job->base.cluster, &job->base);
    open_gate();
    await(&job->ends, 1);
    assert_int_equal(value_of(&job->runs), 2);
}

static void kick_counts_for_one_run(void **state)
{
    struct told_job *job = job_of(0);
    (void)state;
    job->is_gated = true;
    job->answers[0] = job->answers[1] = HOUR_MS;
    pool_add(pool, &job->base);
    await(&job->inside, 1);
    pool_kick(pool, job->base.cluster, &job->base);
    open_gate();
    await(&job->runs, 2);
    let_worker_settle();
    assert_int_equal(value_of(&job->runs), 2);
    assert_int_equal(value_of(&job->ends), 0);
}

static void kick_of_a_job_that_is_gone_changes_nothing(void **state)
{
    struct told_job *job = job_of(0);
    (void)state;
    pool_add(pool, &job->base);
    await(&job->ends, 1);
    pool_kick(pool, job->base.cluster, &job->base);
    let_worker_settle();
    assert_int_equal(value_of(&job->runs), 1);
    assert_int_equal(value_of(&job->ends), 1);
}

static void cancelled_job_that_is_kicked_is_ended_without_a_run(void **state)
{
    struct told_job *busy = job_of(0), *job = job_of(1);
    (void)state;
    busy->is_gated = true;
    pool_add(pool, &busy->base);
    await(&busy->inside, 1);
    pool_add(pool, &job->base);
    cancel(job);
    pool_kick(pool, job->base.cluster, &job->base);
    open_gate();
    await(&job->ends, 1);
    assert_int_equal(value_of(&job->runs), 0);
}

static void *kick_often(void *context)
{
    for (int i = 0; i < MANY_KICKS; i++)
        pool_kick(pool, 1, context);
    return NULL;
}

static void job_is_never_run_by_two_workers_at_one_time(void **state)
{
    struct told_job *job = job_of(0);
    pthread_t kickers[2];
    (void)state;
    memset(job->answers, 0, sizeof(job->answers));
    job->finishes_after = MANY_RUNS;
    pool_add(pool, &job->base);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&kickers[i], NULL, kick_often, &job->base), 0);
    await(&job->ends, 1);
    for (size_t i = 0; i < 2; i++)
        pthread_join(kickers[i], NULL);
    assert_int_equal(job->runs, MANY_RUNS);
    assert_int_equal(job->most, 1);
}

/* ---- the end of the pool ---- */

static void pool_ends_jobs_that_wait(void **state)
{
    struct told_job *job = waiting_job(0);
    (void)state;
    free_pool_now();
    assert_int_equal(job->runs, 1);
    assert_int_equal(job->ends, 1);
}

static void *free_in_thread(void *context)
{
    (void)context;
    free_pool_now();
    return NULL;
}

/* They are added while the only worker is at work, and must be ended whether it still gets to them
 * or not. */
static void pool_waits_for_the_running_job_and_ends_the_others(void **state)
{
    pthread_t thread;
    struct told_job *busy = job_of(0);
    (void)state;
    busy->is_gated = true;
    busy->answers[0] = HOUR_MS;
    pool_add(pool, &busy->base);
    await(&busy->inside, 1);
    for (size_t i = 1; i <= 10; i++)
        pool_add(pool, &job_of(i)->base);
    assert_int_equal(pthread_create(&thread, NULL, free_in_thread, NULL), 0);
    assert_int_equal(value_of(&busy->ends), 0); /* it cannot be: its run has not returned */
    open_gate();
    pthread_join(thread, NULL);
    assert_int_equal(busy->inside, 0);
    for (size_t i = 0; i <= 10; i++) {
        assert_int_equal(jobs[i].ends, 1);
        assert_true(jobs[i].runs <= 1);
    }
}

static void *cancel_all(void *context)
{
    (void)context;
    for (size_t i = 0; i < MOST_JOBS; i++)
        cancel(&jobs[i]);
    return NULL;
}

/* Runs, ends, cancels, kicks and the end of the pool, all at the same time. */
static void every_job_is_ended_once_whatever_happens_to_it(void **state)
{
    pthread_t canceller, kicker;
    (void)state;
    for (size_t i = 0; i < MOST_JOBS; i++)
        job_of(i)->answers[0] = (int64_t)(i % 3) - 1; /* finished, at once, in a millisecond */
    assert_int_equal(pthread_create(&canceller, NULL, cancel_all, NULL), 0);
    assert_int_equal(pthread_create(&kicker, NULL, kick_often, &jobs[MOST_JOBS / 2].base), 0);
    for (size_t i = 0; i < MOST_JOBS; i++)
        pool_add(pool, &jobs[i].base);
    pthread_join(canceller, NULL);
    pthread_join(kicker, NULL);
    free_pool_now();
    for (size_t i = 0; i < MOST_JOBS; i++)
        assert_int_equal(jobs[i].ends, 1);
}

#define one(test)  cmocka_unit_test_setup_teardown(test, one_worker, free_pool)
#define four(test) cmocka_unit_test_setup_teardown(test, four_workers, free_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        one(finished_job_is_run_once_and_ended_once),
        one(job_is_run_again_after_its_delay),
        one(job_that_waits_keeps_no_worker),
        one(job_may_add_another),
        four(workers_run_jobs_side_by_side),
        four(every_one_of_many_jobs_is_run),
        one(job_cancelled_before_its_run_is_ended_without_one),
        one(job_cancelled_while_it_waits_is_ended_at_once),
        one(job_cancelled_while_it_runs_is_not_called_again),
        one(job_that_finishes_although_cancelled_is_ended_once),
        one(cancel_of_another_job_changes_nothing),
        one(kicked_job_does_not_wait_for_the_end_of_its_delay),
        one(kick_leaves_other_jobs_to_their_delay),
        one(job_kicked_while_it_runs_is_run_again_at_once),
        one(kick_counts_for_one_run),
        one(kick_of_a_job_that_is_gone_changes_nothing),
        one(cancelled_job_that_is_kicked_is_ended_without_a_run),
        four(job_is_never_run_by_two_workers_at_one_time),
        four(pool_ends_jobs_that_wait),
        one(pool_waits_for_the_running_job_and_ends_the_others),
        four(every_job_is_ended_once_whatever_happens_to_it),
    };
    return cmocka_run_group_tests_name("controller/pool", tests, NULL, NULL);
}
