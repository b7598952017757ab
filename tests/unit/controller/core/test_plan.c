/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include "common/unit_test.h"
#include "text.h"

#define NOW_MS 1700000000000

/* Too large for a stack; make_good() fills them anew for each test. */
static struct plan_input input;
static struct plan plan;

static struct node_view *seen(uint32_t index)
{
    return &input.view.nodes[index];
}

static void make_node(uint32_t index)
{
    struct plan_node *node = &input.nodes[index];
    (void)snprintf(node->name, sizeof(node->name), "bb%u", index + 1);
    TEXT_COPY(node->facts.agent_version, "0.1.0");
    TEXT_COPY(node->facts.linked_version, "7.9.2");
    TEXT_COPY(node->facts.home, "/var/bitbucket");
    node->facts.pid = 4711;
    node->facts.clock_ms = NOW_MS;
    for (uint32_t i = 0; i < input.lb_count; i++)
        node->lbs[i] = (struct plan_lb){.is_configured = true, .peers_up = 1};
    struct node_view *view = seen(index);
    TEXT_COPY(view->name, node->name);
    (void)snprintf(view->address, sizeof(view->address), "10.0.0.%u", index + 1);
    TEXT_COPY(view->version, "7.9.2");
    view->state = NODE_ACTIVE;
}

static void make_nodes(uint32_t nodes, uint32_t lbs)
{
    input.lb_count = lbs;
    for (uint32_t i = 0; i < lbs; i++)
        (void)snprintf(input.lb_names[i], LIMIT_NAME, "edge%u", i + 1);
    input.node_count = input.view.node_count = nodes;
    for (uint32_t i = 0; i < nodes; i++)
        make_node(i);
}

/* Three nodes behind two load balancers, with nothing wrong. */
static int make_good(void **state)
{
    (void)state;
    memset(&input, 0, sizeof(input));
    memset(&plan, 0xA5, sizeof(plan)); /* plan_make() relies on nothing that was there */
    TEXT_COPY(input.cluster, "git");
    TEXT_COPY(input.to, "7.9.4");
    input.policy.max_unavailable = 1;
    input.policy.min_available = 1;
    input.now_ms = NOW_MS;
    input.view.state = CLUSTER_STABLE;
    TEXT_COPY(input.view.original_version, "7.9.2");
    make_nodes(3, 2);
    return 0;
}

static bool has_failed(const struct plan_check *check)
{
    return check->error.code != ERROR_NONE;
}

static const struct plan_check *find_check(const char *name, const char *subject)
{
    for (uint32_t i = 0; i < plan.check_count; i++)
        if (text_equal(plan.checks[i].name, name) && text_equal(plan.checks[i].subject, subject))
            return &plan.checks[i];
    return NULL;
}

static void assert_passes(void)
{
    plan_make(&input, &plan);
    for (uint32_t i = 0; i < plan.check_count; i++)
        if (has_failed(&plan.checks[i]))
            fail_msg("%s, %s: %s", plan.checks[i].name, plan.checks[i].subject,
                     plan.checks[i].error.message);
    assert_int_equal(plan.failed, 0);
}

/* This check fails, with this code and text, and no other does. */
static void assert_only_fails(const char *name, const char *subject, enum error_code code,
                              const char *text)
{
    const struct plan_check *failed = NULL;
    plan_make(&input, &plan);
    for (uint32_t i = 0; i < plan.check_count; i++) {
        const struct plan_check *check = &plan.checks[i];
        if (!has_failed(check))
            continue;
        if (failed != NULL)
            fail_msg("also %s, %s: %s", check->name, check->subject, check->error.message);
        failed = check;
    }
    assert_int_equal(plan.failed, 1);
    if (failed == NULL) {
        fail_msg("'%s' of %s has not failed", name, subject);
        return;
    }
    assert_string_equal(failed->name, name);
    assert_string_equal(failed->subject, subject);
    assert_int_equal(failed->error.code, code);
    if (strstr(failed->error.message, text) == NULL)
        fail_msg("'%s' is not in: %s", text, failed->error.message);
}

