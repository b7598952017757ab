/* SPDX-License-Identifier: Apache-2.0 */
#include "config_parts.h"

#include "memory.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define SSH_PORT_DEFAULT 7999

/* Names that must differ within one cluster. */
struct node_names {
    struct config_unique names, agents;
};

static void read_agent_key(struct config_reading *reading, const struct yaml_node *map,
                           struct node_config *node)
{
    struct error err;
    char text[2 * KEY_PUBLIC_TEXT_SIZE];
    if (!reading->is_embedded && yaml_find(map, "agent_key") == NULL)
        yaml_complain(reading->document, map,
                      "agent_key is missing: the .pub of `shunt keys new %s` for its agent",
                      node->agent);
    if (!yaml_get_text(reading->document, map, "agent_key", false, text, sizeof(text)))
        return;
    node->has_agent_key = key_public_parse(text, &node->agent_key, &err);
    if (!node->has_agent_key)
        config_complain_error(reading->document, yaml_find(map, "agent_key"), &err);
}

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
    read_agent_key(reading, map, node);
}

static void read_node_url(struct config_reading *reading, const struct yaml_node *map,
                          const struct cluster_config *cluster, struct node_config *node)
{
    struct yaml_document *document = reading->document;
    if (!config_get_base_url(document, map, "url", node->url))
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
                       struct cluster_config *cluster)
{
    struct node_names seen = {0};
    const struct yaml_node *list =
        config_get_list(reading->document, cluster_map, "nodes", 1, LIMIT_NODES);
    if (list == NULL)
        return;
    cluster->node_count = yaml_count(list);
    cluster->nodes = memory_zeroed(cluster->node_count, sizeof(*cluster->nodes));
    for (size_t i = 0; i < cluster->node_count; i++) {
        const struct yaml_node *map = config_map_item(reading->document, list, i);
        if (map != NULL)
            read_node(reading, map, cluster, &seen, &cluster->nodes[i]);
    }
    config_unique_done(&seen.names);
    config_unique_done(&seen.agents);
}

/* Exactly one place of the secret, and a user with a password only. */
static void check_credentials(struct yaml_document *document, const struct yaml_node *map,
                              int places, bool has_password, bool has_user)
{
    if (places != 1)
        yaml_complain(document, map,
                      "needs one of password_file, password_env, token_file and token_env, and has "
                      "%d of them",
                      places);
    else if (has_password && !has_user)
        yaml_complain(document, map, "a password needs its user");
    else if (!has_password && has_user)
        yaml_complain(document, yaml_find(map, "user"), "a token has no user: it names one itself");
}

/* True, with a complaint, if a secret itself stands there. */
static bool has_inline_secret(struct yaml_document *document, const struct yaml_node *map)
{
    bool has_password = config_refuse_secret(document, map, "password",
                                             "name a file of mode 0600 in password_file, or an "
                                             "environment variable in password_env");
    bool has_token = config_refuse_secret(document, map, "token",
                                          "name a file of mode 0600 in token_file, or an "
                                          "environment variable in token_env");
    return has_password || has_token;
}

/* A password is often written behind its user, so a wrong value is not shown here either. RFC 7617:
 * a user name has no colon. */
static bool read_user(struct yaml_document *document, const struct yaml_node *map,
                      struct cluster_config *cluster)
{
    const struct yaml_node *place = yaml_find(map, "user");
    const char *text = place != NULL && yaml_kind(place) == YAML_SCALAR ? yaml_text(place) : "";
    bool is_good = text[0] != '\0' && strchr(text, ':') == NULL &&
                   text_copy(cluster->user, sizeof(cluster->user), text);
    if (place != NULL && !is_good)
        yaml_complain(document, place, "must be the name of a user, of less than %zu bytes",
                      sizeof(cluster->user));
    return place != NULL;
}

static void read_credentials(struct yaml_document *document, const struct yaml_node *cluster_map,
                             struct cluster_config *cluster)
{
    const struct yaml_node *map = yaml_find(cluster_map, "credentials");
    if (map == NULL || yaml_kind(map) != YAML_MAP) {
        yaml_complain(document, map != NULL ? map : cluster_map,
                      "credentials must be a map like {token_file: /etc/shunt/git.token}");
        return;
    }
    bool has_user = read_user(document, map, cluster);
    int passwords =
        config_get_secret_file(document, map, "password_file", cluster->password_file) +
        config_get_secret_variable(document, map, "password_env", cluster->password_env);
    int tokens = config_get_secret_file(document, map, "token_file", cluster->token_file) +
                 config_get_secret_variable(document, map, "token_env", cluster->token_env);
    if (!has_inline_secret(document, map))
        check_credentials(document, map, passwords + tokens, passwords > 0, has_user);
    yaml_complain_unknown(document, map);
}

static void read_tls(struct yaml_document *document, const struct yaml_node *cluster_map,
                     struct cluster_config *cluster)
{
    const struct yaml_node *map = yaml_get_map(document, cluster_map, "tls", false);
    if (map == NULL)
        return;
    (void)yaml_get_path(document, map, "ca_file", true, cluster->ca_file, sizeof(cluster->ca_file));
    yaml_complain_unknown(document, map);
}

void config_read_cluster(struct config_reading *reading, const struct yaml_node *map,
                         struct cluster_config *cluster)
{
    struct yaml_document *document = reading->document;
    if (yaml_get_name(document, map, "name", true, cluster->name, sizeof(cluster->name)))
        (void)config_claim(document, &reading->cluster_names, cluster->name, yaml_find(map, "name"),
                           "a cluster's name is unique in the fleet");
    if (config_get_base_url(document, map, "base_url", cluster->base_url))
        (void)config_claim(document, &reading->urls, cluster->base_url, yaml_find(map, "base_url"),
                           "each cluster has a base_url of its own");
    read_credentials(document, map, cluster);
    read_tls(document, map, cluster);
    read_nodes(reading, map, cluster);
    config_read_lbs(reading, map, cluster);
    config_read_policy(document, map, cluster->node_count, &cluster->policy);
    yaml_complain_unknown(document, map);
}

void config_cluster_done(struct cluster_config *cluster)
{
    config_lbs_done(cluster);
    free(cluster->nodes);
    cluster->nodes = NULL;
    cluster->node_count = 0;
}
