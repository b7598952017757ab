/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/config_text.h"

static struct policy policy_of(const char *text)
{
    READING_CLEANUP struct reading reading;
    read_changed(&reading, GOOD_POLICY, text);
    assert_no_complaint(&reading);
    return reading.config.clusters[0].policy;
}

static void defaults_are_careful(void **state)
{
    struct policy policy = policy_of("policy: {}");
    (void)state;
    assert_int_equal(policy.max_unavailable, 1);
    assert_int_equal(policy.min_available, 2);
    assert_int_equal(policy.drain_deadline_ms, 600000);
    assert_int_equal(policy.sticky_ms, 300000);
    assert_false(policy.force_at_drain_deadline);
    assert_false(policy.kill_at_stop_deadline);
    assert_int_equal(policy.on_failure, ON_FAILURE_ROLLBACK_CLUSTER);
    assert_false(policy.approve_by_hand);
}

static void missing_section_is_the_empty_one(void **state)
{
    struct policy empty = policy_of("policy: {}");
    struct policy missing = policy_of("");
    (void)state;
    assert_memory_equal(&empty, &missing, sizeof(empty));
}

static void every_value_is_read(void **state)
{
    struct policy policy =
        policy_of("policy: {max_unavailable: 2, min_available: 1, stop: {deadline: 3m,"
                  " at_deadline: kill}, start: {deadline: 4m}, active: {deadline: 5m},"
                  " return: {deadline: 6m}, stage: {deadline: 7m}, soak: 8s, approve: manual,"
                  " drain: {deadline: 2h, sticky: 1s, at_deadline: force},"
                  " on_failure: quarantine}");
    (void)state;
    assert_int_equal(policy.max_unavailable, 2);
    assert_int_equal(policy.min_available, 1);
    assert_int_equal(policy.drain_deadline_ms, 7200000);
    assert_int_equal(policy.sticky_ms, 1000);
    assert_true(policy.force_at_drain_deadline);
    assert_int_equal(policy.stop_deadline_ms, 180000);
    assert_true(policy.kill_at_stop_deadline);
    assert_int_equal(policy.start_deadline_ms, 240000);
    assert_int_equal(policy.active_deadline_ms, 300000);
    assert_int_equal(policy.return_deadline_ms, 360000);
    assert_int_equal(policy.stage_deadline_ms, 420000);
    assert_int_equal(policy.soak_ms, 8000);
    assert_int_equal(policy.on_failure, ON_FAILURE_QUARANTINE);
    assert_true(policy.approve_by_hand);
}

static void sticky_time_follows_the_deadline(void **state)
{
    (void)state;
    assert_int_equal(policy_of("policy: {drain: {deadline: 30s}}").sticky_ms, 15000);
    assert_int_equal(policy_of("policy: {drain: {deadline: 30s, sticky: 30s}}").sticky_ms, 30000);
    assert_int_equal(policy_of("policy: {drain: {sticky: 0s}}").sticky_ms, 0);
}

static void sticky_time_beyond_the_deadline_is_refused(void **state)
{
    (void)state;
    assert_refuses(GOOD_POLICY, "policy: {drain: {deadline: 1m, sticky: 61s}}",
                   "policy.drain.sticky: longer than drain.deadline");
    assert_refuses(GOOD_POLICY, "policy: {drain: {sticky: 11m}}",
                   "policy.drain.sticky: longer than drain.deadline");
}

static void default_of_min_available_follows_max_unavailable(void **state)
{
    (void)state;
    assert_int_equal(policy_of("policy: {max_unavailable: 2}").min_available, 1);
    assert_int_equal(policy_of("policy: {max_unavailable: 1}").min_available, 2);
}

static void budget_that_leaves_no_node_is_refused(void **state)
{
    (void)state;
    assert_refuses(GOOD_POLICY, "policy: {max_unavailable: 3}",
                   "policy.max_unavailable: max_unavailable 3 of 3 nodes leaves none in service");
    assert_refuses(GOOD_POLICY, "policy: {max_unavailable: 0}", "policy.max_unavailable: ");
    assert_refuses(GOOD_POLICY, "policy: {min_available: 0}", "policy.min_available: ");
}

