/* SPDX-License-Identifier: Apache-2.0 */
#include "status_read.h"

#include "status_text.h"

static void a_good_status_is_read_whole(void **state)
{
    (void)state;
    const struct cluster_status *status = good_status();
    const struct upgrade_summary *upgrade = &status->upgrade;
    assert_string_equal(status->controller, "c1");
    assert_true(status->has_upgrade);
    assert_string_equal(upgrade->to, "7.9.4");
    assert_int_equal(upgrade->outcome, OUTCOME_NONE);
    assert_int_equal(upgrade->node_count, 2);
    assert_int_equal(upgrade->nodes[1].place, PLACE_WORKING);
    assert_int_equal(upgrade->nodes[1].sessions, 3);
    assert_int_equal(upgrade->nodes[0].passes[PASS_UP].steps[STEP_RETURN].took_ms, 500);
    assert_int_equal(upgrade->nodes[0].passes[PASS_UP].steps[STEP_SOAK].begun_ms, 0);
    assert_int_equal(upgrade->reason.code, ERROR_NONE);
}

static void a_status_without_an_upgrade_is_good(void **state)
{
    (void)state;
    assert_false(status_with("\"upgrade\":" GOOD_UPGRADE, "\"upgrade\":null")->has_upgrade);
}

static void errors_are_read_with_their_hints(void **state)
{
    (void)state;
    const struct cluster_status *status =
        status_with("\"reason\":null", "\"reason\":{\"code\":\"release\",\"message\":\"it says "
                                       "ERROR\",\"hint\":\"see its log\"}");
    assert_int_equal(status->upgrade.reason.code, ERROR_RELEASE);
    assert_string_equal(status->upgrade.reason.hint, "see its log");
}

static void words_of_a_newer_controller_are_shown(void **state)
{
    (void)state;
    const struct cluster_status *status =
        status_with("\"phase\":\"nodes\"", "\"phase\":\"backup\"");
    assert_string_equal(status->upgrade.phase, "backup");
    assert_good(read_changed("\"drain\":{\"begun_ms\":1790000001000",
                             "\"warm\":{},\"drain\":{\"begun_ms\":1790000001000", good_status(),
                             &err));
}

#define GOOD_EVENT                                                                                 \
    "{\"event\":\"lease-break\",\"at_ms\":1790000000000,\"controller\":\"c2\",\"epoch\":5,"        \
    "\"operator\":\"anna\",\"reason\":\"it hangs\",\"text\":\"it took the lease from c1\"}"

static bool read_event(const char *text, struct event_summary *event, struct error *err)
{
    JSON_CLEANUP json_t *json = NULL;
    return json_read_object(text, strlen(text), &json, err) && event_summary_read(json, event, err);
}

static void event_is_read_whole(void **state)
{
    struct event_summary event = {.at_ms = 0};
    (void)state;
    assert_good(read_event(GOOD_EVENT, &event, &err));
    assert_string_equal(event.what, "lease-break");
    assert_string_equal(event.controller, "c2");
    assert_string_equal(event.operator, "anna");
    assert_string_equal(event.reason, "it hangs");
    assert_string_equal(event.text, "it took the lease from c1");
    assert_int_equal(event.at_ms, BEGUN_MS);
    assert_int_equal(event.epoch, 5);
}

static void event_that_lacks_something_is_refused(void **state)
{
    struct event_summary event;
    (void)state;
    assert_fails(read_event("{}", &event, &err), ERROR_PROTOCOL, "event: 'event' is missing");
    assert_fails(read_event("{\"event\":\"recover\",\"controller\":7}", &event, &err),
                 ERROR_PROTOCOL, "'controller' is not a text");
}

