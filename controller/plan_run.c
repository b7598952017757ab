/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_run.h"

#include "answer.h"
#include "check.h"
#include "clock.h"
#include "customisations.h"
#include "journal_row.h"
#include "memory.h"
#include "plan_json.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FACTS_MS        5000  /* an agent that lives answers in milliseconds */
#define FACTS_OF_URL_MS 15000 /* but asks an artifact's server first, fetch_look() */

struct plan_run {
    struct plan_run *next;
    struct request request;
    char *note; /* recover: what was done before the looking */
    struct plan_input input;
    uint32_t missing_facts; /* bit a node */
    bool is_gathered;
    int64_t deadline_ms; /* monotonic, for the facts */
    struct customisation_answers customisations;
    int64_t customisations_deadline_ms;
};

static int facts_ms(const struct request *request)
{
    bool is_url = request->artifact[0] != '\0' && request->artifact[0] != '/';
    return is_url ? FACTS_OF_URL_MS : FACTS_MS;
}

/* A viewer has no agent send requests to a place of the viewer's choice. */
static bool may_look_at_artifact(const struct shell *shell, const struct request *request)
{
    const struct operator_config *asker = config_find_operator(shell->config, request->operator);
    return request->artifact[0] == '/' || (asker != NULL && asker->role >= ROLE_OPERATOR);
}

static void facts_id(const struct plan_run *run, const char *node, char id[LIMIT_ID])
{
    snprintf(id, LIMIT_ID, "%s.facts.%s", run->request.id, node);
}

static void ask_facts(struct shell *shell, struct cluster *cluster, struct plan_run *run,
                      size_t index)
{
    const struct node_config *node = &cluster->config->nodes[index];
    struct command command = {.verb = VERB_FACTS};
    if (!agent_keys_has(&cluster->agent_keys, node->agent, &run->input.nodes[index].agent_error))
        return; /* its answer would be refused */
    facts_id(run, node->agent, command.id);
    TEXT_COPY(command.node, node->agent);
    TEXT_COPY(command.artifact, run->request.artifact);
    /* With them the agent looks at what staging it would take. */
    if (command.artifact[0] != '\0' && may_look_at_artifact(shell, &run->request)) {
        TEXT_COPY(command.version, run->request.to);
        TEXT_COPY(command.sha256, run->request.sha256);
    }
    if (send_command(shell, cluster, &command, &run->input.nodes[index].agent_error)) {
        run->missing_facts |= 1u << index;
        error_set(&run->input.nodes[index].agent_error, ERROR_TIMEOUT,
                  "no answer from agent '%s' in %d s", node->agent, facts_ms(&run->request) / 1000);
        error_hint(&run->input.nodes[index].agent_error,
                   "on that node: systemctl status shunt-agent; "
                   "shunt-agent check");
    }
}

/* Who is at work; asked before the looking, which is worth nothing while others change what is
 * seen, and after it. */
static void running_error(const struct cluster *cluster, struct error *ret_error)
{
    const struct upgrade *upgrade = cluster->upgrade;
    error_clear(ret_error);
    if (cluster->journal_error.code != ERROR_NONE) {
        *ret_error = cluster->journal_error;
        return;
    }
    if (upgrade == NULL || upgrade->phase == PHASE_ENDED) {
        (void)nobody_moves_by_hand(cluster, ret_error);
        return;
    }
    error_set(ret_error, ERROR_CONFLICT, "an upgrade from %s to %s runs, started by %s (%s)",
              upgrade->from, upgrade->to, upgrade->operator, upgrade->id);
    error_hint(ret_error, "`shunt status %s` shows it", upgrade->cluster);
}

static void fill_input(const struct cluster *cluster, const struct request *request,
                       struct plan_input *input)
{
    const struct cluster_config *config = cluster->config;
    TEXT_COPY(input->cluster, config->name);
    TEXT_COPY(input->to, request->to);
    input->policy = config->policy;
    input->node_count = (uint32_t)config->node_count;
    input->lb_count = (uint32_t)config->lb_count;
    for (size_t i = 0; i < config->node_count; i++)
        TEXT_COPY(input->nodes[i].name, config->nodes[i].name);
    for (size_t i = 0; i < config->lb_count; i++)
        TEXT_COPY(input->lb_names[i], config->lbs[i].lb.name);
}

static void run_free(struct plan_run *run)
{
    customisations_free(&run->customisations);
    free(run->note);
    free(run);
}

/* Those of one node, or of all that are asked at all, where they may stand in the way of the
 * release. */
