/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open source NGINX on this host: a member is taken out by an edit of the configuration, `nginx -t`
 * and one reload, and counts as out when the workers that run are younger than the edit.
 *
 * The files hold the truth: what Shunt took out has a mark there (nginx_mark.h). What a person has
 * marked `down` stays down.
 */
#include "lb_registry.h"

#include "lb_addresses.h"

#include "check.h"
#include "memory.h"
#include "nginx_memory.h"
#include "nginx_running.h"
#include "nginx_sessions.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define ADDRESS_PREFIX "local:"

enum setting { SETTING_MODE, SETTING_BINARY, SETTING_PID_FILE, SETTING_PREFIX, SETTING_COUNT };

static const char *const modes[] = {"down", "remove", NULL};

static const struct lb_setting settings[] = {
    [SETTING_MODE] = {"mode", LB_SETTING_WORD, "down", modes},
    [SETTING_BINARY] = {"binary", LB_SETTING_PATH, "/usr/sbin/nginx", NULL},
    [SETTING_PID_FILE] = {"pid_file", LB_SETTING_PATH, NULL, NULL},
    [SETTING_PREFIX] = {"prefix", LB_SETTING_PATH, NULL, NULL},
};
_Static_assert(sizeof(settings) / sizeof(settings[0]) == SETTING_COUNT, "a row for each setting");

/* Kept between calls: what the NGINX of each address was seen to run. */
struct nginx_state {
    size_t count;
    struct nginx_running *running;
};

static void open_lb(struct lb *lb)
{
    struct nginx_state *state = memory_zeroed(1, sizeof(*state));

    state->count = lb->options.address_count;
    state->running = memory_zeroed(state->count, sizeof(*state->running));
    lb->state = state;
}

static void close_lb(struct lb *lb)
{
    struct nginx_state *state = lb->state;

    for (size_t i = 0; i < state->count; i++)
        nginx_running_done(&state->running[i]);
    free(state->running);
    free(state);
}

static bool check_address(const char *address, struct error *err)
{
    const char *path = address + strlen(ADDRESS_PREFIX);

    if (text_starts_with(address, ADDRESS_PREFIX "/") && path[strlen(path) - 1] != '/' &&
        strpbrk(path, "\n\r\t") == NULL)
        return true;
    error_set(err, ERROR_INVALID, "'%.200s' is no address of an NGINX", address);
    error_hint(err, "write local:/etc/nginx/nginx.conf, the main configuration file on this host");
    return false;
}

static bool check_options(const struct lb_options *options, struct error *err)
{
    if (!lb_check_addresses(options, LB_ADDRESSES, err))
        return false;
    for (size_t i = 0; i < options->address_count; i++) {
        if (!check_address(options->addresses[i], err))
            return false;
    }
    if (options->address_count == 1 || options->values[SETTING_PID_FILE] == NULL)
        return true;
    error_set(err, ERROR_INVALID, "pid_file is of one NGINX, and there are %zu addresses",
              options->address_count);
    error_hint(err, "leave it out: each configuration says where its pid file is");
    return false;
}

static bool check_member(const char *text, struct error *err)
{
    struct nginx_member member;
    return nginx_member_parse(text, &member, err);
}

/* What is to be done at each address. */
struct job {
    struct nginx_member members[LB_MEMBERS];
    size_t count;
    enum lb_admin admin;                       /* to set */
    struct lb_member_state states[LB_MEMBERS]; /* as read so far */
    bool is_first;                             /* no address has been read yet */
};

static bool job_init(struct job *job, const char *const *members, size_t count, struct error *err)
{
    CHECK(count <= LB_MEMBERS);
    *job = (struct job){.count = count, .is_first = true};
    for (size_t i = 0; i < count; i++) {
        if (!nginx_member_parse(members[i], &job->members[i], err))
            return false;
    }
    return true;
}

/* One NGINX while it is worked on. */
struct visit {
    struct nginx_site site;
    struct nginx_running *running;
    struct nginx_master master;
    struct deadline deadline;
    char *memory; /* path; NULL = what we know is in `running` */
};

static bool visit_open(struct visit *visit, const struct lb *lb, size_t address,
                       struct deadline deadline, struct error *err)
{
    const struct lb_options *options = &lb->options;
    const char *binary = options->values[SETTING_BINARY];
    const struct nginx_state *state = lb->state;

    CHECK(address < state->count);
    *visit = (struct visit){
        .site = {.config_path = options->addresses[address] + strlen(ADDRESS_PREFIX),
                 .binary = binary != NULL ? binary : settings[SETTING_BINARY].fallback,
                 .prefix = options->values[SETTING_PREFIX],
                 .pid_file = options->values[SETTING_PID_FILE]},
        .running = &state->running[address],
        .deadline = deadline};
    if (deadline_is_over(deadline)) {
        error_set(err, ERROR_TIMEOUT, "no time is left");
        return false;
    }
    if (lb->memory != NULL) {
        visit->memory = memory_format("%s.%zu", lb->memory, address);
        nginx_memory_read(visit->memory, visit->running);
    }
    return nginx_running_open(visit->running, &visit->site, &visit->master, err);
}

