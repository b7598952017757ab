/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "check.h"
#include "config_parts.h"
#include "memory.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_DIR_DEFAULT "/var/lib/shunt"

/* The leader renews at a third of it; a lease much longer would leave a cluster without a leader
 * for that long after a crash. */
#define LEASE_DEFAULT_MS 6000
#define LEASE_LEAST_MS   500
#define LEASE_MOST_MS    (5 * 60 * 1000)

static const char *const role_names[] = {
    [ROLE_VIEWER] = "viewer",
    [ROLE_OPERATOR] = "operator",
    [ROLE_APPROVER] = "approver",
    NULL,
};
#define ROLE_COUNT (sizeof(role_names) / sizeof(role_names[0]) - 1)
_Static_assert(ROLE_COUNT == ROLE_APPROVER + 1, "one name a role");

/* Up to the first dot: the domain says nothing within one fleet. */
static void host_name(char name[LIMIT_NAME])
{
    char host[256] = "";
    (void)gethostname(host, sizeof(host) - 1);
    host[strcspn(host, ".")] = '\0';
    (void)text_copy(name, LIMIT_NAME, host);
}

/* Joins a file below the state directory; a complaint if that is too long for the array. */
static void state_path(struct yaml_document *document, const struct config *config,
                       const char *file, char *array, size_t array_size)
{
    char path[LIMIT_PATH + 32];
    (void)snprintf(path, sizeof(path), "%s/%s", config->state_dir, file);
    if (!text_copy(array, array_size, path))
        yaml_complain(document, NULL, "controller.state_dir: '%s' is longer than %zu bytes", path,
                      array_size - 1);
}

static void read_controller(struct yaml_document *document, struct config *config)
{
    const struct yaml_node *map = yaml_get_map(document, document->root, "controller", false);
    if (map != NULL) {
        (void)yaml_get_name(document, map, "name", false, config->name, sizeof(config->name));
        (void)yaml_get_path(document, map, "state_dir", false, config->state_dir,
                            sizeof(config->state_dir));
        (void)yaml_get_path(document, map, "key_file", false, config->key_file,
                            sizeof(config->key_file));
        (void)yaml_get_duration_ms(document, map, "lease", false, LEASE_LEAST_MS, LEASE_MOST_MS,
                                   &config->lease_ms);
        yaml_complain_unknown(document, map);
    }
    if (config->name[0] == '\0')
        host_name(config->name);
    if (!text_is_name(config->name))
        yaml_complain(document, map, "the host's name '%s' is no name; give controller.name",
                      config->name);
    if (config->key_file[0] == '\0')
        state_path(document, config, "keys/controller.key", config->key_file,
                   sizeof(config->key_file));
}

static void read_redis(struct yaml_document *document, struct config *config)
{
    const struct yaml_node *redis = yaml_find(document->root, "redis");
    if (redis != NULL && yaml_kind(redis) == YAML_MAP) {
        config_read_redis(document, redis, &config->redis);
        return;
    }
    config->is_embedded = true;
    state_path(document, config, "redis/redis.sock", config->redis.socket_path,
               sizeof(config->redis.socket_path));
    if (redis != NULL &&
        (yaml_kind(redis) != YAML_SCALAR || !text_equal(yaml_text(redis), "embedded")))
        yaml_complain(document, redis, "must be 'embedded' or a map with a url or sentinels");
}

static void read_operator(struct yaml_document *document, struct config *config)
{
    const struct yaml_node *map = yaml_get_map(document, document->root, "operator", false);
    (void)TEXT_COPY(config->operator_name, "admin");
    if (map != NULL) {
        (void)yaml_get_name(document, map, "name", true, config->operator_name,
                            sizeof(config->operator_name));
        (void)yaml_get_path(document, map, "key_file", true, config->operator_key_file,
                            sizeof(config->operator_key_file));
        yaml_complain_unknown(document, map);
    } else {
        state_path(document, config, "keys/operator.key", config->operator_key_file,
                   sizeof(config->operator_key_file));
    }
}

static void read_one_operator(struct yaml_document *document, const struct yaml_node *map,
                              struct config_unique *names, struct operator_config *operator)
{
    struct error err;
    char key[2 * KEY_PUBLIC_TEXT_SIZE];
    int role = ROLE_VIEWER;
    if (yaml_get_name(document, map, "name", true, operator->name, sizeof(operator->name)))
        (void)config_claim(document, names, operator->name, yaml_find(map, "name"),
                           "an operator's name is unique");
    (void)yaml_get_word(document, map, "role", true, role_names, &role);
    operator->role =(enum role) role;
    if (yaml_get_text(document, map, "key", true, key, sizeof(key)) &&
        !key_public_parse(key, &operator->key, &err))
        config_complain_error(document, yaml_find(map, "key"), &err);
    yaml_complain_unknown(document, map);
}

