/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include "arena.h"
#include "check.h"
#include "edge.h"
#include "operator.h"
#include "programs.h"
#include "text.h"
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULTS_BEGIN_US (4 * WORLD_S)
#define FAULTS_SPAN_US  (220 * WORLD_S) /* an upgrade takes some three minutes */
#define FAULTS_MOST     7
#define END_MOST_US                                                                                \
    (8LL * 3600 * WORLD_S)       /* deadlines, decisions and retries, after the faults             \
                                  */
#define SETTLE_US (40 * WORLD_S) /* until load balancers have seen all by their checks */

struct world world;

static struct {
    const struct run_options *options;
    struct trigger triggers[RUN_TRIGGERS];
    uint32_t trigger_count;
    int64_t faults_end_us;
    bool have_ceased;
    int64_t ended_us; /* the upgrade was first seen to have ended; 0 = not yet */
    uint32_t transitions;
    uint64_t seen; /* what the transitions are counted by */
} run;

/* ---- the world ---- */

static int64_t chance(int64_t fixed, int64_t least, int64_t most)
{
    return run.options->is_fixed ? fixed : random_between(&world.random, least, most);
}

static void make_policy(void)
{
    bool is_fixed = run.options->is_fixed;
    int64_t sticky_ms = chance(5000, 1000, 20000);
    uint32_t most = world.node_count > 3 ? 2 : 1;
    world.policy = (struct policy){
        .max_unavailable = (uint32_t)chance(1, 1, most),
        .min_available = (uint32_t)chance(1, 0, 1),
        .drain_deadline_ms = sticky_ms + chance(30000, 5000, 60000),
        .sticky_ms = sticky_ms,
        .force_at_drain_deadline =
            run.options->forces_drain || (!is_fixed && random_one_in(&world.random, 4)),
        .stop_deadline_ms = chance(60000, 30000, 120000),
        .kill_at_stop_deadline = !is_fixed && random_one_in(&world.random, 2),
        .start_deadline_ms = 60000,
        .active_deadline_ms = chance(180000, 60000, 300000),
        .return_deadline_ms = 60000,
        .stage_deadline_ms = 300000,
        .soak_ms = run.options->soak_ms >= 0 ? run.options->soak_ms : chance(5000, 0, 8000),
        .on_failure = (enum on_failure)chance(ON_FAILURE_ROLLBACK_CLUSTER, 0, ON_FAILURE_COUNT - 1),
        .approve_by_hand = !is_fixed && random_one_in(&world.random, 6),
    };
    if (run.options->on_failure[0] != '\0')
        CHECK(on_failure_parse(run.options->on_failure, &world.policy.on_failure));
}

static void make_node(uint32_t index)
{
    struct bitbucket_node *node = &world.nodes[index];
    snprintf(node->name, sizeof(node->name), "bb%u", index + 1);
    node->process = BITBUCKET_ACTIVE;
    TEXT_COPY(node->version, WORLD_FROM);
    TEXT_COPY(node->link, WORLD_FROM);
    node->start_us = chance(20 * WORLD_S, WORLD_S, 25 * WORLD_S);
    node->stop_us = chance(4 * WORLD_S, WORLD_S / 2, 10 * WORLD_S);
    node->starts_at_boot = chance(1, 0, 1) == 1;
}

static void make_lb(uint32_t index)
{
    snprintf(world.lbs[index].address, sizeof(world.lbs[index].address), "unix:/lb%u", index + 1);
    for (uint32_t i = 0; i < world.node_count; i++)
        world.lbs[index].servers[i].is_up = true;
}

static void make_world(void)
{
    const struct run_options *options = run.options;
    world.seed = options->seed;
    random_init(&world.random, options->seed);
    random_init(&world.fault_random, options->seed ^ 0xFA017);
    schedule_begin(&world.random);
    world.redis.server = redis_server_new();
    world.node_count = (uint32_t)chance(2, 2, 4);
    if (!options->is_fixed && random_one_in(&world.random, 6))
        world.node_count = WORLD_NODES;
    world.lb_count = (uint32_t)chance(1, 1, WORLD_LBS);
    world.controller_count = (uint32_t)chance(1, 1, WORLD_CONTROLLERS);
    if (options->node_count != 0)
        world.node_count = options->node_count;
    if (options->controller_count != 0)
        world.controller_count = options->controller_count;
    TEXT_COPY(world.original, WORLD_FROM);
    make_policy();
    for (uint32_t i = 0; i < world.node_count; i++)
        make_node(i);
    for (uint32_t i = 0; i < world.lb_count; i++)
        make_lb(i);
    for (uint32_t i = 0; i < world.controller_count; i++)
        controller_init(&world.controllers[i], i);
    for (uint32_t i = 0; i < world.node_count; i++) {
        agent_init(&world.agents[i], i);
        world.agents[i].is_wanted = true;
        agent_start(&world.agents[i]);
    }
    for (uint32_t i = 0; i < world.controller_count; i++)
        controller_start(&world.controllers[i]);
}

