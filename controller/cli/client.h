/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command works with: the configuration, the connection to Redis, and the cluster that it is
 * about. The CLI talks to Redis and never to one controller, so it works through a failover.
 */
#ifndef SHUNT_CLIENT_H
#define SHUNT_CLIENT_H

#include "commands.h"
#include "config.h"
#include "exit_code.h"
#include "redis.h"

struct client {
    struct yaml_document document;
    struct config config;
    const struct cluster_config *cluster; /* NULL where the command is about all of them */
    const char *word;                     /* the word after the cluster, or NULL */
    struct redis *redis;
};

#define CLIENT_CLEANUP __attribute__((cleanup(client_done)))

#define CLIENT_CALL_MS 5000 /* one command to Redis, and the connecting */

/* Reads the configuration, finds the cluster and connects; the first that fails is told in *err.
 * client_done() afterwards in any case; `client` begins zeroed. */
enum exit_code client_open(struct client *client, const struct cli *cli, struct error *err);
/* The same for a command that is about one cluster. */
enum exit_code client_open_cluster(struct client *client, const struct cli *cli, struct error *err);
void client_done(struct client *client);

/* Connects if it is not connected. */
bool client_connect(struct client *client, int64_t within_ms, struct error *err);

/* Waits for a controller that leads the cluster, as long as a failover may take. ERROR_UNAVAILABLE
 * if there is none. */
bool client_await_leader(struct client *client, struct error *err);

#endif
