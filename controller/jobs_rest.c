/* SPDX-License-Identifier: Apache-2.0 */
/* Works at Bitbucket itself: upgrade mode, approval, and a node's own member list. */
#include "jobs.h"

#include "check.h"
#include "failpoint.h"
#include "text.h"

#define CLIENTS_KEPT 64 /* each has two files of its own */
#define LOOK_EACH_MS 1  /* for each cluster of one need: a thousand looks a second */

int64_t rest_look_ms(const struct shell *shell, enum view_need need, int64_t wanted_ms)
{
    int64_t least_ms = LOOK_EACH_MS * (int64_t)atomic_load(&shell->lookers[need]);
    return wanted_ms > least_ms ? wanted_ms : least_ms;
}

void rest_leave_client(const struct shell *shell, struct bitbucket **client)
{
    if (atomic_load(&shell->lookers[VIEW_SLOW]) + atomic_load(&shell->lookers[VIEW_FAST]) <=
        CLIENTS_KEPT)
        return;
    bitbucket_free(*client);
    *client = NULL;
}

static bool open_client(struct work_job *job, struct error *err)
{
    return job->bitbucket != NULL || bitbucket_new(job->cluster->config, &job->bitbucket, err);
}

static bool lists(const struct member_list *members, const char *name)
{
    for (uint32_t i = 0; i < members->count; i++)
        if (text_equal(members->names[i], name))
            return true;
    return false;
}

static int64_t look_later(struct work_job *job)
{
    rest_leave_client(job->shell, &job->bitbucket);
    return rest_look_ms(job->shell, VIEW_FAST, JOB_REST_MS);
}

/* Split brain shows only here: a node that was left alone lists its own side and goes on. */
int64_t job_members(struct pool_job *base)
{
    struct work_job *job = (struct work_job *)base;
    const char *url = job->cluster->config->nodes[job->config_node].url;
    struct member_list members;
    struct error err;
    if (!open_client(job, &err))
        return job_failed(job, &err);
    if (!bitbucket_read_members(job->bitbucket, url, job_call_deadline(), &members, &err)) {
        bool is_starting = error_code_is_transient(err.code) || err.code == ERROR_PROTOCOL ||
                           err.code == ERROR_NOT_FOUND;
        if (is_starting && !deadline_is_over(job->deadline))
            return look_later(job);
        if (is_starting) { /* a matter of the release, as the probe says, too */
            err.code = ERROR_TIMEOUT;
            error_wrap(&err, "it has not come up by the deadline of `active`; last answer");
        }
        return job_failed(job, &err);
    }
    for (uint32_t i = 0; i < job->expected_count; i++) {
        if (lists(&members, job->expected[i]))
            continue;
        if (!deadline_is_over(job->deadline))
            return look_later(job);
        error_set(&err, ERROR_UNAVAILABLE, "its own member list lacks node %s: split brain?",
                  job->expected[i]);
        return job_failed(job, &err);
    }
    return job_done(job);
}

static void pass_before(enum bitbucket_change what)
{
    switch (what) {
    case BITBUCKET_START:
        failpoint("mode-on-before");
        return;
    case BITBUCKET_APPROVE:
        failpoint("approve-before");
        return;
    case BITBUCKET_CANCEL:
        failpoint("mode-off-before");
        return;
    }
}

static void pass_after(enum bitbucket_change what)
{
    switch (what) {
    case BITBUCKET_START:
        failpoint("mode-on-after");
        return;
    case BITBUCKET_APPROVE:
        failpoint("approve-after");
        return;
    case BITBUCKET_CANCEL:
        failpoint("mode-off-after");
        return;
    }
}

static bool ask(struct work_job *job, const char *url, enum bitbucket_change what,
                struct error *err)
{
    struct deadline deadline = job_change_deadline(job->cluster);
    if (!job_may_act(job, err))
        return false;
    pass_before(what);
    if (!bitbucket_change(job->bitbucket, url, what, deadline, err))
        return false;
    pass_after(what);
    return true;
}

/* Through the load balancer first, then any node that answers. */
static bool change(struct work_job *job, enum bitbucket_change what, struct error *err)
{
    const struct cluster_config *config = job->cluster->config;
    if (ask(job, config->base_url, what, err))
        return true;
    for (size_t i = 0; err->code == ERROR_UNAVAILABLE && i < config->node_count; i++)
        if (ask(job, config->nodes[i].url, what, err))
            return true;
    return false;
}

static bool read_view(struct work_job *job, struct cluster_view *ret_view, struct error *err)
{
    const struct cluster_config *config = job->cluster->config;
    if (bitbucket_read_view(job->bitbucket, config->base_url, job_call_deadline(), ret_view, err))
        return true;
    for (size_t i = 0; i < config->node_count; i++)
        if (bitbucket_read_view(job->bitbucket, config->nodes[i].url, job_call_deadline(), ret_view,
                                err))
            return true;
    return false;
}

/* The change is asked for; where the answer is "wrong state", the state may be the wanted one. */
static int64_t set_mode(struct work_job *job, enum bitbucket_change what, bool is_on)
{
    struct cluster_view view;
    struct error err, ignored;
    if (!open_client(job, &err))
        return job_failed(job, &err);
    if (change(job, what, &err))
        return job_done(job);
    if (err.code != ERROR_DENIED && read_view(job, &view, &ignored)) {
        if (view.is_upgrade_mode == is_on) /* it was so already, or the answer was lost */
            return job_done(job);
        error_hint(&err, "the cluster is %s", cluster_state_name(view.state));
    }
    return job_failed(job, &err);
}

int64_t job_mode_on(struct pool_job *base)
{
    return set_mode((struct work_job *)base, BITBUCKET_START, true);
}

/* Cancelling what is not on would be refused, or worse, end somebody else's mode: look first. */
int64_t job_mode_off(struct pool_job *base)
{
    struct work_job *job = (struct work_job *)base;
    struct cluster_view view;
    struct error err;
    if (!open_client(job, &err))
        return job_failed(job, &err);
    if (read_view(job, &view, &err) && !view.is_upgrade_mode)
        return job_done(job);
    return set_mode(job, BITBUCKET_CANCEL, false);
}

/* An approval whose answer was lost may have been heard: look before it is sent (again). */
int64_t job_approve(struct pool_job *base)
{
    struct work_job *job = (struct work_job *)base;
    struct cluster_view view;
    struct error err;
    if (!open_client(job, &err) || !read_view(job, &view, &err))
        return job_failed(job, &err);
    if (!view.is_upgrade_mode || view.state == CLUSTER_RUNNING_UPGRADE_TASKS)
        return job_done(job);
    return change(job, BITBUCKET_APPROVE, &err) ? job_done(job) : job_failed(job, &err);
}
