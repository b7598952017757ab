/* SPDX-License-Identifier: Apache-2.0 */
#include "config_parts.h"

#include "lb_config.h"
#include "memory.h"
#include "text.h"

#include <stdlib.h>

#define CHECKS_MS 10000 /* a load balancer's own checks must agree before a ramp begins */

/* An agent is one of its cluster, and may have several load balancers. */
static char *claim_text(const struct cluster_config *cluster, const struct lb *lb,
                        const char *member, const char *address)
{
    if (lb->driver == NULL || !lb->driver->is_remote)
        return memory_format("%s at %s", member, address);
    return memory_format("%s of %s at agent %s of %s", member, lb_remote_name(lb), address,
                         cluster->name);
}

/* The same member twice, also through another load balancer entry or from another cluster, would
 * have one node drained in the place of another. */
static void claim_member(struct config_reading *reading, const struct cluster_config *cluster,
                         const struct lb *lb, const char *member, const struct yaml_node *place)
{
    for (size_t i = 0; i < lb->options.address_count; i++) {
        FREE_CLEANUP char *text = claim_text(cluster, lb, member, lb->options.addresses[i]);
        if (!config_claim(reading->document, &reading->lb_members, text, place,
                          "a member belongs to one node"))
            return;
    }
}

static void read_member(struct config_reading *reading, const struct cluster_config *cluster,
                        const struct lb *lb, const struct yaml_node *list, size_t index,
                        char member[LB_MEMBER])
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
        claim_member(reading, cluster, lb, member, place);
}

static void read_node_members(struct config_reading *reading, const struct cluster_config *cluster,
                              const struct lb *lb, const struct yaml_node *map,
                              const char *node_name, struct lb_node_members *ret_members)
{
    const struct yaml_node *list =
        config_get_list(reading->document, map, node_name, 1, LB_MEMBERS);
    if (list == NULL)
        return;
    ret_members->count = yaml_count(list);
    ret_members->members = memory_zeroed(ret_members->count, LB_MEMBER);
    for (size_t i = 0; i < ret_members->count; i++)
        read_member(reading, cluster, lb, list, i, ret_members->members[i]);
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
            read_node_members(reading, cluster, &lb->lb, map, node_name, &lb->nodes[node]);
        else if (cluster->node_count > 0)
            yaml_complain(reading->document, yaml_item(map, i), "the cluster has no node '%.80s'",
                          node_name);
    }
}

/* Nobody else could take its commands, nor sign its reports. */
static void check_agents(struct yaml_document *document, const struct yaml_node *map,
                         const struct cluster_config *cluster, const struct lb *lb)
{
    if (lb->driver == NULL || !lb->driver->is_remote)
        return;
    for (size_t i = 0; i < lb->options.address_count; i++)
        if (text_is_name(lb->options.addresses[i]) &&
            config_agent_index(cluster, lb->options.addresses[i]) < 0)
            yaml_complain(document, yaml_find(map, "addresses"),
                          "the cluster has no agent '%.80s': one of its `agents`, or of a node",
                          lb->options.addresses[i]);
}

static void read_lb(struct config_reading *reading, const struct yaml_node *map,
                    const struct cluster_config *cluster, struct config_unique *names,
                    struct lb_config *lb)
{
    struct yaml_document *document = reading->document;
    lb_config_read(document, map, names, &lb->lb);
    check_agents(document, map, cluster, &lb->lb);
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
        lb_config_done(&cluster->lbs[i].lb);
        free(cluster->lbs[i].nodes);
    }
    free(cluster->lbs);
    cluster->lbs = NULL;
    cluster->lb_count = 0;
}
