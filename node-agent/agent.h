/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon: one loop over Redis, signals, a timer and the jobs' pipes. Nothing in it waits for
 * anything else, but for Redis, and for that 2 s at most.
 */
#ifndef SHUNT_AGENT_H
#define SHUNT_AGENT_H

#include "agent_config.h"

/* Runs until SIGTERM or SIGINT. False where it could not begin. */
bool agent_run(const struct agent_config *config, struct error *err);

#endif
