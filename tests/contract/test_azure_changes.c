/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the driver for Azure changes a gateway: what comes back unchanged, how operations are
 * followed to their end, and that no update is made from what was read before somebody else's.
 */
#include "azure_case.h"

#include <poll.h>
#include <string.h>

static bool has_tag(const char *tag)
{
    json_t *document = azure_gateway_document();
    bool has = json_object_get(json_object_get(document, "tags"), tag) != NULL;
    json_decref(document);
    return has;
}

/* What is changed, and what is not. */

/* Azure gives new ones to all parts at each update. */
static void strip_etags(json_t *value)
{
    const char *key;
    json_t *child;
    size_t index;
    (void)json_object_del(value, "etag");
    json_object_foreach(value, key, child)
    {
        strip_etags(child);
    }
    json_array_foreach(value, index, child)
    {
        strip_etags(child);
    }
}

static void everything_else_of_the_gateway_comes_back_unchanged(void **unused)
{
    json_t *before = azure_gateway_document(), *after;
    (void)unused;
    assert_set("bb/node3.example.com", LB_ADMIN_DOWN);
    assert_set("bb/node3.example.com", LB_ADMIN_UP); /* to the end, where it was */
    after = azure_gateway_document();
    strip_etags(before);
    strip_etags(after);
    if (!json_equal(before, after))
        fail_msg("%s", json_dumps(after, 0));
    json_decref(before);
    json_decref(after);
}

static void several_members_take_one_update_and_none_where_nothing_changes(void **unused)
{
    const char *both[] = {FIRST, "bb/NODE3.example.com"};
    (void)unused;
    while (!azure_lb.driver->set_members(&azure_lb, both, 2, LB_ADMIN_DRAIN,
                                         deadline_after_ms(CALL_MS), &azure_err))
        assert_int_equal(azure_err.code, ERROR_BUSY);
    assert_int_equal(azure_count_of("PUT"), 1);
    assert_int_equal(azure_state_of(both[1]).admin, LB_ADMIN_DOWN);
    assert_set(FIRST, LB_ADMIN_DOWN);
    assert_set("bb/10.0.0.2", LB_ADMIN_UP);
    assert_int_equal(azure_count_of("PUT"), 1);
}

static void the_last_member_of_a_pool_stays(void **unused)
{
    (void)unused;
    assert_false(azure_set_to_end("single/10.0.1.1", LB_ADMIN_DOWN));
    assert_int_equal(azure_err.code, ERROR_CONFLICT);
    assert_non_null(strstr(azure_err.message, "single/10.0.1.1"));
    assert_string_not_equal(azure_err.hint, "");
    assert_int_equal(azure_count_of("PUT"), 0);
}

static void a_stopped_gateway_is_not_started_by_a_change(void **unused)
{
    (void)unused;
    azure_standin_setup("{\"touch\": {\"" GATEWAY
                        "\": {\"properties\": {\"operationalState\": \"Stopped\"}}}}");
    assert_false(azure_set_to_end(FIRST, LB_ADMIN_DOWN));
    assert_int_equal(azure_err.code, ERROR_CONFLICT);
    assert_non_null(strstr(azure_err.message, "Stopped"));
    assert_string_not_equal(azure_err.hint, "");
    assert_int_equal(azure_count_of("PUT"), 0);
    assert_int_equal(azure_state_of(FIRST).health, LB_HEALTH_DOWN);
}

/* Operations. */

static void a_change_is_under_way_until_its_operation_has_ended(void **unused)
{
    (void)unused;
    azure_standin_setup("{\"faults\": {\"operation_ms\": 200}}");
    int64_t begin_ms = clock_monotonic_ms();
    assert_false(azure_set(FIRST, LB_ADMIN_DOWN));
    assert_int_equal(azure_err.code, ERROR_BUSY);
    assert_false(azure_set(FIRST, LB_ADMIN_DOWN));
    assert_int_equal(azure_err.code, ERROR_BUSY);
    assert_non_null(strstr(azure_err.message, "being updated since"));
    assert_int_equal(azure_state_of(FIRST).admin, LB_ADMIN_UP); /* not in force yet */
    assert_set(FIRST, LB_ADMIN_DOWN);
    assert_true(clock_monotonic_ms() - begin_ms >= 200);
    assert_int_equal(azure_count_of("PUT"), 1);
    assert_int_equal(azure_state_of(FIRST).admin, LB_ADMIN_DOWN);
}

