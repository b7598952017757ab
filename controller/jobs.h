/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pool's jobs share: who asked, and how the answer gets back to the core.
 */
#ifndef SHUNT_JOBS_H
#define SHUNT_JOBS_H

#include "bitbucket.h"
#include "shell.h"

#define JOB_CALL_MS     5000 /* one call of a load balancer or of Bitbucket */
#define JOB_FAST_MS     3    /* between two looks while something is awaited locally */
#define JOB_SLOW_MS     50   /* the same, when it has taken longer than JOB_FAST_FOR_MS */
#define JOB_FAST_FOR_MS 5000
#define JOB_REST_MS     15  /* between two questions to a node that starts, in a small fleet */
#define JOB_TROUBLE_MS  500 /* after a look that failed and may succeed later */

struct work_job {
    struct pool_job base; /* first: the pool knows only this */
    struct shell *shell;
    struct cluster *cluster;
    int config_node;  /* index in the configuration; -1 for the cluster's works */
    int64_t begun_ms; /* monotonic; of the first run */
    struct deadline deadline;
    unsigned stage;          /* of a work in parts: 0 = change, 1 = wait */
    unsigned begun;          /* of a drain: bit of each LB that was told */
    int64_t ramp_begun_ms;   /* monotonic */
    int64_t told;            /* sessions last told */
    bool is_blind;           /* to be told: a load balancer never knows sessions */
    uint32_t expected_count; /* members: names that must be listed */
    char (*expected)[LIMIT_NAME];
    struct bitbucket *bitbucket;
};

struct work_job *work_job_new(struct shell *shell, struct cluster *cluster,
                              const struct action *action, pool_run_fn run);

/* Tell the core; each gives POOL_FINISHED. */
int64_t job_done(struct work_job *job);
int64_t job_failed(struct work_job *job, const struct error *err);
/* A look that failed: again while it may pass and there is time, else failed. */
int64_t job_trouble(struct work_job *job, struct error *err);
bool job_is_tried_again(const struct work_job *job, const struct error *err);
/* When to look again. */
int64_t job_again_ms(const struct work_job *job);
void job_progress(struct work_job *job, int64_t sessions);

/* The lease is ours for this call; *err says otherwise. Asked immediately before each effect. */
bool job_may_act(const struct work_job *job, struct error *err);
struct deadline job_call_deadline(void);
/* Of a call that changes something: nothing is sent any more when the lease may be another's. */
struct deadline job_change_deadline(struct cluster *cluster);

/* One for each kind of work: jobs_lb.c, jobs_rest.c. */
int64_t job_lb_drain(struct pool_job *base);
int64_t job_lb_empty(struct pool_job *base);
int64_t job_lb_down(struct pool_job *base);
int64_t job_lb_cut(struct pool_job *base);
int64_t job_lb_up(struct pool_job *base);
int64_t job_members(struct pool_job *base);
int64_t job_mode_on(struct pool_job *base);
int64_t job_mode_off(struct pool_job *base);
int64_t job_approve(struct pool_job *base);
/* Until Bitbucket is asked again, of somebody who wants to ask after wanted_ms. Where many clusters
 * have the same need each is asked less often, or asking would take the time that deciding needs;
 * what an agent reports is looked at when it comes, in a fleet of any size. */
int64_t rest_look_ms(const struct shell *shell, enum view_need need, int64_t wanted_ms);
/* Between two questions: in a large fleet the client is freed, which has files open. */
void rest_leave_client(const struct shell *shell, struct bitbucket **client);

/* lb_node.c: for the works, the plan, the operator's drain and return, and the comparison with what
 * is wanted. The state of one node in one LB, its members collected as lb_state_collect() does. */
bool lb_read_node(struct cluster *cluster, size_t lb, int config_node,
                  struct lb_member_state *ret_state, struct error *err);
/* The same over all LBs that the node is behind: the sessions of those that can know them, and
 * is_blind where one of them never does. */
bool lb_read_everywhere(struct cluster *cluster, int config_node, struct lb_member_state *ret_sum,
                        struct error *err);
bool lb_cut_node(struct cluster *cluster, const struct pool_job *job, int config_node,
                 struct error *err);
/* Sets one after the other; false at the first that did not obey: *ret_set did, and may be given
 * the node's traffic back by lb_give_back(). */
bool lb_set_node(struct cluster *cluster, const struct pool_job *job, int config_node,
                 enum lb_admin admin, size_t *ret_set, struct error *err);
/* The same for LB_ADMIN_DRAIN, refused where nobody else of a group would take traffic:
 * ERROR_CONFLICT, or ERROR_BUSY where that is not known yet. *begun: 0 before the first call, then
 * handed on to those that ask again. */
bool lb_drain_node(struct cluster *cluster, const struct pool_job *job, int config_node,
                   unsigned *begun, size_t *ret_set, struct error *err);
void lb_give_back(struct cluster *cluster, const struct pool_job *job, size_t count,
                  int config_node);
/* Gives the node the share of its weight that it has so long after the begin of the ramp, in each
 * LB that has one configured. */
bool lb_ramp_node(struct cluster *cluster, const struct pool_job *job, int config_node,
                  int64_t since_ms, struct error *err);
enum lb_restriction {
    LB_AS_WANTED,
    LB_TAKEN_AGAIN, /* it had its traffic */
    LB_TOLD_AGAIN,  /* what it had could not be read */
};
/* Puts the node back to `admin` in one LB where it is less restricted than that; what a person has
 * restricted further stays. Does nothing once the cluster's orders have another number: then the
 * node may be on its way back. */
bool lb_restrict(struct cluster *cluster, size_t lb, int config_node, enum lb_admin admin,
                 unsigned orders, enum lb_restriction *ret_restriction, struct error *err);

#endif
