/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One node at the load balancers: it is a member of all that are configured, and each is asked and
 * told under its own lock. The lease is looked at immediately before each change.
 */
#include "jobs.h"

#include "check.h"
#include "failpoint.h"

#define RAMP_FIRST_PERCENT 10 /* of its weight is what a node begins with that comes back cold */

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

bool lb_read_everywhere(struct cluster *cluster, int config_node, struct lb_member_state *ret_sum,
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

/* A member that gets no traffic can not be missed; what is being found out is asked again. */
static bool is_last_member(const struct lb_member_state *state, struct error *err)
{
    if (state->admin != LB_ADMIN_UP || state->peers_up != 0 || state->health == LB_HEALTH_DOWN)
        return false;
    if (state->health == LB_HEALTH_CHANGING) {
        error_set(err, ERROR_UNAVAILABLE, "%s: the health of its group is not known yet",
                  state->member);
        return true;
    }
    error_set(err, ERROR_CONFLICT, "%s: no other member of its group takes traffic", state->member);
    error_hint(err, "mend the other nodes, or give them back their traffic there; then resume");
    return true;
}

bool lb_is_last(struct cluster *cluster, size_t index, int config_node, struct error *err)
{
    const struct lb *lb = &cluster->lbs[index].lb;
    const char *members[LB_MEMBERS];
    struct lb_member_state states[LB_MEMBERS];
    struct error ignored;
    size_t count = members_of(cluster, index, config_node, members);
    if (count == 0)
        return false;
    pthread_mutex_lock(&cluster->lbs[index].lock);
    bool is_read =
        lb->driver->read_members(lb, members, count, job_call_deadline(), states, &ignored);
    pthread_mutex_unlock(&cluster->lbs[index].lock);
    for (size_t i = 0; is_read && i < count; i++) {
        if (!is_last_member(&states[i], err))
            continue;
        error_wrap(err, "load balancer %s", lb->name);
        return true;
    }
    return false; /* where it cannot be read the drain will say why */
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
    /* What cannot be read may well be told, and reads itself back. Not through an agent, which
     * remembers nothing: NGINX would be made to read what somebody is just editing. */
    bool is_tellable = !cluster->lbs[index].lb.driver->is_remote;
    bool is_told =
        is_known ? state.admin < admin : is_tellable && error_code_is_transient(err->code);
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

static bool cut_one(struct cluster *cluster, const struct pool_job *job, size_t index,
                    int config_node, struct error *err)
{
    const struct lb *lb = &cluster->lbs[index].lb;
    const char *members[LB_MEMBERS];
    size_t count = members_of(cluster, index, config_node, members);
    if (count == 0 || lb->driver->cut_sessions == NULL)
        return true;
    pthread_mutex_lock(&cluster->lbs[index].lock);
    bool is_cut = pool_job_may_go_on(job, err) && lease_may_act(cluster, err) &&
                  lb->driver->cut_sessions(lb, members, count, job_change_deadline(cluster), err);
    pthread_mutex_unlock(&cluster->lbs[index].lock);
    return is_cut;
}

bool lb_cut_node(struct cluster *cluster, const struct pool_job *job, int config_node,
                 struct error *err)
{
    for (size_t i = 0; i < cluster->config->lb_count; i++)
        if (!cut_one(cluster, job, i, config_node, err))
            return false;
    return true;
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
