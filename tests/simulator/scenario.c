/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario.h"

#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES    200
#define DEFAULT_US    (5 * WORLD_S)
#define OUTCOME_BYTES 24

static bool read_fault(const char *text, struct trigger *trigger)
{
    char name[64];
    unsigned index = 1, span_s = 0;
    int used = 0;
    if (sscanf(text, " %63s%n", name, &used) != 1)
        return false;
    (void)sscanf(text + used, " %u", &index);
    const char *span = strstr(text, " for ");
    if (span != NULL && sscanf(span, " for %us", &span_s) != 1)
        return false;
    trigger->fault = (struct incident){incident_find(name), index - 1,
                                       span_s != 0 ? span_s * (int64_t)WORLD_S : DEFAULT_US};
    return trigger->fault.kind != NULL && index >= 1 && index <= WORLD_NODES;
}

static bool read_trigger(const char *text, struct run_options *options)
{
    struct trigger trigger = {0};
    unsigned at_s = 0;
    const char *colon = strchr(text, ':');
    if (colon == NULL || options->trigger_count == RUN_TRIGGERS)
        return false;
    if (sscanf(text, "at %us:", &at_s) == 1)
        trigger.at_us = at_s * (int64_t)WORLD_S;
    else if (sscanf(text, "at phase %15[^:]", trigger.at_phase) != 1 &&
             sscanf(text, "at %31s %15[^:]", trigger.at_node, trigger.at_step) != 2)
        return false;
    if (!read_fault(colon + 1, &trigger))
        return false;
    options->triggers[options->trigger_count++] = trigger;
    return true;
}

static bool read_line(const char *line, struct run_options *options)
{
    static char expected[OUTCOME_BYTES];
    enum outcome ignored;
    unsigned number = 0;
    if (line[0] == '#' || line[0] == '\0')
        return true;
    if (sscanf(line, "nodes %u", &options->node_count) == 1)
        return options->node_count >= 2 && options->node_count <= WORLD_NODES;
    if (sscanf(line, "controllers %u", &options->controller_count) == 1)
        return options->controller_count >= 1 && options->controller_count <= WORLD_CONTROLLERS;
    if (sscanf(line, "soak %us", &number) == 1) {
        options->soak_ms = (int64_t)number * 1000;
        return true;
    }
    if (text_equal(line, "force-at-drain-deadline"))
        return options->forces_drain = true;
    if (sscanf(line, "on-failure %23s", options->on_failure) == 1) {
        enum on_failure policy;
        return on_failure_parse(options->on_failure, &policy);
    }
    if (sscanf(line, "expect %23s", expected) == 1) {
        options->expected = expected;
        return outcome_parse(expected, &ignored);
    }
    return text_starts_with(line, "at ") && read_trigger(line, options);
}

bool scenario_read(const char *path, struct run_options *ret_options, struct error *err)
{
    char line[LINE_BYTES];
    FILE *file = fopen(path, "re");
    bool is_good = true;
    unsigned number = 0;
    if (file == NULL) {
        error_set_errno(err, errno, "%s", path);
        return false;
    }
    *ret_options = (struct run_options){.is_fixed = true, .seed = 1, .soak_ms = -1};
    while (is_good && fgets(line, sizeof(line), file) != NULL) {
        number++;
        line[strcspn(line, "\n")] = '\0';
        is_good = read_line(line, ret_options);
    }
    fclose(file);
    if (!is_good)
        error_set(err, ERROR_INVALID, "%s:%u: not understood: %s", path, number, line);
    return is_good;
}

bool scenario_run(const char *path, struct run_result *ret_result)
{
    struct run_options options;
    struct error err;
    if (!scenario_read(path, &options, &err)) {
        *ret_result = (struct run_result){0};
        TEXT_COPY(ret_result->complaint, err.message);
        return false;
    }
    run_once(&options, ret_result);
    return ret_result->is_good;
}
