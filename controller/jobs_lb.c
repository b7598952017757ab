/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Works at the load balancers: a node is a member of all that are configured, a work is done when
 * all agree, and what was changed before one of them failed is undone.
 */
#include "jobs.h"

#include "check.h"
#include "clock.h"
#include "failpoint.h"
#include "text.h"

#include <string.h>

#define RAMP_FIRST_PERCENT 10   /* of its weight is what a node begins with that comes back cold */
#define RAMP_STEP_MS       1000 /* between two raises */

/* The node's members in one LB as the driver takes them. */
static size_t members_of(const struct cluster *cluster, size_t lb, int config_node,
                         const char *ret_members[LB_MEMBERS])
{
    const struct lb_node_members *members = &cluster->config->lbs[lb].nodes[config_node];
    CHECK(members->count <= LB_MEMBERS);
    for (size_t i = 0; i < members->count; i++)
        ret_members[i] = members->members[i];
    return members->count;
}

static enum lb_health worse(enum lb_health a, enum lb_health b)
{
    static const int rank[] = {[LB_HEALTH_UP] = 0,
                               [LB_HEALTH_CHANGING] = 1,
                               [LB_HEALTH_UNKNOWN] = 2,
                               [LB_HEALTH_DOWN] = 3};
    return rank[a] >= rank[b] ? a : b;
}

/* Sessions of an LB that never knows them are nobody's; those of one that should know them, and
 * does not just now, make the sum unknown. */
static int64_t add_sessions(int64_t sum, const struct lb_member_state *one)
{
    if (one->is_blind)
        return sum;
    return sum < 0 || one->sessions < 0 ? -1 : sum + one->sessions;
}

static void merge(struct lb_member_state *sum, const struct lb_member_state *one)
{
    if (one->admin < sum->admin)
        sum->admin = one->admin;
    sum->health = worse(sum->health, one->health);
    sum->sessions = add_sessions(sum->sessions, one);
    if (one->settle_ms > sum->settle_ms)
        sum->settle_ms = one->settle_ms;
    if (one->peers_up < sum->peers_up)
        sum->peers_up = one->peers_up;
}