static void visit_close(struct visit *visit)
{
    if (visit->master.pid != 0)
        nginx_master_close(&visit->master);
    free(visit->memory);
}
#define VISIT_CLEANUP __attribute__((cleanup(visit_close)))

static bool look(struct visit *visit, const struct nginx_member *members, size_t count,
                 struct error *err)
{
    return nginx_running_look(visit->running, &visit->site, &visit->master, members, count,
                              visit->deadline, err);
}

static bool read_at_address(const struct lb *lb, size_t address, void *context,
                            struct deadline deadline, struct error *err)
{
    struct job *job = context;
    struct visit visit VISIT_CLEANUP;
    int64_t sessions[LB_MEMBERS];
    struct lb_member_state state;

    if (!visit_open(&visit, lb, address, deadline, err) ||
        !look(&visit, job->members, job->count, err) ||
        !nginx_sessions_count(job->members, job->count, &visit.running->workers, deadline, sessions,
                              err))
        return false;
    for (size_t i = 0; i < job->count; i++) {
        if (!nginx_member_read(&visit.running->tree.config, &job->members[i], &state, err))
            return false;
        state.sessions = sessions[i];
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
        !lb_at_each_address(lb, &job, deadline, read_at_address, false, err))
        return false;
    lb_states_give(job.states, members, count, ret_states);
    return true;
}

static enum nginx_hold hold_of(const struct lb *lb, enum lb_admin admin)
{
    if (admin == LB_ADMIN_UP)
        return NGINX_FREE;
    return lb_setting_is(&lb->options, SETTING_MODE, "remove") ? NGINX_HELD_OUT : NGINX_HELD_DOWN;
}

/* The members that the files know, and what makes them be as asked. */
struct order {
    enum lb_admin admin;
    struct nginx_tree disk;
    struct nginx_plan plan;
    struct nginx_member members[LB_MEMBERS];
    size_t count;
};

static void order_done(struct order *order)
{
    nginx_tree_done(&order->disk);
    nginx_plan_done(&order->plan);
}
#define ORDER_CLEANUP __attribute__((cleanup(order_done)))

/* A member that is unknown ends the taking of traffic at once. It does not keep the others from
 * getting theirs back: true then, with *ret_missing set. */
static bool order_plan(struct order *order, const struct job *job, enum nginx_hold hold,
                       bool *ret_missing, struct error *err)
{
    *ret_missing = false;
    for (size_t i = 0; i < job->count; i++) {
        struct error later = {0};
        struct error *reason = *ret_missing ? &later : err;
        if (nginx_plan_add(&order->plan, &order->disk.config, &job->members[i], hold, reason))
            order->members[order->count++] = job->members[i];
        else if (job->admin != LB_ADMIN_UP)
            return false;
        else
            *ret_missing = true;
    }
    nginx_plan_sort(&order->plan);
    return job->admin == LB_ADMIN_UP || nginx_plan_check(&order->plan, &order->disk.config, err);
}

static bool is_as_asked(const struct order *order, const struct nginx_config *config,
                        const struct nginx_member *member)
{
    struct lb_member_state state;
    struct error ignored;

    return nginx_member_read(config, member, &state, &ignored) &&
           lb_is_obeyed(order->admin, state.admin);
}

/* Where the files say what was asked: do the workers run it? */
static bool needs_reload(struct visit *visit, const struct order *order)
{
    struct error ignored;
    bool is_known = look(visit, order->members, order->count, &ignored);

    for (size_t i = 0; i < order->count; i++) {
        const struct nginx_member *member = &order->members[i];
        if (is_as_asked(order, &order->disk.config, member) &&
            !(is_known && is_as_asked(order, &visit->running->tree.config, member)))
            return true;
    }
    return false;
}

static bool test(const struct visit *visit, struct error *err)
{
    return nginx_master_test(visit->site.binary, visit->site.prefix, visit->site.config_path,
                             visit->deadline, err);
}

/* What somebody else has changed and not reloaded is tested by itself: a fault of theirs is then no
 * reason to touch a file. */
static bool test_before(struct visit *visit, const struct order *order, struct error *err)
{
    struct error ignored;

    (void)look(visit, order->members, order->count, &ignored);
    return nginx_running_has(visit->running, &order->disk) || test(visit, err);
}