static void retry_after_is_respected(void **unused)
{
    (void)unused;
    azure_standin_setup("{\"faults\": {\"retry_after_s\": 1}}");
    assert_false(azure_set(FIRST, LB_ADMIN_DOWN));
    json_int_t asked = azure_count_of("GET");
    int64_t begin_ms = clock_monotonic_ms();
    assert_set(FIRST, LB_ADMIN_DOWN);
    assert_in_range(clock_monotonic_ms() - begin_ms, 900, PATIENCE_MS);
    assert_in_range(azure_count_of("GET") - asked, 1, 3);
}

static void an_operation_may_be_told_by_location_alone(void **unused)
{
    (void)unused;
    azure_standin_setup("{\"faults\": {\"by_location\": true, \"operation_ms\": 50}}");
    assert_set(FIRST, LB_ADMIN_DOWN);
    assert_int_equal(azure_count_of("PUT"), 1);
    assert_int_equal(azure_state_of(FIRST).admin, LB_ADMIN_DOWN);
}

static void an_operation_that_fails_says_why(void **unused)
{
    (void)unused;
    azure_standin_setup("{\"faults\": {\"ends\": [{\"status\": \"Failed\", \"code\": "
                        "\"SubnetIsFull\", \"message\": \"no room\\r\\nin it\"}]}}");
    assert_false(azure_set_to_end(FIRST, LB_ADMIN_DOWN));
    assert_int_equal(azure_err.code, ERROR_CONFLICT);
    assert_non_null(strstr(azure_err.message, "SubnetIsFull: no room  in it"));
    assert_string_not_equal(azure_err.hint, "");
    assert_int_equal(azure_state_of(FIRST).admin, LB_ADMIN_UP); /* in the document it is gone */
    assert_set(FIRST, LB_ADMIN_DOWN);
    assert_int_equal(azure_count_of("PUT"), 2);
}

static void an_overtaken_operation_is_computed_anew(void **unused)
{
    (void)unused;
    azure_standin_setup(
        "{\"faults\": {\"ends\": [{\"status\": \"Canceled\", \"code\": "
        "\"CanceledAndSupersededDueToAnotherOperation\", \"message\": \"superseded\"}]}}");
    assert_set(FIRST, LB_ADMIN_DOWN);
    assert_int_equal(azure_count_of("PUT"), 2);
}

static void a_change_of_somebody_else_in_between_is_kept(void **unused)
{
    (void)unused;
    azure_standin_setup("{\"faults\": {\"change_between\": 2}}");
    assert_set(FIRST, LB_ADMIN_DOWN);
    assert_int_equal(azure_count_of("PUT"), 3);
    assert_true(has_tag("changed"));
}

static void assert_asks_again_from_new_state(const char *fault)
{
    azure_standin_setup("{\"faults\": {\"%s\": 1}}", fault);
    assert_false(azure_set(FIRST, LB_ADMIN_DOWN));
    assert_int_equal(azure_err.code, ERROR_BUSY);
    azure_standin_setup("{\"touch\": {\"" GATEWAY "\": {\"tags\": {\"%s\": \"x\"}}}}", fault);
    assert_set(FIRST, LB_ADMIN_DOWN);
    assert_true(has_tag(fault));
}

static void a_locked_gateway_is_changed_from_its_new_state(void **unused)
{
    (void)unused;
    assert_asks_again_from_new_state("locked");
}

static void another_operation_in_progress_is_waited_for(void **unused)
{
    (void)unused;
    assert_asks_again_from_new_state("in_progress");
}

