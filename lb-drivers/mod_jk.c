/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apache httpd with mod_jk, through the status worker of each server.
 *
 * Drained is activation DIS, which still serves sticky clients, down is STP. Success is asked for
 * by `result.type` and proved by reading again: an order without a sub worker is answered OK and
 * does nothing, and an unknown activation means ACT.
 */
#include "lb_registry.h"

#include "check.h"
#include "httpd_past.h"
#include "jk_status.h"
#include "lb_addresses.h"
#include "lb_http.h"
#include "memory.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define URL_BYTES  (LIMIT_PATH + 4 * LB_MEMBER) /* names have no character that is encoded */
#define TYPE_SHOWN 40                           /* of a content type in a message */

enum { SETTING_RESTART_SETTLE, SETTINGS };
static const struct lb_setting settings[] = {
    [SETTING_RESTART_SETTLE] = {"restart_settle", LB_SETTING_DURATION, "60000", NULL},
};
_Static_assert(sizeof(settings) / sizeof(settings[0]) == SETTINGS, "all there");

/* lb->state */
struct mod_jk {
    struct lb_http http; /* first, for lb_http.h */
    struct httpd_past pasts[LB_ADDRESSES];
};

static void open_lb(struct lb *lb)
{
    lb->state = memory_zeroed(1, sizeof(struct mod_jk));
}

static void close_lb(struct lb *lb)
{
    struct mod_jk *mod_jk = lb->state;
    for (size_t i = 0; i < LB_ADDRESSES; i++)
        httpd_past_done(&mod_jk->pasts[i]);
    lb_http_close(lb);
}

/* A member taken apart at its slash. */
struct name {
    char lb[LB_MEMBER];
    char member[LB_MEMBER];
};

/* No '*' and no '?', which would mean several members to mod_jk. */
static bool is_name(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.";
    return text[0] != '\0' && text[strspn(text, allowed)] == '\0';
}

static bool parse_member(const char *text, struct name *ret_name, struct error *err)
{
    struct name name = {.lb = ""};

    lb_split_member(text, name.lb, name.member);
    if (!is_name(name.lb) || !is_name(name.member)) {
        error_set(err, ERROR_INVALID, "'%.150s' is no member of a mod_jk load balancer", text);
        error_hint(err, "write LB/MEMBER as they stand in worker.list and balance_workers of "
                        "workers.properties, like lb/n1");
        return false;
    }
    *ret_name = name;
    return true;
}

static bool check_member(const char *text, struct error *err)
{
    struct name name;
    return parse_member(text, &name, err);
}

static bool check_options(const struct lb_options *options, struct error *err)
{
    return lb_check_addresses(options, LB_ADDRESSES, err) && lb_http_check_addresses(options, err);
}

/* What is to be done at each address. */
struct job {
    const char *const *members;
    struct name names[LB_MEMBERS];
    size_t count;
    enum lb_admin admin;                       /* to set */
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

static bool check_answer(const struct http_answer *answer, struct error *err)
{
    if (!lb_http_check_status(answer, err))
        return false;
    if (text_starts_with(answer->content_type, "text/plain"))
        return jk_read_result(buffer_text(&answer->body), answer->body.length, err);
    error_set(err, ERROR_PROTOCOL,
              "no status worker of mod_jk answers here, but something else "
              "('%.*s')",
              TYPE_SHOWN, answer->content_type);
    error_hint(err, "let 'JkMount /jkstatus STATUSWORKER' (the path of the address) win over what "
                    "is mounted for the application");
    return false;
}

/* A command and its answer, which says OK. ret_answer may be NULL. A connection that is kept over a
 * graceful restart would lead to a process of before it, with a state of its own. */
static bool ask(const struct lb *lb, const char *url, struct deadline deadline,
                struct buffer *ret_answer, struct error *err)
{
    static const char *const headers[] = {"Connection: close", NULL};
    const struct lb_http_request request = {.method = "GET", .url = url, .headers = headers};
    struct http_answer answer;

    if (!lb_http_do(lb, &request, deadline, &answer, err))
        return false;
    bool is_good = check_answer(&answer, err);
    if (is_good && ret_answer != NULL) {
        buffer_done(ret_answer);
        *ret_answer = answer.body;
    } else {
        http_answer_done(&answer);
    }
    return is_good;
}

static bool list(const struct lb *lb, const char *address, struct deadline deadline,
                 struct buffer *ret_answer, struct error *err)
{
    char url[URL_BYTES];
    snprintf(url, sizeof(url), "%s?cmd=list&mime=prop", address);
    return ask(lb, url, deadline, ret_answer, err);
}

static bool find_member(const struct buffer *answer, const struct name *name,
                        struct jk_worker *ret_worker, struct error *err)
{
    if (jk_read_member(buffer_text(answer), answer->length, name->lb, name->member, ret_worker,
                       err))
        return true;
    error_wrap(err, "%s/%s", name->lb, name->member);
    return false;
}

static bool read_member(const struct lb *lb, struct httpd_past *past, const struct buffer *answer,
                        const struct job *job, size_t index, struct lb_member_state *ret_state,
                        struct error *err)
{
    struct jk_worker worker;

