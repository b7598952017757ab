/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edges: modules of the product that touch the outside (clock, Redis, disks, keys, workers,
 * children, HAProxy's sockets, Bitbucket's REST), played here under their own headers. The linker
 * finds these first; all else of controller and agent is the production code.
 */
#ifndef SHUNT_SIMULATOR_EDGE_H
#define SHUNT_SIMULATOR_EDGE_H

#include "world.h"

/* Whose fiber runs; NULL if it is none of that kind. */
struct controller *edge_controller(void);
struct agent *edge_agent(void);
struct disk *edge_disk(void);

/* edge_job_runner.c: the children of an agent die with it. */
void edge_jobs_kill(struct agent *agent);

/* edge_json.c: what was read in this run. */
void edge_json_forget(void);

/* edge_process.c: once, before anything else. */
void edge_libraries_init(void);

#endif