static void after_a_restart_an_update_under_way_is_waited_for(void **unused)
{
    (void)unused;
    azure_standin_setup("{\"faults\": {\"operation_ms\": 300}}");
    assert_false(azure_set(FIRST, LB_ADMIN_DOWN));
    azure_forget();
    assert_int_equal(azure_state_of(FIRST).admin, LB_ADMIN_UP);
    assert_false(azure_set(FIRST, LB_ADMIN_DOWN));
    assert_int_equal(azure_err.code, ERROR_BUSY);
    assert_set(FIRST, LB_ADMIN_DOWN);
    assert_int_equal(azure_count_of("PUT"), 1);
    assert_in_range(azure_state_of(FIRST).settle_ms, 1000, 2000);
}

static void a_failed_change_of_one_order_does_not_fail_another(void **unused)
{
    (void)unused;
    azure_standin_setup("{\"faults\": {\"ends\": [{\"status\": \"Failed\", \"code\": \"X\", "
                        "\"message\": \"y\"}]}}");
    assert_false(azure_set(FIRST, LB_ADMIN_DOWN));
    assert_int_equal(azure_err.code, ERROR_BUSY);
    poll(NULL, 0, 50); /* longer than the operation takes */
    assert_set("bb/10.0.0.2", LB_ADMIN_DOWN);
}

static void a_gateway_that_lags_behind_an_interface_is_waited_for(void **unused)
{
    const char *member = "bb/nic:rg/n4/ip";
    (void)unused;
    azure_standin_setup("{\"interface\": {\"" AZURE_NIC "n4\": {\"address\": \"10.0.0.4\", "
                        "\"pool_ids\": [\"" POOL "\"], \"configuration\": \"ip\"}}, "
                        "\"faults\": {\"follow_ms\": 300, \"health\": {\"10.0.0.4\": \"Up\"}}}");
    assert_int_equal(azure_state_of(member).health, LB_HEALTH_UP);
    int64_t begin_ms = clock_monotonic_ms();
    assert_set(member, LB_ADMIN_DOWN);
    assert_true(clock_monotonic_ms() - begin_ms >= 300);
    assert_int_equal(azure_count_of("PUT"), 1);
    assert_int_equal(azure_state_of(member).admin, LB_ADMIN_DOWN);
}

static void an_interface_is_told_by_its_address_where_health_names_no_id(void **unused)
{
    const char *member = "bb/nic:rg/n4/ip";
    (void)unused;
    azure_standin_setup("{\"interface\": {\"" AZURE_NIC "n4\": {\"address\": \"10.0.0.4\", "
                        "\"pool_ids\": [\"" POOL "\"], \"configuration\": \"ip\"}}, "
                        "\"faults\": {\"health_without_ids\": true, "
                        "\"health\": {\"10.0.0.4\": \"Up\", \"10.0.0.1\": \"Up\"}}}");
    assert_int_equal(azure_state_of(member).health, LB_HEALTH_UP);
    assert_int_equal(azure_state_of(member).peers_up, 1);
}

int main(void)
{
    static const struct CMUnitTest cases[] = {
        CASE(everything_else_of_the_gateway_comes_back_unchanged),
        CASE(several_members_take_one_update_and_none_where_nothing_changes),
        CASE(the_last_member_of_a_pool_stays),
        CASE(a_stopped_gateway_is_not_started_by_a_change),
        CASE(a_change_is_under_way_until_its_operation_has_ended),
        CASE(retry_after_is_respected),
        CASE(an_operation_may_be_told_by_location_alone),
        CASE(an_operation_that_fails_says_why),
        CASE(an_overtaken_operation_is_computed_anew),
        CASE(a_change_of_somebody_else_in_between_is_kept),
        CASE(a_locked_gateway_is_changed_from_its_new_state),
        CASE(another_operation_in_progress_is_waited_for),
        CASE(after_a_restart_an_update_under_way_is_waited_for),
        CASE(a_failed_change_of_one_order_does_not_fail_another),
        CASE(a_gateway_that_lags_behind_an_interface_is_waited_for),
        CASE(an_interface_is_told_by_its_address_where_health_names_no_id),
    };
    return azure_run("azure changes", cases);
}
