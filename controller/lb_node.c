/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One node at the load balancers: it is a member of all that are configured, and each is asked and
 * told under its own lock. The lease is looked at immediately before each change.
 */
#include "jobs.h"

#include "check.h"
#include "failpoint.h"
#include "lb_addresses.h"

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

/* Under the LB's lock: what is known of each member, with its name. */
static bool read_each(const struct cluster *cluster, size_t index, int config_node,
                      struct lb_member_state ret_states[LB_MEMBERS], size_t *ret_count,
                      struct error *err)
{
    const struct lb *lb = &cluster->lbs[index].lb;
    const char *members[LB_MEMBERS];
    size_t count = members_of(cluster, index, config_node, members);
    *ret_count = 0;
    if (count > 0 &&
        !lb->driver->read_members(lb, members, count, job_call_deadline(), ret_states, err)) {
        error_wrap(err, "load balancer %s", lb->name);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        ret_states[i].is_blind = ret_states[i].is_blind || lb_is_blind(lb);
    *ret_count = count;
    return true;
}

/* Under the LB's lock. */
static bool read_locked(struct cluster *cluster, size_t index, int config_node,
                        struct lb_member_state *ret_state, struct error *err)
{
    struct lb_member_state states[LB_MEMBERS];
    size_t count;
    if (!read_each(cluster, index, config_node, states, &count, err))
        return false;
    CHECK(count > 0);
    for (size_t i = 0; i < count; i++)
        lb_state_collect(ret_state, &states[i], i == 0);
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
    struct lb_member_state sum = {.admin = LB_ADMIN_DOWN};
    bool is_blind = false, is_first = true;
    for (size_t i = 0; i < cluster->config->lb_count; i++) {
        struct lb_member_state one;
        if (cluster->config->lbs[i].nodes[config_node].count == 0)
            continue;
        if (!lb_read_node(cluster, i, config_node, &one, err))
            return false;
        is_blind = is_blind || one.is_blind;
        if (one.is_blind)
            one.sessions = 0;
        one.is_blind = false;
        lb_state_collect(&sum, &one, is_first);
        is_first = false;
    }
    *ret_sum = sum;
    ret_sum->is_blind = is_blind;
    return true;
}

/* Asked immediately before each change: a leader may have been stopped for long between two. */
static bool may_change(struct cluster *cluster, const struct pool_job *job, struct error *err)
{
    return pool_job_may_go_on(job, err) && lease_may_act(cluster, err);
}

/* What is being found out is asked again. */
static bool is_last_member(const struct lb_member_state *state, struct error *err)
{
    if (!state->is_last)
        return false;
    if (state->health == LB_HEALTH_CHANGING) {
        error_set(err, ERROR_BUSY, "%s: the health of its group is not known yet", state->member);
        return true;
    }
    error_set(err, ERROR_CONFLICT, "%s: no other member of its group takes traffic", state->member);
    error_hint(err, "mend the other nodes, or give them back their traffic there first");
    return true;
}

/* Under the LB's lock: the node takes traffic here, and nobody else of its group would. That is an
 * outage, whatever the budget says. Where it cannot be read the drain will say why, or mend it: an
 * NGINX whose files were changed and not reloaded. */
static bool is_last(struct cluster *cluster, size_t index, int config_node, struct error *err)
{
    struct lb_member_state states[LB_MEMBERS];
    struct error ignored;
    size_t count;
    if (!read_each(cluster, index, config_node, states, &count, &ignored))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!is_last_member(&states[i], err))
            continue;
        error_wrap(err, "load balancer %s", cluster->lbs[index].lb.name);
        return true;
    }
    return false;
}

static bool set_one(struct cluster *cluster, const struct pool_job *job, size_t index,
                    int config_node, enum lb_admin admin, struct error *err)
{
    pthread_mutex_lock(&cluster->lbs[index].lock);
    bool is_set =
        may_change(cluster, job, err) && set_locked(cluster, index, config_node, admin, err);
    pthread_mutex_unlock(&cluster->lbs[index].lock);
    return is_set;
}

/* Nobody comes between the look at the others and the drain: of two works that drain the last two
 * nodes one sees what the other did. What has begun is not judged again. */
static bool drain_one(struct cluster *cluster, const struct pool_job *job, size_t index,
                      int config_node, unsigned *begun, struct error *err)
{
    unsigned bit = 1u << index;
    pthread_mutex_lock(&cluster->lbs[index].lock);
    bool is_drained = may_change(cluster, job, err) &&
                      ((*begun & bit) != 0 || !is_last(cluster, index, config_node, err));
    if (is_drained) {
        *begun |= bit;
        is_drained = set_locked(cluster, index, config_node, LB_ADMIN_DRAIN, err);
    }
    pthread_mutex_unlock(&cluster->lbs[index].lock);
    return is_drained;
}

bool lb_restrict(struct cluster *cluster, size_t index, int config_node, enum lb_admin admin,
                 unsigned orders, enum lb_restriction *ret_restriction, struct error *err)
{
    struct lb_member_state state = {.admin = admin};
    struct error ignored;
    bool is_known = true, is_good = true;
    *ret_restriction = LB_AS_WANTED;
    pthread_mutex_lock(&cluster->lbs[index].lock);
    /* The lease first: a new one comes after the end of the old orders. */
    if (cluster->config->lbs[index].nodes[config_node].count != 0 &&
        lease_may_act(cluster, &ignored) && atomic_load(&cluster->orders) == orders)
        is_known = read_locked(cluster, index, config_node, &state, err);
    /* What cannot be read may well be told, and reads itself back. Not through an agent, which
     * remembers nothing: NGINX would be made to read what somebody is just editing. */
    bool is_tellable = !cluster->lbs[index].lb.driver->is_remote;
    bool is_told =
        is_known ? state.admin < admin : is_tellable && error_code_is_transient(err->code);
    if (is_told)
        is_good = set_locked(cluster, index, config_node, admin, err);
    pthread_mutex_unlock(&cluster->lbs[index].lock);
    if (is_told && is_good && !is_known)
        *ret_restriction = LB_TOLD_AGAIN;
    else if (is_told && is_good && state.admin == LB_ADMIN_UP) /* a drained one was still out */
        *ret_restriction = LB_TAKEN_AGAIN;
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

bool lb_drain_node(struct cluster *cluster, const struct pool_job *job, int config_node,
                   unsigned *begun, size_t *ret_set, struct error *err)
{
    for (*ret_set = 0; *ret_set < cluster->config->lb_count; ++*ret_set)
        if (!drain_one(cluster, job, *ret_set, config_node, begun, err))
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
    bool is_cut = may_change(cluster, job, err);
    if (is_cut &&
        !lb->driver->cut_sessions(lb, members, count, job_change_deadline(cluster), err)) {
        error_wrap(err, "load balancer %s", lb->name);
        is_cut = false;
    }
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
    bool is_set = may_change(cluster, job, err);
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
