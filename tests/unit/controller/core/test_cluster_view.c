/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster_view.h"

#include "text.h"

#include "common/unit_test.h"

static void add_node(struct cluster_view *view, const char *name, const char *id,
                     enum node_state node_state)
{
    struct node_view *node = &view->nodes[view->node_count++];
    assert_true(TEXT_COPY(node->name, name));
    assert_true(TEXT_COPY(node->id, id));
    node->state = node_state;
}

static void every_cluster_state_is_found_by_its_word(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CLUSTER_STATE_COUNT; i++)
        assert_int_equal(cluster_state_parse(cluster_state_name((enum cluster_state)i)), i);
}

static void every_node_state_is_found_by_its_word(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NODE_STATE_COUNT; i++)
        assert_int_equal(node_state_parse(node_state_name((enum node_state)i)), i);
}

static void words_of_other_versions_are_unknown(void **state)
{
    (void)state;
    assert_int_equal(cluster_state_parse("READY_TO_FLY"), CLUSTER_UNKNOWN);
    assert_int_equal(cluster_state_parse(""), CLUSTER_UNKNOWN);
    assert_int_equal(cluster_state_parse("stable"), CLUSTER_UNKNOWN);
    assert_int_equal(node_state_parse("ACTIVE "), NODE_UNKNOWN);
    assert_int_equal(node_state_parse("READY_TO_UPGRADE"), NODE_UNKNOWN);
}

static void node_is_found_by_its_whole_name(void **state)
{
    struct cluster_view view = {0};
    (void)state;
    add_node(&view, "bb10", "1", NODE_ACTIVE);
    add_node(&view, "bb1", "2", NODE_ACTIVE);
    assert_string_equal(cluster_view_find(&view, "bb1")->id, "2");
    assert_null(cluster_view_find(&view, "bb"));
    assert_null(cluster_view_find(&view, "BB1"));
}

static void nameless_node_is_nobody(void **state)
{
    struct cluster_view view = {0};
    (void)state;
    add_node(&view, "", "1", NODE_ACTIVE);
    assert_null(cluster_view_find(&view, ""));
}

static void entry_beyond_the_count_is_not_looked_at(void **state)
{
    struct cluster_view view = {0};
    (void)state;
    add_node(&view, "bb1", "1", NODE_ACTIVE);
    view.node_count = 0;
    assert_null(cluster_view_find(&view, "bb1"));
}

static void living_node_counts_before_its_dead_entry(void **state)
{
    struct cluster_view view = {0};
    (void)state;
    add_node(&view, "bb1", "old", NODE_OFFLINE);
    add_node(&view, "bb1", "new", NODE_ACTIVE);
    add_node(&view, "bb1", "older", NODE_OFFLINE);
    assert_string_equal(cluster_view_find(&view, "bb1")->id, "new");
}

static void doubt_counts_before_active(void **state)
{
    struct cluster_view view = {0};
    (void)state;
    add_node(&view, "bb1", "good", NODE_ACTIVE);
    add_node(&view, "bb1", "bad", NODE_ERROR);
    assert_string_equal(cluster_view_find(&view, "bb1")->id, "bad");
    view.nodes[1].state = NODE_UNKNOWN;
    assert_string_equal(cluster_view_find(&view, "bb1")->id, "bad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cluster_state_is_found_by_its_word),
        cmocka_unit_test(every_node_state_is_found_by_its_word),
        cmocka_unit_test(words_of_other_versions_are_unknown),
        cmocka_unit_test(node_is_found_by_its_whole_name),
        cmocka_unit_test(nameless_node_is_nobody),
        cmocka_unit_test(entry_beyond_the_count_is_not_looked_at),
        cmocka_unit_test(living_node_counts_before_its_dead_entry),
        cmocka_unit_test(doubt_counts_before_active),
    };
    return cmocka_run_group_tests_name("controller/core/cluster_view", tests, NULL, NULL);
}
