/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three tiny nodes behind the load balancer under test, served by one thread of the test program.
 * Each has an HTTP port and a port that talks like SSH.
 *
 *   GET /status   200, or 503 from a sick node (for health checks)
 *   GET /hold     answered only after nodes_release()
 *   GET anything  200 with the node's name as its body
 *
 * The SSH port greets with "SSH-2.0-NODE" and then waits for the client to go; a sick node closes
 * without a greeting.
 */
#ifndef SHUNT_CONTRACT_NODES_H
#define SHUNT_CONTRACT_NODES_H

#include <stdbool.h>
#include <stddef.h>

#define NODE_COUNT 3

void nodes_start(void);
void nodes_stop(void);

int node_http_port(size_t node);
int node_ssh_port(size_t node);
const char *node_name(size_t node); /* "n1", "n2", "n3" */

size_t node_http_connections(size_t node); /* open now, health checks and idle ones too */

void node_set_sick(size_t node, bool is_sick);
void nodes_hold(void);    /* from now on /hold waits */
void nodes_release(void); /* answers all that wait, and the next ones at once */

#endif
