/* SPDX-License-Identifier: Apache-2.0 */
#include "incidents.h"

#include "check.h"
#include "edge.h"
#include "keys.h"
#include "memory.h"
#include "message_codec.h"
#include "programs.h"
#include "text.h"
#include "trace.h"

#include <stdio.h>
#include <string.h>

/* ---- processes ---- */

static void revive(void *context)
{
    (void)context;
    for (uint32_t i = 0; i < world.controller_count; i++)
        controller_start(&world.controllers[i]);
    for (uint32_t i = 0; i < world.node_count; i++)
        if (world.agents[i].is_wanted)
            agent_start(&world.agents[i]);
}

void revive_later(int64_t us)
{
    schedule_at(schedule_now_us() + us, revive, NULL);
}

static void kill_controller(uint32_t index, int64_t span_us)
{
    process_kill(&world.controllers[index].process);
    revive_later(span_us);
}

static void kill_agent(uint32_t index, int64_t span_us)
{
    process_kill(&world.agents[index].process);
    revive_later(span_us);
}

static void wake(void *context)
{
    process_continue(context);
}

static void stall_controller(uint32_t index, int64_t span_us)
{
    process_stop(&world.controllers[index].process);
    schedule_at(schedule_now_us() + span_us, wake, &world.controllers[index].process);
}

static void wake_agent(void *context)
{
    struct agent *agent = context;
    agent->woken_us = schedule_now_us();
    process_continue(&agent->process);
}

static void stall_agent(uint32_t index, int64_t span_us)
{
    process_stop(&world.agents[index].process);
    schedule_at(schedule_now_us() + span_us, wake_agent, &world.agents[index]);
}

/* At one of its next boundaries: between any two effects. */
static void kill_controller_soon(uint32_t index, int64_t span_us)
{
    struct process *process = &world.controllers[index].process;
    process->die_at = process->boundaries + (uint64_t)random_between(&world.fault_random, 1, 200);
    revive_later(span_us);
}

static void kill_agent_soon(uint32_t index, int64_t span_us)
{
    struct process *process = &world.agents[index].process;
    process->die_at = process->boundaries + (uint64_t)random_between(&world.fault_random, 1, 60);
    revive_later(span_us);
}

static void stall_controller_soon(uint32_t index, int64_t span_us)
{
    struct process *process = &world.controllers[index].process;
    process->stop_at = process->boundaries + (uint64_t)random_between(&world.fault_random, 1, 200);
    process->stop_us = span_us;
}

static void set_clock(struct process *process, int64_t skew_us)
{
    process->clock_skew_us = skew_us;
    process->clock_set_us = schedule_now_us();
}

static void skew_clock(struct process *process, int64_t span_us)
{
    bool is_back = random_one_in(&world.fault_random, 2);
    set_clock(process, is_back ? -span_us : span_us);
}

static void skew_agent(uint32_t index, int64_t span_us)
{
    skew_clock(&world.agents[index].process, span_us);
}

static void skew_controller(uint32_t index, int64_t span_us)
{
    skew_clock(&world.controllers[index].process, span_us);
}

/* ---- hosts ---- */

static void boot(void *context)
{
    struct agent *agent = context;
    struct bitbucket_node *node = &world.nodes[agent->node];
    agent->is_wanted = true;
    agent_start(agent);
    if (node->starts_at_boot)
        bitbucket_node_start(node);
}

static void cut_power(uint32_t index, int64_t span_us)
{
    struct agent *agent = &world.agents[index];
    trace_line("the host of %s loses power", world.nodes[index].name);
    agent->is_wanted = false;
    process_kill(&agent->process);
    disk_cut_power(&agent->disk, &world.fault_random);
    world.nodes[index].is_broken_by_fault = true;
    bitbucket_node_kill(&world.nodes[index]);
    schedule_at(schedule_now_us() + span_us, boot, agent);
}

static void room(void *context)
{
    ((struct disk *)context)->is_full = false;
}

static void fill_disk(uint32_t index, int64_t span_us)
{
    world.agents[index].disk.is_full = true;
    schedule_at(schedule_now_us() + span_us, room, &world.agents[index].disk);
}

static void fill_controller_disk(uint32_t index, int64_t span_us)
{
    world.controllers[index].disk.is_full = true;
    schedule_at(schedule_now_us() + span_us, room, &world.controllers[index].disk);
}

/* ---- Bitbucket ---- */

