/* SPDX-License-Identifier: Apache-2.0 */
#include "enumerate.h"

#include "check.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What crashes, and how. Redis comes back as it was, with its last writes lost, or empty. */
static const struct crash {
    const char *fault;
    int64_t span_us;
} crashes[] = {
    {"controller-killed", 2 * WORLD_S}, {"agent-killed", 2 * WORLD_S},
    {"redis-restarted", 2 * WORLD_S},   {"redis-failed-over", 5 * WORLD_S},
    {"redis-wiped", 5 * WORLD_S},       {"power-cut", 10 * WORLD_S},
};
#define CRASHES (sizeof(crashes) / sizeof(crashes[0]))
#define PAIRED  5 /* the first of them, each with each */

/* How many cases of each kind there are, in this order. */
static struct {
    uint64_t controller_boundaries, agent_boundaries;
    uint64_t steps;
} counted;

static void plain(struct run_options *options)
{
    *options = (struct run_options){.is_fixed = true,
                                    .seed = 1,
                                    .node_count = 2,
                                    .controller_count = 1,
                                    .soak_ms = 2000,
                                    .on_failure = "rollback-node"};
}

static void add_crash(struct run_options *options, size_t kind, uint64_t step)
{
    struct trigger *trigger = &options->triggers[options->trigger_count++];
    trigger->fault =
        (struct incident){incident_find(crashes[kind].fault), 0, crashes[kind].span_us};
    trigger->at_transition = (uint32_t)step + 1;
}

static void add_pair(struct run_options *options, uint64_t number)
{
    uint64_t steps = counted.steps;
    uint64_t second = number % steps, first = number / steps % steps;
    uint64_t kinds = number / (steps * steps);
    add_crash(options, kinds / PAIRED, first);
    if (kinds % PAIRED != kinds / PAIRED || second > first)
        add_crash(options, kinds % PAIRED, second >= first ? second : first);
}

static void describe(uint64_t number, struct run_options *ret_options)
{
    plain(ret_options);
    if (number < counted.controller_boundaries) {
        ret_options->controller_dies_at = number + 1;
        return;
    }
    number -= counted.controller_boundaries;
    if (number < counted.agent_boundaries) {
        ret_options->agent_dies_at = number + 1;
        return;
    }
    number -= counted.agent_boundaries;
    if (number < CRASHES * counted.steps) {
        add_crash(ret_options, number / counted.steps, number % counted.steps);
        return;
    }
    add_pair(ret_options, number - CRASHES * counted.steps);
}

static void name(uint64_t number, char *text, size_t size)
{
    struct run_options options;
    int length = snprintf(text, size, "case %" PRIu64 ":", number);
    describe(number, &options);
    if (options.controller_dies_at != 0)
        snprintf(text + length, size - (size_t)length, " controller dies at boundary %" PRIu64,
                 options.controller_dies_at);
    else if (options.agent_dies_at != 0)
        snprintf(text + length, size - (size_t)length, " agent dies at boundary %" PRIu64,
                 options.agent_dies_at);
    for (uint32_t i = 0; i < options.trigger_count; i++)
        length += snprintf(text + length, size - (size_t)length, " %s at transition %u",
                           options.triggers[i].fault.kind->name, options.triggers[i].at_transition);
}

static void command(uint64_t number, char *text, size_t size)
{
    snprintf(text, size, "--trace-case %" PRIu64, number);
}

void enumerate_fill(struct batch *batch)
{
    struct run_options options;
    struct run_result result;
    plain(&options);
    run_once(&options, &result);
    CHECK(result.is_good);
    counted.controller_boundaries = result.controller_boundaries;
    counted.agent_boundaries = result.agent_boundaries;
    counted.steps = result.transitions;
    batch->first = 0;
    batch->last = counted.controller_boundaries + counted.agent_boundaries +
                  CRASHES * counted.steps + PAIRED * PAIRED * counted.steps * counted.steps - 1;
    batch->describe = describe;
    batch->name = name;
    batch->command = command;
}
