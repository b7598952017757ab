/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What agents say of the changes that administrators have made in the install directories: asked
 * for a plan, or for an operator who wants to see those of one node.
 */
#ifndef SHUNT_CUSTOMISATIONS_H
#define SHUNT_CUSTOMISATIONS_H

#include "json.h"
#include "plan.h"
#include "request.h"
#include "shell.h"

/* Two distributions are read to their ends, beside a Bitbucket that serves. */
#define CUSTOMISATIONS_MS 120000

struct customisation_answers {
    uint32_t missing;                    /* bit a node */
    struct report *reports[LIMIT_NODES]; /* of those that are done, owned */
    struct error errors[LIMIT_NODES];    /* of the others that were asked */
};

void customisations_ask(struct shell *shell, struct cluster *cluster, const struct request *request,
                        size_t node, struct customisation_answers *answers);
/* True if the report was an answer to one of these questions. */
bool customisations_take(const struct cluster *cluster, const struct request *request,
                         struct customisation_answers *answers, const struct report *report);
/* Waits no longer for those nodes (bits), and says nothing of them. */
void customisations_forget(struct customisation_answers *answers, uint32_t nodes);
void customisations_free(struct customisation_answers *answers);

/* For the core's check of a node that was asked. */
void customisations_judge(const struct customisation_answers *answers, size_t node,
                          struct plan_customisations *ret_judged);

/* {"node","total","conflicts","items":[{"path","kind","outcome","why"}],"hunks"}, or NULL where
 * there is no answer. */
json_t *customisations_to_json(const struct customisation_answers *answers, size_t node,
                               const char *name);

#endif
