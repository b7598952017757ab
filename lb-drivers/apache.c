/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apache httpd as a load balancer (mod_proxy_balancer), through the balancer-manager of each
 * server.
 *
 * Drained is the worker's flag N, down is D, since N still admits sticky clients. Whose flag it is,
 * ours or a person's, can not be told; a worker that somebody stopped (S) stays so.
 */
#include "lb_registry.h"

#include "apache_view.h"
#include "check.h"
#include "httpd_past.h"
#include "lb_addresses.h"
#include "lb_http.h"
#include "memory.h"
#include "text.h"
#include "url.h"

#include <stdio.h>
#include <string.h>

#define SLACK_MS 500 /* a check begins up to 100 ms late, and takes a while itself */
#define ATTEMPTS 2   /* a graceful restart between page and change makes the nonce a wrong one */

enum { SETTING_STATUS_PATH, SETTING_RESTART_SETTLE, SETTINGS };
static const struct lb_setting settings[] = {
    [SETTING_STATUS_PATH] = {"status_path", LB_SETTING_PATH, NULL, NULL},
    [SETTING_RESTART_SETTLE] = {"restart_settle", LB_SETTING_DURATION, "60000", NULL},
};
_Static_assert(sizeof(settings) / sizeof(settings[0]) == SETTINGS, "all there");

/* lb->state */
struct apache {
    struct lb_http http; /* first, for lb_http.h */
    struct httpd_past pasts[LB_ADDRESSES];
};

static void open_lb(struct lb *lb)
{
    lb->state = memory_zeroed(1, sizeof(struct apache));
}

static void close_lb(struct lb *lb)
{
    struct apache *apache = lb->state;
    for (size_t i = 0; i < LB_ADDRESSES; i++)
        httpd_past_done(&apache->pasts[i]);
    lb_http_close(lb);
}

/* Names that mean the same encoded and not, in URLs and in HTML, so that nothing has to be guessed
 * where the manager shows them. */
static bool is_balancer(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.";
    return text[0] != '\0' && text[strspn(text, allowed)] == '\0';
}

static bool is_worker(const char *text)
{
    struct url url;
    struct error ignored;
    return url_parse(text, &url, &ignored) && strpbrk(text, "?#&%'") == NULL;
}

static bool parse_member(const char *text, struct apache_name *ret_name, struct error *err)
{
    struct apache_name name = {.balancer = ""};

    lb_split_member(text, name.balancer, name.worker);
    if (!is_balancer(name.balancer) || !is_worker(name.worker)) {
        error_set(err, ERROR_INVALID, "'%.150s' is no worker of a balancer", text);
        error_hint(err, "write BALANCER/WORKER as the balancer-manager shows them, without "
                        "balancer://, like bitbucket/http://10.0.0.11:7990");
        return false;
    }
    *ret_name = name;
    return true;
}

static bool check_member(const char *text, struct error *err)
{
    struct apache_name name;
    return parse_member(text, &name, err);
}

static bool check_options(const struct lb_options *options, struct error *err)
{
    return lb_check_addresses(options, LB_ADDRESSES, err) && lb_http_check_addresses(options, err);
}

/* What is to be done at each address. */
struct job {
    const char *const *members;
    struct apache_name names[LB_MEMBERS];
    size_t count;
    enum lb_admin admin;                       /* to set */
    char nonces[LB_MEMBERS][APACHE_NONCE];     /* it was sent with; empty = no need to send */
    struct lb_member_state states[LB_MEMBERS]; /* as read so far, over addresses */
    bool is_first;                             /* no address has been read yet */
};

static bool job_init(struct job *job, const char *const *members, size_t count, struct error *err)
{
    CHECK(count <= LB_MEMBERS);
    *job = (struct job){.members = members, .count = count, .is_first = true};
    for (size_t i = 0; i < count; i++)
        if (!parse_member(members[i], &job->names[i], err))
            return false;
    return true;
}

/* A health check runs while a worker is disabled, too; what it says may be as old as it takes to be
 * believed, so that a worker that has just come back is not called well by it. */
static enum lb_health judge_health(const struct httpd_past *past, const char *member,
                                   const struct apache_worker *worker,
                                   const struct apache_page *page, int64_t now_ms)
{
    enum lb_health health = apache_health(worker);
    if (health == LB_HEALTH_UP && page->is_checked &&
        httpd_past_is_fresh(past, member, now_ms, page->verdict_ms + SLACK_MS))
        return LB_HEALTH_CHANGING;
    return health;
}