static void set_versions(const char *version)
{
    TEXT_COPY(input.view.original_version, version);
    for (uint32_t i = 0; i < input.node_count; i++) {
        TEXT_COPY(seen(i)->version, version);
        TEXT_COPY(input.nodes[i].facts.linked_version, version);
    }
}

static void good_cluster_passes_every_check(void **state)
{
    static const struct {
        const char *name, *subject;
    } rows[] = {
        {"nobody else at work", "git"},
        {"rolling-upgrade API", "git"},
        {"cluster state", "git"},
        {"version jump", "git"},
        {"inventory", "git"},
        {"node active", "bb3"},
        {"availability budget", "git"},
        {"member list complete", "bb3"},
        {"agent", "bb3"},
        {"installed release", "bb3"},
        {"host", "bb3"},
        {"clock", "bb3"},
        {"in rotation", "bb3 at edge1"},
    };
    (void)state;
    assert_passes();
    assert_int_equal(plan.check_count, 6 + 3 * (6 + 2));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (find_check(rows[i].name, rows[i].subject) == NULL)
            fail_msg("no check %s of %s", rows[i].name, rows[i].subject);
    assert_string_equal(plan.from, "7.9.2");
}

/* ---- the cluster ---- */

static void downgrade_is_refused(void **state)
{
    (void)state;
    TEXT_COPY(input.to, "7.9.1");
    assert_only_fails("version jump", "git", ERROR_INVALID, "bug-fix rule: only a higher version");
}

static void same_version_is_refused(void **state)
{
    (void)state;
    TEXT_COPY(input.to, "7.9.2");
    assert_only_fails("version jump", "git", ERROR_INVALID, "bug-fix rule: only a higher version");
}

static void feature_jump_is_refused(void **state)
{
    (void)state;
    TEXT_COPY(input.to, "7.10.0");
    assert_only_fails("version jump", "git", ERROR_INVALID, "bug-fix rule: only a version of the");
}

static void platform_jump_is_refused(void **state)
{
    (void)state;
    TEXT_COPY(input.to, "8.9.4");
    assert_only_fails("version jump", "git", ERROR_INVALID, "bug-fix rule: only a version of the");
}

static void target_that_is_no_version_is_refused(void **state)
{
    (void)state;
    TEXT_COPY(input.to, "7.9.4-rc1");
    assert_only_fails("version jump", "git", ERROR_INVALID, "'7.9.4-rc1' is not a version");
}

static void version_is_taken_from_the_nodes_where_the_cluster_names_none(void **state)
{
    (void)state;
    input.view.original_version[0] = '\0';
    assert_passes();
    assert_string_equal(plan.from, "7.9.2");
}

static void cluster_without_any_version_is_refused(void **state)
{
    (void)state;
    set_versions("");
    for (uint32_t i = 0; i < input.node_count; i++)
        TEXT_COPY(input.nodes[i].facts.linked_version, "7.9.2");
    assert_only_fails("version jump", "git", ERROR_UNAVAILABLE, "does not say which version");
}

static void cluster_state_other_than_stable_or_ready_is_refused(void **state)
{
    (void)state;
    for (unsigned word = 0; word < CLUSTER_STATE_COUNT; word++) {
        enum cluster_state cluster_state = (enum cluster_state)word;
        input.view.state = cluster_state;
        if (cluster_state == CLUSTER_STABLE || cluster_state == CLUSTER_READY_TO_UPGRADE)
            assert_passes();
        else
            assert_only_fails("cluster state", "git", ERROR_CONFLICT,
                              cluster_state_name(cluster_state));
    }
}

static void unreadable_upgrade_api_is_told_once(void **state)
{
    (void)state;
    memset(&input.view, 0, sizeof(input.view));
    error_set(&input.view_error, ERROR_DENIED, "GET /rest/zdu/cluster: 401");
    assert_only_fails("rolling-upgrade API", "git", ERROR_DENIED, "401");
}