static void crash_node(uint32_t index, int64_t span_us)
{
    (void)span_us;
    world.nodes[index].is_broken_by_fault = true;
    bitbucket_node_kill(&world.nodes[index]);
}

static void fail_node(uint32_t index, int64_t span_us)
{
    (void)span_us;
    if (world.nodes[index].process == BITBUCKET_ACTIVE)
        bitbucket_node_fail(&world.nodes[index]);
}

static void hang_node(uint32_t index, int64_t span_us)
{
    (void)span_us;
    world.nodes[index].hangs_at_stop = true;
}

static void cut_off_node(uint32_t index, int64_t span_us)
{
    world.nodes[index].unreachable_until_us = schedule_now_us() + span_us;
}

static void split_node(uint32_t index, int64_t span_us)
{
    world.nodes[index].split_since_us = schedule_now_us();
    world.nodes[index].split_until_us = schedule_now_us() + span_us;
}

static void spoil_release(uint32_t index, int64_t span_us)
{
    (void)span_us;
    world.nodes[index].is_error_at_start = true;
}

static void spoil_release_late(uint32_t index, int64_t span_us)
{
    world.nodes[index].error_after_us = span_us;
}

static void slow_start(uint32_t index, int64_t span_us)
{
    world.nodes[index].start_us = 4 * span_us;
}

/* A clone of hours: what is drained in the meantime is not empty before. */
static void keep_clients(uint32_t index, int64_t span_us)
{
    for (uint32_t lb = 0; lb < world.lb_count; lb++)
        world.lbs[lb].servers[index].busy_until_us = schedule_now_us() + 4 * span_us;
}

/* ---- load balancers ---- */

static void reload_lb(uint32_t index, int64_t span_us)
{
    (void)span_us;
    lb_process_reload(&world.lbs[index]);
}

static void restart_lb(uint32_t index, int64_t span_us)
{
    lb_process_restart(&world.lbs[index]);
    world.lbs[index].away_until_us = schedule_now_us() + span_us / 10;
}

static void lose_lb(uint32_t index, int64_t span_us)
{
    world.lbs[index].away_until_us = schedule_now_us() + span_us;
}

static void confuse_lb(uint32_t index, int64_t span_us)
{
    world.lbs[index].garbage_until_us = schedule_now_us() + span_us;
}

static void lose_order(uint32_t index, int64_t span_us)
{
    (void)span_us;
    world.lbs[index].lost_orders++;
}

static void lose_lb_answer(uint32_t index, int64_t span_us)
{
    (void)span_us;
    world.lbs[index].lost_answers++;
}

static void set_by_hand(uint32_t lb, uint32_t node, unsigned admin)
{
    world.lbs[lb].servers[node].admin = admin;
    world.lbs[lb].disturbed_us = world.nodes[node].handled_us = schedule_now_us();
}

static void return_by_hand(void *context)
{
    struct bitbucket_node *node = context;
    node->is_held_by_hand = false;
    set_by_hand(0, (uint32_t)(node - world.nodes), 0);
}

/* A colleague does it, at the first of them. */
static void drain_by_hand(uint32_t index, int64_t span_us)
{
    if (world.lbs[0].servers[index].admin == 0) {
        set_by_hand(0, index, 8);
        world.nodes[index].is_held_by_hand = true;
    }
    schedule_at(schedule_now_us() + span_us, return_by_hand, &world.nodes[index]);
}

/* ---- Redis ---- */

static void break_connections(void)
{
    world.redis.generation++;
    signal_raise(&world.redis.news);
}

static void stop_redis(uint32_t index, int64_t span_us)
{
    (void)index;
    redis_server_restart(world.redis.server);
    world.redis.down_until_us = schedule_now_us() + span_us;
    break_connections();
}

static void cut_redis(uint32_t index, int64_t span_us)
{
    (void)index;
    (void)span_us;
    break_connections();
}

static void wipe_redis(uint32_t index, int64_t span_us)
{
    (void)index;
    redis_server_wipe(world.redis.server);
    world.redis.lost_us = schedule_now_us();
    world.redis.down_until_us = schedule_now_us() + span_us / 10;
    break_connections();
}

static void fail_over_redis(uint32_t index, int64_t span_us)
{
    int64_t now_ms = WORLD_EPOCH_MS + schedule_now_us() / WORLD_MS;
    (void)index;
    redis_server_lose(world.redis.server, now_ms - span_us / (10 * WORLD_MS));
    world.redis.lost_us = schedule_now_us();
    world.redis.down_until_us = schedule_now_us() + span_us / 5;
    break_connections();
}

