/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files config*.c share while one configuration is read; no other file includes this.
 *
 * A reader of a part takes what it can, puts every complaint into the document, and leaves the rest
 * zeroed, so that config_done() is right on it at any time.
 */
#ifndef SHUNT_CONFIG_PARTS_H
#define SHUNT_CONFIG_PARTS_H

#include "config.h"
#include "config_values.h"
#include "credentials_config.h"

struct config_reading {
    struct yaml_document *document;
    /* Across the whole fleet: */
    struct config_unique cluster_names;
    struct config_unique urls;
    struct config_unique lb_members; /* "member at address" */
};

void config_read_redis(struct yaml_document *document, const struct yaml_node *map,
                       struct redis_address *redis);

void config_read_cluster(struct config_reading *reading, const struct yaml_node *map,
                         struct cluster_config *cluster);
void config_cluster_done(struct cluster_config *cluster);

/* The list `agents` of a cluster; names: of the agents of its nodes. */
void config_read_agents(struct config_reading *reading, const struct yaml_node *cluster_map,
                        struct config_unique *names, struct cluster_config *cluster);
/* The public key of an agent, under the key. True if there is a good one; it may be left out. */
bool config_read_agent_key(struct config_reading *reading, const struct yaml_node *map,
                           const char *key, struct key_public *ret_key);

/* Nodes and agents of the cluster must have been read. */
void config_read_lbs(struct config_reading *reading, const struct yaml_node *cluster_map,
                     struct cluster_config *cluster);
/* What load balancers and policy ask of each other; both must have been read. */
void config_check_ramps(struct yaml_document *document, const struct yaml_node *cluster_map,
                        const struct cluster_config *cluster);
void config_lbs_done(struct cluster_config *cluster);

/* map: the cluster's; defaults depend on its number of nodes. */
void config_read_policy(struct yaml_document *document, const struct yaml_node *map,
                        size_t node_count, struct policy *policy);

#endif
