/* SPDX-License-Identifier: Apache-2.0 */
#include "config_parts.h"

#include "memory.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LB_SETTING_MOST_MS (24LL * 3600 * 1000)
#define CHECKS_MS          10000 /* a load balancer's own checks must agree before a ramp begins */

static void read_driver(struct yaml_document *document, const struct yaml_node *map, struct lb *lb)
{
    char name[LIMIT_NAME];
    if (!yaml_get_text(document, map, "driver", true, name, sizeof(name)))
        return;
    lb->driver = lb_driver_find(name);
    if (lb->driver == NULL)
        yaml_complain(document, yaml_find(map, "driver"), "there is no driver '%s'; there are: %s",
                      name, lb_driver_names());
}

static void read_addresses(struct yaml_document *document, const struct yaml_node *map,
                           struct lb_options *options)
{
    UNIQUE_CLEANUP struct config_unique seen = {0};
    const struct yaml_node *list = config_get_list(document, map, "addresses", 1, LB_ADDRESSES);
    for (size_t i = 0; list != NULL && i < yaml_count(list); i++) {
        const struct yaml_node *place = yaml_item(list, i);
        const char *text = config_text_item(document, list, i);
        if (text == NULL ||
            !config_claim(document, &seen, text, place, "each address is a process of its own"))
            continue;
        if (text_copy(options->addresses[options->address_count], LIMIT_PATH, text))
            options->address_count++;
        else
            yaml_complain(document, place, "longer than %d bytes", LIMIT_PATH - 1);
    }
}

static char *copy(const char *text)
{
    return text != NULL ? memory_format("%s", text) : NULL;
}

static void read_duration(struct yaml_document *document, const struct yaml_node *map,
                          const char *key, char **value)
{
    int64_t ms;
    if (!yaml_get_duration_ms(document, map, key, false, 0, LB_SETTING_MOST_MS, &ms) ||
        yaml_find(map, key) == NULL)
        return;
    free(*value);
    *value = memory_format("%lld", (long long)ms);
}

static bool read_word(struct yaml_document *document, const struct yaml_node *map, const char *key,
                      const char *const *words, char text[LIMIT_PATH])
{
    int index = -1;
    if (!yaml_get_word(document, map, key, false, words, &index) || index < 0)
        return false;
    return text_copy(text, LIMIT_PATH, words[index]);
}

static bool read_value(struct yaml_document *document, const struct yaml_node *map, const char *key,
                       const struct lb_setting *setting, char text[LIMIT_PATH])
{
    bool is_on;
    switch (setting->kind) {
    case LB_SETTING_TEXT:
        return yaml_get_text(document, map, key, false, text, LIMIT_PATH);
    case LB_SETTING_PATH:
        return yaml_get_path(document, map, key, false, text, LIMIT_PATH);
    case LB_SETTING_URL:
        return yaml_get_url(document, map, key, false, text, LIMIT_PATH);
    case LB_SETTING_WORD:
        return read_word(document, map, key, setting->words, text);
    case LB_SETTING_FLAG:
        return yaml_get_bool(document, map, key, false, &is_on) &&
               text_copy(text, LIMIT_PATH, is_on ? "true" : "false");
    case LB_SETTING_DURATION:
        break; /* a number, and read as one */
    }
    return false;
}

/* "return.ramp" is the key `ramp` in the map `return`. */
static void read_setting(struct yaml_document *document, const struct yaml_node *map,
                         const struct lb_setting *setting, char **ret_value)
{
    char text[LIMIT_PATH], outer[LIMIT_NAME];
    const char *key = setting->key, *dot = strchr(key, '.');
    *ret_value = copy(setting->fallback);
    if (dot != NULL) {
        (void)snprintf(outer, sizeof(outer), "%.*s", (int)(dot - key), key);
        map = yaml_get_map(document, map, outer, false);
        key = dot + 1;
    }
    if (map == NULL || yaml_find(map, key) == NULL)
        return;
    if (setting->kind == LB_SETTING_DURATION) {
        read_duration(document, map, key, ret_value);
    } else if (read_value(document, map, key, setting, text)) {
        free(*ret_value);
        *ret_value = copy(text);
    }
}

