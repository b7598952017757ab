/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules that always hold, judged by what really happens in the world and not by what the
 * product believes. Each is asked at the moment at which it can be broken.
 *
 * What no software can know is no breach: that a node went down a moment ago, that a load balancer
 * was reloaded a moment ago, or what a colleague did at one that answers nobody.
 */
#include "check.h"
#include "edge.h"
#include "journal_row.h"
#include "programs.h"
#include "text.h"
#include "trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOMENT_US   (20 * WORLD_S) /* a view may be 15 s old, and took its time */
#define RELOAD_US   (2 * WORLD_S)  /* until a reload is noticed and put right */
#define RESUME_US   (60 * WORLD_S) /* a held node is on its way, however its first calls fare */
#define CALL_US     (6 * WORLD_S)  /* a call has 5 s */
#define PUT_RIGHT_S 15             /* of which calls that nearly reach their deadlines are a part */

void rule_broken(const char *rule, const char *format, ...)
{
    va_list arguments;
    if (world.broken_rule != NULL)
        return;
    va_start(arguments, format);
    vsnprintf(world.broken_detail, sizeof(world.broken_detail), format, arguments);
    va_end(arguments);
    world.broken_rule = rule;
    trace_line("RULE BROKEN: %s: %s", rule, world.broken_detail);
}

const struct upgrade *world_upgrade(void)
{
    struct controller *leading = controller_leading();
    return leading != NULL ? leading->shell->clusters[0].upgrade : NULL;
}

static bool is_recent(int64_t at_us, int64_t span_us)
{
    return at_us != 0 && schedule_now_us() - at_us < span_us;
}

/* ---- 1. the budget ---- */

static bool takes_traffic(uint32_t node)
{
    for (uint32_t lb = 0; lb < world.lb_count; lb++)
        if (!lb_sends_new(&world.lbs[lb], node))
            return false;
    return bitbucket_node_serves(&world.nodes[node]);
}

static bool is_held_back(uint32_t node)
{
    for (uint32_t lb = 0; lb < world.lb_count; lb++)
        if (world.lbs[lb].servers[node].admin != 0)
            return true;
    return false;
}

/* At a load balancer that answers nobody, or has only just begun to. */
static bool is_held_back_unseen(uint32_t node)
{
    for (uint32_t lb = 0; lb < world.lb_count; lb++)
        if (world.lbs[lb].servers[node].admin != 0 &&
            is_recent(world.lbs[lb].away_until_us, MOMENT_US))
            return true;
    return false;
}

/* Out for any reason, and for long enough to be known. */
static bool is_out(uint32_t index)
{
    const struct bitbucket_node *node = &world.nodes[index];
    if (is_recent(node->handled_us, MOMENT_US) ||
        (node->is_held_by_hand && is_held_back_unseen(index)))
        return false;
    if (is_held_back(index) && !node->is_broken_by_fault)
        return true;
    return !bitbucket_node_serves(node) && !is_recent(node->active_us, MOMENT_US);
}

/* Nodes that are held for a decision are resumed one by one, whatever else is out; a rollback puts
 * back what it can. */
static bool is_of_no_account(const struct upgrade *upgrade)
{
    if (upgrade == NULL || upgrade->phase == PHASE_BACK || is_recent(world.resumed_us, RESUME_US))
        return true;
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        if (upgrade->nodes[i].place == PLACE_HELD || upgrade->nodes[i].place == PLACE_QUARANTINED)
            return true;
    return false;
}

/* A node that takes traffic is about to lose it. */
static void check_budget(uint32_t node)
{
    uint32_t out = 0, serving = 0;
    bool is_excusable = false;
    const struct upgrade *upgrade = world_upgrade();
    for (uint32_t i = 0; i < world.node_count; i++) {
        if (i == node)
            continue;
        out += is_out(i);
        serving += takes_traffic(i);
        is_excusable = is_excusable || (!takes_traffic(i) && !is_held_back(i)) ||
                       is_recent(world.nodes[i].handled_us, MOMENT_US);
    }
    if (!is_of_no_account(upgrade) && out + 1 > world.policy.max_unavailable)
        rule_broken("never more nodes out of service than the budget allows",
                    "%s is taken out beside %u others", world.nodes[node].name, out);
    if (!is_excusable && serving < world.policy.min_available)
        rule_broken("never fewer nodes in service than min_available", "%s is taken out, %u left",
                    world.nodes[node].name, serving);
}

