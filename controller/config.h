/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fleet's configuration, read from one YAML file by the controller and by the CLI. Plain data,
 * checked; the lists belong to the configuration and are ended with config_done().
 */
#ifndef SHUNT_CONFIG_H
#define SHUNT_CONFIG_H

#include "credentials.h"
#include "keys.h"
#include "lb_driver.h"
#include "limit.h"
#include "policy.h"
#include "redis.h"
#include "yaml.h"

#define CONFIG_LB_AGENTS_MOST (LIMIT_LBS * LB_ADDRESSES) /* one at each address */

enum role { ROLE_VIEWER, ROLE_OPERATOR, ROLE_APPROVER }; /* each includes those before it */

struct operator_config {
    char name[LIMIT_NAME];
    enum role role;
    struct key_public key;
};

struct node_config {
    char name[LIMIT_NAME];  /* the cluster node name of Bitbucket (-Dcluster.node.name) */
    char url[LIMIT_URL];    /* of the node itself, not through a load balancer; no trailing / */
    int ssh_port;           /* 0 = SSH is off */
    char agent[LIMIT_NAME]; /* the agent's node name; default: name */
    bool has_agent_key;     /* else it is made (embedded) or accepted (agent_keys.h) */
    struct key_public agent_key;
};

/* An agent on a load balancer's host, which is no node. */
struct lb_agent {
    char name[LIMIT_NAME];
    bool has_key; /* as of a node's */
    struct key_public key;
};

struct lb_config {
    struct lb lb; /* driver, name, addresses */
    /* Members of each node, in the order of the cluster's nodes. */
    struct lb_node_members {
        char (*members)[LB_MEMBER];
        size_t count; /* 0: the node is not behind this LB */
    } * nodes;
};

struct cluster_config {
    char name[LIMIT_NAME];
    char base_url[LIMIT_URL];
    struct credentials credentials;
    char ca_file[LIMIT_PATH]; /* empty = the system's */
    struct node_config *nodes;
    size_t node_count;
    struct lb_agent *lb_agents;
    size_t lb_agent_count;
    struct lb_config *lbs;
    size_t lb_count;
    struct policy policy;
};

struct config {
    char name[LIMIT_NAME];      /* of this controller; default: the host's name */
    char state_dir[LIMIT_PATH]; /* default /var/lib/shunt */
    char key_file[LIMIT_PATH];  /* the controller's; default STATE_DIR/keys/controller.key */
    bool is_embedded;           /* redis: embedded */
    struct redis_address redis; /* embedded: unix STATE_DIR/redis/redis.sock */
    int64_t lease_ms;           /* time to live of a leader's lease; default 6 s */
    struct operator_config *operators;
    size_t operator_count;
    struct cluster_config *clusters;
    size_t cluster_count;
    /* The CLI's own: who signs. Defaults: STATE_DIR/keys/operator.key and name "admin", which the
     * embedded set-up makes with the role approver. */
    char operator_name[LIMIT_NAME];
    char operator_key_file[LIMIT_PATH];
};

/* Reads the whole file into ret_config; every complaint goes to `document`. Call config_done()
 * afterwards in any case. */
void config_read(struct yaml_document *document, struct config *ret_config);
void config_done(struct config *config);

/* Looks at the machine (--check): key files and their modes, credentials, redis-server where it is
 * embedded, the state directory. Adds "what: rule; hint" lines, returns their number. */
size_t config_check_host(const struct config *config, struct buffer *ret_complaints);

const struct cluster_config *config_find_cluster(const struct config *config, const char *name);
const struct operator_config *config_find_operator(const struct config *config, const char *name);
const char *role_name(enum role role);

/* Index in cluster->nodes, or -1. */
int config_find_node(const struct cluster_config *cluster, const char *name);
int config_find_agent(const struct cluster_config *cluster, const char *agent);

/* Any agent of the cluster: those of its nodes, then those of load balancers' hosts. Borrowed. */
struct config_agent {
    const char *name;
    const char *node;             /* its node; NULL: a load balancer's host */
    const struct key_public *key; /* NULL: the configuration does not have it */
};
size_t config_agent_count(const struct cluster_config *cluster);
struct config_agent config_agent_at(const struct cluster_config *cluster, size_t index);
/* Index of the agent of that name, or -1. */
int config_agent_index(const struct cluster_config *cluster, const char *name);

#endif
