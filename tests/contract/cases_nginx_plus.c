/* SPDX-License-Identifier: Apache-2.0 */
#include "cases_nginx_plus.h"

#include "cmocka_setup.h"

#include <stdio.h>
#include <string.h>

static bool set(const char *member, enum lb_admin admin, struct error *err)
{
    return contract_lb.driver->set_members(&contract_lb, &member, 1, admin,
                                           deadline_after_ms(CALL_MS), err);
}

static void assert_set_and_read(const char *member, enum lb_admin admin)
{
    contract_set_one(&contract_lb, member, admin);
    assert_int_equal(contract_read(&contract_lb, member).admin, admin);
}

static void connections_are_summed_over_processes(void **unused)
{
    const char *member = contract_fixture.http_members[0];
    char faults[LB_MEMBER + 64];

    (void)unused;
    snprintf(faults, sizeof(faults), "{\"sessions\":{\"%s\":7}}", member);
    nginx_plus_setup(faults);
    assert_int_equal(contract_read(&contract_lb, member).sessions, 14);
    assert_int_equal(contract_read(&contract_lb, contract_fixture.http_members[1]).sessions, 0);
}

static void an_older_api_is_spoken_to_in_its_own_version(void **unused)
{
    const char *member = contract_fixture.http_members[0];

    (void)unused;
    nginx_plus_setup("{\"versions\":[1,2,3,4,5]}");
    assert_set_and_read(member, LB_ADMIN_DRAIN);
    assert_set_and_read(member, LB_ADMIN_UP);
}

static void an_api_without_a_known_version_is_refused(void **unused)
{
    struct error err;

    (void)unused;
    nginx_plus_setup("{\"versions\":[1,2,10]}");
    assert_false(set(contract_fixture.http_members[0], LB_ADMIN_DRAIN, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    assert_non_null(strstr(err.message, "versions 3 to 9"));
}

/* What becomes of drain when down is said is not in the description: both ways must do. */
static void drain_and_down_are_left_also_where_each_ends_by_itself(void **unused)
{
    static const enum lb_admin order[] = {LB_ADMIN_DRAIN, LB_ADMIN_UP, LB_ADMIN_DRAIN,
                                          LB_ADMIN_DOWN,  LB_ADMIN_UP, LB_ADMIN_DOWN,
                                          LB_ADMIN_UP};
    const char *member = contract_fixture.http_members[0];

    (void)unused;
    nginx_plus_setup("{\"apart\":true}");
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        assert_set_and_read(member, order[i]);
    contract_set_one(&contract_lb, member, LB_ADMIN_DOWN);
    contract_set_one(&contract_lb, member, LB_ADMIN_DRAIN); /* held down harder */
    assert_int_equal(contract_read(&contract_lb, member).admin, LB_ADMIN_DOWN);
}

static void a_change_that_is_answered_and_not_made_is_a_conflict(void **unused)
{
    struct error err;

    (void)unused;
    nginx_plus_setup("{\"deaf\":true}");
    assert_false(set(contract_fixture.http_members[0], LB_ADMIN_DOWN, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.message, "reads back as up"));
}

static void a_group_without_a_zone_is_told_with_what_to_do(void **unused)
{
    struct error err;

    (void)unused;
    nginx_plus_setup("{\"static\":\"bb_http\"}");
    assert_false(set(contract_fixture.http_members[0], LB_ADMIN_DRAIN, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    assert_non_null(strstr(err.hint, "zone"));
}

/* Numbers are given anew by a reload: what is meant is the address. */
static void a_server_whose_number_has_changed_is_not_taken_for_another(void **unused)
{
    const char *member = contract_fixture.http_members[1];
    struct lb_member_state state;
    struct error err;

    (void)unused;
    contract_set_one(&contract_lb, member, LB_ADMIN_DRAIN);
    nginx_plus_setup("{\"shift\":1}");
    for (size_t process = 0; process < contract_lb.options.address_count; process++) {
        struct lb lb = contract_one_process(process);
        assert_false(
            lb.driver->read_members(&lb, &member, 1, deadline_after_ms(CALL_MS), &state, &err));
        assert_int_equal(err.code, ERROR_UNAVAILABLE);
    }
    assert_int_equal(contract_read(&contract_lb, member).admin, LB_ADMIN_DRAIN);
    assert_set_and_read(member, LB_ADMIN_UP);
    assert_int_equal(contract_read(&contract_lb, contract_fixture.http_members[0]).admin,
                     LB_ADMIN_UP);
}

static void a_group_of_both_kinds_needs_its_kind_said(void **unused)
{
    struct error err;

    (void)unused;
    assert_false(set("bb_both/127.0.0.9:1", LB_ADMIN_DRAIN, &err));
    assert_int_equal(err.code, ERROR_INVALID);
    assert_non_null(strstr(err.hint, "stream:bb_both/"));
    assert_set_and_read("http:bb_both/127.0.0.9:1", LB_ADMIN_DRAIN);
    assert_int_equal(contract_read(&contract_lb, "stream:bb_both/127.0.0.9:1").admin, LB_ADMIN_UP);
    assert_set_and_read("http:bb_both/127.0.0.9:1", LB_ADMIN_UP);
}

static void an_address_beside_the_api_is_told_as_such(void **unused)
{
    const char *member = contract_fixture.http_members[0];
    char address[LIMIT_PATH];
    struct lb_member_state state;
    struct error err;

    (void)unused;
    snprintf(address, sizeof(address), "%.400s/9", contract_lb.options.addresses[0]);
    struct lb lb = contract_elsewhere(address);
    assert_false(
        lb.driver->read_members(&lb, &member, 1, deadline_after_ms(CALL_MS), &state, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "has no version"));
}

static int reset(void **state)
{
    nginx_plus_setup("{}");
    return contract_reset(state);
}

static int end_faults(void **unused)
{
    (void)unused;
    nginx_plus_setup("{}");
    return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, reset, end_faults)

int nginx_plus_run_cases(void)
{
    static const struct CMUnitTest cases[] = {
        CASE(connections_are_summed_over_processes),
        CASE(an_older_api_is_spoken_to_in_its_own_version),
        CASE(an_api_without_a_known_version_is_refused),
        CASE(drain_and_down_are_left_also_where_each_ends_by_itself),
        CASE(a_change_that_is_answered_and_not_made_is_a_conflict),
        CASE(a_group_without_a_zone_is_told_with_what_to_do),
        CASE(a_server_whose_number_has_changed_is_not_taken_for_another),
        CASE(a_group_of_both_kinds_needs_its_kind_said),
        CASE(an_address_beside_the_api_is_told_as_such),
    };
    return cmocka_run_group_tests_name("nginx-plus", cases, NULL, NULL);
}
