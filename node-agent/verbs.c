/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

#include "check.h"

static const verb_fn functions[] = {
    [VERB_FACTS] = verb_facts,
    [VERB_STAGE] = verb_stage,
    [VERB_UNSTAGE] = verb_unstage,
    [VERB_CONNECTIONS] = verb_connections,
    [VERB_STOP] = verb_stop,
    [VERB_SWITCH] = verb_switch,
    [VERB_SWITCH_BACK] = verb_switch_back,
    [VERB_START] = verb_start,
    [VERB_PROBE] = verb_probe,
    [VERB_WATCH] = verb_watch,
    [VERB_CUSTOMISATIONS] = verb_customisations,
    [VERB_PRUNE] = verb_prune,
    [VERB_LB_READ] = verb_load_balancer,
    [VERB_LB_SET] = verb_load_balancer,
    [VERB_LB_CUT] = verb_load_balancer,
    [VERB_CANCEL] = NULL, /* ends another job, so it can be none itself */
};
_Static_assert(sizeof(functions) / sizeof(functions[0]) == VERB_COUNT, "one row a verb");

verb_fn job_verb_function(enum verb verb)
{
    CHECK((unsigned)verb < VERB_COUNT);
    return functions[verb];
}
