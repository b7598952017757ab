/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include "check.h"
#include "text.h"
#include "version.h"

/* Adds a row; the caller fills its error if the check has failed. */
static struct plan_check *add(struct plan *plan, const char *name, const char *subject)
{
    CHECK(plan->check_count < PLAN_CHECKS_MAX);
    struct plan_check *check = &plan->checks[plan->check_count++];
    check->name = name;
    text_copy(check->subject, sizeof(check->subject), subject);
    error_clear(&check->error);
    check->detail[0] = '\0';
    return check;
}

static void check_version(const struct plan_input *input, struct plan *plan)
{
    struct plan_check *check = add(plan, "version jump", input->cluster);
    const char *from = input->view.original_version;
    for (uint32_t i = 0; from[0] == '\0' && i < input->view.node_count; i++)
        from = input->view.nodes[i].version;
    text_copy(plan->from, sizeof(plan->from), from);
    if (from[0] == '\0')
        error_set(&check->error, ERROR_UNAVAILABLE,
                  "the cluster does not say which version it runs");
    else
        (void)version_check_jump(from, input->to, &check->error);
}

static void check_cluster(const struct plan_input *input, struct plan *plan)
{
    const struct cluster_view *view = &input->view;
    struct plan_check *check = add(plan, "rolling-upgrade API", input->cluster);
    check->error = input->view_error;
    if (input->view_error.code != ERROR_NONE)
        return;
    check = add(plan, "cluster state", input->cluster);
    text_copy(check->detail, sizeof(check->detail), cluster_state_name(view->state));
    if (view->state != CLUSTER_STABLE && view->state != CLUSTER_READY_TO_UPGRADE) {
        error_set(&check->error, ERROR_CONFLICT, "it is %s, not STABLE or READY_TO_UPGRADE",
                  cluster_state_name(view->state));
        error_hint(&check->error,
                   "mend or stop nodes in ERROR; `shunt rollback %s` after an abort; finish or "
                   "roll back an upgrade begun by hand",
                   input->cluster);
    }
    check_version(input, plan);
}

static bool is_inventory(const struct plan_input *input, const char *name)
{
    for (uint32_t i = 0; i < input->node_count; i++)
        if (text_equal(input->nodes[i].name, name))
            return true;
    return false;
}

static void check_strangers(const struct plan_input *input, struct plan *plan)
{
    struct plan_check *check = add(plan, "inventory", input->cluster);
    for (uint32_t i = 0; i < input->view.node_count; i++) {
        const struct node_view *node = &input->view.nodes[i];
        if (node->state == NODE_OFFLINE || is_inventory(input, node->name))
            continue;
        error_set(&check->error, ERROR_CONFLICT,
                  "node '%s' at %s is in the cluster and not in the configuration",
                  node->name[0] ? node->name : node->id, node->address);
        error_hint(&check->error, "add it to `nodes`, or stop it: approve would leave it behind");
        return;
    }
}

static void check_active(const struct plan_input *input, struct plan *plan, uint32_t index)
{
    const struct plan_node *node = &input->nodes[index];
    const struct node_view *seen = cluster_view_find(&input->view, node->name);
    struct plan_check *check = add(plan, "node active", node->name);
    if (seen == NULL) {
        error_set(&check->error, ERROR_NOT_FOUND, "the cluster does not list a node of that name");
        error_hint(&check->error, "`name` must be its -Dcluster.node.name");
        return;
    }
    plan->load[index] = -1;
    if (seen->tasks >= 0 || seen->users >= 0)
        plan->load[index] =
            (seen->tasks > 0 ? seen->tasks : 0) + (seen->users > 0 ? seen->users : 0);
    text_copy(check->detail, sizeof(check->detail), seen->version);
    if (seen->state != NODE_ACTIVE)
        error_set(&check->error, ERROR_CONFLICT, "it is %s, not ACTIVE",
                  node_state_name(seen->state));
    else if (!text_equal(seen->version, plan->from))
        error_set(&check->error, ERROR_CONFLICT, "it runs '%s', the cluster %s", seen->version,
                  plan->from);
}

