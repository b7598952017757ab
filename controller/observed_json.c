/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_json.h"

#include "text.h"

#include <stdio.h>

static void find(json_t *findings, const char *subject, const char *message, const char *hint)
{
    json_t *row = json_object();
    json_object_set_new(row, "subject", json_text(subject));
    json_object_set_new(row, "message", json_text(message));
    json_object_set_new(row, "hint", json_text(hint));
    json_array_append_new(findings, row);
}

static void find_cluster(const struct plan_input *input, json_t *findings)
{
    char message[128];
    const struct cluster_view *view = &input->view;
    if (input->view_error.code != ERROR_NONE) {
        find(findings, "cluster", input->view_error.message, input->view_error.hint);
        return;
    }
    if (view->state == CLUSTER_STABLE && !view->is_upgrade_mode)
        return;
    (void)snprintf(message, sizeof(message), "it is %s, upgrade mode %s",
                   cluster_state_name(view->state), view->is_upgrade_mode ? "on" : "off");
    find(findings, "cluster", message,
         "bring all nodes to one version; then upgrade again, or end upgrade mode in Bitbucket");
}

static void find_lb(const struct plan_input *input, const struct plan_node *node, uint32_t index,
                    json_t *findings)
{
    const struct plan_lb *lb = &node->lbs[index];
    char message[ERROR_MESSAGE_SIZE + LIMIT_NAME + 32], hint[ERROR_HINT_SIZE] = "";
    const char *what = "its health check fails";
    if (!lb->is_configured || (lb->error.code == ERROR_NONE && lb->health == PLAN_LB_UP))
        return;
    if (lb->error.code != ERROR_NONE) {
        what = lb->error.message;
        (void)TEXT_COPY(hint, lb->error.hint);
    } else if (lb->health == PLAN_LB_DRAINED) {
        what = "it is drained or down";
        (void)snprintf(hint, sizeof(hint), "`shunt return %s %s` gives it its traffic back",
                       input->cluster, node->name);
    }
    (void)snprintf(message, sizeof(message), "load balancer %s: %s", input->lb_names[index], what);
    find(findings, node->name, message, hint);
}

static void find_versions(const struct plan_node *node, json_t *findings)
{
    char message[128];
    const struct node_facts *facts = &node->facts;
    if (node->agent_error.code != ERROR_NONE) {
        find(findings, node->name, node->agent_error.message, node->agent_error.hint);
        return;
    }
    if (text_equal(facts->linked_version, facts->running_version))
        return;
    (void)snprintf(message, sizeof(message), "%s is linked, %s runs", facts->linked_version,
                   facts->running_version[0] != '\0' ? facts->running_version : "nothing");
    find(findings, node->name, message, "start it again with the version that it shall run");
}

static void find_node(const struct plan_input *input, const struct plan_node *node,
                      json_t *findings)
{
    char message[64];
    const struct node_view *seen = cluster_view_find(&input->view, node->name);
    enum node_state state = seen != NULL ? seen->state : NODE_UNKNOWN;
    find_versions(node, findings);
    if (state != NODE_ACTIVE && input->view_error.code == ERROR_NONE) {
        (void)snprintf(message, sizeof(message), "it is %s in the cluster", node_state_name(state));
        find(findings, node->name, message, "");
    }
    for (uint32_t i = 0; i < input->lb_count; i++)
        find_lb(input, node, i, findings);
}

json_t *observed_to_json(const struct plan_input *input)
{
    json_t *json = json_object(), *findings = json_array();
    find_cluster(input, findings);
    for (uint32_t i = 0; i < input->node_count; i++)
        find_node(input, &input->nodes[i], findings);
    json_object_set_new(json, "cluster_state", json_string(cluster_state_name(input->view.state)));
    json_object_set_new(json, "upgrade_mode", json_boolean(input->view.is_upgrade_mode));
    json_object_set_new(json, "nodes", nodes_to_json(input));
    json_object_set_new(json, "findings", findings);
    return json;
}
