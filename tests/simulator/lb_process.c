/* SPDX-License-Identifier: Apache-2.0 */
/* Load balancers of the world: who gets new clients, and what of the old ones is left. */
#include "check.h"
#include "text.h"
#include "trace.h"
#include "world.h"

#include <string.h>

#define MAINT 1
#define DRAIN 8

struct lb_process *lb_process_find(const char *address)
{
    for (uint32_t i = 0; i < world.lb_count; i++)
        if (text_equal(world.lbs[i].address, address))
            return &world.lbs[i];
    CHECK(!"an address that no load balancer has");
}

bool lb_sends_new(const struct lb_process *lb, uint32_t node)
{
    return lb->servers[node].admin == 0 && lb->servers[node].is_up;
}

int64_t lb_sessions(const struct lb_process *lb, uint32_t node)
{
    const struct lb_server *server = &lb->servers[node];
    if (!bitbucket_node_serves(&world.nodes[node]))
        return 0;
    return lb_sends_new(lb, node) || schedule_now_us() < server->busy_until_us ? 3 : 0;
}

int64_t world_connections(uint32_t node)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < world.lb_count; i++)
        sum += lb_sessions(&world.lbs[i], node);
    return sum;
}

/* A new process knows nothing of what the old one was told at run time. */
void lb_process_reload(struct lb_process *lb)
{
    trace_line("%s is reloaded: it forgets what it was told", lb->address);
    for (uint32_t i = 0; i < world.node_count; i++)
        lb->servers[i].admin = 0;
    for (uint32_t i = 0; lb == &world.lbs[0] && i < world.node_count; i++)
        world.nodes[i].is_held_by_hand = false; /* what a colleague has said is forgotten, too */
    lb->disturbed_us = schedule_now_us();
}

void lb_process_restart(struct lb_process *lb)
{
    lb_process_reload(lb);
    for (uint32_t i = 0; i < world.node_count; i++) {
        lb->servers[i].is_up = bitbucket_node_serves(&world.nodes[i]);
        lb->servers[i].busy_until_us = 0;
    }
}
