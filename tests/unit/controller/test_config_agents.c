/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/config_text.h"

#define LBS      "    load_balancers:\n" GOOD_LBS
#define AGENTS   "    agents: [{name: lb1, key: '" KEY_1 "'}, {name: lb2, key: '" KEY_2 "'}]\n"
#define REMOTE   "    load_balancers:\n      - name: edge\n        driver: agent\n"
#define MEMBERS  "        members: {bb1: [n1], bb2: [n2], bb3: [n3]}\n"
#define AT(list) "        addresses: [" list "]\n"

static void assert_key(const struct cluster_config *cluster, const char *agent, const char *key)
{
    char text[KEY_PUBLIC_TEXT_SIZE];
    int index = config_agent_index(cluster, agent);
    assert_in_range(index, 0, config_agent_count(cluster) - 1);
    const struct config_agent found = config_agent_at(cluster, (size_t)index);
    assert_string_equal(found.name, agent);
    key_public_write(found.key, text);
    assert_string_equal(text, key);
}

static void agents_of_load_balancers_are_read(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_changed(&reading, LBS, AGENTS REMOTE AT("lb1, lb2") MEMBERS);
    assert_no_complaint(&reading);
    const struct cluster_config *git = &reading.config.clusters[0];
    assert_int_equal(git->lb_agent_count, 2);
    assert_int_equal(config_agent_count(git), 5);
    assert_key(git, "lb2", KEY_2);
    assert_key(git, "bb1", KEY_1);
    assert_string_equal(config_agent_at(git, 0).node, "bb1");
    assert_null(config_agent_at(git, 4).node);
    assert_int_equal(config_agent_index(git, "lb3"), -1);
    assert_int_equal(config_find_agent(git, "lb1"), -1);
    assert_string_equal(lb_remote_name(&git->lbs[0].lb), "edge");
}

static void agents_may_call_the_load_balancer_otherwise(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_changed(&reading, LBS, AGENTS REMOTE AT("lb1") "        load_balancer: nginx\n" MEMBERS);
    assert_no_complaint(&reading);
    assert_string_equal(lb_remote_name(&reading.config.clusters[0].lbs[0].lb), "nginx");
}

static void agent_of_a_node_may_drive_a_load_balancer(void **state)
{
    (void)state;
    assert_accepts(LBS, REMOTE AT("bb1") MEMBERS);
}

static void address_that_is_no_agent_is_refused(void **state)
{
    (void)state;
    assert_refuses(LBS, AGENTS REMOTE AT("lb9") MEMBERS, "the cluster has no agent 'lb9'");
    assert_refuses(LBS, AGENTS REMOTE AT("'tcp:lb1:9'") MEMBERS, "no name of an agent");
    assert_refuses(LBS, AGENTS REMOTE AT("lb1") "        load_balancer: a b\n" MEMBERS,
                   "load_balancer 'a b' is no name");
}

static void agent_has_a_name_of_its_own(void **state)
{
    (void)state;
    assert_refuses(LBS, "    agents: [{name: bb2, key: '" KEY_1 "'}]\n" LBS,
                   "agents[0].name: 'bb2' stands in line");
    assert_refuses(LBS,
                   "    agents: [{name: a, key: '" KEY_1 "'}, {name: a, key: '" KEY_2 "'}]\n" LBS,
                   "agents[1].name: 'a' stands in line");
}

static void key_of_an_agent_is_checked(void **state)
{
    (void)state;
    assert_refuses(LBS, "    agents: [{name: lb1, key: 'ed25519:x'}]\n" LBS, "agents[0].key: ");
    assert_refuses(LBS, "    agents: [{name: lb1, kay: 1}]\n" LBS, "kay: unknown key");
    assert_refuses(LBS, "    agents: [lb1]\n" LBS, "agents[0]: must be a map");
}

/* An operator accepts it later. */
static void key_may_be_left_out(void **state)
{
    READING_CLEANUP struct reading reading;
    static const char text[] = "controller: {name: c1}\n"
                               "redis: {url: 'redis://r'}\n"
                               "operators:\n  " GOOD_OPERATOR "\n"
                               "operator: {name: ana, key_file: /k}\n"
                               "clusters:\n" GOOD_CLUSTER "    agents: [{name: lb1}]\n";
    (void)state;
    read_text(&reading, text);
    assert_no_complaint(&reading);
    const struct cluster_config *git = &reading.config.clusters[0];
    assert_null(config_agent_at(git, (size_t)config_agent_index(git, "lb1")).key);
}

static void member_is_one_of_a_load_balancer_of_an_agent_of_a_cluster(void **state)
{
    static const char inner[] =
        "      - name: inner\n"
        "        driver: agent\n" AT("lb1") "        members: {bb1: [n2]}\n";
    char with_name[1024];
    (void)state;
    (void)snprintf(with_name, sizeof(with_name), "%s%s", AGENTS REMOTE AT("lb1") MEMBERS, inner);
    assert_accepts(LBS, with_name);
    (void)snprintf(with_name, sizeof(with_name), "%s%s        load_balancer: edge\n",
                   AGENTS REMOTE AT("lb1") MEMBERS, inner);
    assert_refuses(LBS, with_name, "'n2 of edge at agent lb1 of git' stands in line");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agents_of_load_balancers_are_read),
        cmocka_unit_test(agents_may_call_the_load_balancer_otherwise),
        cmocka_unit_test(agent_of_a_node_may_drive_a_load_balancer),
        cmocka_unit_test(address_that_is_no_agent_is_refused),
        cmocka_unit_test(agent_has_a_name_of_its_own),
        cmocka_unit_test(key_of_an_agent_is_checked),
        cmocka_unit_test(key_may_be_left_out),
        cmocka_unit_test(member_is_one_of_a_load_balancer_of_an_agent_of_a_cluster),
    };
    return cmocka_run_group_tests_name("controller/config_agents", tests, NULL, NULL);
}
