/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator decides about the upgrade that runs: one request each. */
#include "ask_simple.h"

enum exit_code cmd_pause(struct cli *cli, struct error *err)
{
    struct request request = {.verb = REQUEST_PAUSE};
    return ask_simple(cli, &request, err);
}

enum exit_code cmd_resume(struct cli *cli, struct error *err)
{
    struct request request = {.verb = REQUEST_RESUME};
    return ask_simple(cli, &request, err);
}

enum exit_code cmd_abort(struct cli *cli, struct error *err)
{
    struct request request = {
        .verb = REQUEST_ABORT,
        .with_rollback = arguments_has(&cli->arguments, OPTION_ROLLBACK),
    };
    return ask_simple(cli, &request, err);
}

enum exit_code cmd_rollback(struct cli *cli, struct error *err)
{
    struct request request = {.verb = REQUEST_ROLLBACK};
    return ask_simple(cli, &request, err);
}

enum exit_code cmd_approve(struct cli *cli, struct error *err)
{
    struct request request = {.verb = REQUEST_APPROVE};
    return ask_simple(cli, &request, err);
}