/* What an overtaken leader has sent reaches a node long after another one has commanded it. */
static void send_late_command(uint32_t index, int64_t span_us)
{
    const struct agent *agent = &world.agents[index];
    int64_t now_ms = WORLD_EPOCH_MS + schedule_now_us() / WORLD_MS;
    char stream[64], signature[KEY_SIGNATURE_TEXT_SIZE];
    struct command command = {.epoch = 1,
                              .verb = VERB_STOP,
                              .issued_ms = now_ms,
                              .expires_ms = now_ms + span_us / WORLD_MS,
                              .deadline_ms = 60000};
    if (agent->epoch_obeyed <= command.epoch)
        return;
    snprintf(command.id, sizeof(command.id), "late.%s.stop.%lld", world.nodes[index].name,
             (long long)now_ms);
    TEXT_COPY(command.cluster, "git");
    TEXT_COPY(command.node, world.nodes[index].name);
    snprintf(stream, sizeof(stream), "shunt:{git}:command:%s", command.node);
    FREE_CLEANUP char *body = command_write(&command);
    key_sign(NULL, KEY_DOMAIN_COMMAND, body, strlen(body), signature);
    const char *argv[] = {"XADD", stream, "*", "body", body, "key", "ctl1", "sig", signature};
    freeReplyObject(redis_server_execute(world.redis.server, now_ms, sizeof(argv) / sizeof(argv[0]),
                                         argv, NULL));
    world.redis.additions = redis_server_additions(world.redis.server);
    signal_raise(&world.redis.news);
}

static void lose_redis_answer(uint32_t index, int64_t span_us)
{
    (void)index;
    (void)span_us;
    world.redis.lost_answers++;
}

/* ---- the table ---- */

const struct incident_kind incident_kinds[] = {
    {"controller-killed", TARGET_CONTROLLER, "kill -9, started again later", kill_controller},
    {"controller-killed-at-boundary", TARGET_CONTROLLER, "between two effects",
     kill_controller_soon},
    {"controller-stalls", TARGET_CONTROLLER, "as by SIGSTOP", stall_controller},
    {"controller-stalls-at-boundary", TARGET_CONTROLLER, "between two effects",
     stall_controller_soon},
    {"controller-clock-jumps", TARGET_CONTROLLER, "forward or back", skew_controller},
    {"controller-disk-full", TARGET_CONTROLLER, "its copy of the journal cannot be written",
     fill_controller_disk},
    {"agent-killed", TARGET_NODE, "and its jobs with it", kill_agent},
    {"agent-killed-at-boundary", TARGET_NODE, "between two effects", kill_agent_soon},
    {"agent-stalls", TARGET_NODE, "as by SIGSTOP", stall_agent},
    {"agent-clock-jumps", TARGET_NODE, "forward or back", skew_agent},
    {"disk-full", TARGET_NODE, "of a node's host", fill_disk},
    {"power-cut", TARGET_NODE, "all of a host at once; what was not synced is lost", cut_power},
    {"node-crashes", TARGET_NODE, "Bitbucket's process ends", crash_node},
    {"node-in-error", TARGET_NODE, "Bitbucket goes to state ERROR", fail_node},
    {"node-hangs-at-stop", TARGET_NODE, "from now on", hang_node},
    {"node-cut-off", TARGET_NODE, "its REST cannot be reached", cut_off_node},
    {"split-brain", TARGET_NODE, "it sees no other member", split_node},
    {"release-bad", TARGET_NODE, "the target goes to ERROR at its start", spoil_release},
    {"release-bad-late", TARGET_NODE, "the target goes to ERROR after a while", spoil_release_late},
    {"slow-start", TARGET_NODE, "from now on", slow_start},
    {"clients-stay", TARGET_NODE, "what they have begun goes on for long", keep_clients},
    {"lb-reloaded", TARGET_LB, "forgets what it was told", reload_lb},
    {"lb-restarted", TARGET_LB, "cuts all sessions and is away for a moment", restart_lb},
    {"lb-away", TARGET_LB, "its socket refuses connections", lose_lb},
    {"lb-garbage", TARGET_LB, "answers nonsense", confuse_lb},
    {"lb-order-lost", TARGET_LB, "one order is accepted and forgotten", lose_order},
    {"lb-answer-lost", TARGET_LB, "one order is obeyed and not answered", lose_lb_answer},
    {"colleague-drains", TARGET_NODE, "by hand at one of them, and gives it back", drain_by_hand},
    {"redis-restarted", TARGET_NONE, "away for a while, nothing lost", stop_redis},
    {"redis-cut", TARGET_NONE, "all connections break", cut_redis},
    {"redis-wiped", TARGET_NONE, "all data is gone", wipe_redis},
    {"redis-failed-over", TARGET_NONE, "the last writes are lost", fail_over_redis},
    {"late-command", TARGET_NODE, "an overtaken leader's order to stop arrives", send_late_command},
    {"redis-answer-lost", TARGET_NONE, "one call is obeyed and not answered", lose_redis_answer},
};
const size_t incident_kind_count = sizeof(incident_kinds) / sizeof(incident_kinds[0]);

