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

#endif
