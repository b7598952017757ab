/* SPDX-License-Identifier: Apache-2.0 */
/* shunt-controller: the production shell with a configuration of the world, less its main(). */
#include "check.h"
#include "lb_registry.h"
#include "memory.h"
#include "programs.h"
#include "text.h"
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>

static void fill_nodes(struct cluster_config *cluster)
{
    cluster->node_count = world.node_count;
    cluster->nodes = memory_zeroed(world.node_count, sizeof(cluster->nodes[0]));
    for (uint32_t i = 0; i < world.node_count; i++) {
        struct node_config *node = &cluster->nodes[i];
        TEXT_COPY(node->name, world.nodes[i].name);
        TEXT_COPY(node->agent, world.nodes[i].name);
        snprintf(node->url, sizeof(node->url), "node:%u", i);
        node->has_agent_key = true;
    }
}

static void fill_lb(struct lb_config *lb, uint32_t index)
{
    lb->lb.driver = lb_driver_find("haproxy");
    snprintf(lb->lb.name, sizeof(lb->lb.name), "lb%u", index + 1);
    TEXT_COPY(lb->lb.options.addresses[0], world.lbs[index].address);
    lb->lb.options.address_count = 1;
    lb->nodes = memory_zeroed(world.node_count, sizeof(lb->nodes[0]));
    for (uint32_t i = 0; i < world.node_count; i++) {
        lb->nodes[i].members = memory_zeroed(1, sizeof(lb->nodes[i].members[0]));
        lb->nodes[i].count = 1;
        snprintf(lb->nodes[i].members[0], LB_MEMBER, "bb/%s", world.nodes[i].name);
    }
}

static void fill_operator(struct config *config)
{
    config->operators = memory_zeroed(1, sizeof(config->operators[0]));
    config->operator_count = 1;
    TEXT_COPY(config->operators[0].name, "ana");
    config->operators[0].role = ROLE_APPROVER;
}

static void close_connections(struct process *process)
{
    ((struct controller *)process)->shell = NULL;
}

void controller_init(struct controller *controller, uint32_t index)
{
    struct config *config = &controller->config;
    snprintf(controller->process.name, sizeof(controller->process.name), "ctl%u", index + 1);
    controller->process.on_death = close_connections;
    TEXT_COPY(config->name, controller->process.name);
    TEXT_COPY(config->state_dir, "/state");
    config->lease_ms = 6000;
    config->clusters = &controller->cluster;
    config->cluster_count = 1;
    fill_operator(config);
    TEXT_COPY(controller->cluster.name, "git");
    TEXT_COPY(controller->cluster.base_url, "lb");
    controller->cluster.policy = world.policy;
    fill_nodes(&controller->cluster);
    controller->cluster.lb_count = world.lb_count;
    controller->cluster.lbs = memory_zeroed(world.lb_count, sizeof(controller->cluster.lbs[0]));
    for (uint32_t i = 0; i < world.lb_count; i++)
        fill_lb(&controller->cluster.lbs[i], i);
}

static void read_streams(void *context)
{
    reader_run(context);
}

static void run(void *context)
{
    struct controller *controller = context;
    struct shell *shell = memory_zeroed(1, sizeof(*shell));
    struct error err;
    CHECK(shell_open(shell, &controller->config, &err));
    controller->shell = shell;
    process_add_fiber(&controller->process, read_streams, shell);
    shell_run(shell);
}

void controller_start(struct controller *controller)
{
    if (controller->process.is_alive)
        return;
    trace_line("%s is started", controller->process.name);
    process_start(&controller->process, run, controller);
}

/* Not one that has been overtaken, and does not know it yet. */
struct controller *controller_leading(void)
{
    struct controller *leading = NULL;
    for (uint32_t i = 0; i < world.controller_count; i++) {
        struct controller *controller = &world.controllers[i];
        const struct cluster *cluster =
            controller->shell != NULL ? &controller->shell->clusters[0] : NULL;
        if (cluster != NULL && cluster->is_led && controller->shell->is_read[0] &&
            cluster->epoch >= world.term_epoch &&
            (leading == NULL || cluster->epoch > leading->shell->clusters[0].epoch))
            leading = controller;
    }
    return leading;
}