/* Unless it was on its way already, or is put back with the whole cluster: then what a colleague
 * has said is overwritten, and nobody can tell any more. */
void rules_at_return(const struct lb_process *lb, uint32_t index)
{
    const struct upgrade *upgrade = world_upgrade();
    struct bitbucket_node *node = &world.nodes[index];
    int64_t known_ms = WORLD_EPOCH_MS + (node->handled_us + MOMENT_US) / WORLD_MS;
    if (node->is_held_by_hand && upgrade != NULL && upgrade->phase == PHASE_NODES &&
        upgrade->nodes[index].pass == PASS_UP &&
        upgrade->nodes[index].pass_begun_ms[PASS_UP] > known_ms)
        rule_broken("a node that somebody else took out stays out", "%s is given its traffic",
                    node->name);
    if (lb == &world.lbs[0]) /* where he did it */
        node->is_held_by_hand = false;
}

/* ---- 2. no stop under traffic ---- */

void rules_at_stop(uint32_t node, const struct command *command)
{
    struct bitbucket_node *stopped = &world.nodes[node];
    if (!bitbucket_node_serves(stopped))
        return;
    for (uint32_t i = 0; i < world.lb_count; i++) {
        if (is_recent(world.lbs[i].disturbed_us, RELOAD_US))
            continue;
        if (!(world.lbs[i].servers[node].admin & 1))
            rule_broken("no stop before the members are down", "%s at %s", stopped->name,
                        world.lbs[i].address);
        if (lb_sends_new(&world.lbs[i], node))
            rule_broken("no stop while a load balancer sends the node new traffic", "%s at %s",
                        stopped->name, world.lbs[i].address);
        else if (lb_sessions(&world.lbs[i], node) > 0 && !command->force)
            rule_broken("no request is cut", "%s still has sessions at %s", stopped->name,
                        world.lbs[i].address);
    }
}

static void note_term(const struct controller *leading)
{
    if (leading == NULL || leading->shell->clusters[0].epoch <= world.term_epoch)
        return;
    world.term_epoch = leading->shell->clusters[0].epoch;
    world.term_us = schedule_now_us();
}

/* A reload brings a node back while it is out: noticed and put right by a leader that can. */
void rules_at_second(void)
{
    const struct controller *leading = controller_leading();
    const struct upgrade *upgrade = world_upgrade();
    note_term(leading);
    if (upgrade == NULL || leading->process.is_stopped)
        return;
    for (uint32_t lb = 0; lb < world.lb_count; lb++) {
        struct lb_process *process = &world.lbs[lb];
        bool can_be_told = schedule_now_us() >= process->away_until_us &&
                           schedule_now_us() >= process->garbage_until_us &&
                           schedule_now_us() >= world.redis.down_until_us;
        for (uint32_t i = 0; i < upgrade->node_count; i++) {
            bool is_wrong =
                upgrade_wanted_admin(upgrade, i) == WANTED_DOWN && process->servers[i].admin == 0;
            process->servers[i].wrong_s =
                is_wrong && can_be_told ? process->servers[i].wrong_s + 1 : 0;
            if (process->servers[i].wrong_s > PUT_RIGHT_S)
                rule_broken("a reload that brings a node back is put right", "%s at %s",
                            world.nodes[i].name, process->address);
        }
    }
}

/* ---- 3. no switch to a tree that was not verified ---- */

