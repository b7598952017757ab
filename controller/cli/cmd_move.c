/* SPDX-License-Identifier: Apache-2.0 */
/* One node's traffic, moved by hand while no upgrade runs. */
#include "ask_simple.h"

enum exit_code cmd_drain(struct cli *cli, struct error *err)
{
    struct request request = {.verb = REQUEST_DRAIN};
    return ask_simple(cli, &request, err);
}

enum exit_code cmd_return(struct cli *cli, struct error *err)
{
    struct request request = {.verb = REQUEST_RETURN};
    return ask_simple(cli, &request, err);
}
