/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments that plan and upgrade share, and how an answer with a plan is shown. */
#ifndef SHUNT_ASK_PLAN_H
#define SHUNT_ASK_PLAN_H

#include "ask.h"

/* --to, --artifact and --sha256 as a request wants them: a file's path absolute, the hash in lower
 * case. ERROR_INVALID where one is malformed: the controller would not even answer. */
bool ask_plan_arguments(const struct arguments *arguments, struct request *ret_request,
                        struct error *err);

/* Shows the plan in the answer, or its failed checks only; EXIT_CODE_REFUSED, and *err, where one
 * has failed. */
enum exit_code ask_plan_show(struct cli *cli, const struct answer *answer, bool only_failed,
                             struct error *err);

#endif