static void free_cluster(struct cluster_config *cluster)
{
    for (size_t lb = 0; lb < cluster->lb_count; lb++) {
        for (size_t i = 0; i < cluster->node_count; i++)
            free(cluster->lbs[lb].nodes[i].members);
        free(cluster->lbs[lb].nodes);
    }
    free(cluster->lbs);
    free(cluster->nodes);
}

static void end_world(void)
{
    for (uint32_t i = 0; i < world.controller_count; i++) {
        process_kill(&world.controllers[i].process);
        disk_done(&world.controllers[i].disk);
        free(world.controllers[i].durable);
        free(world.controllers[i].config.operators);
        free_cluster(&world.controllers[i].cluster);
    }
    for (uint32_t i = 0; i < world.node_count; i++) {
        process_kill(&world.agents[i].process);
        disk_done(&world.agents[i].disk);
    }
    redis_server_free(world.redis.server);
    edge_json_forget();
    schedule_end();
}

/* ---- faults ---- */

static void strike(void *context)
{
    struct trigger *trigger = context;
    if (trigger->is_spent || run.have_ceased)
        return;
    trigger->is_spent = true;
    incident_strike(&trigger->fault);
}

static void draw_faults(void)
{
    uint32_t count = (uint32_t)random_between(&world.fault_random, 0, FAULTS_MOST);
    for (uint32_t i = 0; i < count; i++) {
        struct trigger *trigger = &run.triggers[run.trigger_count++];
        *trigger = (struct trigger){.fault = incident_draw(&world.fault_random)};
        trigger->at_us = FAULTS_BEGIN_US + random_between(&world.fault_random, 0, FAULTS_SPAN_US);
    }
}

static void plan_faults(void)
{
    const struct run_options *options = run.options;
    run.trigger_count = options->trigger_count;
    memcpy(run.triggers, options->triggers, sizeof(run.triggers));
    if (options->has_faults)
        draw_faults();
    run.faults_end_us = FAULTS_BEGIN_US + FAULTS_SPAN_US + 20 * WORLD_S;
    for (uint32_t i = 0; i < run.trigger_count; i++)
        if (run.triggers[i].at_us != 0)
            schedule_at(run.triggers[i].at_us, strike, &run.triggers[i]);
    world.controllers[0].process.die_at = options->controller_dies_at;
    world.agents[0].process.die_at = options->agent_dies_at;
}

static bool is_in_step(const struct upgrade *upgrade, const struct trigger *trigger)
{
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        if (upgrade->nodes[i].place == PLACE_WORKING &&
            text_equal(upgrade->nodes[i].name, trigger->at_node) &&
            text_equal(step_name(upgrade->nodes[i].step), trigger->at_step))
            return true;
    return false;
}

static bool is_due(const struct upgrade *upgrade, const struct trigger *trigger)
{
    if (trigger->at_transition != 0)
        return trigger->at_transition == run.transitions;
    if (trigger->at_phase[0] != '\0')
        return text_equal(phase_name(upgrade->phase), trigger->at_phase);
    return trigger->at_us == 0 && is_in_step(upgrade, trigger);
}

static uint64_t fold(const struct upgrade *upgrade)
{
    uint64_t sum = upgrade->phase;
    for (uint32_t i = 0; i < upgrade->node_count; i++) {
        const struct upgrade_node *node = &upgrade->nodes[i];
        sum = sum * 1000003 + (uint64_t)node->place * 64 + (uint64_t)node->pass * 16 + node->step;
    }
    return sum;
}

/* An agent's step changes nothing in what a controller believes. */
static bool may_have_moved(void)
{
    const struct process *last = schedule_last();
    for (uint32_t i = 0; last != NULL && i < world.node_count; i++)
        if (last == &world.agents[i].process)
            return false;
    return true;
}

static void watch_transitions(void)
{
    const struct upgrade *upgrade = may_have_moved() ? world_upgrade() : NULL;
    uint64_t sum = upgrade != NULL ? fold(upgrade) : run.seen;
    if (sum == run.seen)
        return;
    run.seen = sum;
    run.transitions++;
    for (uint32_t i = 0; i < run.trigger_count; i++)
        if (!run.triggers[i].is_spent && is_due(upgrade, &run.triggers[i]))
            strike(&run.triggers[i]);
}

static void every_second(void *context)
{
    rules_at_second();
    schedule_at(schedule_now_us() + WORLD_S, every_second, context);
}

/* ---- the end ---- */

