/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the configuration leaves open about Bitbucket is found by looking at the host, once, at the
 * start: the service that starts it, the tree that this starts, BITBUCKET_HOME, and where it
 * listens. What is written wins. Nothing is guessed: where there are two answers, or none, that is
 * a complaint that names them, and the key to write.
 */
#ifndef SHUNT_LOOK_H
#define SHUNT_LOOK_H

#include "agent_config.h"
#include "node_check.h"

/* Fills in what is open. Adds a line for each thing, written or found, to ret_found: "home:
 * /srv/home (unit bitbucket.service)"; and one for each that cannot be told to ret_complaints:
 * "bitbucket.home: what; hint: …". Returns the number of complaints. ret_found: NULL where nobody
 * wants to know. root: "" for this host. */
size_t look_fill(struct agent_config *config, const char *root, struct buffer *ret_found,
                 struct buffer *ret_complaints);

/* What only a process has said is kept in the state_dir: it is stopped in an upgrade, and the agent
 * may have to start again then. */
bool look_remember(const struct agent_config *config, struct error *err);

/* Looks again, and complains of what does not agree with the configuration in use: with what is
 * written there, or with what was found at the start and has changed since. */
void look_compare(const struct bitbucket_config *config, struct node_complaints *complaints);

#endif
