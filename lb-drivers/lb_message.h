/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lb_driver.h knows of members, in the words that stand in messages (message.h), and back.
 */
#ifndef SHUNT_LB_MESSAGE_H
#define SHUNT_LB_MESSAGE_H

#include "lb_driver.h"
#include "message.h"

/* At most LB_MEMBERS. */
void lb_message_write_members(const char *const *members, size_t count, struct command *command);
void lb_message_write_states(const struct lb_member_state *states, size_t count,
                             struct report *report);

/* The word has been through the codec. */
enum lb_admin lb_message_admin(const char *word);

/* ERROR_PROTOCOL unless the report has just the members that the command names. */
bool lb_message_read_states(const struct report *report, const struct command *command,
                            struct lb_member_state *ret_states, struct error *err);

#endif
