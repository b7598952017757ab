/* SPDX-License-Identifier: Apache-2.0 */
#include "lb_addresses.h"

#include "common/unit_test.h"

static enum lb_health merged(enum lb_health first, enum lb_health second)
{
    const struct lb_member_state states[] = {{.health = first}, {.health = second}};
    struct lb_member_state sum;
    for (size_t i = 0; i < 2; i++)
        lb_state_collect(&sum, &states[i], i == 0);
    return sum.health;
}

/* In the order of the row, from good to bad. */
static void the_worse_health_wins_in_whatever_order_it_is_seen(void **unused)
{
    static const enum lb_health ranking[] = {LB_HEALTH_UP, LB_HEALTH_CHANGING, LB_HEALTH_DOWN,
                                             LB_HEALTH_UNKNOWN};
    (void)unused;
    for (size_t good = 0; good < 4; good++)
        for (size_t bad = good; bad < 4; bad++) {
            assert_int_equal(merged(ranking[good], ranking[bad]), ranking[bad]);
            assert_int_equal(merged(ranking[bad], ranking[good]), ranking[bad]);
        }
}

static void the_least_restrictive_word_and_the_fewest_peers_count(void **unused)
{
    const struct lb_member_state states[] = {
        {.admin = LB_ADMIN_DOWN, .peers_up = 2, .weight = 7, .settle_ms = 5, .is_checked = true},
        {.admin = LB_ADMIN_DRAIN, .peers_up = 1, .weight = 9, .settle_ms = 3, .is_checked = false},
    };
    struct lb_member_state sum;
    (void)unused;
    for (size_t i = 0; i < 2; i++)
        lb_state_collect(&sum, &states[i], i == 0);
    assert_int_equal(sum.admin, LB_ADMIN_DRAIN);
    assert_int_equal(sum.peers_up, 1);
    assert_int_equal(sum.weight, 7);
    assert_int_equal(sum.settle_ms, 5);
    assert_false(sum.is_checked);
}

/* One process alone has the member up: whatever others say, there it serves. */
static void member_that_one_process_alone_sends_traffic_to_is_its_last(void **unused)
{
    const struct lb_member_state serving = {.health = LB_HEALTH_UP, .peers_up = 0};
    const struct lb_member_state failing = {.health = LB_HEALTH_DOWN, .peers_up = 2};
    const struct lb_member_state *const orders[2][2] = {{&serving, &failing}, {&failing, &serving}};
    struct lb_member_state sum;
    (void)unused;
    for (size_t order = 0; order < 2; order++) {
        for (size_t i = 0; i < 2; i++)
            lb_state_collect(&sum, orders[order][i], i == 0);
        assert_int_equal(sum.health, LB_HEALTH_DOWN);
        assert_true(sum.is_last);
    }
}

static void member_without_traffic_is_nobodys_last(void **unused)
{
    static const struct lb_member_state states[] = {
        {.health = LB_HEALTH_DOWN, .peers_up = 0},
        {.admin = LB_ADMIN_DRAIN, .peers_up = 0},
        {.health = LB_HEALTH_UP, .peers_up = 1},
    };
    struct lb_member_state sum;
    (void)unused;
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        lb_state_collect(&sum, &states[i], true);
        assert_false(sum.is_last);
    }
    for (enum lb_health health = LB_HEALTH_UP; health <= LB_HEALTH_UNKNOWN; health++) {
        const struct lb_member_state state = {.health = health};
        lb_state_collect(&sum, &state, true);
        assert_int_equal(sum.is_last, health != LB_HEALTH_DOWN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worse_health_wins_in_whatever_order_it_is_seen),
        cmocka_unit_test(the_least_restrictive_word_and_the_fewest_peers_count),
        cmocka_unit_test(member_that_one_process_alone_sends_traffic_to_is_its_last),
        cmocka_unit_test(member_without_traffic_is_nobodys_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