static void stranger_in_the_cluster_is_refused(void **state)
{
    (void)state;
    struct node_view *stranger = seen(input.view.node_count++);
    *stranger = *seen(0);
    TEXT_COPY(stranger->name, "bb9");
    TEXT_COPY(stranger->address, "10.0.0.9");
    assert_only_fails("inventory", "git", ERROR_CONFLICT, "node 'bb9' at 10.0.0.9");
    assert_string_not_equal(find_check("inventory", "git")->error.hint, "");
}

static void stranger_without_a_name_is_told_by_its_id(void **state)
{
    (void)state;
    struct node_view *stranger = seen(input.view.node_count++);
    *stranger = *seen(0);
    stranger->name[0] = '\0';
    TEXT_COPY(stranger->id, "f3a1");
    assert_only_fails("inventory", "git", ERROR_CONFLICT, "'f3a1'");
}

/* Bitbucket goes on listing a node that has left for good. */
static void stranger_that_is_offline_is_fine(void **state)
{
    (void)state;
    struct node_view *stranger = seen(input.view.node_count++);
    *stranger = *seen(0);
    TEXT_COPY(stranger->name, "bb9");
    stranger->state = NODE_OFFLINE;
    assert_passes();
}

static void budget_that_lets_no_node_out_is_refused(void **state)
{
    (void)state;
    input.policy.min_available = 3;
    assert_only_fails("availability budget", "git", ERROR_CONFLICT,
                      "3 nodes are ACTIVE and min_available is 3");
}

static void budget_counts_only_nodes_of_the_inventory(void **state)
{
    (void)state;
    struct node_view *stranger = seen(input.view.node_count++);
    *stranger = *seen(0);
    TEXT_COPY(stranger->name, "bb9");
    input.policy.min_available = 3;
    plan_make(&input, &plan);
    assert_true(has_failed(find_check("availability budget", "git")));
}

static void upgrade_that_runs_already_is_refused(void **state)
{
    (void)state;
    error_set(&input.run_error, ERROR_CONFLICT, "upgrade u1 of ana runs");
    assert_only_fails("nobody else at work", "git", ERROR_CONFLICT, "u1 of ana");
}

/* ---- nodes ---- */

static void node_missing_from_the_cluster_is_refused(void **state)
{
    (void)state;
    TEXT_COPY(seen(1)->name, "");
    seen(1)->state = NODE_OFFLINE;
    assert_only_fails("node active", "bb2", ERROR_NOT_FOUND, "does not list");
    assert_string_not_equal(find_check("node active", "bb2")->error.hint, "");
}

static void node_that_is_not_active_is_refused(void **state)
{
    (void)state;
    for (unsigned word = 0; word < NODE_STATE_COUNT; word++) {
        enum node_state node_state = (enum node_state)word;
        seen(1)->state = node_state;
        if (node_state == NODE_ACTIVE)
            assert_passes();
        else
            assert_only_fails("node active", "bb2", ERROR_CONFLICT, node_state_name(node_state));
    }
}

static void node_of_another_version_is_refused(void **state)
{
    (void)state;
    TEXT_COPY(seen(2)->version, "7.9.3");
    assert_only_fails("node active", "bb3", ERROR_CONFLICT, "it runs '7.9.3', the cluster 7.9.2");
}

static void node_of_unknown_version_is_refused(void **state)
{
    (void)state;
    TEXT_COPY(seen(2)->version, "");
    assert_only_fails("node active", "bb3", ERROR_CONFLICT, "it runs '', the cluster 7.9.2");
}

static void incomplete_member_list_is_refused(void **state)
{
    (void)state;
    error_set(&input.nodes[0].members_error, ERROR_CONFLICT, "its own member list lacks node bb2");
    assert_only_fails("member list complete", "bb1", ERROR_CONFLICT, "lacks node bb2");
}

