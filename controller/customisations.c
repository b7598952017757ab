/* SPDX-License-Identifier: Apache-2.0 */
#include "customisations.h"

#include "memory.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

static void question_id(const struct request *request, const char *agent, char id[LIMIT_ID])
{
    snprintf(id, LIMIT_ID, "%.*s.customisations.%s", LIMIT_ID - LIMIT_NAME - 20, request->id,
             agent);
}

/* An agent that cannot be reached is told of by the check of its facts. */
void customisations_ask(struct shell *shell, struct cluster *cluster, const struct request *request,
                        size_t node, struct customisation_answers *answers)
{
    const struct node_config *config = &cluster->config->nodes[node];
    struct command command = {.verb = VERB_CUSTOMISATIONS, .deadline_ms = CUSTOMISATIONS_MS};
    if (!agent_keys_has(&cluster->agent_keys, config->agent, &answers->errors[node]))
        return;
    question_id(request, config->agent, command.id);
    TEXT_COPY(command.node, config->agent);
    TEXT_COPY(command.version, request->to);
    TEXT_COPY(command.artifact, request->artifact);
    TEXT_COPY(command.sha256, request->sha256);
    if (!send_command(shell, cluster, &command, &answers->errors[node]))
        return;
    answers->missing |= 1u << node;
    error_set(&answers->errors[node], ERROR_TIMEOUT,
              "agent '%s' has not compared its install directory in %d s", config->agent,
              CUSTOMISATIONS_MS / 1000);
    error_hint(&answers->errors[node], "on that node: journalctl -u shunt-agent");
}

bool customisations_take(const struct cluster *cluster, const struct request *request,
                         struct customisation_answers *answers, const struct report *report)
{
    char id[LIMIT_ID];
    int node = config_find_agent(cluster->config, report->node);
    question_id(request, report->node, id);
    if (node < 0 || !text_equal(id, report->command_id))
        return false;
    if (!report_kind_is_final(report->kind) || (answers->missing & (1u << node)) == 0)
        return true;
    answers->missing &= ~(1u << node);
    if (report->kind != REPORT_DONE) {
        answers->errors[node] = report->error;
        return true;
    }
    error_clear(&answers->errors[node]);
    answers->reports[node] = memory_zeroed(1, sizeof(*report));
    *answers->reports[node] = *report;
    return true;
}

void customisations_forget(struct customisation_answers *answers, uint32_t nodes)
{
    for (size_t i = 0; i < LIMIT_NODES; i++)
        if (answers->missing & nodes & (1u << i))
            error_clear(&answers->errors[i]);
    answers->missing &= ~nodes;
}

void customisations_free(struct customisation_answers *answers)
{
    for (size_t i = 0; i < LIMIT_NODES; i++)
        free(answers->reports[i]);
}

void customisations_judge(const struct customisation_answers *answers, size_t node,
                          struct plan_customisations *ret_judged)
{
    const struct report *report = answers->reports[node];
    ret_judged->error = answers->errors[node];
    ret_judged->is_asked = report != NULL || ret_judged->error.code != ERROR_NONE;
    if (report == NULL)
        return;
    ret_judged->total = report->customisations_total;
    ret_judged->conflicts = report->conflicts_total;
    if (report->customisation_count == 0)
        return;
    const struct message_customisation *first = &report->customisations[0];
    ret_judged->is_tried = first->outcome[0] != '\0';
    snprintf(ret_judged->first, sizeof(ret_judged->first), "%s%s%s", first->path,
             first->why[0] != '\0' ? ": " : "", first->why);
}

static json_t *item_to_json(const struct message_customisation *item)
{
    json_t *json = json_object();
    json_object_set_new(json, "path", json_text(item->path));
    json_object_set_new(json, "kind", json_text(item->kind));
    json_object_set_new(json, "outcome", json_text(item->outcome));
    json_object_set_new(json, "why", json_text(item->why));
    return json;
}

json_t *customisations_to_json(const struct customisation_answers *answers, size_t node,
                               const char *name)
{
    const struct report *report = answers->reports[node];
    if (report == NULL)
        return NULL;
    json_t *json = json_object(), *items = json_array();
    for (size_t i = 0; i < report->customisation_count; i++)
        json_array_append_new(items, item_to_json(&report->customisations[i]));
    json_object_set_new(json, "node", json_string(name));
    json_object_set_new(json, "total", json_integer(report->customisations_total));
    json_object_set_new(json, "conflicts", json_integer(report->conflicts_total));
    json_object_set_new(json, "items", items);
    json_object_set_new(json, "hunks", json_text(report->hunks));
    return json;
}