/* Writes and tests; on any failure the files are as they were before. */
static bool edit_files(struct visit *visit, const struct order *order, struct error *err)
{
    struct nginx_edit edit NGINX_EDIT_CLEANUP = {0};
    struct error failure;

    if (!test_before(visit, order, err) ||
        !nginx_edit_write(&edit, &order->disk, &order->plan, err))
        return false;
    if (test(visit, err))
        return true;
    if (nginx_edit_restore(&edit, &failure))
        error_hint(err, "the files are as they were before, and nothing was reloaded");
    else
        error_wrap(err, "%s, and our change could not be taken back", failure.message);
    return false;
}

/* Reads back what the workers run. */
static bool check_each(struct visit *visit, const struct order *order, struct error *err)
{
    if (!look(visit, order->members, order->count, err))
        return false;
    for (size_t i = 0; i < order->count; i++) {
        if (is_as_asked(order, &visit->running->tree.config, &order->members[i]))
            continue;
        error_set(err, ERROR_CONFLICT, "was set %s and is %s", lb_admin_name(order->admin),
                  order->admin == LB_ADMIN_UP ? "marked `down`" : "up");
        error_hint(err, order->admin == LB_ADMIN_UP
                            ? "a person's `down` in the configuration stays: take it out there"
                            : "somebody else changed the configuration meanwhile");
        nginx_member_wrap(&order->members[i], err);
        return false;
    }
    return true;
}

/* True if the master must be told, and may be: what stands in the files was tested. */
static bool prepare_reload(struct visit *visit, const struct order *order, bool *ret_is_needed,
                           struct error *err)
{
    if (order->plan.count > 0) {
        *ret_is_needed = true;
        return edit_files(visit, order, err);
    }
    *ret_is_needed = !visit->running->is_reloading && needs_reload(visit, order);
    return !*ret_is_needed || test(visit, err);
}

static bool reload(struct visit *visit, struct error *err)
{
    struct nginx_tree tree NGINX_TREE_CLEANUP = {.file_count = 0};
    char sha256[LIMIT_SHA256_HEX];

    if (!nginx_tree_load(visit->site.config_path, &tree, err))
        return false;
    nginx_memory_digest(&tree, sha256);
    if (!nginx_running_reload(visit->running, &visit->master, sha256, err))
        return false;
    if (visit->memory != NULL)
        nginx_memory_write(visit->memory, visit->running);
    return true;
}

/* Puts the order into force: one reload for all groups, and none where there is nothing new or one
 * is under way. */
static bool enforce(struct visit *visit, const struct order *order, struct error *err)
{
    bool is_needed;

    if (!prepare_reload(visit, order, &is_needed, err) || (is_needed && !reload(visit, err)))
        return false;
    if (visit->running->is_reloading &&
        !nginx_running_wait(visit->running, &visit->master, visit->deadline, err))
        return false;
    return check_each(visit, order, err);
}

static bool begin_order(struct order *order, struct visit *visit, const struct lb *lb,
                        size_t address, const struct job *job, struct deadline deadline,
                        bool *ret_missing, struct error *err)
{
    *order = (struct order){.admin = job->admin};
    return visit_open(visit, lb, address, deadline, err) &&
           nginx_tree_load(visit->site.config_path, &order->disk, err) &&
           order_plan(order, job, hold_of(lb, job->admin), ret_missing, err);
}

static bool find_at_address(const struct lb *lb, size_t address, void *context,
                            struct deadline deadline, struct error *err)
{
    struct visit visit VISIT_CLEANUP = {.running = NULL};
    struct order order ORDER_CLEANUP;
    bool is_missing;

    return begin_order(&order, &visit, lb, address, context, deadline, &is_missing, err);
}

static bool set_at_address(const struct lb *lb, size_t address, void *context,
                           struct deadline deadline, struct error *err)
{
    struct visit visit VISIT_CLEANUP = {.running = NULL};
    struct order order ORDER_CLEANUP;
    struct error later;
    bool is_missing;

    if (!begin_order(&order, &visit, lb, address, context, deadline, &is_missing, err))
        return false;
    return enforce(&visit, &order, is_missing ? &later : err) && !is_missing;
}

/* Traffic is taken away from a member only when every NGINX is there and knows it; it is given back
 * wherever that can be done. */
static bool set_members(const struct lb *lb, const char *const *members, size_t count,
                        enum lb_admin admin, struct deadline deadline, struct error *err)
{
    struct job job;

    if (!job_init(&job, members, count, err))
        return false;
    job.admin = admin;
    if (admin != LB_ADMIN_UP &&
        !lb_at_each_address(lb, &job, deadline, find_at_address, false, err))
        return false;
    return lb_at_each_address(lb, &job, deadline, set_at_address, true, err);
}

const struct lb_driver lb_nginx_driver = {
    .name = "nginx",
    .settings = settings,
    .setting_count = SETTING_COUNT,
    .change_ms = 30000,
    .compare_ms = 250,
    .check_options = check_options,
    .check_member = check_member,
    .open = open_lb,
    .close = close_lb,
    .read_members = read_members,
    .set_members = set_members,
};