/* A row for each thing that is wrong, in the agent's own words; one row if nothing is. */
static void check_host(const struct plan_node *node, struct plan *plan)
{
    const struct node_facts *facts = &node->facts;
    CHECK(facts->complaint_count <= MESSAGE_COMPLAINTS);
    if (facts->complaint_count == 0)
        (void)add(plan, "host", node->name);
    for (size_t i = 0; i < facts->complaint_count; i++) {
        struct plan_check *check = add(plan, "host", node->name);
        error_set(&check->error, ERROR_INVALID, "%s", facts->complaints[i].message);
        error_hint(&check->error, "%s", facts->complaints[i].hint);
    }
}

/* The agent has looked as a staging does first; without an artifact there is nothing to look at. */
static void check_room(const struct plan_node *node, struct plan *plan)
{
    const struct node_room *room = &node->facts.room;
    if (room->detail[0] == '\0' && room->failure[0] == '\0')
        return;
    struct plan_check *check = add(plan, "artifact and room", node->name);
    text_copy(check->detail, sizeof(check->detail), room->detail);
    if (room->failure[0] == '\0')
        return;
    error_set(&check->error, ERROR_FULL, "%s", room->failure);
    error_hint(&check->error, "%s", room->hint);
}

static void check_agent(const struct plan_input *input, struct plan *plan, uint32_t index)
{
    const struct plan_node *node = &input->nodes[index];
    struct plan_check *check = add(plan, "agent", node->name);
    check->error = node->agent_error;
    if (node->agent_error.code != ERROR_NONE)
        return;
    text_copy(check->detail, sizeof(check->detail), node->facts.agent_version);
    check = add(plan, "installed release", node->name);
    text_copy(check->detail, sizeof(check->detail), node->facts.linked_version);
    if (plan->from[0] != '\0' && !text_equal(node->facts.linked_version, plan->from)) {
        error_set(&check->error, ERROR_CONFLICT,
                  "its link or service names '%s', the cluster runs %s", node->facts.linked_version,
                  plan->from);
        error_hint(&check->error, "link or service definition must name RELEASES/%s", plan->from);
    } else if (node->facts.pid <= 0) {
        error_set(&check->error, ERROR_NOT_FOUND, "no process of this home (%s) runs there",
                  node->facts.home);
    }
    check_host(node, plan);
    check_room(node, plan);
    int64_t skew_ms = node->facts.clock_ms - input->now_ms;
    check = add(plan, "clock", node->name);
    if (skew_ms > LIMIT_CLOCK_SKEW_MS || skew_ms < -LIMIT_CLOCK_SKEW_MS) {
        error_set(&check->error, ERROR_CONFLICT, "its clock is off by %lld ms, %d ms are allowed",
                  (long long)skew_ms, LIMIT_CLOCK_SKEW_MS);
        error_hint(&check->error, "commands expire by the clock: mend NTP on that host");
    }
}

static void check_customisations(const struct plan_input *input, struct plan *plan, uint32_t index)
{
    const struct plan_customisations *found = &input->nodes[index].customisations;
    if (!found->is_asked)
        return;
    struct plan_check *check = add(plan, "customisations", input->nodes[index].name);
    check->error = found->error;
    if (found->error.code != ERROR_NONE)
        return;
    if (found->conflicts > 0) {
        error_set(&check->error, ERROR_CONFLICT, "%s", found->first);
        if (found->conflicts > 1)
            error_wrap(&check->error, "%lld conflicts, the first", (long long)found->conflicts);
        error_hint(&check->error, "decide with a rule copy or keep-new under "
                                  "bitbucket.customisations of that agent");
    } else if (found->total == 0) {
        text_copy(check->detail, sizeof(check->detail), "none");
    } else {
        text_copy(check->detail, sizeof(check->detail),
                  found->is_tried
                      ? "carried over"
                      : "merged while it is staged: until then conflicts are not known");
    }
}

