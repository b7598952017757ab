/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HAProxy, through the stats socket of each of its processes.
 *
 * What a server was told is judged by the bits of `show servers state`, never by the status text: a
 * drained server whose check fails shows DOWN, and a DOWN server needs no drain to take no traffic.
 */
#include "lb_registry.h"

#include "lb_addresses.h"

#include "check.h"
#include "haproxy_csv.h"
#include "haproxy_socket.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COMMAND_SIZE (LB_MEMBER + 64) /* a member and the words around it */

/* A member taken apart at its slash. */
struct member {
    char backend[LB_MEMBER];
    char server[LB_MEMBER];
};

/* Names as haproxy.cfg allows them (configuration manual, 2.2 and 4.1). Anything else would end the
 * command or begin another one. */
static bool is_name(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.:";
    return text[0] != '\0' && text[strspn(text, allowed)] == '\0';
}

static bool parse_member(const char *text, struct member *ret_member, struct error *err)
{
    struct member member = {0};
    const char *slash = strchr(text, '/');

    if (slash != NULL && strlen(text) < LB_MEMBER) {
        memcpy(member.backend, text, (size_t)(slash - text));
        TEXT_COPY(member.server, slash + 1);
    }
    if (!is_name(member.backend) || !is_name(member.server)) {
        error_set(err, ERROR_INVALID, "'%.150s' is no member of a HAProxy", text);
        error_hint(err, "write BACKEND/SERVER as they stand in haproxy.cfg");
        return false;
    }
    *ret_member = member;
    return true;
}

static bool check_member(const char *text, struct error *err)
{
    struct member member;
    return parse_member(text, &member, err);
}

static bool check_options(const struct lb_options *options, struct error *err)
{
    if (!lb_check_addresses(options, LB_ADDRESSES, err))
        return false;
    for (size_t i = 0; i < options->address_count; i++)
        if (!haproxy_check_address(options->addresses[i], err))
            return false;
    return true;
}

/* What is to be done in each process. */
struct job {
    struct member members[LB_MEMBERS];
    size_t count;
    enum lb_admin admin;                       /* to set */
    struct lb_member_state states[LB_MEMBERS]; /* as read so far, over processes */
    bool is_first;                             /* no process has been read yet */
};

static bool job_init(struct job *job, const char *const *members, size_t count, struct error *err)
{
    CHECK(count <= LB_MEMBERS);
    *job = (struct job){.count = count, .is_first = true};
    for (size_t i = 0; i < count; i++) {
        if (!parse_member(members[i], &job->members[i], err))
            return false;
    }
    return true;
}

/* What one process shows of one backend: fetched when it is first looked at, and kept while the
 * members are of the same backend. */
struct view {
    const char *address;
    struct deadline deadline;
    char backend[LB_MEMBER];
    struct buffer states;
    struct buffer stats;
};

#define VIEW_CLEANUP __attribute__((cleanup(view_done)))

static void view_init(struct view *view, const char *address, struct deadline deadline)
{
    *view = (struct view){.address = address, .deadline = deadline};
    buffer_init(&view->states, LIMIT_LB_BYTES);
    buffer_init(&view->stats, LIMIT_LB_BYTES);
}

static void view_done(struct view *view)
{
    buffer_done(&view->states);
    buffer_done(&view->stats);
}

static bool view_state(struct view *view, const struct member *member,
                       struct haproxy_state *ret_state, struct error *err)
{
    char question[COMMAND_SIZE];

    if (!text_equal(view->backend, member->backend)) {
        buffer_clear(&view->states);
        buffer_clear(&view->stats);
        snprintf(question, sizeof(question), "show servers state %s", member->backend);
        if (!haproxy_ask(view->address, question, view->deadline, &view->states, err))
            return false;
        TEXT_COPY(view->backend, member->backend);
    }
    return haproxy_read_state(buffer_text(&view->states), view->states.length, member->backend,
                              member->server, ret_state, err);
}

/* Asks by the backend's number, since a frontend may have the same name; 4 = servers only, -1 = all
 * of them. */
static bool view_stat(struct view *view, const struct member *member,
                      const struct haproxy_state *state, struct haproxy_stat *ret_stat,
                      struct error *err)
{
    char question[COMMAND_SIZE];

    if (view->stats.length == 0) {
        snprintf(question, sizeof(question), "show stat %" PRIu64 " 4 -1", state->backend_id);
        if (!haproxy_ask(view->address, question, view->deadline, &view->stats, err))
            return false;
    }
    if (haproxy_read_stat(buffer_text(&view->stats), view->stats.length, member->backend,
                          member->server, ret_stat, err))
        return true;
    if (err->code == ERROR_NOT_FOUND)
        error_set(err, ERROR_UNAVAILABLE, "gone between two questions: HAProxy was reloaded");
    return false;
}

static bool read_member(struct view *view, const struct member *member,
                        struct lb_member_state *ret_state, struct error *err)
{
    struct haproxy_state state;
    struct haproxy_stat stat;

    if (!view_state(view, member, &state, err) || !view_stat(view, member, &state, &stat, err)) {
        error_wrap(err, "%s/%s", member->backend, member->server);
        return false;
    }
    *ret_state = (struct lb_member_state){
        .admin = haproxy_admin(&state),
        .health = stat.health,
        .is_checked = state.is_checked || stat.is_tracking,
        .sessions = stat.sessions,
        .weight = state.weight,
        .peers_up = stat.peers_up,
    };
    return true;
}

