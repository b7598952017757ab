/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one Bitbucket process: it starts, serves, fails, stops, in its own time. */
#include "check.h"
#include "memory.h"
#include "text.h"
#include "trace.h"
#include "world.h"

#include <stdlib.h>

#define CHECK_MOST_US (6 * WORLD_S) /* until a load balancer's own check has seen a change */

/* Something that this process will do; off if there is another process by then. */
struct plan_of_node {
    struct bitbucket_node *node;
    uint32_t generation;
    void (*act)(struct bitbucket_node *node);
};

static void carry_out(void *context)
{
    struct plan_of_node *plan = context;
    if (plan->node->generation == plan->generation)
        plan->act(plan->node);
    free(plan);
}

static void later(struct bitbucket_node *node, int64_t us, void (*act)(struct bitbucket_node *node))
{
    struct plan_of_node *plan = memory_zeroed(1, sizeof(*plan));
    *plan = (struct plan_of_node){node, node->generation, act};
    schedule_at(schedule_now_us() + us, carry_out, plan);
}

bool bitbucket_node_serves(const struct bitbucket_node *node)
{
    return node->process == BITBUCKET_ACTIVE;
}

/* Load balancers find out by themselves, each in its own time. */
struct check {
    uint32_t lb, node;
};

static void check_now(void *context)
{
    const struct check *check = context;
    struct lb_server *server = &world.lbs[check->lb].servers[check->node];
    server->is_up = bitbucket_node_serves(&world.nodes[check->node]);
    free(context);
}

static void set_process(struct bitbucket_node *node, enum bitbucket_process process)
{
    static const char *const names[] = {"is gone", "starts", "is ACTIVE", "is in ERROR", "stops"};
    bool did_serve = bitbucket_node_serves(node);
    node->process = process;
    trace_line("%s %s at %s", node->name, names[process], node->version);
    signal_raise(&world.redis.news); /* jobs look at it */
    if (did_serve == bitbucket_node_serves(node))
        return;
    if (did_serve)
        node->active_us = schedule_now_us();
    for (uint32_t i = 0; i < world.lb_count; i++) {
        struct check *check = memory_zeroed(1, sizeof(*check));
        *check = (struct check){i, (uint32_t)(node - world.nodes)};
        schedule_at(schedule_now_us() + random_between(&world.random, WORLD_MS, CHECK_MOST_US),
                    check_now, check);
    }
}

void bitbucket_node_fail(struct bitbucket_node *node)
{
    node->is_broken_by_fault = true;
    set_process(node, BITBUCKET_ERROR);
}

static bool is_target(const struct bitbucket_node *node)
{
    return text_equal(node->version, WORLD_TO);
}

static void come_up(struct bitbucket_node *node)
{
    if (!bitbucket_may_join(node) || (is_target(node) && node->is_error_at_start)) {
        bitbucket_node_fail(node);
        return;
    }
    node->is_broken_by_fault = false;
    set_process(node, BITBUCKET_ACTIVE);
    if (is_target(node) && node->error_after_us != 0)
        later(node, node->error_after_us, bitbucket_node_fail);
}

void bitbucket_node_start(struct bitbucket_node *node)
{
    if (node->process != BITBUCKET_GONE)
        return;
    node->generation++;
    node->starts++;
    TEXT_COPY(node->version, node->link);
    set_process(node, BITBUCKET_STARTING);
    later(node, node->start_us, come_up);
}

void bitbucket_node_kill(struct bitbucket_node *node)
{
    if (node->process == BITBUCKET_GONE)
        return;
    node->generation++;
    set_process(node, BITBUCKET_GONE);
}

void bitbucket_node_stop(struct bitbucket_node *node)
{
    if (node->process == BITBUCKET_GONE || node->process == BITBUCKET_STOPPING)
        return;
    node->generation++;
    node->stops++;
    set_process(node, BITBUCKET_STOPPING);
    if (!node->hangs_at_stop)
        later(node, node->stop_us, bitbucket_node_kill);
}