/* The map that holds settings like "return.ramp", once it has been read whole. */
static void complain_inside(struct yaml_document *document, const struct yaml_node *map,
                            const struct lb_driver *driver, size_t setting)
{
    char outer[LIMIT_NAME];
    const char *key = driver->settings[setting].key, *dot = strchr(key, '.');
    size_t size = dot != NULL ? (size_t)(dot + 1 - key) : 0;
    bool is_last = setting + 1 == driver->setting_count ||
                   strncmp(driver->settings[setting + 1].key, key, size) != 0;
    if (dot == NULL || !is_last)
        return;
    (void)snprintf(outer, sizeof(outer), "%.*s", (int)(dot - key), key);
    const struct yaml_node *inside = yaml_find(map, outer);
    if (inside != NULL && yaml_kind(inside) == YAML_MAP)
        yaml_complain_unknown(document, inside);
}

static void read_settings(struct yaml_document *document, const struct yaml_node *map,
                          struct lb *lb)
{
    if (lb->driver == NULL)
        return;
    for (size_t i = 0; i < lb->driver->setting_count; i++)
        read_setting(document, map, &lb->driver->settings[i], &lb->options.values[i]);
    for (size_t i = 0; i < lb->driver->setting_count; i++)
        complain_inside(document, map, lb->driver, i);
    if (!lb->driver->takes_credentials)
        return;
    config_read_credentials(document, map, false, &lb->options.credentials);
    config_read_tls(document, map, lb->options.ca_file);
}

static void check_options(struct yaml_document *document, const struct yaml_node *map,
                          const struct lb *lb)
{
    struct error err;
    if (lb->driver == NULL || lb->options.address_count == 0)
        return;
    if (!lb->driver->check_options(&lb->options, &err))
        config_complain_error(document, yaml_find(map, "addresses"), &err);
}

/* The same member twice, also through another load balancer entry or from another cluster, would
 * have one node drained in the place of another. */
static void claim_member(struct config_reading *reading, const struct lb *lb, const char *member,
                         const struct yaml_node *place)
{
    for (size_t i = 0; i < lb->options.address_count; i++) {
        FREE_CLEANUP char *text = memory_format("%s at %s", member, lb->options.addresses[i]);
        if (!config_claim(reading->document, &reading->lb_members, text, place,
                          "a member belongs to one node"))
            return;
    }
}

static void read_member(struct config_reading *reading, const struct lb *lb,
                        const struct yaml_node *list, size_t index, char member[LB_MEMBER])
{
    struct error err;
    const struct yaml_node *place = yaml_item(list, index);
    const char *text = config_text_item(reading->document, list, index);
    if (text == NULL)
        return;
    if (!text_copy(member, LB_MEMBER, text))
        yaml_complain(reading->document, place, "longer than %d bytes", LB_MEMBER - 1);
    else if (lb->driver != NULL && !lb->driver->check_member(member, &err))
        config_complain_error(reading->document, place, &err);
    else
        claim_member(reading, lb, member, place);
}

static void read_node_members(struct config_reading *reading, const struct lb *lb,
                              const struct yaml_node *map, const char *node_name,
                              struct lb_node_members *ret_members)
{
    const struct yaml_node *list =
        config_get_list(reading->document, map, node_name, 1, LB_MEMBERS);
    if (list == NULL)
        return;
    ret_members->count = yaml_count(list);
    ret_members->members = memory_zeroed(ret_members->count, LB_MEMBER);
    for (size_t i = 0; i < ret_members->count; i++)
        read_member(reading, lb, list, i, ret_members->members[i]);
}

/* The keys of the map are the names of nodes. */
static void read_members(struct config_reading *reading, const struct yaml_node *lb_map,
                         const struct cluster_config *cluster, struct lb_config *lb)
{
    const struct yaml_node *map = yaml_get_map(reading->document, lb_map, "members", true);
    for (size_t i = 0; map != NULL && i < yaml_count(map); i++) {
        const char *node_name = yaml_key(map, i);
        int node = config_find_node(cluster, node_name);
        if (node >= 0)
            read_node_members(reading, &lb->lb, map, node_name, &lb->nodes[node]);
        else if (cluster->node_count > 0)
            yaml_complain(reading->document, yaml_item(map, i), "the cluster has no node '%.80s'",
                          node_name);
    }
}