static void silent_agent_is_refused_and_its_facts_are_not_judged(void **state)
{
    (void)state;
    error_set(&input.nodes[1].agent_error, ERROR_TIMEOUT, "no heartbeat for 20 s");
    memset(&input.nodes[1].facts, 0, sizeof(input.nodes[1].facts));
    assert_only_fails("agent", "bb2", ERROR_TIMEOUT, "no heartbeat");
    assert_null(find_check("clock", "bb2"));
    assert_null(find_check("installed release", "bb2"));
}

static void link_that_names_another_release_is_refused(void **state)
{
    (void)state;
    TEXT_COPY(input.nodes[0].facts.linked_version, "7.9.4");
    assert_only_fails("installed release", "bb1", ERROR_CONFLICT,
                      "names '7.9.4', the cluster runs 7.9.2");
    assert_string_not_equal(find_check("installed release", "bb1")->error.hint, "");
}

static void node_without_a_process_is_refused(void **state)
{
    static const int64_t pids[] = {0, -1}; /* proved not running; not known */
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        input.nodes[0].facts.pid = pids[i];
        assert_only_fails("installed release", "bb1", ERROR_NOT_FOUND, "/var/bitbucket");
    }
}

static void what_an_agent_complains_of_is_refused_in_its_words(void **state)
{
    struct node_facts *facts = &input.nodes[1].facts;
    (void)state;
    facts->complaint_count = 2;
    TEXT_COPY(facts->complaints[0].message, "git: there is none");
    TEXT_COPY(facts->complaints[0].hint, "install git");
    TEXT_COPY(facts->complaints[1].message, "bitbucket.home: not writable");
    plan_make(&input, &plan);
    assert_int_equal(plan.failed, 2);
    const struct plan_check *check = find_check("host", "bb2");
    assert_int_equal(check->error.code, ERROR_INVALID);
    assert_string_equal(check->error.message, "git: there is none");
    assert_string_equal(check->error.hint, "install git");
    assert_string_equal(check[1].error.message, "bitbucket.home: not writable");
    assert_string_equal(check[1].error.hint, "");
}

static void clock_that_is_off_within_the_limit_passes(void **state)
{
    (void)state;
    input.nodes[0].facts.clock_ms = NOW_MS + LIMIT_CLOCK_SKEW_MS;
    input.nodes[1].facts.clock_ms = NOW_MS - LIMIT_CLOCK_SKEW_MS;
    assert_passes();
}

static void clock_ahead_is_refused(void **state)
{
    (void)state;
    input.nodes[1].facts.clock_ms = NOW_MS + LIMIT_CLOCK_SKEW_MS + 1;
    assert_only_fails("clock", "bb2", ERROR_CONFLICT, "off by 60001 ms");
}

static void clock_behind_is_refused(void **state)
{
    (void)state;
    input.nodes[1].facts.clock_ms = NOW_MS - LIMIT_CLOCK_SKEW_MS - 1;
    assert_only_fails("clock", "bb2", ERROR_CONFLICT, "off by -60001 ms");
}

/* ---- load balancers ---- */

static void unreachable_load_balancer_is_refused(void **state)
{
    (void)state;
    error_set(&input.nodes[1].lbs[1].error, ERROR_UNAVAILABLE, "edge2: connection refused");
    assert_only_fails("in rotation", "bb2 at edge2", ERROR_UNAVAILABLE,
                      "edge2: connection refused");
}

static void member_that_somebody_drained_is_refused(void **state)
{
    (void)state;
    input.nodes[1].lbs[1].health = PLAN_LB_DRAINED;
    assert_only_fails("in rotation", "bb2 at edge2", ERROR_CONFLICT,
                      "somebody took it out of edge2");
}

static void member_that_is_not_up_is_refused(void **state)
{
    (void)state;
    input.nodes[1].lbs[0].health = PLAN_LB_NOT_UP;
    assert_only_fails("in rotation", "bb2 at edge1", ERROR_UNAVAILABLE,
                      "edge1 does not think it is up");
}

