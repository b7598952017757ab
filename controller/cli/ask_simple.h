/* SPDX-License-Identifier: Apache-2.0 */
/* A command that is one request, and whose answer is one line. */
#ifndef SHUNT_ASK_SIMPLE_H
#define SHUNT_ASK_SIMPLE_H

#include "client.h"
#include "commands.h"
#include "request.h"

/* The request's node is the command's word, where it takes one. */
enum exit_code ask_simple(struct cli *cli, struct request *request, struct error *err);

/* The second half of it: asks, and tells the answer. */
enum exit_code ask_and_tell(struct cli *cli, struct client *client, struct request *request,
                            struct error *err);

/* Takes it, where there is one. ERROR_INVALID where it is no name. */
bool ask_take_node(const struct client *client, struct request *request, struct error *err);

#endif
