/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HAProxy, through the stats socket of each of its processes, or through the master socket of those
 * that are replaced by a reload.
 *
 * What a server was told is judged by the bits of `show servers state`, never by the status text: a
 * drained server whose check fails shows DOWN, and a DOWN server needs no drain to take no traffic.
 */
#include "lb_registry.h"

#include "lb_addresses.h"

#include "check.h"
#include "haproxy_old.h"
#include "haproxy_process.h"
#include "haproxy_socket.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LEAST_SHARE       10 /* percent of a weight: where a ramp begins */
#define AGENT_SETTLE_S    3  /* an agent-check has its say within that: every 2 s by default */
#define LEAST_RAMP_WEIGHT 10 /* of which the least share is 1: HAProxy takes 0 for a drain */

enum setting { SETTING_STATE_FILE, SETTING_RAMP, SETTINGS };

static const struct lb_setting settings[] = {
    [SETTING_STATE_FILE] = {"state_file", LB_SETTING_PATH, NULL, NULL},
    [SETTING_RAMP] = {"return.ramp", LB_SETTING_DURATION, NULL, NULL},
};
_Static_assert(sizeof(settings) / sizeof(settings[0]) == SETTINGS, "a row for every setting");

/* Names as haproxy.cfg allows them (configuration manual, 2.2 and 4.1). Anything else would end the
 * command or begin another one. */
static bool is_name(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.:";
    return text[0] != '\0' && text[strspn(text, allowed)] == '\0';
}

static bool parse_member(const char *text, struct haproxy_member *ret_member, struct error *err)
{
    struct haproxy_member member;

    lb_split_member(text, member.backend, member.server);
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
    struct haproxy_member member;
    return parse_member(text, &member, err);
}

/* The file is HAProxy's own, and says of one process what it was told. */
static bool check_state_file(const struct lb_options *options, struct error *err)
{
    if (options->values[SETTING_STATE_FILE] == NULL)
        return true;
    if (options->address_count == 1 && !text_starts_with(options->addresses[0], "tcp:"))
        return true;
    error_set(err, ERROR_INVALID,
              "state_file holds the state of one HAProxy on this host, and so needs exactly one "
              "address, of a unix or master socket");
    error_hint(err, "leave state_file out and let the reload save the state of each process: "
                    "socat … <<< 'show servers state' before it");
    return false;
}

static bool check_options(const struct lb_options *options, struct error *err)
{
    if (!lb_check_addresses(options, LB_ADDRESSES, err))
        return false;
    for (size_t i = 0; i < options->address_count; i++)
        if (!haproxy_check_address(options->addresses[i], err))
            return false;
    return check_state_file(options, err);
}

/* What is to be done in each process. */
struct job {
    struct haproxy_member members[LB_MEMBERS];
    size_t count;
    enum lb_admin admin;                       /* to set */
    unsigned percent;                          /* to set */
    bool needs_weight;                         /* enough of it for a ramp */
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

static bool read_member(struct haproxy_process *process, const struct haproxy_member *member,
                        struct lb_member_state *ret_state, struct error *err)
{
    struct haproxy_state state;
    struct haproxy_stat stat;

