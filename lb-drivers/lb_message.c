/* SPDX-License-Identifier: Apache-2.0 */
#include "lb_message.h"

#include "check.h"
#include "text.h"

void lb_message_write_members(const char *const *members, size_t count, struct command *command)
{
    CHECK(count <= LB_MEMBERS);
    command->members.count = count;
    for (size_t i = 0; i < count; i++)
        CHECK(TEXT_COPY(command->members.names[i], members[i]));
}

void lb_message_write_states(const struct lb_member_state *states, size_t count,
                             struct report *report)
{
    CHECK(count <= LB_MEMBERS);
    report->member_count = count;
    for (size_t i = 0; i < count; i++) {
        struct message_member *member = &report->members[i];
        *member = (struct message_member){.is_checked = states[i].is_checked,
                                          .sessions = states[i].sessions,
                                          .settle_ms = states[i].settle_ms,
                                          .weight = states[i].weight,
                                          .peers_up = states[i].peers_up};
        TEXT_COPY(member->member, states[i].member);
        TEXT_COPY(member->admin, lb_admin_name(states[i].admin));
        TEXT_COPY(member->health, lb_health_name(states[i].health));
    }
}

enum lb_admin lb_message_admin(const char *word)
{
    enum lb_admin admin = LB_ADMIN_UP;
    while (!text_equal(lb_admin_name(admin), word))
        admin++;
    return admin;
}

static enum lb_health health_of(const char *word)
{
    enum lb_health health = LB_HEALTH_UP;
    while (!text_equal(lb_health_name(health), word))
        health++;
    return health;
}

bool lb_message_read_states(const struct report *report, const struct command *command,
                            struct lb_member_state *ret_states, struct error *err)
{
    bool is_asked_for = report->member_count == command->members.count;
    for (size_t i = 0; is_asked_for && i < report->member_count; i++)
        is_asked_for = text_equal(report->members[i].member, command->members.names[i]);
    if (!is_asked_for) {
        error_set(err, ERROR_PROTOCOL, "told of other members than it was asked for");
        return false;
    }
    for (size_t i = 0; i < report->member_count; i++) {
        const struct message_member *member = &report->members[i];
        ret_states[i] = (struct lb_member_state){.admin = lb_message_admin(member->admin),
                                                 .health = health_of(member->health),
                                                 .is_checked = member->is_checked,
                                                 .sessions = member->sessions,
                                                 .is_blind = report->is_blind,
                                                 .settle_ms = member->settle_ms,
                                                 .weight = member->weight,
                                                 .peers_up = (uint32_t)member->peers_up};
        TEXT_COPY(ret_states[i].member, member->member);
    }
    return true;
}