static bool read_member(const struct lb *lb, struct httpd_past *past,
                        const struct apache_view *view, const struct job *job, size_t index,
                        struct lb_member_state *ret_state, struct error *err)
{
    const char *member = job->members[index];
    int64_t now_ms = clock_monotonic_ms();
    struct apache_worker worker;
    struct apache_page page;

    if (!apache_view_find(view, &job->names[index], &worker, &page, err))
        return false;
    const struct httpd_sight sight = {
        .mark = page.nonce,
        .is_persistent = page.is_persistent,
        .busy = worker.busy,
        .has_status = view->has_status,
        .generation = view->status.generation,
        .old_processes = view->status.old_processes,
    };
    *ret_state = (struct lb_member_state){
        .admin = apache_admin(&worker),
        .health = judge_health(past, member, &worker, &page, now_ms),
        .is_checked = page.is_checked,
        .weight = worker.weight,
        .peers_up = worker.peers_up,
    };
    httpd_past_see(past, member, &sight, now_ms,
                   lb_setting_ms(&lb->options, SETTING_RESTART_SETTLE), ret_state);
    return true;
}

static bool read_at(const struct lb *lb, size_t address, void *context, struct deadline deadline,
                    struct error *err)
{
    struct apache *apache = lb->state;
    struct job *job = context;
    struct apache_view view APACHE_VIEW_CLEANUP;
    struct lb_member_state state;

    apache_view_init(&view, lb->options.addresses[address]);
    if (!apache_view_load(&view, lb, lb->options.values[SETTING_STATUS_PATH], deadline, err))
        return false;
    for (size_t i = 0; i < job->count; i++) {
        if (!read_member(lb, &apache->pasts[address], &view, job, i, &state, err))
            return false;
        lb_state_collect(&job->states[i], &state, job->is_first);
    }
    job->is_first = false;
    return true;
}

static bool read_members(const struct lb *lb, const char *const *members, size_t count,
                         struct deadline deadline, struct lb_member_state *ret_states,
                         struct error *err)
{
    struct job job;

    if (!job_init(&job, members, count, err) ||
        !lb_at_each_address(lb, &job, deadline, read_at, false, err))
        return false;
    lb_states_give(job.states, members, count, ret_states);
    return true;
}

/* httpd takes the flags of a form in the order I, N, D: on the way from D to N there is no moment
 * without either, and on the way from N to D the N stays. */
static const char *const changes[] = {
    [LB_ADMIN_UP] = "w_status_N=0&w_status_D=0",
    [LB_ADMIN_DRAIN] = "w_status_N=1&w_status_D=0",
    [LB_ADMIN_DOWN] = "w_status_D=1",
};
_Static_assert(sizeof(changes) / sizeof(changes[0]) == LB_ADMIN_DOWN + 1,
               "a change for every admin state");

static bool is_as_asked(const struct apache_worker *worker, enum lb_admin asked)
{
    unsigned flags = worker->flags & (APACHE_DRAIN | APACHE_DISABLED);
    switch (asked) {
    case LB_ADMIN_UP:
        return flags == 0;
    case LB_ADMIN_DRAIN:
        return flags == APACHE_DRAIN;
    case LB_ADMIN_DOWN:
        return (flags & APACHE_DISABLED) != 0;
    }
    return false;
}

static bool order_one(const struct lb *lb, const struct apache_view *view,
                      const struct apache_name *name, enum lb_admin admin, char nonce[APACHE_NONCE],
                      struct deadline deadline, struct error *err)
{
    struct apache_worker worker;
    struct apache_page page;

    nonce[0] = '\0';
    if (!apache_view_find(view, name, &worker, &page, err))
        return false;
    if (is_as_asked(&worker, admin))
        return true;
    if (page.nonce[0] == '\0') {
        error_set(err, ERROR_DENIED, "%s/%s: this balancer takes no changes: it has no nonce",
                  name->balancer, name->worker);
        error_hint(err, "take 'ProxySet nonce=None' out of the balancer's configuration");
        return false;
    }
    memcpy(nonce, page.nonce, APACHE_NONCE);
    return apache_send_change(lb, view->address, name, nonce, changes[admin], deadline, err);
}

/* Orders for each member, also where it fails for one of them: a node that comes back shall get
 * what traffic it can. */
