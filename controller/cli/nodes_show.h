/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a cluster's nodes, for the commands that show one (cmd_nodes.c). */
#ifndef SHUNT_NODES_SHOW_H
#define SHUNT_NODES_SHOW_H

#include "commands.h"

#include <jansson.h>

/* The list "nodes" of an answer. *err is set where it has another shape. */
enum exit_code nodes_show(struct cli *cli, const json_t *nodes, struct error *err);

#endif
