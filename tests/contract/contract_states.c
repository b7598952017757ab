/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cases: what is set is what is read, in every process.
 */
#include "contract.h"

#include "cmocka_setup.h"

#include <string.h>

static bool set_may_fail(const char *const *members, size_t count, enum lb_admin admin,
                         struct error *err)
{
    return contract_lb.driver->set_members(&contract_lb, members, count, admin,
                                           deadline_after_ms(CALL_MS), err);
}

static bool is_ssh(const char *member)
{
    bool is_found = false;
    for (size_t i = 0; i < NODE_COUNT && contract_has_ssh(); i++)
        is_found = is_found || strcmp(contract_fixture.ssh_members[i], member) == 0;
    return is_found;
}

/* Where there is no drain, a drained member is down. */
static enum lb_admin readable(const char *member, enum lb_admin admin)
{
    bool has_drain =
        contract_fixture.has_drain && !(contract_fixture.ssh_lacks_drain && is_ssh(member));
    return admin == LB_ADMIN_DRAIN && !has_drain ? LB_ADMIN_DOWN : admin;
}

static void assert_admin_everywhere(const char *member, enum lb_admin admin)
{
    for (size_t i = 0; i < contract_lb.options.address_count; i++) {
        struct lb lb = contract_one_process(i);
        assert_int_equal(contract_read(&lb, member).admin, readable(member, admin));
    }
}

static void members_that_serve_are_up_healthy_and_idle(void **unused)
{
    struct lb_member_state states[2 * NODE_COUNT];
    const char *names[2 * NODE_COUNT];
    size_t count = 0;
    struct error err;

    (void)unused;
    for (size_t i = 0; i < NODE_COUNT; i++) {
        struct node_members members = contract_members(i);
        for (size_t j = 0; j < members.count; j++)
            names[count++] = members.names[j];
    }
    assert_true(contract_lb.driver->read_members(&contract_lb, names, count,
                                                 deadline_after_ms(CALL_MS), states, &err));
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(states[i].member, names[i]);
        assert_int_equal(states[i].admin, LB_ADMIN_UP);
        assert_int_equal(states[i].health, LB_HEALTH_UP);
        assert_int_equal(states[i].is_checked, contract_fixture.checks_health);
        assert_int_equal(states[i].sessions, lb_is_blind(&contract_lb) ? -1 : 0);
        assert_int_equal(states[i].weight > 0, contract_fixture.knows_weight);
        assert_int_equal(states[i].peers_up, NODE_COUNT - 1);
    }
}

static void drain_is_read_back_from_every_process(void **unused)
{
    struct node_members members = contract_members(0);

    (void)unused;
    contract_set(&contract_lb, members.names, members.count, LB_ADMIN_DRAIN);
    for (size_t i = 0; i < members.count; i++)
        assert_admin_everywhere(members.names[i], LB_ADMIN_DRAIN);
    assert_admin_everywhere(contract_fixture.http_members[1], LB_ADMIN_UP);
}

static void down_is_read_back_from_every_process(void **unused)
{
    struct node_members members = contract_members(0);

    (void)unused;
    contract_set(&contract_lb, members.names, members.count, LB_ADMIN_DOWN);
    for (size_t i = 0; i < members.count; i++)
        assert_admin_everywhere(members.names[i], LB_ADMIN_DOWN);
    assert_admin_everywhere(contract_fixture.http_members[1], LB_ADMIN_UP);
}

static void a_member_goes_down_and_comes_up_healthy(void **unused)
{
    struct node_members members = contract_members(0);

    (void)unused;
    contract_set(&contract_lb, members.names, members.count, LB_ADMIN_DRAIN);
    contract_set(&contract_lb, members.names, members.count, LB_ADMIN_DOWN);
    contract_set(&contract_lb, members.names, members.count, LB_ADMIN_UP);
    for (size_t i = 0; i < members.count; i++) {
        assert_admin_everywhere(members.names[i], LB_ADMIN_UP);
        assert_true(contract_has_health(members.names[i], LB_HEALTH_UP));
    }
}

