/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node's own word about itself, asked directly and not through a load balancer: GET /status
 * and the version in GET /rest/api/1.0/application-properties, both without a login.
 */
#ifndef SHUNT_NODE_STATUS_H
#define SHUNT_NODE_STATUS_H

#include "agent_config.h"
#include "clock.h"
#include "http.h"

struct node_status {
    int http_status;
    char state[32]; /* "RUNNING", "STARTING", …; "" where the answer has none */
    char body[160]; /* its begin, made fit for a message */
};

/* Each request is a connection of its own, so that none of ours lingers on a drained node. */
struct http_client *node_status_client(void);

/* True if an answer came, whatever it says; ERROR_UNAVAILABLE and ERROR_TIMEOUT as http_do(). */
bool node_status_get(struct http_client *client, const struct bitbucket_config *config,
                     struct deadline deadline, struct node_status *ret_status, struct error *err);

bool node_status_version(struct http_client *client, const struct bitbucket_config *config,
                         struct deadline deadline, char version[LIMIT_VERSION], struct error *err);

#endif