void rules_at_switch(uint32_t node, const char *version)
{
    if (text_equal(version, WORLD_TO) && !world.nodes[node].is_staged)
        rule_broken("no switch of a tree that was not fully verified", "%s",
                    world.nodes[node].name);
    if (text_equal(version, WORLD_FROM) && world.is_approved)
        rule_broken("no way back after approve", "%s", world.nodes[node].name);
}

/* ---- 5. the intent is in the journal first ---- */

/* Another controller that writes down what it has read tells nothing new. */
static void note_return(struct bitbucket_node *node, const struct upgrade_node *row)
{
    if (node->return_sequence == row->sequence)
        return;
    node->return_sequence = row->sequence;
    node->return_us = schedule_now_us();
}

static void note_returns(const struct controller *controller)
{
    for (uint32_t i = 0; controller->durable != NULL && i < world.node_count; i++)
        if (controller->durable->nodes[i].step == STEP_RETURN &&
            controller->before[i].step != STEP_RETURN)
            note_return(&world.nodes[i], &controller->durable->nodes[i]);
}

void rules_at_journal(struct controller *controller, const char *record)
{
    struct journal_head head;
    struct error err;
    for (uint32_t i = 0; controller->durable != NULL && i < world.node_count; i++)
        controller->before[i] = controller->durable->nodes[i];
    controller->recorded_us = schedule_now_us();
    if (!journal_record_apply(record, strlen(record), "git", &controller->durable, &head, &err))
        rule_broken("the journal can always be read", "%s", err.message);
    else if (head.epoch > world.epoch)
        world.epoch = head.epoch;
    note_returns(controller);
}

static bool is_intended(const struct command *command, uint32_t node)
{
    for (uint32_t i = 0; i < world.controller_count; i++) {
        const struct upgrade *durable = world.controllers[i].durable;
        size_t length = durable != NULL ? strlen(durable->id) : 0;
        const char *sequence = strrchr(command->id, '.');
        if (durable != NULL && strncmp(command->id, durable->id, length) == 0 && sequence != NULL &&
            durable->nodes[node].sequence >= (uint32_t)atoi(sequence + 1))
            return true;
    }
    return false;
}

/* Which steps want an order for a node. */
static bool wants(const struct upgrade_node *node, const char *order)
{
    if (node->place == PLACE_OLD || node->place == PLACE_NEW || node->place == PLACE_RESTORED)
        return strstr(order, " ready") != NULL; /* as it should be */
    if (strstr(order, " drain") != NULL)
        return node->step <= STEP_DETACH;
    if (strstr(order, " ready") != NULL)
        return node->step == STEP_RETURN || node->step == STEP_SOAK || node->step == STEP_DRAIN;
    return node->step >= STEP_DETACH || node->place == PLACE_QUARANTINED;
}

static void check_intent(const struct controller *controller, uint32_t node, const char *order)
{
    /* Works that a new record overtakes are cancelled after it; one may be in a call just then. */
    bool is_overtaken =
        is_recent(controller->recorded_us, CALL_US) && wants(&controller->before[node], order);
    if (controller->durable == NULL ||
        (!wants(&controller->durable->nodes[node], order) && !is_overtaken))
        rule_broken("no action without its intent in the journal first", "%s by %s", order,
                    controller->process.name);
}

/* ---- 6. only the holder of the highest epoch acts ---- */

/* The last epoch that a power cut would leave. */
static uint64_t durable_epoch(const struct agent *agent)
{
    uint64_t epoch = 0;
    const struct disk_file *file = &agent->disk.files[0];
    for (size_t i = 0; i < file->synced; i++)
        (void)sscanf(file->records[i], "{\"record\":\"epoch\",\"epoch\":%" SCNu64, &epoch);
    return epoch;
}

static bool is_accepted(const struct agent *agent, const struct command *command)
{
    const struct disk_file *file = &agent->disk.files[0];
    for (size_t i = file->synced; i > 0; i--)
        if (strstr(file->records[i - 1], "\"accepted\"") != NULL &&
            strstr(file->records[i - 1], command->id) != NULL)
            return true;
    return false;
}

