/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/config_text.h"

#include "memory.h"

/* A second cluster, good beside the first one. */
#define CLUSTER_2(name, base_url, node_1, members_1)                                               \
    "  - name: " name "\n"                                                                         \
    "    base_url: " base_url "\n"                                                                 \
    "    credentials: " GOOD_CREDENTIALS "\n"                                                      \
    "    nodes: [{name: bb1, url: '" node_1 "'}, {name: bb2, url: 'http://10.1.0.12'}]\n"          \
    "    load_balancers:\n"                                                                        \
    "      - name: edge\n"                                                                         \
    "        driver: haproxy\n"                                                                    \
    "        addresses: ['unix:/run/haproxy/admin.sock']\n"                                        \
    "        members: {bb1: [" members_1 "], bb2: [two_http/n2]}\n"

static void cluster_is_read(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_text(&reading, GOOD_TEXT);
    assert_no_complaint(&reading);
    const struct cluster_config *git = config_find_cluster(&reading.config, "git");
    assert_string_equal(git->base_url, "https://git.example.com/bitbucket");
    assert_string_equal(git->credentials.user, "admin");
    assert_string_equal(git->credentials.password_file, "/etc/shunt/git.password");
    assert_string_equal(git->ca_file, "");
    assert_int_equal(git->node_count, 3);
    assert_string_equal(git->nodes[2].name, "bb3");
    assert_string_equal(git->nodes[2].agent, "bb3");
    assert_string_equal(git->nodes[2].url, "http://10.0.0.13:7990/bitbucket");
    assert_int_equal(git->nodes[2].ssh_port, 7999);
    assert_true(git->nodes[2].has_agent_key);
    assert_null(config_find_cluster(&reading.config, "gi"));
}

static void nodes_are_found_by_name_and_by_agent(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_changed(&reading, "{name: bb2,", "{name: bb2, agent: host7, ssh_port: 0,");
    assert_no_complaint(&reading);
    const struct cluster_config *git = &reading.config.clusters[0];
    assert_int_equal(config_find_node(git, "bb2"), 1);
    assert_int_equal(config_find_node(git, "host7"), -1);
    assert_int_equal(config_find_agent(git, "host7"), 1);
    assert_int_equal(config_find_agent(git, "bb2"), -1);
    assert_int_equal(git->nodes[1].ssh_port, 0);
}

static void trailing_slash_of_a_url_is_taken_off(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_changed(&reading, "https://git.example.com/bitbucket", "https://git.example.com/");
    assert_no_complaint(&reading);
    assert_string_equal(reading.config.clusters[0].base_url, "https://git.example.com");
}

static void tls_file_is_read(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_changed(&reading, GOOD_POLICY, "tls: {ca_file: /etc/ssl/git.pem}");
    assert_no_complaint(&reading);
    assert_string_equal(reading.config.clusters[0].ca_file, "/etc/ssl/git.pem");
    assert_refuses(GOOD_POLICY, "tls: {}", "clusters[0].tls.ca_file: missing");
    assert_refuses(GOOD_POLICY, "tls: {ca_file: /c, verify: false}", "verify: unknown key");
}

static void every_kind_of_credentials_is_accepted(void **state)
{
    (void)state;
    assert_accepts(GOOD_CREDENTIALS, "{user: admin, password_env: GIT_PASSWORD}");
    assert_accepts(GOOD_CREDENTIALS, "{token_file: /etc/shunt/git.token}");
    assert_accepts(GOOD_CREDENTIALS, "{token_env: _GIT_TOKEN2}");
}

static void credentials_are_needed_exactly_once(void **state)
{
    (void)state;
    assert_refuses(GOOD_CREDENTIALS, "{user: admin}", "and has 0 of them");
    assert_refuses(GOOD_CREDENTIALS, "{user: a, password_file: /p, token_env: T}",
                   "and has 2 of them");
    assert_refuses(GOOD_CREDENTIALS, "{user: a, password_file: /p, password_env: P}",
                   "and has 2 of them");
    assert_refuses(GOOD_CREDENTIALS, "{password_file: /p}", "a password needs its user");
    assert_refuses(GOOD_CREDENTIALS, "{user: a, token_env: T}", "a token has no user");
    assert_refuses("    credentials: " GOOD_CREDENTIALS "\n", "",
                   "clusters[0]: credentials must be a map");
}

static void secret_in_the_file_is_refused_and_not_shown(void **state)
{
    static const char *const secrets[] = {
        "{user: admin, password: hunter2}",
        "{token: hunter2}",
        "{user: admin, password_file: hunter2}",
        "{user: admin, password_env: hunter2!}",
        "{token_file: hunter2}",
        "{token_env: '=hunter2'}",
        "{user: 'admin:hunter2', password_env: P}",
        "admin:hunter2",
        "[admin, hunter2]",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        READING_CLEANUP struct reading reading;
        read_changed(&reading, GOOD_CREDENTIALS, secrets[i]);
        assert_one_complaint(&reading, "clusters[0].credentials");
        assert_null(strstr(buffer_text(&reading.document.complaints), "hunter2"));
    }
    assert_refuses(GOOD_CREDENTIALS, "{user: admin, password: x}",
                   "a secret does not belong in this file: name a file");
}

