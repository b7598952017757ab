/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `redis: embedded`: a private redis-server of the controller's own, on a unix socket below the
 * state directory, with append-only file and generated ACL users; and all keys that the rest of the
 * configuration may leave out. For one machine, and for trying Shunt out.
 *
 *   STATE_DIR/redis/redis.sock, redis.conf, users.acl, {controller,operator}.password
 *   STATE_DIR/keys/controller.key, operator.key
 *   STATE_DIR/agents/CLUSTER.NODE/node.key, redis.password, redis.url, controllers
 *
 * Agents that enroll (agent_keys.h) are for other set-ups: here no key is left to be accepted.
 */
#ifndef SHUNT_EMBEDDED_H
#define SHUNT_EMBEDDED_H

#include "config.h"

/* Makes what is missing, and completes the configuration with it: the keys of agents, an operator
 * "admin" with the role approver, the controller's Redis user. Existing files are kept. */
bool embedded_prepare(struct config *config, struct error *err);

struct embedded;

/* Starts redis-server and keeps it running; it ends with this process. */
bool embedded_start(const struct config *config, struct embedded **ret_embedded, struct error *err);
void embedded_stop(struct embedded *embedded); /* NULL is fine */

#endif