static void read_lb(struct config_reading *reading, const struct yaml_node *map,
                    const struct cluster_config *cluster, struct config_unique *names,
                    struct lb_config *lb)
{
    struct yaml_document *document = reading->document;
    if (yaml_get_name(document, map, "name", true, lb->lb.name, sizeof(lb->lb.name)))
        (void)config_claim(document, names, lb->lb.name, yaml_find(map, "name"),
                           "a load balancer's name is unique in its cluster");
    read_driver(document, map, &lb->lb);
    read_addresses(document, map, &lb->lb.options);
    read_settings(document, map, &lb->lb);
    check_options(document, map, &lb->lb);
    lb->nodes = memory_zeroed(cluster->node_count, sizeof(*lb->nodes));
    read_members(reading, map, cluster, lb);
    yaml_complain_unknown(document, map);
}

static bool has_member(const struct cluster_config *cluster, size_t node)
{
    for (size_t i = 0; i < cluster->lb_count; i++) {
        if (cluster->lbs[i].nodes != NULL && cluster->lbs[i].nodes[node].count > 0)
            return true;
    }
    return false;
}

/* A node without a name of its own has been complained of already. */
static void check_every_node_has_member(struct yaml_document *document,
                                        const struct yaml_node *cluster_map,
                                        const struct cluster_config *cluster)
{
    const struct yaml_node *nodes = yaml_find(cluster_map, "nodes");
    for (size_t i = 0; i < cluster->node_count; i++) {
        bool is_sound = config_find_node(cluster, cluster->nodes[i].name) == (int)i;
        if (is_sound && cluster->nodes[i].name[0] != '\0' && !has_member(cluster, i))
            yaml_complain(document, yaml_item(nodes, i),
                          "no load balancer has a member for this node: it could never be drained");
    }
}

void config_read_lbs(struct config_reading *reading, const struct yaml_node *cluster_map,
                     struct cluster_config *cluster)
{
    UNIQUE_CLEANUP struct config_unique names = {0};
    size_t complaints = reading->document->complaint_count;
    const struct yaml_node *list =
        config_get_list(reading->document, cluster_map, "load_balancers", 1, LIMIT_LBS);
    if (list == NULL)
        return;
    cluster->lb_count = yaml_count(list);
    cluster->lbs = memory_zeroed(cluster->lb_count, sizeof(*cluster->lbs));
    for (size_t i = 0; i < cluster->lb_count; i++) {
        const struct yaml_node *map = config_map_item(reading->document, list, i);
        if (map != NULL)
            read_lb(reading, map, cluster, &names, &cluster->lbs[i]);
    }
    /* A member that could not be read would look like one that was forgotten. */
    if (reading->document->complaint_count == complaints)
        check_every_node_has_member(reading->document, cluster_map, cluster);
}

static void check_ramp(struct yaml_document *document, const struct yaml_node *lb_map,
                       int64_t ramp_ms, int64_t deadline_ms)
{
    if (ramp_ms == 0 || ramp_ms + CHECKS_MS <= deadline_ms)
        return;
    yaml_complain(
        document, yaml_find(yaml_find(lb_map, "return"), "ramp"),
        "return.ramp (%lld ms) and %d s for the load balancer's own checks do not fit into "
        "policy.return.deadline (%lld ms)",
        (long long)ramp_ms, CHECKS_MS / 1000, (long long)deadline_ms);
}

void config_check_ramps(struct yaml_document *document, const struct yaml_node *cluster_map,
                        const struct cluster_config *cluster)
{
    const struct yaml_node *list = yaml_find(cluster_map, "load_balancers");
    for (size_t i = 0; i < cluster->lb_count; i++)
        if (cluster->lbs[i].lb.driver != NULL)
            check_ramp(document, yaml_item(list, i), lb_ramp_ms(&cluster->lbs[i].lb),
                       cluster->policy.return_deadline_ms);
}

void config_lbs_done(struct cluster_config *cluster)
{
    for (size_t i = 0; i < cluster->lb_count; i++) {
        for (size_t j = 0; cluster->lbs[i].nodes != NULL && j < cluster->node_count; j++)
            free(cluster->lbs[i].nodes[j].members);
        for (size_t j = 0; j < LB_SETTINGS; j++)
            free(cluster->lbs[i].lb.options.values[j]);
        free(cluster->lbs[i].nodes);
    }
    free(cluster->lbs);
    cluster->lbs = NULL;
    cluster->lb_count = 0;
}