const struct incident_kind *incident_find(const char *name)
{
    for (size_t i = 0; i < incident_kind_count; i++)
        if (text_equal(incident_kinds[i].name, name))
            return &incident_kinds[i];
    return NULL;
}

void incident_strike(const struct incident *fault)
{
    trace_line("FAULT %s %u for %.1f s: %s", fault->kind->name, fault->index + 1,
               (double)fault->span_us / WORLD_S, fault->kind->what);
    fault->kind->strike(fault->index, fault->span_us);
}

static uint32_t count_of(enum target target)
{
    switch (target) {
    case TARGET_NONE:
        return 1;
    case TARGET_CONTROLLER:
        return world.controller_count;
    case TARGET_NODE:
        return world.node_count;
    case TARGET_LB:
        return world.lb_count;
    }
    CHECK(!"a target of no kind");
}

struct incident incident_draw(struct random *random)
{
    size_t kind = (size_t)random_between(random, 0, (int64_t)incident_kind_count - 1);
    uint32_t count = count_of(incident_kinds[kind].target);
    bool is_long = random_one_in(random, 4);
    return (struct incident){
        &incident_kinds[kind], (uint32_t)random_between(random, 0, count - 1),
        random_between(random, 100 * WORLD_MS, is_long ? 60 * WORLD_S : 8 * WORLD_S)};
}

/* ---- the end of it ---- */

static void settle(struct process *process)
{
    process->die_at = process->stop_at = 0;
    if (process->clock_skew_us != 0)
        set_clock(process, 0);
    if (process->is_stopped)
        process_continue(process);
}

void faults_cease(void)
{
    trace_line("the faults cease");
    world.redis.down_until_us = 0;
    world.redis.lost_answers = 0;
    for (uint32_t i = 0; i < world.controller_count; i++) {
        settle(&world.controllers[i].process);
        world.controllers[i].disk.is_full = false;
    }
    for (uint32_t i = 0; i < world.node_count; i++) {
        settle(&world.agents[i].process);
        world.agents[i].woken_us = schedule_now_us();
        world.agents[i].disk.is_full = false;
        world.agents[i].is_wanted = true;
        world.nodes[i].unreachable_until_us = world.nodes[i].split_until_us = 0;
    }
    for (uint32_t i = 0; i < world.lb_count; i++) {
        world.lbs[i].away_until_us = world.lbs[i].garbage_until_us = 0;
        world.lbs[i].lost_orders = world.lbs[i].lost_answers = 0;
    }
    revive(NULL);
}

/* Where Redis has lost its last writes and another leads, what was drained just then is taken for
 * somebody else's doing; she is told of it, and gives the node its traffic back. */
static void give_back_if_lost(uint32_t node)
{
    const struct upgrade *upgrade = world_upgrade();
    if (world.redis.lost_us == 0 || world.nodes[node].is_held_by_hand || upgrade == NULL ||
        !upgrade->nodes[node].is_taken)
        return;
    for (uint32_t lb = 0; lb < world.lb_count; lb++)
        set_by_hand(lb, node, 0);
}

void person_mends(void)
{
    for (uint32_t i = 0; i < world.node_count; i++) {
        struct bitbucket_node *node = &world.nodes[i];
        give_back_if_lost(i);
        node->hangs_at_stop = false;
        if (world.is_approved) { /* there is no way back: the vendor's help is what remains */
            node->is_error_at_start = false;
            node->error_after_us = 0;
        }
        node->start_us = 20 * WORLD_S;
        if (node->process == BITBUCKET_STOPPING)
            bitbucket_node_kill(node);
        if (node->process == BITBUCKET_ERROR)
            bitbucket_node_kill(node);
        if (node->process == BITBUCKET_GONE)
            bitbucket_node_start(node);
    }
}