static void check_lbs(const struct plan_input *input, struct plan *plan, uint32_t index)
{
    const struct plan_node *node = &input->nodes[index];
    for (uint32_t i = 0; i < input->lb_count; i++) {
        const struct plan_lb *lb = &node->lbs[i];
        if (!lb->is_configured)
            continue;
        struct plan_check *check = add(plan, "in rotation", node->name);
        (void)(text_append(check->subject, sizeof(check->subject), " at ") &&
               text_append(check->subject, sizeof(check->subject), input->lb_names[i]));
        if (lb->error.code != ERROR_NONE) {
            check->error = lb->error;
        } else if (lb->health == PLAN_LB_DRAINED) {
            error_set(&check->error, ERROR_CONFLICT,
                      "somebody took it out of %s; it would be given back its traffic",
                      input->lb_names[i]);
            error_hint(&check->error, "if it may serve: `shunt return %s %s`", input->cluster,
                       node->name);
        } else if (lb->health == PLAN_LB_NOT_UP) {
            error_set(&check->error, ERROR_UNAVAILABLE, "%s does not think it is up",
                      input->lb_names[i]);
        } else if (lb->peers_up == 0) {
            error_set(&check->error, ERROR_CONFLICT,
                      "no other member of its group in %s takes traffic", input->lb_names[i]);
        }
    }
}

static void check_nodes(const struct plan_input *input, struct plan *plan)
{
    for (uint32_t i = 0; i < input->node_count; i++) {
        if (input->view_error.code == ERROR_NONE)
            check_active(input, plan, i);
        struct plan_check *check = add(plan, "member list complete", input->nodes[i].name);
        check->error = input->nodes[i].members_error;
    }
    for (uint32_t i = 0; i < input->node_count; i++)
        check_agent(input, plan, i);
    for (uint32_t i = 0; i < input->node_count; i++)
        check_customisations(input, plan, i);
    for (uint32_t i = 0; i < input->node_count; i++)
        check_lbs(input, plan, i);
}

static void check_budget(const struct plan_input *input, struct plan *plan)
{
    struct plan_check *check = add(plan, "availability budget", input->cluster);
    uint32_t active = 0;
    for (uint32_t i = 0; i < input->node_count; i++) {
        const struct node_view *seen = cluster_view_find(&input->view, input->nodes[i].name);
        if (seen != NULL && seen->state == NODE_ACTIVE)
            active++;
    }
    if (active < input->policy.min_available + 1)
        error_set(&check->error, ERROR_CONFLICT,
                  "%u nodes are ACTIVE and min_available is %u: none may be taken out", active,
                  input->policy.min_available);
}

/* Insertion sort: at most LIMIT_NODES, stable, unknown load last. */
static void make_order(const struct plan_input *input, struct plan *plan)
{
    for (uint32_t i = 0; i < input->node_count; i++) {
        uint32_t place = i;
        uint64_t load = (uint64_t)plan->load[i]; /* -1 becomes the largest */
        while (place > 0 && (uint64_t)plan->load[plan->order[place - 1]] > load) {
            plan->order[place] = plan->order[place - 1];
            place--;
        }
        plan->order[place] = i;
    }
}

void plan_make(const struct plan_input *input, struct plan *ret_plan)
{
    ret_plan->check_count = ret_plan->failed = 0;
    ret_plan->from[0] = '\0';
    for (uint32_t i = 0; i < LIMIT_NODES; i++)
        ret_plan->load[i] = -1;
    struct plan_check *check = add(ret_plan, "nobody else at work", input->cluster);
    check->error = input->run_error;
    check_cluster(input, ret_plan);
    if (input->view_error.code == ERROR_NONE) {
        check_strangers(input, ret_plan);
        check_budget(input, ret_plan);
    }
    check_nodes(input, ret_plan);
    make_order(input, ret_plan);
    for (uint32_t i = 0; i < ret_plan->check_count; i++)
        if (ret_plan->checks[i].error.code != ERROR_NONE)
            ret_plan->failed++;
}