    if (!haproxy_process_state(process, member, &state, err) ||
        !haproxy_process_stat(process, member, &state, &stat, err) ||
        !haproxy_count_old(process, member, &stat.sessions, err)) {
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

static bool read_in_process(const struct lb *lb, size_t index, void *context,
                            struct deadline deadline, struct error *err)
{
    struct job *job = context;
    struct haproxy_process process HAPROXY_CLEANUP;
    struct lb_member_state state;

    haproxy_process_init(&process, lb->options.addresses[index], deadline);
    for (size_t i = 0; i < job->count; i++) {
        if (!read_member(&process, &job->members[i], &state, err))
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
        !lb_at_each_address(lb, &job, deadline, read_in_process, false, err))
        return false;
    lb_states_give(job.states, members, count, ret_states);
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
static bool order_each(struct haproxy_process *process, const struct job *job, const char *verb,
                       const char *rest, struct error *err)
{
    bool is_good = true;

    for (size_t i = 0; i < job->count; i++) {
        const struct haproxy_member *member = &job->members[i];
        struct error later;
        struct error *reason = is_good ? err : &later;
        if (haproxy_process_order(process, member, verb, rest, reason))
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

/* An agent-check has its say only after we have read back: a change holds once it has held for a
 * while. */
static bool check_settled(const struct haproxy_state *state, struct error *err)
{
    if (!state->has_agent || state->changed_s >= AGENT_SETTLE_S)
        return true;
    error_set(err, ERROR_BUSY, "reads back as %s for %" PRIu64 " s, and is waited for until %d",
              lb_admin_name(haproxy_admin(state)), state->changed_s, AGENT_SETTLE_S);
    error_hint(err, "%s", haproxy_conflict_reason(state));
    return false;
}

static bool check_weight(const struct haproxy_state *state, struct error *err)
{
    if (state->full_weight >= LEAST_RAMP_WEIGHT)
        return true;
    error_set(err, ERROR_INVALID, "return.ramp raises weights from %d %%, and this one is %" PRId64,
              LEAST_SHARE, state->full_weight);
    error_hint(err, "write 'weight 100' in the default-server line of haproxy.cfg, or leave "
                    "return.ramp out");
    return false;
}

/* Reads each member; with `is_set` also what it was set to. */
static bool check_each(struct haproxy_process *process, const struct job *job, bool is_set,
                       struct error *err)
{
    struct haproxy_state state;

    for (size_t i = 0; i < job->count; i++) {
        const struct haproxy_member *member = &job->members[i];
        if (haproxy_process_state(process, member, &state, err) &&
            (!is_set || (check_admin(&state, job->admin, err) && check_settled(&state, err))) &&
            (!job->needs_weight || check_weight(&state, err)))
            continue;
        error_wrap(err, "%s/%s", member->backend, member->server);
        return false;
    }
    return true;
}

static bool find_in_process(const struct lb *lb, size_t index, void *context,
                            struct deadline deadline, struct error *err)
{
    struct haproxy_process process HAPROXY_CLEANUP;

    haproxy_process_init(&process, lb->options.addresses[index], deadline);
    return check_each(&process, context, false, err);
}

/* Whatever took of a change is in the file, also where not all of it did: an old drain must not
 * come back with a reload. */
static bool save_state(const struct lb *lb, struct haproxy_process *process, bool is_good,
                       struct error *err)
{
    const char *path = lb->options.values[SETTING_STATE_FILE];
    struct error later;

    if (path == NULL)
        return is_good;
    return haproxy_process_save(process, path, is_good ? err : &later) && is_good;
}

static bool set_in_process(const struct lb *lb, size_t index, void *context,
                           struct deadline deadline, struct error *err)
{
    const struct job *job = context;
    struct haproxy_process process HAPROXY_CLEANUP;
    char rest[32];

    haproxy_process_init(&process, lb->options.addresses[index], deadline);
    (void)snprintf(rest, sizeof(rest), " state %s", state_words[job->admin]);
    bool is_good =
        order_each(&process, job, "set server", rest, err) && check_each(&process, job, true, err);
    return save_state(lb, &process, is_good, err);
}

/* Traffic is taken away from a member only when every process is there and knows it; it is given
 * back wherever that can be done. A ramp that cannot be is told before any of that. */
static bool set_members(const struct lb *lb, const char *const *members, size_t count,
                        enum lb_admin admin, struct deadline deadline, struct error *err)
{
    struct job job;

    if (!job_init(&job, members, count, err))
        return false;
    job.admin = admin;
    job.needs_weight = admin == LB_ADMIN_DRAIN && lb_setting_ms(&lb->options, SETTING_RAMP) > 0;
    if (admin != LB_ADMIN_UP &&
        !lb_at_each_address(lb, &job, deadline, find_in_process, false, err))
        return false;
    job.needs_weight = false;
    return lb_at_each_address(lb, &job, deadline, set_in_process, true, err);
}

static bool cut_in_process(const struct lb *lb, size_t index, void *context,
                           struct deadline deadline, struct error *err)
{
    const struct job *job = context;
    struct haproxy_process process HAPROXY_CLEANUP;

    haproxy_process_init(&process, lb->options.addresses[index], deadline);
    if (!order_each(&process, job, "shutdown sessions server", "", err))
        return false;
    for (size_t i = 0; i < job->count; i++)
        if (!haproxy_cut_old(&process, &job->members[i], err))
            return false;
    return true;
}

/* HAProxy ends the sessions a moment after its answer: the caller sees it in their number. */
static bool cut_sessions(const struct lb *lb, const char *const *members, size_t count,
                         struct deadline deadline, struct error *err)
{
    struct job job;

    return job_init(&job, members, count, err) &&
           lb_at_each_address(lb, &job, deadline, cut_in_process, true, err);
}

static bool share_one(struct haproxy_process *process, const struct haproxy_member *member,
                      unsigned percent, struct error *err)
{
    struct haproxy_state state;
    char rest[32];

    if (!haproxy_process_state(process, member, &state, err))
        return false;
    int64_t weight = haproxy_share(&state, percent);
    if (state.weight == weight)
        return true;
    (void)snprintf(rest, sizeof(rest), " weight %" PRId64, weight);
    if (!haproxy_process_order(process, member, "set server", rest, err) ||
        !haproxy_process_state(process, member, &state, err))
        return false;
    if (state.weight == haproxy_share(&state, percent))
        return true;
    error_set(err, ERROR_CONFLICT,
              "was given weight %" PRId64 " and reads back %" PRId64 " of %" PRId64, weight,
              state.weight, state.full_weight);
    error_hint(err, "%s", haproxy_conflict_reason(&state));
    return false;
}

static bool share_in_process(const struct lb *lb, size_t index, void *context,
                             struct deadline deadline, struct error *err)
{
    const struct job *job = context;
    struct haproxy_process process HAPROXY_CLEANUP;
    bool is_good = true;

    haproxy_process_init(&process, lb->options.addresses[index], deadline);
    for (size_t i = 0; i < job->count && is_good; i++) {
        is_good = share_one(&process, &job->members[i], job->percent, err);
        if (!is_good)
            error_wrap(err, "%s/%s", job->members[i].backend, job->members[i].server);
    }
    return save_state(lb, &process, is_good, err);
}

static bool set_share(const struct lb *lb, const char *const *members, size_t count,
                      unsigned percent, struct deadline deadline, struct error *err)
{
    struct job job;

    CHECK(percent >= 1 && percent <= 100);
    if (!job_init(&job, members, count, err))
        return false;
    job.percent = percent;
    return lb_at_each_address(lb, &job, deadline, share_in_process, true, err);
}

const struct lb_driver lb_haproxy_driver = {
    .name = "haproxy",
    .settings = settings,
    .setting_count = SETTINGS,
    .change_ms = 30000,
    .compare_ms = 250,
    .check_options = check_options,
    .check_member = check_member,
    .read_members = read_members,
    .set_members = set_members,
    .cut_sessions = cut_sessions,
    .set_share = set_share,
};
