/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan being made: the facts of all agents and what REST and load balancers say are gathered side
 * by side; then the core judges. `plan` answers with the result, `upgrade` goes on if no check has
 * failed. Belongs to the main thread, but for the input's parts that the worker fills.
 */
#ifndef SHUNT_PLAN_RUN_H
#define SHUNT_PLAN_RUN_H

#include "plan.h"
#include "request.h"
#include "shell.h"

/* note: what a recover answers with; empty for others. */
void plan_run_start(struct shell *shell, struct cluster *cluster, const struct request *request,
                    const char *note);
/* True if the report was an answer to a plan's question. */
bool plan_run_report(struct shell *shell, struct cluster *cluster, const struct report *report);
void plan_run_gathered(struct shell *shell, struct cluster *cluster, void *plan_run);
struct plan_run *plan_run_next(struct plan_run *run);
/* The request for an upgrade that begins when its plan has been made; NULL if there is none. */
const struct request *plan_run_of_upgrade(const struct cluster *cluster);
void plan_run_tick(struct shell *shell, struct cluster *cluster);
void plan_run_free_all(struct cluster *cluster);

/* plan_gather.c: REST and load balancers, in a worker; item ITEM_PLAN when it is done. */
void plan_gather(struct shell *shell, struct cluster *cluster, struct plan_input *input,
                 struct plan_run *run);

#endif