static bool was_done(const struct agent *agent, const struct command *command)
{
    const struct disk_file *file = &agent->disk.files[0];
    for (size_t i = 0; i < file->synced; i++)
        if (strstr(file->records[i], "\"ended\"") != NULL &&
            strstr(file->records[i], command->id) != NULL)
            return true;
    return false;
}

static bool is_work_of(const struct upgrade *upgrade, uint32_t node, const char *id)
{
    const struct upgrade_node *of = &upgrade->nodes[node];
    char expected[LIMIT_ID];
    for (unsigned work = 0; work < WORK_COUNT; work++) {
        command_id(upgrade, node, (enum work)work, of->sequence, expected);
        if ((of->works & WORK_BIT(work)) != 0 && work_is_of_agent((enum work)work) &&
            text_equal(expected, id))
            return true;
    }
    return false;
}

/* By the clock of any controller: whoever wrote that time down may not lead any more. */
static bool was_a_moment_ago(int64_t wall_ms)
{
    for (uint32_t i = 0; i < world.controller_count; i++) {
        const struct process *process = &world.controllers[i].process;
        int64_t now_us = schedule_now_us() + process->clock_skew_us;
        int64_t ago_us = now_us - (wall_ms - WORLD_EPOCH_MS) * WORLD_MS;
        if ((ago_us > -MOMENT_US && ago_us < MOMENT_US) ||
            is_recent(process->clock_set_us, MOMENT_US))
            return true;
    }
    return false;
}

/* A leader that moved on a moment ago may not have been heard yet. */
static bool is_wanted(const struct command *command, uint32_t node)
{
    const struct controller *leading = controller_leading();
    const struct upgrade *upgrade = world_upgrade();
    if (upgrade == NULL || is_work_of(upgrade, node, command->id))
        return true;
    if (leading->shell->clusters[0].epoch < command->epoch)
        return true; /* stopped, it does not know yet that it was overtaken, by one that is dead */
    const struct upgrade_node *of = &upgrade->nodes[node];
    int64_t moved_ms = of->begun_ms;
    for (unsigned pass = 0; pass < PASS_COUNT; pass++)
        if (of->pass_ended_ms[pass] > moved_ms)
            moved_ms = of->pass_ended_ms[pass];
    if (upgrade->phase_begun_ms > moved_ms)
        moved_ms = upgrade->phase_begun_ms;
    if (upgrade->ended_ms > moved_ms)
        moved_ms = upgrade->ended_ms;
    return was_a_moment_ago(moved_ms);
}

/* A term begins with empty streams of commands. One that an agent had in hand by then it may still
 * begin, and Redis may have lost that they were emptied. */
static bool is_of_earlier_term(const struct agent *agent, const struct command *command)
{
    return command->epoch < world.term_epoch && !is_recent(world.term_us, CALL_US) &&
           !is_recent(agent->woken_us, CALL_US) && world.redis.lost_us < world.term_us;
}

void rules_at_job(struct agent *agent, const struct command *command)
{
    if (!verb_is_effect(command->verb))
        return;
    if (is_of_earlier_term(agent, command))
        rule_broken("nothing is begun that an earlier term has asked for", "%s", command->id);
    if (!is_wanted(command, agent->node))
        rule_broken("an agent does nothing that nobody wants any more", "%s", command->id);
    if (command->epoch < agent->epoch_obeyed)
        rule_broken("an agent refuses a lower epoch", "%s with epoch %llu after %llu", command->id,
                    (unsigned long long)command->epoch, (unsigned long long)agent->epoch_obeyed);
    agent->epoch_obeyed = command->epoch;
    if (durable_epoch(agent) < command->epoch)
        rule_broken("the highest epoch is in the agent's record first", "%s: %llu instead of %llu",
                    command->id, (unsigned long long)durable_epoch(agent),
                    (unsigned long long)command->epoch);
    if (!is_accepted(agent, command))
        rule_broken("a command is in the agent's record before it is done", "%s", command->id);
    if (was_done(agent, command))
        rule_broken("a command is done once", "%s", command->id);
    if (!is_intended(command, agent->node))
        rule_broken("no command without its intent in the journal first", "%s", command->id);
}

