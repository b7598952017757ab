/* SPDX-License-Identifier: Apache-2.0 */
#include "config_parts.h"

#include "memory.h"

bool config_read_agent_key(struct config_reading *reading, const struct yaml_node *map,
                           const char *key, struct key_public *ret_key)
{
    struct error err;
    char text[2 * KEY_PUBLIC_TEXT_SIZE];
    if (!yaml_get_text(reading->document, map, key, false, text, sizeof(text)))
        return false;
    if (key_public_parse(text, ret_key, &err))
        return true;
    config_complain_error(reading->document, yaml_find(map, key), &err);
    return false;
}

static void read_agent(struct config_reading *reading, const struct yaml_node *map,
                       struct config_unique *names, struct lb_agent *agent)
{
    struct yaml_document *document = reading->document;
    if (yaml_get_name(document, map, "name", true, agent->name, sizeof(agent->name)))
        (void)config_claim(document, names, agent->name, yaml_find(map, "name"),
                           "an agent's name is unique in its cluster");
    agent->has_key = config_read_agent_key(reading, map, "key", &agent->key);
    yaml_complain_unknown(document, map);
}

void config_read_agents(struct config_reading *reading, const struct yaml_node *cluster_map,
                        struct config_unique *names, struct cluster_config *cluster)
{
    const struct yaml_node *list =
        config_get_list(reading->document, cluster_map, "agents", 0, CONFIG_LB_AGENTS_MOST);
    if (list == NULL)
        return;
    cluster->lb_agent_count = yaml_count(list);
    cluster->lb_agents = memory_zeroed(cluster->lb_agent_count, sizeof(*cluster->lb_agents));
    for (size_t i = 0; i < cluster->lb_agent_count; i++) {
        const struct yaml_node *map = config_map_item(reading->document, list, i);
        if (map != NULL)
            read_agent(reading, map, names, &cluster->lb_agents[i]);
    }
}