static bool read_in_process(const struct lb *lb, size_t process, void *context,
                            struct deadline deadline, struct error *err)
{
    const char *address = lb->options.addresses[process];
    struct job *job = context;
    struct view view VIEW_CLEANUP;
    struct lb_member_state state;

    view_init(&view, address, deadline);
    for (size_t i = 0; i < job->count; i++) {
        if (!read_member(&view, &job->members[i], &state, err))
            return false;
        if (job->is_first)
            job->states[i] = state;
        else
            lb_state_merge(&job->states[i], &state);
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
        !lb_at_each_address(lb, &job, deadline, read_in_process, false, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        ret_states[i] = job.states[i];
        TEXT_COPY(ret_states[i].member, members[i]);
    }
    return true;
}

/* The words of `set server`. */
static const char *const state_words[] = {
    [LB_ADMIN_UP] = "ready",
    [LB_ADMIN_DRAIN] = "drain",
    [LB_ADMIN_DOWN] = "maint",
};
_Static_assert(sizeof(state_words) / sizeof(state_words[0]) == LB_ADMIN_DOWN + 1,
               "a word for every admin state");

/* Orders one thing for each member, also where it fails for one of them: a node that comes back
 * shall get what traffic it can. */
static bool order_each(const char *address, const struct job *job, const char *verb,
                       const char *rest, struct deadline deadline, struct error *err)
{
    bool is_good = true;

    for (size_t i = 0; i < job->count; i++) {
        const struct member *member = &job->members[i];
        char command[COMMAND_SIZE];
        struct error later;
        struct error *reason = is_good ? err : &later;
        snprintf(command, sizeof(command), "%s %s/%s%s", verb, member->backend, member->server,
                 rest);
        if (haproxy_order(address, command, deadline, reason))
            continue;
        error_wrap(reason, "%s/%s", member->backend, member->server);
        is_good = false;
    }
    return is_good;
}

/* A member that somebody holds down harder than we asked takes no new traffic, which is all that
 * drain and down are about; up means up. */
static bool check_admin(const struct haproxy_state *state, enum lb_admin asked, struct error *err)
{
    enum lb_admin found = haproxy_admin(state);

    if (lb_is_obeyed(asked, found))
        return true;
    error_set(err, ERROR_CONFLICT,
              "was set to '%s' and reads back as %s (srv_admin_state %" PRIu64 ", weight %" PRId64
              ")",
              state_words[asked], lb_admin_name(found), state->admin_mask, state->weight);
    error_hint(err, "%s", haproxy_conflict_reason(state));
    return false;
}

/* Reads each member; with `is_set` also what it was set to. */
static bool check_each(const char *address, const struct job *job, bool is_set,
                       struct deadline deadline, struct error *err)
{
    struct view view VIEW_CLEANUP;
    struct haproxy_state state;

    view_init(&view, address, deadline);
    for (size_t i = 0; i < job->count; i++) {
        const struct member *member = &job->members[i];
        if (view_state(&view, member, &state, err) &&
            (!is_set || check_admin(&state, job->admin, err)))
            continue;
        error_wrap(err, "%s/%s", member->backend, member->server);
        return false;
    }
    return true;
}

static bool find_in_process(const struct lb *lb, size_t process, void *context,
                            struct deadline deadline, struct error *err)
{
    const char *address = lb->options.addresses[process];
    struct job *job = context;
    return check_each(address, job, false, deadline, err);
}

static bool set_in_process(const struct lb *lb, size_t process, void *context,
                           struct deadline deadline, struct error *err)
{
    const char *address = lb->options.addresses[process];
    struct job *job = context;
    char rest[32];

    snprintf(rest, sizeof(rest), " state %s", state_words[job->admin]);
    return order_each(address, job, "set server", rest, deadline, err) &&
           check_each(address, job, true, deadline, err);
}

/* Traffic is taken away from a member only when every process is there and knows it; it is given
 * back wherever that can be done. */
static bool set_members(const struct lb *lb, const char *const *members, size_t count,
                        enum lb_admin admin, struct deadline deadline, struct error *err)
{
    struct job job;

    if (!job_init(&job, members, count, err))
        return false;
    job.admin = admin;
    if (admin != LB_ADMIN_UP &&
        !lb_at_each_address(lb, &job, deadline, find_in_process, false, err))
        return false;
    return lb_at_each_address(lb, &job, deadline, set_in_process, true, err);
}

static bool cut_in_process(const struct lb *lb, size_t process, void *context,
                           struct deadline deadline, struct error *err)
{
    const char *address = lb->options.addresses[process];
    struct job *job = context;
    return order_each(address, job, "shutdown sessions server", "", deadline, err);
}

/* HAProxy ends the sessions a moment after its answer: the caller sees it in their number. */
static bool cut_sessions(const struct lb *lb, const char *const *members, size_t count,
                         struct deadline deadline, struct error *err)
{
    struct job job;

    return job_init(&job, members, count, err) &&
           lb_at_each_address(lb, &job, deadline, cut_in_process, true, err);
}

const struct lb_driver lb_haproxy_driver = {
    .name = "haproxy",
    .change_ms = 30000,
    .compare_ms = 500,
    .check_options = check_options,
    .check_member = check_member,
    .read_members = read_members,
    .set_members = set_members,
    .cut_sessions = cut_sessions,
};