static void check_leader(const struct controller *controller, const char *order)
{
    uint64_t epoch = controller->shell->clusters[0].epoch;
    if (epoch < world.epoch)
        rule_broken("only the holder of the highest epoch acts", "%s: %s with epoch %llu of %llu",
                    controller->process.name, order, (unsigned long long)epoch,
                    (unsigned long long)world.epoch);
}

/* Redis has taken a record, with which the next leader begins, or commands. */
void rules_at_script(const struct controller *controller)
{
    check_leader(controller, "the script of a leader");
}

static bool find_node(const char *order, uint32_t *ret_node)
{
    const char *member = strstr(order, "bb/");
    for (uint32_t i = 0; member != NULL && i < world.node_count; i++)
        if (text_starts_with(member + strlen("bb/"), world.nodes[i].name)) {
            *ret_node = i;
            return true;
        }
    return false;
}

/* ---- four proofs before traffic is given back ---- */

/* Somebody who is asked can tell what became of the node. */
static bool has_witness(uint32_t index)
{
    for (uint32_t i = 0; i < world.node_count; i++)
        if (i != index && bitbucket_node_serves(&world.nodes[i]) && !is_held_back(i) &&
            schedule_now_us() > world.nodes[i].unreachable_until_us + MOMENT_US &&
            schedule_now_us() > world.nodes[i].split_until_us + MOMENT_US)
            return true;
    return false;
}

/* Judged by the time at which the intent was written: while a load balancer is away it is tried for
 * long, and one that is back looks itself whether the node is there. A node that was only drained
 * goes on with what it did; its agent may not even be there. */
static void check_return(const struct controller *controller, uint32_t index)
{
    const struct bitbucket_node *node = &world.nodes[index];
    int64_t now_us = schedule_now_us();
    if (controller->durable == NULL || controller->durable->nodes[index].step != STEP_RETURN)
        return;
    bool is_news = node->active_us != 0 && node->return_us - node->active_us < MOMENT_US;
    bool is_excused = is_news || (node->is_broken_by_fault && !has_witness(index));
    if (!bitbucket_node_serves(node) && !is_excused)
        rule_broken("no traffic for a node that is not ACTIVE", "%s", node->name);
    if (node->starts > 0 && now_us < node->split_until_us &&
        node->return_us > node->split_since_us + CALL_US)
        rule_broken("no traffic for a node that sees no other member", "%s", node->name);
}

void rules_at_order(const char *order)
{
    const struct controller *controller = edge_controller();
    uint32_t node;
    CHECK(controller != NULL);
    check_leader(controller, order);
    if (!find_node(order, &node))
        return;
    check_intent(controller, node, order);
    if (strstr(order, " ready") != NULL)
        check_return(controller, node);
    bool is_last_lb = true; /* counted once, at the first load balancer that loses it */
    for (uint32_t lb = 0; lb < world.lb_count; lb++)
        is_last_lb = is_last_lb && lb_sends_new(&world.lbs[lb], node);
    bool is_taken_out = strstr(order, " drain") != NULL && controller->durable != NULL &&
                        controller->durable->nodes[node].step == STEP_DRAIN;
    if (is_last_lb && is_taken_out && takes_traffic(node))
        check_budget(node);
}

/* ---- 8. approve only when all are there ---- */

/* Or were a moment ago. Whatever has broken one since then was there to be seen. */
void rules_at_approve(void)
{
    for (uint32_t i = 0; i < world.node_count; i++) {
        const struct bitbucket_node *node = &world.nodes[i];
        bool is_there = bitbucket_node_serves(node) || is_recent(node->active_us, MOMENT_US);
        if (!is_there || !text_equal(node->version, WORLD_TO))
            rule_broken("approve only when every node of the inventory is ACTIVE at the target",
                        "%s is not", node->name);
    }
}