static void member_without_peers_is_refused(void **state)
{
    (void)state;
    input.nodes[1].lbs[0].peers_up = 0;
    assert_only_fails("in rotation", "bb2 at edge1", ERROR_CONFLICT,
                      "no other member of its group in edge1");
}

static void load_balancer_that_does_not_know_the_node_is_not_asked(void **state)
{
    (void)state;
    input.nodes[1].lbs[0] = (struct plan_lb){.health = PLAN_LB_NOT_UP};
    assert_passes();
    assert_int_equal(plan.check_count, 6 + 3 * (6 + 2) - 1);
}

/* ---- the order ---- */

static void set_load(uint32_t index, int64_t tasks, int64_t users)
{
    seen(index)->tasks = tasks;
    seen(index)->users = users;
}

static void assert_order(uint32_t first, uint32_t second, uint32_t third)
{
    plan_make(&input, &plan);
    assert_int_equal(plan.order[0], first);
    assert_int_equal(plan.order[1], second);
    assert_int_equal(plan.order[2], third);
}

static void least_busy_node_goes_first(void **state)
{
    (void)state;
    set_load(0, 3, 4);
    set_load(1, 1, 1);
    set_load(2, 0, 5);
    assert_order(1, 2, 0);
    assert_int_equal(plan.load[0], 7);
}

static void half_of_the_load_is_enough_to_compare(void **state)
{
    (void)state;
    set_load(0, -1, 9);
    set_load(1, 8, -1);
    set_load(2, 3, 4);
    assert_order(2, 1, 0);
}

static void node_of_unknown_load_goes_last(void **state)
{
    (void)state;
    set_load(0, -1, -1);
    set_load(1, 1000000, 1000000);
    set_load(2, 5, 0);
    assert_order(2, 1, 0);
    assert_int_equal(plan.load[0], -1);
}

static void equally_busy_nodes_keep_the_order_of_the_configuration(void **state)
{
    (void)state;
    set_load(0, 2, 0);
    set_load(1, 0, 2);
    set_load(2, 1, 1);
    assert_order(0, 1, 2);
}

static void nodes_of_unknown_load_keep_the_order_of_the_configuration(void **state)
{
    (void)state;
    set_load(0, -1, -1);
    set_load(1, -1, -1);
    set_load(2, 1, 0);
    assert_order(2, 0, 1);
}

/* The order is right although the plan has failed: `shunt plan` shows both. */
static void node_that_is_not_listed_is_still_in_the_order(void **state)
{
    (void)state;
    TEXT_COPY(seen(0)->name, "");
    seen(0)->state = NODE_OFFLINE;
    assert_order(1, 2, 0);
}

/* ---- bounds ---- */

/* ---- room ---- */

static void room_that_an_agent_has_looked_at_is_told_with_its_source(void **state)
{
    (void)state;
    TEXT_COPY(input.nodes[1].facts.room.detail, "612 MiB (as the archive's end says)");
    assert_passes();
    assert_string_equal(find_check("artifact and room", "bb2")->detail,
                        "612 MiB (as the archive's end says)");
    assert_null(find_check("artifact and room", "bb1"));
}

static void node_without_the_room_is_refused_with_the_agents_words(void **state)
{
    (void)state;
    TEXT_COPY(input.nodes[1].facts.room.failure, "/opt: 612 MiB needed, 8 MiB usable");
    TEXT_COPY(input.nodes[1].facts.room.hint, "make room");
    assert_only_fails("artifact and room", "bb2", ERROR_FULL, "612 MiB needed");
    assert_string_equal(find_check("artifact and room", "bb2")->error.hint, "make room");
}

/* ---- customisations ---- */

static const struct plan_check *judge_customisations(struct plan_customisations found)
{
    input.nodes[1].customisations = found;
    plan_make(&input, &plan);
    return find_check("customisations", "bb2");
}