static void every_wrong_field_is_named(void **state)
{
    static const struct {
        const char *old, *new, *complaint;
    } cases[] = {
        {"\"cluster\":\"git\",\"controller\"", "\"controller\"", "'cluster' is missing"},
        {"\"epoch\":7", "\"epoch\":-1", "'epoch' is -1"},
        {"\"at_ms\":1790000012000", "\"at_ms\":999999999999999", "'at_ms' is 999999999999999"},
        {"\"refused\":0", "\"refused\":\"0\"", "'refused' is not an integer"},
        {"\"error\":null,\"upgrade\"", "\"error\":7,\"upgrade\"", "'error': 'code' is missing"},
        {"\"upgrade\":" GOOD_UPGRADE, "\"upgrade\":[]", "upgrade: 'id' is missing"},
        {"\"outcome\":\"running\"", "\"outcome\":\"perhaps\"", "'outcome' is 'perhaps'"},
        {"\"is_paused\":false", "\"is_paused\":0", "'is_paused' is not true or false"},
        {"\"from\":\"7.9.0\"", "\"from\":\"00000000000000000000000000000000\"", "'from' is longer"},
        {"\"nodes\":[", "\"nodes\":{},\"x\":[", "'nodes' is missing or no list"},
        {"\"place\":\"new\"", "\"place\":\"up\"", "node 'bb1': 'place' is 'up'"},
        {"\"load\":2", "\"load\":-2", "node 'bb1': 'load' is -2"},
        {"\"passes\":[{\"pass\":\"up\"", "\"passes\":[{\"pass\":\"down\"", "'pass' is 'down'"},
        {"\"passes\":[{", "\"passes\":[7,{", "'pass' is missing"},
        {"\"passes\":[{", "\"passes\":[1,2,{", "'passes' has 3 entries, more than 2"},
        {"\"took_ms\":100", "\"took_ms\":1.5", "pass up: step drain: 'took_ms'"},
        {"\"steps\":{", "\"steps\":7,\"x\":{", "'steps' is missing or no object"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cluster_status status = {.epoch = 42};
        struct error err = {0};
        assert_false(read_changed(cases[i].old, cases[i].new, &status, &err));
        assert_int_equal(err.code, ERROR_PROTOCOL);
        if (strstr(err.message, cases[i].complaint) == NULL)
            fail_msg("'%s' is not in: %s", cases[i].complaint, err.message);
        assert_int_equal(status.epoch, 42);
    }
}

static void too_many_nodes_are_refused(void **state)
{
    static const char good[] = GOOD_STATUS;
    BUFFER_CLEANUP struct buffer text;
    JSON_CLEANUP json_t *json = NULL;
    struct cluster_status status;
    struct error err = {0};
    (void)state;
    buffer_init(&text, 1 << 20);
    buffer_add(&text, good, (size_t)(strstr(good, GOOD_NODE_1) - good));
    for (unsigned i = 0; i < LIMIT_NODES; i++)
        buffer_add_text(&text, GOOD_NODE_1 ",");
    buffer_add_text(&text, GOOD_NODE_1 "]}}");
    assert_true(json_read_object(text.data, text.length, &json, &err));
    assert_false(cluster_status_read(json, &status, &err));
    assert_non_null(strstr(err.message, "'nodes' has 33 entries, more than 32"));
}

static void a_node_is_out_from_its_drain_to_its_return(void **state)
{
    const struct upgrade_summary *upgrade = &good_status()->upgrade;
    bool is_out;
    (void)state;
    assert_int_equal(node_out_of_service_ms(&upgrade->nodes[0], BEGUN_MS + 60000, &is_out), 3500);
    assert_false(is_out);
    assert_int_equal(node_out_of_service_ms(&upgrade->nodes[1], BEGUN_MS + 60000, &is_out), 50000);
    assert_true(is_out);
}

static void a_node_put_back_was_out_until_the_second_return(void **state)
{
    struct node_summary node = good_status()->upgrade.nodes[1];
    bool is_out;
    (void)state;
    node.passes[PASS_BACK].steps[STEP_STOP] = (struct step_times){BEGUN_MS + 20000, 10};
    node.passes[PASS_BACK].steps[STEP_RETURN] = (struct step_times){BEGUN_MS + 30000, 500};
    assert_int_equal(node_out_of_service_ms(&node, BEGUN_MS + 60000, &is_out), 20500);
    assert_false(is_out);
}

static void a_node_that_was_out_twice_has_the_sum(void **state)
{
    struct node_summary node = good_status()->upgrade.nodes[0];
    bool is_out;
    (void)state;
    node.passes[PASS_BACK].steps[STEP_DRAIN] = (struct step_times){BEGUN_MS + 20000, 10};
    node.passes[PASS_BACK].steps[STEP_RETURN] = (struct step_times){BEGUN_MS + 21000, 500};
    assert_int_equal(node_out_of_service_ms(&node, BEGUN_MS + 60000, &is_out), 3500 + 1500);
    assert_false(is_out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_status_is_read_whole),
        cmocka_unit_test(a_status_without_an_upgrade_is_good),
        cmocka_unit_test(errors_are_read_with_their_hints),
        cmocka_unit_test(words_of_a_newer_controller_are_shown),
        cmocka_unit_test(event_is_read_whole),
        cmocka_unit_test(event_that_lacks_something_is_refused),
        cmocka_unit_test(every_wrong_field_is_named),
        cmocka_unit_test(too_many_nodes_are_refused),
        cmocka_unit_test(a_node_is_out_from_its_drain_to_its_return),
        cmocka_unit_test(a_node_put_back_was_out_until_the_second_return),
        cmocka_unit_test(a_node_that_was_out_twice_has_the_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