static void check_node_at(const struct bitbucket_node *node, uint32_t index, const char *version)
{
    if (!text_equal(node->link, version) || !text_equal(node->version, version))
        rule_broken("where the upgrade has ended, all nodes are where it says",
                    "%s runs %s, its link names %s, not %s", node->name, node->version, node->link,
                    version);
    if (!bitbucket_node_serves(node) && !node->is_broken_by_fault)
        rule_broken("where the upgrade has ended, all nodes serve", "%s does not", node->name);
    for (uint32_t lb = 0; lb < world.lb_count; lb++)
        if (world.lbs[lb].servers[index].admin != 0 && !node->is_held_by_hand)
            rule_broken("where the upgrade has ended, all nodes are up at every load balancer",
                        "%s is not at %s", node->name, world.lbs[lb].address);
}

static bool is_parked(const struct upgrade_node *node)
{
    return node->place == PLACE_HELD || node->place == PLACE_QUARANTINED;
}

/* After an abort each node is where it was left; those that could not be moved are told of. */
static const char *version_after(const struct upgrade *upgrade, uint32_t node)
{
    if (upgrade->outcome == OUTCOME_DONE)
        return WORLD_TO;
    if (upgrade->outcome != OUTCOME_ABORTED)
        return WORLD_FROM;
    return upgrade->nodes[node].place == PLACE_NEW ? WORLD_TO : WORLD_FROM;
}

static void check_end(const struct upgrade *upgrade)
{
    bool has_parked = false;
    for (uint32_t i = 0; i < upgrade->node_count; i++) {
        bool is_exempt = upgrade->outcome == OUTCOME_ABORTED && is_parked(&upgrade->nodes[i]);
        has_parked = has_parked || is_exempt;
        if (!is_exempt)
            check_node_at(&world.nodes[i], i, version_after(upgrade, i));
    }
    if (upgrade->outcome != OUTCOME_ABORTED && world.is_mode_on)
        rule_broken("where the upgrade has ended, upgrade mode is off", "it is on");
    if (upgrade->outcome == OUTCOME_DONE && !world.is_approved)
        rule_broken("done means approved", "it is not");
    if (run.options->expected != NULL &&
        !text_equal(outcome_name(upgrade->outcome), run.options->expected))
        rule_broken("the scenario's outcome", "%s instead of %s", outcome_name(upgrade->outcome),
                    run.options->expected);
}

/* True when there is nothing left to see. */
static bool is_over(void)
{
    const struct upgrade *upgrade = run.have_ceased ? world_upgrade() : NULL;
    if (upgrade == NULL || upgrade->phase != PHASE_ENDED) {
        run.ended_us = 0;
        return false;
    }
    if (run.ended_us == 0)
        run.ended_us = schedule_now_us();
    if (schedule_now_us() < run.ended_us + SETTLE_US)
        return false;
    check_end(upgrade);
    return true;
}

static bool is_all_struck(void)
{
    for (uint32_t i = 0; i < run.trigger_count; i++)
        if (!run.triggers[i].is_spent)
            return false;
    return true;
}

static bool is_idle(void)
{
    const struct upgrade *upgrade = is_all_struck() ? world_upgrade() : NULL;
    return upgrade != NULL && upgrade->phase == PHASE_ENDED;
}

static void cease_if_due(void)
{
    if (run.have_ceased || (schedule_now_us() < run.faults_end_us && !is_idle()))
        return;
    run.have_ceased = true;
    faults_cease();
    operator_is_called();
}

static void tell(struct run_result *result)
{
    const struct upgrade *upgrade = world_upgrade();
    result->is_good = world.broken_rule == NULL;
    if (!result->is_good)
        snprintf(result->complaint, sizeof(result->complaint), "%s: %s", world.broken_rule,
                 world.broken_detail);
    result->outcome = upgrade != NULL ? upgrade->outcome : OUTCOME_NONE;
    result->virtual_us = schedule_now_us();
    result->transitions = run.transitions;
    result->controller_boundaries = world.controllers[0].process.boundaries;
    result->agent_boundaries = world.agents[0].process.boundaries;
}

static void check_still_going(int64_t limit_us)
{
    const struct upgrade *upgrade = world_upgrade();
    if (schedule_now_us() < limit_us && world.broken_rule != NULL)
        return;
    if (upgrade == NULL)
        rule_broken("every upgrade ends", "nobody leads it");
    else
        rule_broken("every upgrade ends", "in phase %s%s: %s", phase_name(upgrade->phase),
                    upgrade->is_waiting ? ", waiting" : "", upgrade->reason.message);
}

void run_once(const struct run_options *options, struct run_result *ret_result)
{
    memset(&world, 0, sizeof(world));
    memset(&run, 0, sizeof(run));
    run.options = options;
    arena_begin_run();
    make_world();
    plan_faults();
    operator_begin(!options->is_fixed);
    schedule_at(WORLD_S, every_second, NULL);
    int64_t limit_us = FAULTS_SPAN_US + END_MOST_US;
    bool is_finished = false;
    while (!is_finished && world.broken_rule == NULL && schedule_step(limit_us)) {
        watch_transitions();
        cease_if_due();
        is_finished = is_over();
    }
    if (!is_finished)
        check_still_going(limit_us);
    tell(ret_result);
    end_world();
    arena_end_run();
}
