/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A load balancer that can be changed on its own host only, through the shunt-agent there. Its
 * agents' configuration says what it is and how it is driven; here stands who they are, and by
 * which name they know it.
 *
 * Several agents are several hosts that are set alike, each with a load balancer of that name.
 */
#include "lb_registry.h"

#include "lb_addresses.h"
#include "lb_message.h"
#include "lb_transport.h"

#include "check.h"
#include "text.h"

#include <string.h>

enum { SETTING_LOAD_BALANCER, SETTINGS };

static const struct lb_setting settings[] = {
    [SETTING_LOAD_BALANCER] = {.key = "load_balancer", .kind = LB_SETTING_TEXT},
};
_Static_assert(sizeof(settings) / sizeof(settings[0]) == SETTINGS, "a row for every setting");

static bool check_options(const struct lb_options *options, struct error *err)
{
    const char *name = options->values[SETTING_LOAD_BALANCER];

    if (!lb_check_addresses(options, LB_ADDRESSES, err))
        return false;
    for (size_t i = 0; i < options->address_count; i++) {
        if (text_is_name(options->addresses[i]))
            continue;
        error_set(err, ERROR_INVALID, "'%.200s' is no name of an agent", options->addresses[i]);
        error_hint(err, "write the name of the agent on the load balancer's host, as in its "
                        "configuration (node: NAME)");
        return false;
    }
    if (name == NULL || text_is_name(name))
        return true;
    error_set(err, ERROR_INVALID, "load_balancer '%.200s' is no name", name);
    error_hint(err, "write it as in load_balancers of the agent's configuration");
    return false;
}

/* What it looks like is for the driver at the agent to say. */
static bool check_member(const char *member, struct error *err)
{
    if (member[0] != '\0' && strlen(member) < LB_MEMBER && message_is_printable(member))
        return true;
    error_set(err, ERROR_INVALID, "a member is a text of 1 to %d bytes without control characters",
              LB_MEMBER - 1);
    return false;
}

/* What each agent is asked, and what they have told so far. */
struct job {
    struct command command;
    struct lb_member_state states[LB_MEMBERS];
    bool is_first; /* none has answered yet */
};

const char *lb_remote_name(const struct lb *lb)
{
    const char *name = lb->options.values[SETTING_LOAD_BALANCER];
    return name != NULL ? name : lb->name;
}

static bool job_init(struct job *job, const struct lb *lb, enum verb verb,
                     const char *const *members, size_t count, struct error *err)
{
    memset(job, 0, sizeof(*job));
    job->is_first = true;
    for (size_t i = 0; i < count; i++)
        if (!check_member(members[i], err))
            return false;
    job->command.verb = verb;
    lb_message_write_members(members, count, &job->command);
    return TEXT_COPY(job->command.load_balancer, lb_remote_name(lb));
}

static bool call(const struct lb *lb, size_t agent, struct command *command,
                 struct deadline deadline, struct report *ret_report, struct error *err)
{
    CHECK(lb->transport != NULL);
    if (deadline_is_over(deadline)) {
        error_set(err, ERROR_TIMEOUT, "no time is left");
        return false;
    }
    TEXT_COPY(command->node, lb->options.addresses[agent]);
    return lb->transport->call(lb->transport->context, command, deadline, ret_report, err);
}

static bool read_at_agent(const struct lb *lb, size_t agent, void *context,
                          struct deadline deadline, struct error *err)
{
    struct job *job = context;
    struct lb_member_state states[LB_MEMBERS];
    struct report report;

    if (!call(lb, agent, &job->command, deadline, &report, err) ||
        !lb_message_read_states(&report, &job->command, states, err))
        return false;
    for (size_t i = 0; i < job->command.members.count; i++)
        lb_state_collect(&job->states[i], &states[i], job->is_first);
    job->is_first = false;
    return true;
}

static bool read_members(const struct lb *lb, const char *const *members, size_t count,
                         struct deadline deadline, struct lb_member_state *ret_states,
                         struct error *err)
{
    struct job job;

    if (!job_init(&job, lb, VERB_LB_READ, members, count, err) ||
        !lb_at_each_address(lb, &job, deadline, read_at_agent, false, err))
        return false;
    memcpy(ret_states, job.states, count * sizeof(ret_states[0]));
    return true;
}

/* Done means read back, by the driver at the agent. */
static bool order_at_agent(const struct lb *lb, size_t agent, void *context,
                           struct deadline deadline, struct error *err)
{
    struct job *job = context;
    struct report ignored;

    return call(lb, agent, &job->command, deadline, &ignored, err);
}

/* Whether all know the members is asked before anything is taken away; of one agent it is asked by
 * the driver there, with the change itself. */
static bool may_take_away(const struct lb *lb, const char *const *members, size_t count,
                          struct deadline deadline, struct error *err)
{
    struct job job;

    return lb->options.address_count == 1 ||
           (job_init(&job, lb, VERB_LB_READ, members, count, err) &&
            lb_at_each_address(lb, &job, deadline, read_at_agent, false, err));
}

static bool set_members(const struct lb *lb, const char *const *members, size_t count,
                        enum lb_admin admin, struct deadline deadline, struct error *err)
{
    struct job job;

    if (!job_init(&job, lb, VERB_LB_SET, members, count, err))
        return false;
    TEXT_COPY(job.command.admin, lb_admin_name(admin));
    if (admin != LB_ADMIN_UP && !may_take_away(lb, members, count, deadline, err))
        return false;
    return lb_at_each_address(lb, &job, deadline, order_at_agent, true, err);
}

static bool cut_sessions(const struct lb *lb, const char *const *members, size_t count,
                         struct deadline deadline, struct error *err)
{
    struct job job;

    return job_init(&job, lb, VERB_LB_CUT, members, count, err) &&
           lb_at_each_address(lb, &job, deadline, order_at_agent, true, err);
}

/* A minute for a change: a reload, and the wait until it is in force, at the slowest of drivers. */
const struct lb_driver lb_agent_driver = {
    .name = "agent",
    .settings = settings,
    .setting_count = SETTINGS,
    .is_remote = true,
    .change_ms = 60000,
    .compare_ms = 250,
    .look_ms = 250,
    .check_options = check_options,
    .check_member = check_member,
    .read_members = read_members,
    .set_members = set_members,
    .cut_sessions = cut_sessions,
};
