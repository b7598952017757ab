/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in the way of upgrades on this Bitbucket node, each with what to do about it: for
 * --check, and for the facts, by which a plan shows it.
 */
#ifndef SHUNT_NODE_CHECK_H
#define SHUNT_NODE_CHECK_H

#include "agent_config.h"
#include "message.h"

struct node_complaints {
    size_t count; /* of all, also of those for which there was no room */
    struct node_complaint items[MESSAGE_COMPLAINTS];
};

/* Adds one. what: the key in the configuration; hint: "" = none. */
void node_complain(struct node_complaints *complaints, const char *what, const char *hint,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Looks, and may ask systemd and run test(1) as the service's user: a second at most. What is empty
 * in the configuration is skipped; it was complained of before. */
void node_check(const struct agent_config *config, struct node_complaints *ret_complaints);

/* One line that says how a switch will change what is started: the link or the service
 * definition. "" where it cannot be told; a complaint says why. */
void node_check_describe(const struct agent_config *config, char *text, size_t size);

#endif
