/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_json.h"

#include "answer.h"

static json_t *check_to_json(const struct plan_check *check)
{
    json_t *json = json_object();
    bool is_ok = check->error.code == ERROR_NONE;
    json_object_set_new(json, "check", json_string(check->name));
    json_object_set_new(json, "subject", json_text(check->subject));
    json_object_set_new(json, "ok", json_boolean(is_ok));
    json_object_set_new(json, "detail", json_text(check->detail));
    if (!is_ok)
        json_object_set_new(json, "error", error_to_json(&check->error));
    return json;
}

json_t *plan_to_json(const struct plan_input *input, const struct plan *plan)
{
    json_t *json = json_object(), *checks = json_array(), *order = json_array();
    for (uint32_t i = 0; i < plan->check_count; i++)
        json_array_append_new(checks, check_to_json(&plan->checks[i]));
    for (uint32_t i = 0; i < input->node_count; i++) {
        uint32_t node = plan->order[i];
        json_t *row = json_object();
        json_object_set_new(row, "node", json_string(input->nodes[node].name));
        json_object_set_new(row, "load",
                            plan->load[node] < 0 ? json_null() : json_integer(plan->load[node]));
        json_array_append_new(order, row);
    }
    json_object_set_new(json, "cluster", json_string(input->cluster));
    json_object_set_new(json, "from", json_text(plan->from));
    json_object_set_new(json, "to", json_text(input->to));
    json_object_set_new(json, "failed", json_integer(plan->failed));
    json_object_set_new(json, "checks", checks);
    json_object_set_new(json, "order", order);
    return json;
}

static json_t *known(int64_t value)
{
    return value < 0 ? json_null() : json_integer(value);
}

static json_t *facts_to_json(const struct node_facts *facts)
{
    json_t *json = json_object();
    json_object_set_new(json, "version", json_text(facts->agent_version));
    json_object_set_new(json, "running_version", json_text(facts->running_version));
    json_object_set_new(json, "linked_version", json_text(facts->linked_version));
    json_object_set_new(json, "releases", json_text(facts->releases));
    json_object_set_new(json, "install_root", json_text(facts->install_root));
    json_object_set_new(json, "home", json_text(facts->home));
    json_object_set_new(json, "pid", known(facts->pid));
    json_object_set_new(json, "free_bytes", known(facts->free_bytes));
    json_object_set_new(json, "load_1m_x100", known(facts->load_1m_x100));
    return json;
}

static json_t *lbs_to_json(const struct plan_input *input, const struct plan_node *node)
{
    static const char *const words[] = {
        [PLAN_LB_UP] = "up", [PLAN_LB_NOT_UP] = "not-up", [PLAN_LB_DRAINED] = "drained"};
    json_t *list = json_array();
    for (uint32_t i = 0; i < input->lb_count; i++) {
        const struct plan_lb *lb = &node->lbs[i];
        json_t *row = json_object();
        if (!lb->is_configured) {
            json_decref(row);
            continue;
        }
        bool is_read = lb->error.code == ERROR_NONE;
        json_object_set_new(row, "name", json_text(input->lb_names[i]));
        json_object_set_new(row, "rotation", json_string(is_read ? words[lb->health] : "unknown"));
        json_object_set_new(row, "sessions", is_read ? known(lb->sessions) : json_null());
        json_object_set_new(row, "error", error_to_json(&lb->error));
        json_array_append_new(list, row);
    }
    return list;
}

static json_t *node_to_json(const struct plan_input *input, const struct plan_node *node)
{
    const struct node_view *seen = cluster_view_find(&input->view, node->name);
    bool has_facts = node->agent_error.code == ERROR_NONE;
    json_t *json = json_object();
    json_object_set_new(json, "node", json_string(node->name));
    json_object_set_new(json, "state",
                        json_string(node_state_name(seen != NULL ? seen->state : NODE_UNKNOWN)));
    json_object_set_new(json, "version", json_text(seen != NULL ? seen->version : ""));
    json_object_set_new(json, "tasks", seen != NULL ? known(seen->tasks) : json_null());
    json_object_set_new(json, "users", seen != NULL ? known(seen->users) : json_null());
    json_object_set_new(json, "agent", has_facts ? facts_to_json(&node->facts) : json_null());
    json_object_set_new(json, "agent_error", error_to_json(&node->agent_error));
    json_object_set_new(json, "load_balancers", lbs_to_json(input, node));
    return json;
}

json_t *nodes_to_json(const struct plan_input *input)
{
    json_t *nodes = json_array();
    for (uint32_t i = 0; i < input->node_count; i++)
        json_array_append_new(nodes, node_to_json(input, &input->nodes[i]));
    return nodes;
}