static void ask_customisations(struct shell *shell, struct cluster *cluster, struct plan_run *run)
{
    const struct request *request = &run->request;
    for (size_t i = 0; i < cluster->config->node_count; i++) {
        bool is_wanted = request->verb == REQUEST_CUSTOMISATIONS
                             ? text_equal(cluster->config->nodes[i].name, request->node)
                             : request->to[0] != '\0' && (run->missing_facts & 1u << i) != 0;
        if (is_wanted)
            customisations_ask(shell, cluster, request, i, &run->customisations);
    }
}

static void ask_all(struct shell *shell, struct cluster *cluster, struct plan_run *run)
{
    run->is_gathered = run->request.verb == REQUEST_CUSTOMISATIONS;
    if (!run->is_gathered) {
        plan_gather(shell, cluster, &run->input, run);
        for (size_t i = 0; i < cluster->config->node_count; i++)
            ask_facts(shell, cluster, run, i);
    }
    ask_customisations(shell, cluster, run);
}

void plan_run_start(struct shell *shell, struct cluster *cluster, const struct request *request,
                    const char *note)
{
    struct plan_run *run = memory_zeroed(1, sizeof(*run));
    run->request = *request;
    run->note = memory_text(note);
    run->deadline_ms = clock_monotonic_ms() + facts_ms(request);
    run->customisations_deadline_ms = clock_monotonic_ms() + CUSTOMISATIONS_MS + facts_ms(request);
    fill_input(cluster, request, &run->input);
    running_error(cluster, &run->input.run_error);
    run->next = cluster->plans;
    cluster->plans = run;
    ask_all(shell, cluster, run);
}

/* "20261120-214503-3fa2": sorts by time, and is short enough to be typed. */
static void make_id(char id[LIMIT_ID])
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm utc;
    char random[33];
    gmtime_r(&now, &utc);
    key_random_id(random);
    size_t length = strftime(id, LIMIT_ID, "%Y%m%d-%H%M%S-", &utc);
    snprintf(id + length, LIMIT_ID - length, "%.4s", random);
}

static void begin(struct shell *shell, struct cluster *cluster, const struct plan_run *run,
                  const struct plan *plan)
{
    struct upgrade *upgrade = upgrade_new((uint32_t)cluster->config->node_count);
    make_id(upgrade->id);
    TEXT_COPY(upgrade->cluster, cluster->config->name);
    TEXT_COPY(upgrade->operator, run->request.operator);
    TEXT_COPY(upgrade->from, plan->from);
    TEXT_COPY(upgrade->to, run->request.to);
    TEXT_COPY(upgrade->artifact, run->request.artifact);
    TEXT_COPY(upgrade->sha256, run->request.sha256);
    upgrade->policy = cluster->config->policy;
    for (uint32_t i = 0; i < upgrade->node_count; i++)
        TEXT_COPY(upgrade->nodes[i].name, cluster->config->nodes[i].name);
    cluster_begin(shell, cluster, upgrade);
}

static void unlink_run(struct cluster *cluster, struct plan_run *run)
{
    struct plan_run **place = &cluster->plans;
    while (*place != run)
        place = &(*place)->next;
    *place = run->next;
}

static void answer_nodes(struct shell *shell, struct cluster *cluster, const struct plan_run *run)
{
    JSON_CLEANUP json_t *nodes = nodes_to_json(&run->input);
    answer(shell, cluster, run->request.id, NULL, NULL, "nodes", nodes);
}

static void answer_recovered(struct shell *shell, struct cluster *cluster,
                             const struct plan_run *run)
{
    JSON_CLEANUP json_t *observed = observed_to_json(&run->input);
    answer(shell, cluster, run->request.id, run->note, NULL, "observed", observed);
}

/* Judged by the core; what there is of them goes with the plan. */
static json_t *list_customisations(const struct cluster *cluster, struct plan_run *run)
{
    json_t *list = json_array();
    for (size_t i = 0; i < cluster->config->node_count; i++) {
        const char *name = cluster->config->nodes[i].name;
        json_t *json = customisations_to_json(&run->customisations, i, name);
        customisations_judge(&run->customisations, i, &run->input.nodes[i].customisations);
        if (json != NULL)
            json_array_append_new(list, json);
    }
    return list;
}

static void answer_plan(struct shell *shell, struct cluster *cluster, struct plan_run *run)
{
    json_t *customisations = list_customisations(cluster, run);
    FREE_CLEANUP struct plan *plan = memory_zeroed(1, sizeof(*plan));
    struct error err;
    plan_make(&run->input, plan);
    JSON_CLEANUP json_t *json = plan_to_json(&run->input, plan);
    json_object_set_new(json, "customisations", customisations);
    error_clear(&err);
    if (run->request.verb == REQUEST_UPGRADE && plan->failed != 0) {
        error_set(&err, ERROR_CONFLICT, "%u of %u checks have failed; nothing was touched",
                  plan->failed, plan->check_count);
    } else if (run->request.verb == REQUEST_UPGRADE) {
        begin(shell, cluster, run, plan);
    }
    answer(shell, cluster, run->request.id,
           err.code == ERROR_NONE && run->request.verb == REQUEST_UPGRADE ? cluster->upgrade->id
                                                                          : NULL,
           &err, "plan", json);
}

