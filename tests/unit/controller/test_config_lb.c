/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/config_text.h"

static void load_balancer_is_read(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_text(&reading, GOOD_TEXT);
    assert_no_complaint(&reading);
    const struct lb_config *edge = &reading.config.clusters[0].lbs[0];
    assert_string_equal(edge->lb.name, "edge");
    assert_ptr_equal(edge->lb.driver, lb_driver_find("haproxy"));
    assert_int_equal(edge->lb.options.address_count, 1);
    assert_string_equal(edge->lb.options.addresses[0], "unix:/run/haproxy/admin.sock");
    assert_int_equal(edge->nodes[0].count, 2);
    assert_string_equal(edge->nodes[0].members[0], "bb_http/n1");
    assert_string_equal(edge->nodes[0].members[1], "bb_ssh/n1");
    assert_int_equal(edge->nodes[2].count, 1);
}

static void node_may_stand_behind_one_of_two_load_balancers(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_changed(&reading, "          bb3: [bb_http/n3]\n",
                 "      - name: inner\n"
                 "        driver: haproxy\n"
                 "        addresses: ['tcp:127.0.0.1:9999']\n"
                 "        members: {bb3: [bb_http/n1]}\n");
    assert_no_complaint(&reading);
    const struct cluster_config *git = &reading.config.clusters[0];
    assert_int_equal(git->lb_count, 2);
    assert_int_equal(git->lbs[0].nodes[2].count, 0);
    assert_int_equal(git->lbs[1].nodes[2].count, 1);
}

static void unknown_driver_is_refused_with_those_there_are(void **state)
{
    (void)state;
    assert_refuses("driver: haproxy", "driver: f5",
                   "clusters[0].load_balancers[0].driver: there is no driver 'f5'; there are: ");
    assert_refuses("driver: haproxy", "driver: f5", lb_driver_names());
}

static void addresses_that_the_driver_refuses_are_told(void **state)
{
    (void)state;
    assert_refuses("unix:/run/haproxy/admin.sock", "ftp://haproxy",
                   "clusters[0].load_balancers[0].addresses: ");
}

static void impossible_addresses_are_refused(void **state)
{
    (void)state;
    assert_refuses("['unix:/run/haproxy/admin.sock']", "[]", "addresses: 0 entries; 1 to 8");
    assert_refuses("['unix:/run/haproxy/admin.sock']", "['unix:/a', 'unix:/a']",
                   "addresses[1]: 'unix:/a' stands in line 16 already");
    assert_refuses("['unix:/run/haproxy/admin.sock']", "unix:/a", "addresses: ");
    assert_refuses("['unix:/run/haproxy/admin.sock']", "['unix:/a', {b: c}]",
                   "addresses[1]: must be a text");
}

static void members_that_the_driver_refuses_are_told(void **state)
{
    (void)state;
    assert_refuses("[bb_http/n3]", "[bb_http]", "members.bb3[0]: ");
    assert_refuses("[bb_http/n3]", "['bb_http/n3; disable server']", "members.bb3[0]: ");
}

static void members_of_an_unknown_node_are_refused(void **state)
{
    (void)state;
    assert_refuses("          bb3:", "          bb4: [bb_http/n4]\n          bb3:",
                   "the cluster has no node 'bb4'");
}

static void node_without_any_member_is_refused(void **state)
{
    (void)state;
    assert_refuses("          bb3: [bb_http/n3]\n", "",
                   "clusters[0].nodes[2]: no load balancer has a member for this node: it could "
                   "never be drained");
}

static void member_of_two_nodes_is_refused(void **state)
{
    (void)state;
    assert_refuses("[bb_http/n3]", "[bb_http/n2]",
                   "members.bb3[0]: 'bb_http/n2 at unix:/run/haproxy/admin.sock' stands in line 19 "
                   "already: a member belongs to one node");
}

static void member_of_two_nodes_through_two_entries_is_refused(void **state)
{
    (void)state;
    assert_refuses("          bb3: [bb_http/n3]\n",
                   "      - name: inner\n"
                   "        driver: haproxy\n"
                   "        addresses: ['unix:/other', 'unix:/run/haproxy/admin.sock']\n"
                   "        members: {bb3: [bb_ssh/n1]}\n",
                   "a member belongs to one node");
}