/* The embedded set-up makes an operator by itself; elsewhere nobody could ask for an upgrade. */
static void read_operators(struct yaml_document *document, struct config *config)
{
    UNIQUE_CLEANUP struct config_unique names = {0};
    const struct yaml_node *list = config_get_list(document, document->root, "operators",
                                                   config->is_embedded ? 0 : 1, LIMIT_OPERATORS);
    if (list == NULL)
        return;
    config->operator_count = yaml_count(list);
    config->operators = memory_zeroed(config->operator_count, sizeof(*config->operators));
    for (size_t i = 0; i < config->operator_count; i++) {
        const struct yaml_node *map = config_map_item(document, list, i);
        if (map != NULL)
            read_one_operator(document, map, &names, &config->operators[i]);
    }
}

/* His requests would be refused without an answer, since whoever signs them is unknown. With the
 * embedded set-up he is made one. */
static void check_operator(struct yaml_document *document, const struct config *config)
{
    const struct yaml_node *map = yaml_find(document->root, "operator");
    if (map == NULL || config->is_embedded || config->operator_count == 0 ||
        config->operator_name[0] == '\0' ||
        config_find_operator(config, config->operator_name) != NULL)
        return;
    yaml_complain(document, map, "'%s' is none of the operators", config->operator_name);
}

static void read_clusters(struct yaml_document *document, struct config *config)
{
    struct config_reading reading = {.document = document};
    const struct yaml_node *list =
        config_get_list(document, document->root, "clusters", 1, LIMIT_CLUSTERS);
    if (list == NULL)
        return;
    config->cluster_count = yaml_count(list);
    config->clusters = memory_zeroed(config->cluster_count, sizeof(*config->clusters));
    for (size_t i = 0; i < config->cluster_count; i++) {
        const struct yaml_node *map = config_map_item(document, list, i);
        if (map != NULL)
            config_read_cluster(&reading, map, &config->clusters[i]);
    }
    config_unique_done(&reading.cluster_names);
    config_unique_done(&reading.urls);
    config_unique_done(&reading.lb_members);
}

void config_read(struct yaml_document *document, struct config *ret_config)
{
    memset(ret_config, 0, sizeof(*ret_config));
    ret_config->lease_ms = LEASE_DEFAULT_MS;
    (void)TEXT_COPY(ret_config->state_dir, STATE_DIR_DEFAULT);
    if (document->root == NULL || yaml_kind(document->root) != YAML_MAP) {
        if (document->root != NULL || document->complaint_count == 0)
            yaml_complain(document, document->root, "the file must be a map with the key clusters");
        return;
    }
    read_controller(document, ret_config);
    read_redis(document, ret_config);
    read_operator(document, ret_config);
    read_operators(document, ret_config);
    check_operator(document, ret_config);
    read_clusters(document, ret_config);
    yaml_complain_unknown(document, document->root);
}

void config_done(struct config *config)
{
    for (size_t i = 0; i < config->cluster_count; i++)
        config_cluster_done(&config->clusters[i]);
    free(config->clusters);
    free(config->operators);
    memset(config, 0, sizeof(*config));
}

const struct cluster_config *config_find_cluster(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->cluster_count; i++) {
        if (text_equal(config->clusters[i].name, name))
            return &config->clusters[i];
    }
    return NULL;
}

const struct operator_config *config_find_operator(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->operator_count; i++) {
        if (text_equal(config->operators[i].name, name))
            return &config->operators[i];
    }
    return NULL;
}

const char *role_name(enum role role)
{
    CHECK((unsigned)role < ROLE_COUNT);
    return role_names[role];
}

int config_find_node(const struct cluster_config *cluster, const char *name)
{
    for (size_t i = 0; i < cluster->node_count; i++) {
        if (text_equal(cluster->nodes[i].name, name))
            return (int)i;
    }
    return -1;
}

int config_find_agent(const struct cluster_config *cluster, const char *agent)
{
    for (size_t i = 0; i < cluster->node_count; i++) {
        if (text_equal(cluster->nodes[i].agent, agent))
            return (int)i;
    }
    return -1;
}

size_t config_agent_count(const struct cluster_config *cluster)
{
    return cluster->node_count + cluster->lb_agent_count;
}

struct config_agent config_agent_at(const struct cluster_config *cluster, size_t index)
{
    CHECK(index < config_agent_count(cluster));
    if (index < cluster->node_count) {
        const struct node_config *node = &cluster->nodes[index];
        return (struct config_agent){node->agent, node->name,
                                     node->has_agent_key ? &node->agent_key : NULL};
    }
    const struct lb_agent *agent = &cluster->lb_agents[index - cluster->node_count];
    return (struct config_agent){agent->name, NULL, agent->has_key ? &agent->key : NULL};
}

int config_agent_index(const struct cluster_config *cluster, const char *name)
{
    for (size_t i = 0; i < config_agent_count(cluster); i++) {
        if (text_equal(config_agent_at(cluster, i).name, name))
            return (int)i;
    }
    return -1;
}