/* Under the LB's lock. */
static bool read_locked(struct cluster *cluster, size_t index, int config_node,
                        struct lb_member_state *ret_state, struct error *err)
{
    const struct lb *lb = &cluster->lbs[index].lb;
    const char *members[LB_MEMBERS];
    struct lb_member_state states[LB_MEMBERS];
    size_t count = members_of(cluster, index, config_node, members);
    CHECK(count > 0);
    if (!lb->driver->read_members(lb, members, count, job_call_deadline(), states, err)) {
        error_wrap(err, "load balancer %s", lb->name);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        states[i].is_blind = states[i].is_blind || lb_is_blind(lb);
    *ret_state = states[0];
    for (size_t i = 1; i < count; i++)
        merge(ret_state, &states[i]);
    return true;
}

/* Under the LB's lock. */
static bool set_locked(struct cluster *cluster, size_t index, int config_node, enum lb_admin admin,
                       struct error *err)
{
    const struct lb *lb = &cluster->lbs[index].lb;
    const char *members[LB_MEMBERS];
    size_t count = members_of(cluster, index, config_node, members);
    if (count == 0)
        return true;
    failpoint("lb-before-change");
    if (lb->driver->set_members(lb, members, count, admin, job_change_deadline(cluster), err)) {
        failpoint("lb-after-change");
        return true;
    }
    error_wrap(err, "load balancer %s", lb->name);
    return false;
}

bool lb_read_node(struct cluster *cluster, size_t index, int config_node,
                  struct lb_member_state *ret_state, struct error *err)
{
    pthread_mutex_lock(&cluster->lbs[index].lock);
    bool is_read = read_locked(cluster, index, config_node, ret_state, err);
    pthread_mutex_unlock(&cluster->lbs[index].lock);
    return is_read;
}

/* Asked immediately before each change: a leader may have been stopped for long between two. */
static bool set_one(struct cluster *cluster, const struct pool_job *job, size_t index,
                    int config_node, enum lb_admin admin, struct error *err)
{
    pthread_mutex_lock(&cluster->lbs[index].lock);
    bool is_set = pool_job_may_go_on(job, err) && lease_may_act(cluster, err) &&
                  set_locked(cluster, index, config_node, admin, err);
    pthread_mutex_unlock(&cluster->lbs[index].lock);
    return is_set;
}

bool lb_restrict(struct cluster *cluster, size_t index, int config_node, enum lb_admin admin,
                 unsigned orders, enum lb_restriction *ret_restriction, struct error *err)
{
    struct lb_member_state state = {.admin = admin};
    struct error ignored;
    bool is_known = true, is_good = true;
    *ret_restriction = LB_AS_WANTED;
    pthread_mutex_lock(&cluster->lbs[index].lock);
    if (cluster->config->lbs[index].nodes[config_node].count != 0 &&
        atomic_load(&cluster->orders) == orders && lease_may_act(cluster, &ignored))
        is_known = read_locked(cluster, index, config_node, &state, err);
    /* What cannot be read may well be told, and reads itself back. */
    bool is_told = is_known ? state.admin < admin : error_code_is_transient(err->code);
    if (is_told)
        is_good = set_locked(cluster, index, config_node, admin, err);
    pthread_mutex_unlock(&cluster->lbs[index].lock);
    if (is_told && is_good)
        *ret_restriction = is_known ? LB_TAKEN_AGAIN : LB_TOLD_AGAIN;
    return is_good && (is_known || is_told);
}

/* Those that do not even take that are told of already, and the way back asks them again. */
void lb_give_back(struct cluster *cluster, const struct pool_job *job, size_t count,
                  int config_node)
{
    struct error ignored;
    for (size_t i = 0; i < count; i++)
        (void)set_one(cluster, job, i, config_node, LB_ADMIN_UP, &ignored);
}

bool lb_set_node(struct cluster *cluster, const struct pool_job *job, int config_node,
                 enum lb_admin admin, size_t *ret_set, struct error *err)
{
    for (*ret_set = 0; *ret_set < cluster->config->lb_count; ++*ret_set)
        if (!set_one(cluster, job, *ret_set, config_node, admin, err))
            return false;
    return true;
}

static bool read_all(struct cluster *cluster, int config_node, struct lb_member_state *ret_sum,
                     struct error *err)
{
    struct lb_member_state sum = {.admin = LB_ADMIN_DOWN, .peers_up = UINT32_MAX};
    for (size_t i = 0; i < cluster->config->lb_count; i++) {
        struct lb_member_state one;
        if (cluster->config->lbs[i].nodes[config_node].count == 0)
            continue;
        if (!lb_read_node(cluster, i, config_node, &one, err))
            return false;
        merge(&sum, &one);
    }
    *ret_sum = sum;
    return true;
}

static bool set(struct work_job *job, enum lb_admin admin, struct error *err)
{
    size_t set;
    return lb_set_node(job->cluster, &job->base, job->config_node, admin, &set, err);
}

/* It takes traffic there, and nobody else would: that is an outage, whatever the budget says. */
static bool is_last(struct cluster *cluster, size_t lb, int config_node, struct error *err)
{
    struct lb_member_state state;
    struct error ignored;
    if (cluster->config->lbs[lb].nodes[config_node].count == 0 ||
        !lb_read_node(cluster, lb, config_node, &state, &ignored) || /* the drain will say why */
        state.admin != LB_ADMIN_UP || state.health != LB_HEALTH_UP || state.peers_up != 0)
        return false;
    error_set(err, ERROR_CONFLICT, "load balancer %s: no other member of its group takes traffic",
              cluster->config->lbs[lb].lb.name);
    error_hint(err, "mend the other nodes, or give them back their traffic there; then resume");
    return true;
}

static bool has_peers(struct work_job *job, struct error *err)
{
    for (size_t i = 0; i < job->cluster->config->lb_count; i++)
        if (is_last(job->cluster, i, job->config_node, err))
            return false;
    return true;
}

/* Load balancers that took the change wait for those that are slow, and get it undone when one of
 * them fails. */
int64_t job_lb_drain(struct pool_job *base)
{
    struct work_job *job = (struct work_job *)base;
    struct error err;
    size_t set = 0;
    if (job->stage == 0 && !has_peers(job, &err))
        return job_trouble(job, &err);
    job->stage = 1;
    if (lb_set_node(job->cluster, base, job->config_node, LB_ADMIN_DRAIN, &set, &err))
        return job_done(job);
    if (!job_is_tried_again(job, &err))
        lb_give_back(job->cluster, base, set, job->config_node);
    return job_trouble(job, &err);
}

/* As soon as the slowest of the node's load balancers may be asked again. */
static int64_t look_again_ms(const struct work_job *job)
{
    const struct cluster_config *config = job->cluster->config;
    int64_t again_ms = job_again_ms(job);
    for (size_t i = 0; i < config->lb_count; i++) {
        int64_t look_ms = config->lbs[i].lb.driver->look_ms;
        if (config->lbs[i].nodes[job->config_node].count != 0 && look_ms > again_ms)
            again_ms = look_ms;
    }
    return again_ms;
}

/* Unknown is not empty: a load balancer that does not answer is asked again. */
static int64_t wait_empty(struct work_job *job)
{
    struct lb_member_state sum;
    struct error err;
    if (!read_all(job->cluster, job->config_node, &sum, &err))
        return job_trouble(job, &err);
    job_progress(job, sum.sessions);
    return sum.sessions == 0 && sum.settle_ms == 0 ? job_done(job) : look_again_ms(job);
}

int64_t job_lb_empty(struct pool_job *base)
{
    return wait_empty((struct work_job *)base);
}

int64_t job_lb_down(struct pool_job *base)
{
    struct work_job *job = (struct work_job *)base;
    struct error err;
    if (job->stage == 0 && !set(job, LB_ADMIN_DOWN, &err))
        return job_trouble(job, &err);
    job->stage = 1;
    return wait_empty(job);
}

static bool cut_one(struct work_job *job, size_t index, struct error *err)
{
    const struct lb *lb = &job->cluster->lbs[index].lb;
    const char *members[LB_MEMBERS];
    size_t count = members_of(job->cluster, index, job->config_node, members);
    if (count == 0 || lb->driver->cut_sessions == NULL)
        return true;
    pthread_mutex_lock(&job->cluster->lbs[index].lock);
    bool is_cut =
        job_may_act(job, err) &&
        lb->driver->cut_sessions(lb, members, count, job_change_deadline(job->cluster), err);
    pthread_mutex_unlock(&job->cluster->lbs[index].lock);
    return is_cut;
}

/* Down first, although it should be so already: a reload during the long wait before may have given
 * the node new clients, and they would be next. */
int64_t job_lb_cut(struct pool_job *base)
{
    struct work_job *job = (struct work_job *)base;
    struct error err;
    if (!set(job, LB_ADMIN_DOWN, &err))
        return job_trouble(job, &err);
    for (size_t i = 0; i < job->cluster->config->lb_count; i++)
        if (!cut_one(job, i, &err))
            return job_trouble(job, &err);
    return job_done(job);
}

static unsigned ramp_percent(int64_t ramp_ms, int64_t since_ms)
{
    if (since_ms >= ramp_ms)
        return 100;
    return (unsigned)(RAMP_FIRST_PERCENT + (100 - RAMP_FIRST_PERCENT) * since_ms / ramp_ms);
}

static bool share_one(struct cluster *cluster, const struct pool_job *job, size_t index,
                      int config_node, unsigned percent, struct error *err)
{
    const struct lb *lb = &cluster->lbs[index].lb;
    const char *members[LB_MEMBERS];
    size_t count = members_of(cluster, index, config_node, members);
    if (count == 0)
        return true;
    pthread_mutex_lock(&cluster->lbs[index].lock);
    bool is_set = pool_job_may_go_on(job, err) && lease_may_act(cluster, err);
    if (is_set &&
        !lb->driver->set_share(lb, members, count, percent, job_change_deadline(cluster), err)) {
        error_wrap(err, "load balancer %s", lb->name);
        is_set = false;
    }
    pthread_mutex_unlock(&cluster->lbs[index].lock);
    return is_set;
}

bool lb_ramp_node(struct cluster *cluster, const struct pool_job *job, int config_node,
                  int64_t since_ms, struct error *err)
{
    for (size_t i = 0; i < cluster->config->lb_count; i++) {
        int64_t ramp_ms = lb_ramp_ms(&cluster->lbs[i].lb);
        if (ramp_ms > 0 &&
            !share_one(cluster, job, i, config_node, ramp_percent(ramp_ms, since_ms), err))
            return false;
    }
    return true;
}

static int64_t longest_ramp_ms(const struct work_job *job)
{
    int64_t longest_ms = 0;
    for (size_t i = 0; i < job->cluster->config->lb_count; i++) {
        int64_t ramp_ms = lb_ramp_ms(&job->cluster->lbs[i].lb);
        if (job->cluster->config->lbs[i].nodes[job->config_node].count > 0 && ramp_ms > longest_ms)
            longest_ms = ramp_ms;
    }
    return longest_ms;
}

enum { UP_SET, UP_WAIT, UP_RAMP, UP_STAY }; /* the stages of job_lb_up() */

/* Little first: before it is up, so that not even the first moment has all of it. */
static bool begin_up(struct work_job *job, struct error *err)
{
    return lb_ramp_node(job->cluster, &job->base, job->config_node, 0, err) &&
           set(job, LB_ADMIN_UP, err);
}

static int64_t raise_share(struct work_job *job)
{
    struct error err;
    int64_t since_ms = clock_monotonic_ms() - job->ramp_begun_ms;
    int64_t left_ms = longest_ramp_ms(job) - since_ms;
    if (!lb_ramp_node(job->cluster, &job->base, job->config_node, since_ms, &err))
        return job_trouble(job, &err);
    if (left_ms > 0)
        return left_ms < RAMP_STEP_MS ? left_ms : RAMP_STEP_MS;
    job->stage = UP_STAY;
    return 0;
}

static int64_t wait_for_health(struct work_job *job, const struct lb_member_state *sum)
{
    struct error err;
    if (!deadline_is_over(job->deadline))
        return look_again_ms(job);
    error_set(&err, ERROR_UNAVAILABLE, "the load balancers still have it %s, health %s",
              lb_admin_name(sum->admin), lb_health_name(sum->health));
    error_hint(&err, "look at their health check of this node: address, path, what it expects");
    return job_failed(job, &err);
}

/* Up, and then until each load balancer's own check agrees: to have asked is no evidence. With a
 * ramp the checks must agree before it begins, or the node would not feel it, and at its end. */
int64_t job_lb_up(struct pool_job *base)
{
    struct work_job *job = (struct work_job *)base;
    struct lb_member_state sum;
    struct error err;
    if (job->stage == UP_RAMP)
        return raise_share(job);
    if (job->stage == UP_SET && !begin_up(job, &err))
        return job_trouble(job, &err);
    if (job->stage == UP_SET)
        job->stage = UP_WAIT;
    if (!read_all(job->cluster, job->config_node, &sum, &err))
        return job_trouble(job, &err);
    if (sum.admin != LB_ADMIN_UP || sum.health != LB_HEALTH_UP)
        return wait_for_health(job, &sum);
    if (job->stage == UP_STAY || longest_ramp_ms(job) == 0)
        return job_done(job);
    job->stage = UP_RAMP;
    job->ramp_begun_ms = clock_monotonic_ms();
    return RAMP_STEP_MS;
}