static void each_state_can_be_set_twice(void **unused)
{
    static const enum lb_admin order[] = {LB_ADMIN_UP, LB_ADMIN_DRAIN, LB_ADMIN_DOWN,
                                          LB_ADMIN_DRAIN, LB_ADMIN_UP};
    const char *member = contract_fixture.http_members[2];

    (void)unused;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        contract_set_one(&contract_lb, member, order[i]);
        contract_set_one(&contract_lb, member, order[i]);
        assert_admin_everywhere(member, order[i]);
    }
}

static void a_member_set_in_one_process_only_still_counts_as_up(void **unused)
{
    const char *member = contract_fixture.http_members[0];
    struct lb one = contract_one_process(0);

    (void)unused;
    contract_set_one(&one, member, LB_ADMIN_DOWN);
    assert_int_equal(contract_read(&contract_lb, member).admin, LB_ADMIN_UP);
    contract_set_one(&contract_lb, member, LB_ADMIN_DRAIN);
    assert_admin_everywhere(member, LB_ADMIN_DRAIN);
}

static void peers_count_only_members_that_take_traffic(void **unused)
{
    const char *const *http = contract_fixture.http_members;

    (void)unused;
    contract_set_one(&contract_lb, http[0], LB_ADMIN_DRAIN);
    assert_int_equal(contract_read(&contract_lb, http[0]).peers_up, 2);
    assert_int_equal(contract_read(&contract_lb, http[1]).peers_up, 1);
    contract_set_one(&contract_lb, http[1], LB_ADMIN_DOWN);
    assert_int_equal(contract_read(&contract_lb, http[2]).peers_up, 0);
    if (contract_has_ssh())
        assert_int_equal(contract_read(&contract_lb, contract_fixture.ssh_members[2]).peers_up, 2);
}

static void peers_are_the_least_over_processes(void **unused)
{
    struct lb one = contract_one_process(1);

    (void)unused;
    contract_set_one(&one, contract_fixture.http_members[1], LB_ADMIN_DOWN);
    assert_int_equal(contract_read(&contract_lb, contract_fixture.http_members[0]).peers_up, 1);
}

static void a_sick_peer_is_no_peer(void **unused)
{
    (void)unused;
    if (!contract_fixture.checks_health)
        skip_case();
    node_set_sick(1, true);
    assert_true(contract_has_peers(contract_fixture.http_members[0], 1));
    if (contract_has_ssh())
        assert_true(contract_has_peers(contract_fixture.ssh_members[0], 1));
}

static void a_sick_member_is_drained_all_the_same(void **unused)
{
    struct node_members members = contract_members(0);

    (void)unused;
    if (!contract_fixture.checks_health)
        skip_case();
    node_set_sick(0, true);
    for (size_t i = 0; i < members.count; i++)
        assert_true(contract_has_health(members.names[i], LB_HEALTH_DOWN));
    contract_set(&contract_lb, members.names, members.count, LB_ADMIN_DRAIN);
    for (size_t i = 0; i < members.count; i++)
        assert_admin_everywhere(members.names[i], LB_ADMIN_DRAIN);
}

static void a_member_that_comes_up_sick_is_not_healthy(void **unused)
{
    const char *member = contract_fixture.http_members[0];

    (void)unused;
    if (!contract_fixture.checks_health)
        skip_case();
    contract_set_one(&contract_lb, member, LB_ADMIN_DOWN);
    node_set_sick(0, true);
    contract_set_one(&contract_lb, member, LB_ADMIN_UP);
    assert_int_not_equal(contract_read(&contract_lb, member).health, LB_HEALTH_UP);
    assert_true(contract_has_health(member, LB_HEALTH_DOWN));
}

static void a_member_that_accepts_to_be_up_and_is_not_is_a_conflict(void **unused)
{
    const char *member = contract_fixture.held_member;
    struct error err;

    (void)unused;
    if (member == NULL)
        skip_case();
    assert_false(set_may_fail(&member, 1, LB_ADMIN_UP, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.message, member));
    assert_string_not_equal(err.hint, "");
    contract_set_one(&contract_lb, member, LB_ADMIN_DRAIN);
}

