/* SPDX-License-Identifier: Apache-2.0 */
#include "config_parts.h"

#include "memory.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define SSH_PORT_DEFAULT 7999

/* A web URL that paths can be put after. True if *url holds a good one. */
static bool get_base_url(struct yaml_document *document, const struct yaml_node *map,
                         const char *key, char url[LIMIT_URL])
{
    if (!yaml_get_url(document, map, key, true, url, LIMIT_URL))
        return false;
    if (strchr(url, '?') == NULL)
        return true;
    yaml_complain(document, yaml_find(map, key), "a base URL has no query ('?')");
    return false;
}

/* Names that must differ within one cluster. */
struct node_names {
    struct config_unique names, agents;
};

/* The agent's name is a part of its command stream's key, hence unique in the cluster. */
static void read_agent(struct config_reading *reading, const struct yaml_node *map,
                       struct node_names *seen, struct node_config *node)
{
    const struct yaml_node *place = yaml_find(map, "agent");
    (void)text_copy(node->agent, sizeof(node->agent), node->name);
    (void)yaml_get_name(reading->document, map, "agent", false, node->agent, sizeof(node->agent));
    if (node->agent[0] != '\0')
        (void)config_claim(reading->document, &seen->agents, node->agent,
                           place != NULL ? place : map, "each node has an agent of its own");
    node->has_agent_key = config_read_agent_key(reading, map, "agent_key", &node->agent_key);
}

static void read_node_url(struct config_reading *reading, const struct yaml_node *map,
                          const struct cluster_config *cluster, struct node_config *node)
{
    struct yaml_document *document = reading->document;
    if (!get_base_url(document, map, "url", node->url))
        return;
    if (text_equal(node->url, cluster->base_url))
        yaml_complain(document, yaml_find(map, "url"),
                      "is the cluster's base_url, so probably the load balancer; the node's own "
                      "URL is needed");
    else
        (void)config_claim(document, &reading->urls, node->url, yaml_find(map, "url"),
                           "each node has a URL of its own");
}

static void read_node(struct config_reading *reading, const struct yaml_node *map,
                      const struct cluster_config *cluster, struct node_names *seen,
                      struct node_config *node)
{
    struct yaml_document *document = reading->document;
    int64_t ssh_port = SSH_PORT_DEFAULT;
    if (yaml_get_name(document, map, "name", true, node->name, sizeof(node->name)))
        (void)config_claim(document, &seen->names, node->name, yaml_find(map, "name"),
                           "a node's name is unique in its cluster");
    read_node_url(reading, map, cluster, node);
    (void)yaml_get_integer(document, map, "ssh_port", false, 0, 65535, &ssh_port);
    node->ssh_port = (int)ssh_port;
    read_agent(reading, map, seen, node);
    yaml_complain_unknown(document, map);
}

static void read_nodes(struct config_reading *reading, const struct yaml_node *cluster_map,
                       struct node_names *seen, struct cluster_config *cluster)
{
    const struct yaml_node *list =
        config_get_list(reading->document, cluster_map, "nodes", 1, LIMIT_NODES);
    if (list == NULL)
        return;
    cluster->node_count = yaml_count(list);
    cluster->nodes = memory_zeroed(cluster->node_count, sizeof(*cluster->nodes));
    for (size_t i = 0; i < cluster->node_count; i++) {
        const struct yaml_node *map = config_map_item(reading->document, list, i);
        if (map != NULL)
            read_node(reading, map, cluster, seen, &cluster->nodes[i]);
    }
}

static int64_t slowest_lb_ms(const struct cluster_config *cluster)
{
    int64_t slowest_ms = 0;
    for (size_t i = 0; i < cluster->lb_count; i++) {
        const struct lb_driver *driver = cluster->lbs[i].lb.driver;
        if (driver != NULL && driver->change_ms > slowest_ms)
            slowest_ms = driver->change_ms;
    }
    return slowest_ms;
}

void config_read_cluster(struct config_reading *reading, const struct yaml_node *map,
                         struct cluster_config *cluster)
{
    struct yaml_document *document = reading->document;
    struct node_names seen = {0};
    if (yaml_get_name(document, map, "name", true, cluster->name, sizeof(cluster->name)))
        (void)config_claim(document, &reading->cluster_names, cluster->name, yaml_find(map, "name"),
                           "a cluster's name is unique in the fleet");
    if (get_base_url(document, map, "base_url", cluster->base_url))
        (void)config_claim(document, &reading->urls, cluster->base_url, yaml_find(map, "base_url"),
                           "each cluster has a base_url of its own");
    config_read_credentials(document, map, true, &cluster->credentials);
    config_read_tls(document, map, cluster->ca_file);
    read_nodes(reading, map, &seen, cluster);
    config_read_agents(reading, map, &seen.agents, cluster);
    config_unique_done(&seen.names);
    config_unique_done(&seen.agents);
    config_read_lbs(reading, map, cluster);
    config_read_policy(document, map, cluster->node_count, &cluster->policy);
    cluster->policy.lb_deadline_ms = slowest_lb_ms(cluster);
    config_check_ramps(document, map, cluster);
    yaml_complain_unknown(document, map);
}

void config_cluster_done(struct cluster_config *cluster)
{
    config_lbs_done(cluster);
    free(cluster->lb_agents);
    cluster->lb_agents = NULL;
    cluster->lb_agent_count = 0;
    free(cluster->nodes);
    cluster->nodes = NULL;
    cluster->node_count = 0;
}
