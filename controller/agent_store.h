/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where acceptances of agents' keys are kept: in the hash shunt:{C}:agents, from which controllers
 * learn of them, and in STATE_DIR/accepted/CLUSTER/AGENT of each controller, which outlives all
 * data of Redis. Both are verified at each reading (acceptance.h), and never take the place of a
 * later one. What Redis has lost the leader puts back.
 */
#ifndef SHUNT_AGENT_STORE_H
#define SHUNT_AGENT_STORE_H

#include "shell.h"

/* At the start: what our files have. */
void agent_store_load(struct shell *shell, struct cluster *cluster);

/* Takes over what Redis has, and puts back what it lacks where we lead. What fails is logged; after
 * an outage of Redis the next look is soon. */
void agent_store_look(struct shell *shell, struct cluster *cluster);
/* The same where the last look was a while ago. */
void agent_store_look_if_due(struct shell *shell, struct cluster *cluster);

/* Takes an operator's acceptance of a moment ago: durable when true, and known to the others as
 * soon as Redis has it. ERROR_STALE where a later one is known, or as agent_keys_judge() fails;
 * nothing has changed then. */
bool agent_store_take(struct shell *shell, struct cluster *cluster, const char *agent,
                      const char *text, struct error *err);

#endif
