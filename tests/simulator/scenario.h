/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named cases, one short text each:
 *
 *     # a reload forgets that a node was drained
 *     nodes 3
 *     at bb2 stop: lb-reloaded 1
 *     expect done
 *
 * `at` takes a time ("40s"), a node and its step, or "phase NAME"; then comes a fault of
 * incidents.c, the number of what it strikes (default 1), and how long it lasts ("for 20s", default
 * 5 s). The world and the policy are named by "controllers 2", "soak 40s", "on-failure quarantine",
 * "force-at-drain-deadline".
 */
#ifndef SHUNT_SIMULATOR_SCENARIO_H
#define SHUNT_SIMULATOR_SCENARIO_H

#include "run.h"

/* ERROR_INVALID with file and line. */
bool scenario_read(const char *path, struct run_options *ret_options, struct error *err);
/* False with a complaint, also where it cannot be read. */
bool scenario_run(const char *path, struct run_result *ret_result);

#endif
