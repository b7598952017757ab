/* SPDX-License-Identifier: Apache-2.0 */
/* Plans and what was gathered for them, as JSON for the operator's CLI. New references. */
#ifndef SHUNT_PLAN_JSON_H
#define SHUNT_PLAN_JSON_H

#include "json.h"
#include "plan.h"

/* {"cluster","from","to","failed","checks":[{"check","subject","ok","detail","error"}],
 *  "order":[{"node","load"}]} */
json_t *plan_to_json(const struct plan_input *input, const struct plan *plan);

/* [{"node","state","version","tasks","users","agent":{…}|null,"agent_error",
 *   "load_balancers":[{"name","rotation":"up|not-up|drained|unknown","sessions","error"}]}] */
json_t *nodes_to_json(const struct plan_input *input);

/* observed_json.c: what there is to see of a cluster whose journal is gone.
 * {"cluster_state","upgrade_mode","nodes":[as above],"findings":[{"subject","message","hint"}]} */
json_t *observed_to_json(const struct plan_input *input);

#endif