static void impossible_member_lists_are_refused(void **state)
{
    (void)state;
    assert_refuses("[bb_http/n3]", "[]", "members.bb3: 0 entries; 1 to 8");
    assert_refuses("[bb_http/n3]", "[a/1, a/2, a/3, a/4, a/5, a/6, a/7, a/8, a/9]",
                   "members.bb3: 9 entries; 1 to 8");
    assert_refuses("[bb_http/n3]", "bb_http/n3", "members.bb3: ");
    assert_refuses("[bb_http/n3]", "", "members.bb3: ");
    assert_refuses("[bb_http/n3]", "[[bb_http/n3]]", "members.bb3[0]: must be a text");
}

static void member_that_is_too_long_is_refused(void **state)
{
    char list[LB_MEMBER + 64];
    (void)state;
    (void)snprintf(list, sizeof(list), "[bb_http/n%0*d]", LB_MEMBER, 0);
    assert_refuses("[bb_http/n3]", list, "members.bb3[0]: longer than 255 bytes");
}

static void load_balancers_are_needed(void **state)
{
    (void)state;
    assert_refuses("    load_balancers:\n" GOOD_LBS, "", "clusters[0].load_balancers: missing");
    assert_refuses("    load_balancers:\n" GOOD_LBS, "    load_balancers: []\n",
                   "load_balancers: 0 entries; 1 to 8");
}

static void same_name_of_two_load_balancers_is_refused(void **state)
{
    (void)state;
    assert_refuses("          bb3: [bb_http/n3]\n",
                   "      - name: edge\n"
                   "        driver: haproxy\n"
                   "        addresses: ['unix:/other']\n"
                   "        members: {bb3: [bb_http/n3]}\n",
                   "load_balancers[1].name: 'edge' stands in line 14 already");
}

static void unknown_key_of_a_load_balancer_is_told(void **state)
{
    (void)state;
    assert_refuses("driver: haproxy", "driver: haproxy\n        weight: 7", "weight: unknown key");
}

static void a_ramp_must_fit_into_the_deadline_of_the_return(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_changed(&reading, "driver: haproxy", "driver: haproxy\n        return: {ramp: 110s}");
    assert_no_complaint(&reading);
    assert_int_equal(lb_ramp_ms(&reading.config.clusters[0].lbs[0].lb), 110000);
    assert_refuses("driver: haproxy", "driver: haproxy\n        return: {ramp: 111s}",
                   "load_balancers[0].return.ramp: return.ramp (111000 ms) and 10 s for the load "
                   "balancer's own checks do not fit into policy.return.deadline (120000 ms)");
}

static void without_a_ramp_weight_comes_back_at_once(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_changed(&reading, "driver: haproxy", "driver: haproxy\n        return: {}");
    assert_no_complaint(&reading);
    assert_int_equal(lb_ramp_ms(&reading.config.clusters[0].lbs[0].lb), 0);
    assert_refuses("driver: haproxy", "driver: haproxy\n        return: {slope: 3s}",
                   "return.slope: unknown key");
}

static void a_state_file_of_two_processes_is_refused(void **state)
{
    (void)state;
    assert_accepts("driver: haproxy",
                   "driver: haproxy\n        state_file: /var/lib/haproxy/states");
    assert_refuses("        addresses: ['unix:/run/haproxy/admin.sock']",
                   "        addresses: ['unix:/a', 'unix:/b']\n        state_file: /c",
                   "addresses: state_file holds the state of one HAProxy on this host");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(load_balancer_is_read),
        cmocka_unit_test(node_may_stand_behind_one_of_two_load_balancers),
        cmocka_unit_test(unknown_driver_is_refused_with_those_there_are),
        cmocka_unit_test(addresses_that_the_driver_refuses_are_told),
        cmocka_unit_test(impossible_addresses_are_refused),
        cmocka_unit_test(members_that_the_driver_refuses_are_told),
        cmocka_unit_test(members_of_an_unknown_node_are_refused),
        cmocka_unit_test(node_without_any_member_is_refused),
        cmocka_unit_test(member_of_two_nodes_is_refused),
        cmocka_unit_test(member_of_two_nodes_through_two_entries_is_refused),
        cmocka_unit_test(impossible_member_lists_are_refused),
        cmocka_unit_test(member_that_is_too_long_is_refused),
        cmocka_unit_test(load_balancers_are_needed),
        cmocka_unit_test(same_name_of_two_load_balancers_is_refused),
        cmocka_unit_test(unknown_key_of_a_load_balancer_is_told),
        cmocka_unit_test(a_ramp_must_fit_into_the_deadline_of_the_return),
        cmocka_unit_test(without_a_ramp_weight_comes_back_at_once),
        cmocka_unit_test(a_state_file_of_two_processes_is_refused),
    };
    return cmocka_run_group_tests_name("controller/config_lb", tests, NULL, NULL);
}