static void node_whose_customisations_were_not_asked_for_has_no_such_check(void **state)
{
    (void)state;
    assert_null(judge_customisations((struct plan_customisations){.is_asked = false}));
}

static void customisations_that_can_be_carried_over_pass(void **state)
{
    (void)state;
    assert_string_equal(
        judge_customisations((struct plan_customisations){.is_asked = true})->detail, "none");
    const struct plan_check *check = judge_customisations(
        (struct plan_customisations){.is_asked = true, .is_tried = true, .total = 3});
    assert_false(has_failed(check));
    assert_string_equal(check->detail, "carried over");
    check = judge_customisations((struct plan_customisations){.is_asked = true, .total = 3});
    assert_string_equal(check->detail,
                        "merged while it is staged: until then conflicts are not known");
}

static void conflicts_are_refused_and_the_first_is_named(void **state)
{
    (void)state;
    struct plan_customisations found = {
        .is_asked = true, .is_tried = true, .total = 3, .conflicts = 2};
    TEXT_COPY(found.first, "bin/x.sh: in the same lines");
    const struct plan_check *check = judge_customisations(found);
    assert_int_equal(check->error.code, ERROR_CONFLICT);
    assert_string_equal(check->error.message,
                        "2 conflicts, the first: bin/x.sh: in the same lines");
    assert_non_null(strstr(check->error.hint, "keep-new"));
}

static void customisations_that_cannot_be_told_are_refused(void **state)
{
    (void)state;
    struct plan_customisations found = {.is_asked = true};
    error_set(&found.error, ERROR_NOT_FOUND, "no distribution");
    assert_int_equal(judge_customisations(found)->error.code, ERROR_NOT_FOUND);
}

static void fill_text(char *array, size_t size)
{
    memset(array, 'n', size - 1);
    array[size - 1] = '\0';
}

static void largest_good_cluster_fits(void **state)
{
    (void)state;
    make_nodes(LIMIT_NODES, LIMIT_LBS);
    for (uint32_t i = 0; i < LIMIT_NODES; i++)
        set_load(i, LIMIT_NODES - i, 0);
    assert_passes();
    assert_int_equal(plan.check_count, 6 + LIMIT_NODES * (6 + LIMIT_LBS));
    for (uint32_t i = 0; i < LIMIT_NODES; i++)
        assert_int_equal(plan.order[i], LIMIT_NODES - 1 - i);
}

static void break_node(uint32_t index, const struct error *longest)
{
    struct plan_node *node = &input.nodes[index];
    fill_text(node->name, sizeof(node->name));
    node->name[0] = (char)('A' + index);
    fill_text(node->facts.agent_version, sizeof(node->facts.agent_version));
    fill_text(node->facts.linked_version, sizeof(node->facts.linked_version));
    node->facts.clock_ms = 0;
    node->facts.complaint_count = MESSAGE_COMPLAINTS;
    for (size_t i = 0; i < MESSAGE_COMPLAINTS; i++)
        fill_text(node->facts.complaints[i].message, sizeof(node->facts.complaints[i].message));
    node->members_error = *longest;
    for (uint32_t i = 0; i < LIMIT_LBS; i++)
        node->lbs[i].error = *longest;
}