static void same_name_twice_is_refused_with_the_first_line(void **state)
{
    (void)state;
    assert_refuses(GOOD_NODE_3, GOOD_NODE_3 "\n      - {name: bb1, agent: a, url: 'http://x'}",
                   "clusters[0].nodes[3].name: 'bb1' stands in line 10 already");
    assert_refuses("{name: bb2,", "{name: bb2, agent: bb1,",
                   "clusters[0].nodes[1].agent: 'bb1' stands in line 10 already");
    assert_refuses("10.0.0.12", "10.0.0.11", "each node has a URL of its own");
}

static void second_cluster_stands_beside_the_first(void **state)
{
    (void)state;
    assert_accepts("clusters:\n", "clusters:\n" CLUSTER_2("two", "https://two.example.com",
                                                          "http://10.1.0.11", "two_http/n1"));
}

static void what_belongs_to_another_cluster_is_refused(void **state)
{
    (void)state;
    assert_refuses("clusters:\n",
                   "clusters:\n" CLUSTER_2("git", "https://two.example.com", "http://10.1.0.11",
                                           "two_http/n1"),
                   "a cluster's name is unique");
    assert_refuses("clusters:\n",
                   "clusters:\n" CLUSTER_2("two", "https://git.example.com/bitbucket",
                                           "http://10.1.0.11", "two_http/n1"),
                   "each cluster has a base_url of its own");
    assert_refuses("clusters:\n",
                   "clusters:\n" CLUSTER_2("two", "https://two.example.com",
                                           "http://10.0.0.12:7990/bitbucket", "two_http/n1"),
                   "each node has a URL of its own");
    assert_refuses(
        "clusters:\n",
        "clusters:\n" CLUSTER_2("two", "https://two.example.com", "http://10.1.0.11", "bb_http/n2"),
        "a member belongs to one node");
}

static void node_behind_the_load_balancers_url_is_refused(void **state)
{
    (void)state;
    assert_refuses("http://10.0.0.12:7990/bitbucket", "https://git.example.com/bitbucket/",
                   "probably the load balancer");
}

static void impossible_node_values_are_refused(void **state)
{
    (void)state;
    assert_refuses("{name: bb2,", "{name: bb2, ssh_port: 65536,", "ssh_port: ");
    assert_refuses("{name: bb2,", "{name: bb2, ssh_port: -1,", "ssh_port: ");
    assert_refuses("{name: bb2,", "{name: bb2, host: x,", "host: unknown key");
    assert_refuses("url: 'http://10.0.0.12:7990/bitbucket'", "url: 10.0.0.12",
                   "clusters[0].nodes[1].url: ");
    assert_refuses("http://10.0.0.12:7990/bitbucket", "http://10.0.0.12/?a=b", "has no query");
    assert_refuses("agent_key: '" KEY_1 "'", "agent_key: 'ed25519:x'",
                   "clusters[0].nodes[0].agent_key: ");
}

static void cluster_without_nodes_is_refused(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_text(&reading, "clusters:\n"
                        "  - name: git\n"
                        "    base_url: https://git.example.com\n"
                        "    credentials: " GOOD_CREDENTIALS "\n"
                        "    nodes: []\n"
                        "    load_balancers:\n" GOOD_LBS);
    assert_one_complaint(&reading, "clusters[0].nodes: 0 entries; 1 to 32 are allowed");
}

static void more_nodes_than_the_limit_are_refused(void **state)
{
    BUFFER_CLEANUP struct buffer nodes;
    (void)state;
    buffer_init(&nodes, 4096);
    for (int i = 0; i < LIMIT_NODES - 1; i++)
        assert_true(buffer_format(&nodes, "%s- {name: n%d, url: 'http://n%d'}",
                                  i > 0 ? "\n      " : "", i, i));
    assert_refuses(GOOD_NODE_3, buffer_text(&nodes),
                   "clusters[0].nodes: 33 entries; 1 to 32 are allowed");
}

static void node_that_is_no_map_is_refused(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_changed(&reading, GOOD_NODE_3, "- bb3");
    assert_non_null(
        strstr(buffer_text(&reading.document.complaints), "clusters[0].nodes[2]: must be a map"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cluster_is_read),
        cmocka_unit_test(nodes_are_found_by_name_and_by_agent),
        cmocka_unit_test(trailing_slash_of_a_url_is_taken_off),
        cmocka_unit_test(tls_file_is_read),
        cmocka_unit_test(every_kind_of_credentials_is_accepted),
        cmocka_unit_test(credentials_are_needed_exactly_once),
        cmocka_unit_test(secret_in_the_file_is_refused_and_not_shown),
        cmocka_unit_test(same_name_twice_is_refused_with_the_first_line),
        cmocka_unit_test(second_cluster_stands_beside_the_first),
        cmocka_unit_test(what_belongs_to_another_cluster_is_refused),
        cmocka_unit_test(node_behind_the_load_balancers_url_is_refused),
        cmocka_unit_test(impossible_node_values_are_refused),
        cmocka_unit_test(cluster_without_nodes_is_refused),
        cmocka_unit_test(more_nodes_than_the_limit_are_refused),
        cmocka_unit_test(node_that_is_no_map_is_refused),
    };
    return cmocka_run_group_tests_name("controller/config_cluster", tests, NULL, NULL);
}