static void budget_that_allows_no_step_is_refused_with_the_arithmetic(void **state)
{
    (void)state;
    assert_refuses(GOOD_POLICY, "policy: {min_available: 3}",
                   "policy.min_available: min_available 3 + max_unavailable 1 is more than the 3 "
                   "nodes");
    assert_refuses(GOOD_POLICY, "policy: {min_available: 2, max_unavailable: 2}",
                   "min_available 2 + max_unavailable 2 is more than the 3 nodes");
}

static void cluster_of_one_node_is_refused(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_text(&reading, "clusters:\n"
                        "  - name: git\n"
                        "    base_url: https://git.example.com\n"
                        "    credentials: " GOOD_CREDENTIALS "\n"
                        "    nodes: [{name: bb1, url: 'http://10.0.0.11'}]\n"
                        "    load_balancers:\n"
                        "      - name: edge\n"
                        "        driver: haproxy\n"
                        "        addresses: ['unix:/run/haproxy/admin.sock']\n"
                        "        members: {bb1: [bb_http/n1]}\n");
    assert_one_complaint(&reading, "max_unavailable 1 of 1 nodes leaves none in service");
}

static void unknown_words_are_refused(void **state)
{
    (void)state;
    assert_refuses(GOOD_POLICY, "policy: {on_failure: rollback}", "policy.on_failure: ");
    assert_refuses(GOOD_POLICY, "policy: {approve: yes}", "policy.approve: ");
    assert_refuses(GOOD_POLICY, "policy: {drain: {at_deadline: kill}}",
                   "policy.drain.at_deadline: ");
    assert_refuses(GOOD_POLICY, "policy: {stop: {at_deadline: force}}",
                   "policy.stop.at_deadline: ");
}

static void unknown_keys_are_refused_in_every_step(void **state)
{
    static const char *const steps[] = {"drain", "stop", "start", "active", "return", "stage"};
    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "policy: {%s: {dedline: 1m}}", steps[i]);
        assert_refuses(GOOD_POLICY, text, "did you mean 'deadline'?");
    }
    assert_refuses(GOOD_POLICY, "policy: {max_unavailabel: 1}", "did you mean 'max_unavailable'?");
}

static void impossible_durations_are_refused(void **state)
{
    (void)state;
    assert_refuses(GOOD_POLICY, "policy: {stop: {deadline: 0s}}", "policy.stop.deadline: ");
    assert_refuses(GOOD_POLICY, "policy: {stop: {deadline: 25h}}", "policy.stop.deadline: ");
    assert_refuses(GOOD_POLICY, "policy: {stop: {deadline: 60}}", "policy.stop.deadline: ");
    assert_refuses(GOOD_POLICY, "policy: {soak: -1s}", "policy.soak: ");
    assert_refuses(GOOD_POLICY, "policy: {start: 2m}", "policy.start: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_careful),
        cmocka_unit_test(missing_section_is_the_empty_one),
        cmocka_unit_test(every_value_is_read),
        cmocka_unit_test(sticky_time_follows_the_deadline),
        cmocka_unit_test(sticky_time_beyond_the_deadline_is_refused),
        cmocka_unit_test(default_of_min_available_follows_max_unavailable),
        cmocka_unit_test(budget_that_leaves_no_node_is_refused),
        cmocka_unit_test(budget_that_allows_no_step_is_refused_with_the_arithmetic),
        cmocka_unit_test(cluster_of_one_node_is_refused),
        cmocka_unit_test(unknown_words_are_refused),
        cmocka_unit_test(unknown_keys_are_refused_in_every_step),
        cmocka_unit_test(impossible_durations_are_refused),
    };
    return cmocka_run_group_tests_name("controller/config_policy", tests, NULL, NULL);
}