/* Every check fails, every text is as long as it can be, and strangers fill the view. */
static void largest_bad_cluster_fits(void **state)
{
    struct error longest = {.code = ERROR_SYSTEM};
    (void)state;
    make_nodes(LIMIT_NODES, LIMIT_LBS);
    fill_text(longest.message, sizeof(longest.message));
    fill_text(longest.hint, sizeof(longest.hint));
    fill_text(input.cluster, sizeof(input.cluster));
    fill_text(input.to, sizeof(input.to));
    fill_text(input.view.original_version, sizeof(input.view.original_version));
    input.view.state = CLUSTER_MIXED;
    input.run_error = longest;
    for (uint32_t i = 0; i < LIMIT_LBS; i++)
        fill_text(input.lb_names[i], sizeof(input.lb_names[i]));
    for (uint32_t i = 0; i < LIMIT_NODES; i++)
        break_node(i, &longest);
    input.view.node_count = CLUSTER_VIEW_NODES;
    for (uint32_t i = 0; i < CLUSTER_VIEW_NODES; i++) {
        fill_text(seen(i)->name, sizeof(seen(i)->name));
        fill_text(seen(i)->address, sizeof(seen(i)->address));
        fill_text(seen(i)->version, sizeof(seen(i)->version));
        seen(i)->state = NODE_ERROR;
    }
    plan_make(&input, &plan);
    assert_int_equal(plan.check_count, 6 + LIMIT_NODES * (5 + MESSAGE_COMPLAINTS + LIMIT_LBS));
    for (uint32_t i = 0; i < plan.check_count; i++) {
        const char *name = plan.checks[i].name;
        bool may_pass = text_equal(name, "rolling-upgrade API") || text_equal(name, "agent") ||
                        text_equal(name, "installed release");
        assert_true(has_failed(&plan.checks[i]) || may_pass);
    }
}

#define good(test) cmocka_unit_test_setup(test, make_good)

int main(void)
{
    const struct CMUnitTest tests[] = {
        good(good_cluster_passes_every_check),
        good(downgrade_is_refused),
        good(same_version_is_refused),
        good(feature_jump_is_refused),
        good(platform_jump_is_refused),
        good(target_that_is_no_version_is_refused),
        good(version_is_taken_from_the_nodes_where_the_cluster_names_none),
        good(cluster_without_any_version_is_refused),
        good(cluster_state_other_than_stable_or_ready_is_refused),
        good(unreadable_upgrade_api_is_told_once),
        good(stranger_in_the_cluster_is_refused),
        good(stranger_without_a_name_is_told_by_its_id),
        good(stranger_that_is_offline_is_fine),
        good(budget_that_lets_no_node_out_is_refused),
        good(budget_counts_only_nodes_of_the_inventory),
        good(upgrade_that_runs_already_is_refused),
        good(node_missing_from_the_cluster_is_refused),
        good(node_that_is_not_active_is_refused),
        good(node_of_another_version_is_refused),
        good(node_of_unknown_version_is_refused),
        good(incomplete_member_list_is_refused),
        good(silent_agent_is_refused_and_its_facts_are_not_judged),
        good(link_that_names_another_release_is_refused),
        good(node_without_a_process_is_refused),
        good(what_an_agent_complains_of_is_refused_in_its_words),
        good(clock_that_is_off_within_the_limit_passes),
        good(clock_ahead_is_refused),
        good(clock_behind_is_refused),
        good(unreachable_load_balancer_is_refused),
        good(member_that_somebody_drained_is_refused),
        good(member_that_is_not_up_is_refused),
        good(member_without_peers_is_refused),
        good(load_balancer_that_does_not_know_the_node_is_not_asked),
        good(room_that_an_agent_has_looked_at_is_told_with_its_source),
        good(node_without_the_room_is_refused_with_the_agents_words),
        good(node_whose_customisations_were_not_asked_for_has_no_such_check),
        good(customisations_that_can_be_carried_over_pass),
        good(conflicts_are_refused_and_the_first_is_named),
        good(customisations_that_cannot_be_told_are_refused),
        good(least_busy_node_goes_first),
        good(half_of_the_load_is_enough_to_compare),
        good(node_of_unknown_load_goes_last),
        good(equally_busy_nodes_keep_the_order_of_the_configuration),
        good(nodes_of_unknown_load_keep_the_order_of_the_configuration),
        good(node_that_is_not_listed_is_still_in_the_order),
        good(largest_good_cluster_fits),
        good(largest_bad_cluster_fits),
    };
    return cmocka_run_group_tests_name("controller/core/plan", tests, NULL, NULL);
}