static void an_unknown_member_is_named_and_nothing_is_changed(void **unused)
{
    const char *names[] = {contract_fixture.http_members[0], contract_fixture.unknown_member};
    struct lb_member_state states[2];
    struct error err;

    (void)unused;
    assert_false(contract_lb.driver->read_members(&contract_lb, names, 2,
                                                  deadline_after_ms(CALL_MS), states, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, contract_fixture.unknown_member));
    assert_false(set_may_fail(names, 2, LB_ADMIN_DOWN, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, contract_fixture.unknown_member));
    assert_admin_everywhere(names[0], LB_ADMIN_UP);
}

static void an_unknown_group_is_named(void **unused)
{
    const char *name = contract_fixture.unknown_group;
    struct lb_member_state state;
    struct error err;

    (void)unused;
    assert_false(contract_lb.driver->read_members(&contract_lb, &name, 1,
                                                  deadline_after_ms(CALL_MS), &state, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, name));
    assert_false(set_may_fail(&name, 1, LB_ADMIN_UP, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, name));
}

static void malformed_members_are_refused(void **unused)
{
    struct error err;

    (void)unused;
    for (const char *const *name = contract_fixture.malformed_members; *name != NULL; name++) {
        assert_false(contract_lb.driver->check_member(*name, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        assert_false(set_may_fail(name, 1, LB_ADMIN_DOWN, &err));
        assert_int_equal(err.code, ERROR_INVALID);
    }
    for (size_t i = 0; i < NODE_COUNT; i++)
        assert_true(contract_lb.driver->check_member(contract_fixture.http_members[i], &err));
}

static void malformed_addresses_are_refused(void **unused)
{
    struct lb_options options = {.address_count = 0};
    struct error err;

    (void)unused;
    assert_false(contract_lb.driver->check_options(&options, &err));
    options.address_count = 1;
    for (const char *const *text = contract_fixture.malformed_addresses; *text != NULL; text++) {
        assert_true(strlen(*text) < sizeof(options.addresses[0]));
        strcpy(options.addresses[0], *text);
        assert_false(contract_lb.driver->check_options(&options, &err));
        assert_int_equal(err.code, ERROR_INVALID);
    }
    assert_true(contract_lb.driver->check_options(&contract_lb.options, &err));
}

static void the_same_address_twice_is_refused(void **unused)
{
    struct lb_options options = contract_lb.options;
    struct error err;

    (void)unused;
    memcpy(options.addresses[1], options.addresses[0], sizeof(options.addresses[1]));
    options.address_count = 2;
    assert_false(contract_lb.driver->check_options(&options, &err));
    assert_int_equal(err.code, ERROR_INVALID);
}

#define CASE(name) cmocka_unit_test_setup(name, contract_reset)

int contract_run_states(void)
{
    static const struct CMUnitTest cases[] = {
        CASE(members_that_serve_are_up_healthy_and_idle),
        CASE(drain_is_read_back_from_every_process),
        CASE(down_is_read_back_from_every_process),
        CASE(a_member_goes_down_and_comes_up_healthy),
        CASE(each_state_can_be_set_twice),
        CASE(a_member_set_in_one_process_only_still_counts_as_up),
        CASE(peers_count_only_members_that_take_traffic),
        CASE(peers_are_the_least_over_processes),
        CASE(a_sick_peer_is_no_peer),
        CASE(a_sick_member_is_drained_all_the_same),
        CASE(a_member_that_comes_up_sick_is_not_healthy),
        CASE(a_member_that_accepts_to_be_up_and_is_not_is_a_conflict),
        CASE(an_unknown_member_is_named_and_nothing_is_changed),
        CASE(an_unknown_group_is_named),
        CASE(malformed_members_are_refused),
        CASE(malformed_addresses_are_refused),
        CASE(the_same_address_twice_is_refused),
    };
    return cmocka_run_group_tests_name("states", cases, NULL, NULL);
}