static bool order_each(const struct lb *lb, const struct apache_view *view, struct job *job,
                       struct deadline deadline, struct error *err)
{
    bool is_good = true;

    for (size_t i = 0; i < job->count; i++) {
        struct error later;
        if (!order_one(lb, view, &job->names[i], job->admin, job->nonces[i], deadline,
                       is_good ? err : &later))
            is_good = false;
    }
    return is_good;
}

static void complain_unchanged(const struct apache_name *name, const struct apache_worker *worker,
                               enum lb_admin asked, struct error *err)
{
    error_set(err, ERROR_CONFLICT, "%s/%s: was set to %s and reads back as %s", name->balancer,
              name->worker, lb_admin_name(asked), lb_admin_name(apache_admin(worker)));
    error_hint(err, worker->flags & APACHE_STOPPED
                        ? "somebody has stopped it (S): start it in the balancer-manager"
                        : "somebody else, or a restart of httpd without BalancerPersist, has "
                          "changed it; or the server drops our changes: see its error log");
}

/* Reads each member back. *ret_is_stale: a nonce has changed since it was sent. */
static bool check_each(const struct apache_view *view, const struct job *job, bool *ret_is_stale,
                       struct error *err)
{
    struct apache_worker worker;
    struct apache_page page;

    *ret_is_stale = false;
    for (size_t i = 0; i < job->count; i++) {
        if (!apache_view_find(view, &job->names[i], &worker, &page, err))
            return false;
        if (lb_is_obeyed(job->admin, apache_admin(&worker)))
            continue;
        *ret_is_stale = job->nonces[i][0] != '\0' && !text_equal(job->nonces[i], page.nonce);
        complain_unchanged(&job->names[i], &worker, job->admin, err);
        return false;
    }
    return true;
}

static void note_returns(struct httpd_past *past, const struct job *job)
{
    for (size_t i = 0; i < job->count && job->admin == LB_ADMIN_UP; i++)
        if (job->nonces[i][0] != '\0')
            httpd_past_returned(past, job->members[i], clock_monotonic_ms());
}

static bool find_at(const struct lb *lb, size_t address, void *context, struct deadline deadline,
                    struct error *err)
{
    const struct job *job = context;
    struct apache_view view APACHE_VIEW_CLEANUP;
    struct apache_worker worker;
    struct apache_page page;

    apache_view_init(&view, lb->options.addresses[address]);
    if (!apache_view_load(&view, lb, NULL, deadline, err))
        return false;
    for (size_t i = 0; i < job->count; i++)
        if (!apache_view_find(&view, &job->names[i], &worker, &page, err))
            return false;
    return true;
}

static bool set_at(const struct lb *lb, size_t address, void *context, struct deadline deadline,
                   struct error *err)
{
    struct apache *apache = lb->state;
    struct job *job = context;
    struct apache_view view APACHE_VIEW_CLEANUP;
    bool is_set = false, is_stale = true;

    apache_view_init(&view, lb->options.addresses[address]);
    if (!apache_view_load(&view, lb, NULL, deadline, err))
        return false;
    for (int i = 0; i < ATTEMPTS && !is_set && is_stale; i++) {
        if (!order_each(lb, &view, job, deadline, err))
            return false;
        note_returns(&apache->pasts[address], job);
        if (!apache_view_load(&view, lb, NULL, deadline, err))
            return false;
        is_set = check_each(&view, job, &is_stale, err);
    }
    return is_set;
}

/* Traffic is taken away from a member only when every server is there and knows it; it is given
 * back wherever that can be done. */
static bool set_members(const struct lb *lb, const char *const *members, size_t count,
                        enum lb_admin admin, struct deadline deadline, struct error *err)
{
    struct job job;

    if (!job_init(&job, members, count, err))
        return false;
    job.admin = admin;
    if (admin != LB_ADMIN_UP && !lb_at_each_address(lb, &job, deadline, find_at, false, err))
        return false;
    return lb_at_each_address(lb, &job, deadline, set_at, true, err);
}

const struct lb_driver lb_apache_driver = {
    .name = "apache",
    .settings = settings,
    .setting_count = SETTINGS,
    .takes_credentials = true,
    .needs_memory = true,
    .change_ms = 30000,
    .compare_ms = 250,
    .check_options = check_options,
    .check_member = check_member,
    .open = open_lb,
    .close = close_lb,
    .read_members = read_members,
    .set_members = set_members,
};
