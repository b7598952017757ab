/* SPDX-License-Identifier: Apache-2.0 */
#include "lb_serve.h"

#include "check.h"
#include "lb_message.h"

/* Here, because the controller does not know what a member of this driver looks like. */
static bool check_members(const struct lb *lb, const char *const *members, size_t count,
                          struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!lb->driver->check_member(members[i], err))
            return false;
    return true;
}

static bool read_states(const struct lb *lb, const char *const *members, size_t count,
                        struct deadline deadline, struct report *report, struct error *err)
{
    struct lb_member_state states[LB_MEMBERS];
    if (!lb->driver->read_members(lb, members, count, deadline, states, err))
        return false;
    lb_message_write_states(states, count, report);
    report->is_blind = lb_is_blind(lb);
    return true;
}

bool lb_serve(const struct lb *lb, const struct command *command, struct deadline deadline,
              struct report *report, struct error *err)
{
    const struct lb_driver *driver = lb->driver;
    const char *members[LB_MEMBERS];
    size_t count = command->members.count;
    for (size_t i = 0; i < count; i++)
        members[i] = command->members.names[i];
    if (!check_members(lb, members, count, err))
        return false;
    if (command->verb == VERB_LB_READ)
        return read_states(lb, members, count, deadline, report, err);
    if (command->verb == VERB_LB_SET)
        return driver->set_members(lb, members, count, lb_message_admin(command->admin), deadline,
                                   err);
    CHECK(command->verb == VERB_LB_CUT);
    /* A driver that cannot cut has nothing to do, here as in the controller. */
    return driver->cut_sessions == NULL || driver->cut_sessions(lb, members, count, deadline, err);
}