static void answer_customisations(struct shell *shell, struct cluster *cluster,
                                  const struct plan_run *run)
{
    int node = config_find_node(cluster->config, run->request.node);
    const struct error *err = node >= 0 ? &run->customisations.errors[node] : NULL;
    JSON_CLEANUP json_t *json =
        node >= 0 ? customisations_to_json(&run->customisations, (size_t)node, run->request.node)
                  : NULL;
    answer(shell, cluster, run->request.id, NULL, err, "customisations", json);
}

/* An agent whose key was replaced does answer; but nobody may believe it. */
static void explain_silence(struct cluster *cluster, struct plan_run *run)
{
    for (size_t i = 0; i < cluster->config->node_count; i++)
        if ((run->missing_facts & 1u << i) != 0)
            (void)agent_keys_none_refused(&cluster->agent_keys, cluster->config->nodes[i].agent,
                                          run->deadline_ms - FACTS_MS,
                                          &run->input.nodes[i].agent_error);
}

static void finish(struct shell *shell, struct cluster *cluster, struct plan_run *run)
{
    unlink_run(cluster, run);
    explain_silence(cluster, run);
    run->input.now_ms = clock_wall_ms();
    if (run->input.run_error.code == ERROR_NONE)
        running_error(cluster, &run->input.run_error);
    if (run->request.verb == REQUEST_CUSTOMISATIONS)
        answer_customisations(shell, cluster, run);
    else if (run->request.verb == REQUEST_NODES)
        answer_nodes(shell, cluster, run);
    else if (run->request.verb == REQUEST_RECOVER)
        answer_recovered(shell, cluster, run);
    else
        answer_plan(shell, cluster, run);
    run_free(run);
}

static void finish_if_complete(struct shell *shell, struct cluster *cluster, struct plan_run *run)
{
    int64_t now_ms = clock_monotonic_ms();
    bool has_facts = run->missing_facts == 0 || now_ms >= run->deadline_ms;
    if (has_facts) /* an agent that does not say what it is will not say more */
        customisations_forget(&run->customisations, run->missing_facts);
    bool has_customisations =
        run->customisations.missing == 0 || now_ms >= run->customisations_deadline_ms;
    if (run->is_gathered && has_facts && has_customisations)
        finish(shell, cluster, run);
}

static void take_facts(struct plan_run *run, uint32_t index, const struct report *report)
{
    struct plan_node *node = &run->input.nodes[index];
    if (!report_kind_is_final(report->kind))
        return;
    run->missing_facts &= ~(1u << index);
    error_clear(&node->agent_error);
    if (report->kind == REPORT_DONE && report->has_facts)
        node->facts = report->facts;
    else if (report->kind == REPORT_DONE)
        error_set(&node->agent_error, ERROR_PROTOCOL, "the agent's answer has no facts");
    else
        node->agent_error = report->error;
}

bool plan_run_report(struct shell *shell, struct cluster *cluster, const struct report *report)
{
    char id[LIMIT_ID];
    int index = config_find_agent(cluster->config, report->node);
    for (struct plan_run *run = cluster->plans; index >= 0 && run != NULL; run = run->next) {
        facts_id(run, report->node, id);
        if (text_equal(id, report->command_id))
            take_facts(run, (uint32_t)index, report);
        else if (!customisations_take(cluster, &run->request, &run->customisations, report))
            continue;
        finish_if_complete(shell, cluster, run);
        return true;
    }
    return false;
}

void plan_run_gathered(struct shell *shell, struct cluster *cluster, void *plan_run)
{
    struct plan_run *run = plan_run;
    run->is_gathered = true;
    finish_if_complete(shell, cluster, run);
}

struct plan_run *plan_run_next(struct plan_run *run)
{
    return run->next;
}

const struct request *plan_run_of_upgrade(const struct cluster *cluster)
{
    for (const struct plan_run *run = cluster->plans; run != NULL; run = run->next)
        if (run->request.verb == REQUEST_UPGRADE)
            return &run->request;
    return NULL;
}

void plan_run_tick(struct shell *shell, struct cluster *cluster)
{
    struct plan_run *next = NULL;
    for (struct plan_run *run = cluster->plans; run != NULL; run = next) {
        next = run->next;
        finish_if_complete(shell, cluster, run);
    }
}

void plan_run_free_all(struct cluster *cluster)
{
    while (cluster->plans != NULL) {
        struct plan_run *run = cluster->plans;
        cluster->plans = run->next;
        run_free(run);
    }
}
