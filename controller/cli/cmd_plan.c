/* SPDX-License-Identifier: Apache-2.0 */
#include "ask_plan.h"

enum exit_code cmd_plan(struct cli *cli, struct error *err)
{
    CLIENT_CLEANUP struct client client = {.redis = NULL};
    ANSWER_CLEANUP struct answer answer = {.json = NULL};
    struct request request = {.verb = REQUEST_PLAN};
    if (!ask_plan_arguments(&cli->arguments, &request, err))
        return EXIT_CODE_USAGE;
    enum exit_code code = ask_document(cli, &request, &client, &answer, err);
    if (code != EXIT_CODE_OK)
        return code;
    code = answer_exit_code(&answer, err);
    return code == EXIT_CODE_OK ? ask_plan_show(cli, &answer, false, err) : code;
}