    if (!find_member(answer, &job->names[index], &worker, err))
        return false;
    const struct httpd_sight sight = {.mark = worker.mark, .busy = worker.busy};
    *ret_state = (struct lb_member_state){
        .admin = worker.admin,
        .health = worker.health,
        .weight = worker.weight,
        .peers_up = worker.peers_up,
    };
    httpd_past_see(past, job->members[index], &sight, clock_monotonic_ms(),
                   lb_setting_ms(&lb->options, SETTING_RESTART_SETTLE), ret_state);
    return true;
}

static bool read_at(const struct lb *lb, size_t address, void *context, struct deadline deadline,
                    struct error *err)
{
    struct mod_jk *mod_jk = lb->state;
    struct job *job = context;
    struct buffer answer BUFFER_CLEANUP = {0};
    struct lb_member_state state;

    if (!list(lb, lb->options.addresses[address], deadline, &answer, err))
        return false;
    for (size_t i = 0; i < job->count; i++) {
        if (!read_member(lb, &mod_jk->pasts[address], &answer, job, i, &state, err))
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

static const char activations[] = {
    [LB_ADMIN_UP] = 'a',
    [LB_ADMIN_DRAIN] = 'd',
    [LB_ADMIN_DOWN] = 's',
};
_Static_assert(sizeof(activations) == LB_ADMIN_DOWN + 1, "a letter for every admin state");

/* `rest` goes behind the names. */
static bool order(const struct lb *lb, const char *address, const char *command,
                  const struct name *name, const char *rest, struct deadline deadline,
                  struct error *err)
{
    struct buffer url BUFFER_CLEANUP = {0};

    buffer_init(&url, URL_BYTES);
    CHECK(buffer_format(&url, "%s?cmd=%s&w=", address, command) &&
          lb_http_add_encoded(&url, name->lb) && buffer_add_text(&url, "&sw=") &&
          lb_http_add_encoded(&url, name->member) && buffer_format(&url, "%s&mime=prop", rest));
    if (ask(lb, buffer_text(&url), deadline, NULL, err))
        return true;
    error_wrap(err, "%s/%s", name->lb, name->member);
    return false;
}

/* Orders for each member, also where it fails for one of them: a node that comes back shall get
 * what traffic it can. */
static bool order_each(const struct lb *lb, const char *address, const struct job *job,
                       struct deadline deadline, struct error *err)
{
    bool is_good = true;
    char rest[32];

    snprintf(rest, sizeof(rest), "&from=list&vwa=%c", activations[job->admin]);
    for (size_t i = 0; i < job->count; i++) {
        struct error later;
        if (!order(lb, address, "update", &job->names[i], rest, deadline, is_good ? err : &later))
            is_good = false;
    }
    return is_good;
}

static bool check_member_set(const struct buffer *answer, const struct name *name,
                             enum lb_admin admin, struct jk_worker *ret_worker, struct error *err)
{
    if (!find_member(answer, name, ret_worker, err))
        return false;
    if (lb_is_obeyed(admin, ret_worker->admin))
        return true;
    error_set(err, ERROR_CONFLICT, "%s/%s: was set to %s and reads back as %s", name->lb,
              name->member, lb_admin_name(admin), lb_admin_name(ret_worker->admin));
    error_hint(err, "somebody else or a restart of httpd has changed it, or the processes of httpd "
                    "have no JkShmFile in common");
    return false;
}

/* Reads each member back. One that comes back in error would wait for its recover_time. */
static bool check_each(const struct lb *lb, const char *address, const struct job *job,
                       struct deadline deadline, struct error *err)
{
    struct buffer answer BUFFER_CLEANUP = {0};
    struct jk_worker worker;

    if (!list(lb, address, deadline, &answer, err))
        return false;
    for (size_t i = 0; i < job->count; i++) {
        if (!check_member_set(&answer, &job->names[i], job->admin, &worker, err))
            return false;
        if (job->admin == LB_ADMIN_UP && worker.is_in_error &&
            !order(lb, address, "recover", &job->names[i], "&from=list", deadline, err))
            return false;
    }
    return true;
}

static bool find_at(const struct lb *lb, size_t address, void *context, struct deadline deadline,
                    struct error *err)
{
    const struct job *job = context;
    struct buffer answer BUFFER_CLEANUP = {0};
    struct jk_worker worker;

    if (!list(lb, lb->options.addresses[address], deadline, &answer, err))
        return false;
    for (size_t i = 0; i < job->count; i++)
        if (!find_member(&answer, &job->names[i], &worker, err))
            return false;
    return true;
}

static bool set_at(const struct lb *lb, size_t index, void *context, struct deadline deadline,
                   struct error *err)
{
    const char *address = lb->options.addresses[index];
    const struct job *job = context;
    return order_each(lb, address, job, deadline, err) &&
           check_each(lb, address, job, deadline, err);
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

const struct lb_driver lb_mod_jk_driver = {
    .name = "mod_jk",
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
