/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon: one loop over Redis, signals, a timer and the jobs' pipes. It waits nowhere else but
 * for an answer of Redis, and for none of those longer than REDIS_LINK_CALL_MS.
 */
#ifndef SHUNT_AGENT_H
#define SHUNT_AGENT_H

#include "agent_config.h"

/* Runs until SIGTERM or SIGINT. False where it could not begin. */
bool agent_run(const struct agent_config *config, struct error *err);

#endif
