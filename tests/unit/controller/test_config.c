/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/config_text.h"

#include "memory.h"
#include "text.h"
#include <time.h>

#include <unistd.h>

static void example_reads_without_complaint(void **state)
{
    READING_CLEANUP struct reading reading = {0};
    (void)state;
    assert_good(yaml_open(TEST_SOURCE_DIR "/deploy/examples/shunt.yaml", &reading.document, &err));
    config_read(&reading.document, &reading.config);
    assert_no_complaint(&reading);
    const struct cluster_config *git = config_find_cluster(&reading.config, "git");
    assert_non_null(git);
    assert_int_equal(git->node_count, 3);
    assert_string_equal(git->lbs[0].nodes[2].members[1], "bb_ssh/n3");
    assert_string_equal(reading.config.operator_name, "ana");
    assert_false(reading.config.is_embedded); /* that has no use for its keys */
}

/* What the example says to be defaults are those that an empty policy gets. */
static void example_shows_the_defaults(void **state)
{
    READING_CLEANUP struct reading good = {0};
    READING_CLEANUP struct reading example = {0};
    (void)state;
    read_text(&good, GOOD_TEXT);
    assert_good(yaml_open(TEST_SOURCE_DIR "/deploy/examples/shunt.yaml", &example.document, &err));
    config_read(&example.document, &example.config);
    assert_memory_equal(&good.config.clusters[0].policy, &example.config.clusters[0].policy,
                        sizeof(struct policy));
    assert_int_equal(good.config.lease_ms, example.config.lease_ms);
    assert_string_equal(good.config.state_dir, example.config.state_dir);
}

static void what_is_left_out_has_its_default(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_changed(&reading, GOOD_REDIS "\n", "");
    assert_no_complaint(&reading);
    assert_true(reading.config.is_embedded);
    assert_string_equal(reading.config.key_file, "/var/lib/shunt/keys/controller.key");
    assert_string_equal(reading.config.redis.socket_path, "/var/lib/shunt/redis/redis.sock");
    assert_string_equal(reading.config.operator_name, "admin");
    assert_string_equal(reading.config.operator_key_file, "/var/lib/shunt/keys/operator.key");
    assert_int_equal(reading.config.lease_ms, 6000);
}

static void controller_without_a_name_has_the_hosts(void **state)
{
    READING_CLEANUP struct reading reading;
    char host[256] = "";
    (void)state;
    assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
    host[strcspn(host, ".")] = '\0';
    read_changed(&reading, "controller: {name: c1}\n", "");
    assert_int_equal(reading.document.complaint_count, text_is_name(host) ? 0 : 1);
    assert_string_equal(reading.config.name, strlen(host) < LIMIT_NAME ? host : "");
}

static void controller_section_is_read(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_changed(&reading, "{name: c1}", "{name: c2, state_dir: /srv/shunt, lease: 9s}");
    assert_no_complaint(&reading);
    assert_string_equal(reading.config.name, "c2");
    assert_string_equal(reading.config.key_file, "/srv/shunt/keys/controller.key");
    assert_string_equal(reading.config.redis.socket_path, "/srv/shunt/redis/redis.sock");
    assert_int_equal(reading.config.lease_ms, 9000);
}

static void impossible_controller_values_are_refused(void **state)
{
    (void)state;
    assert_refuses("{name: c1}", "{name: ../c1}", "controller.name: ");
    assert_refuses("{name: c1}", "{name: c1, state_dir: shunt}", "controller.state_dir: ");
    assert_refuses("{name: c1}", "{name: c1, lease: 6}", "controller.lease: ");
    assert_refuses("{name: c1}", "{name: c1, lease: 1ms}", "controller.lease: ");
    assert_refuses("{name: c1}", "{name: c1, leese: 6s}", "did you mean 'lease'?");
    assert_refuses("{name: c1}", "c1", "controller: ");
}

static void state_directory_too_long_for_a_socket_is_refused(void **state)
{
    char section[256];
    (void)state;
    (void)snprintf(section, sizeof(section), "{name: c1, state_dir: /%0100d}", 0);
    assert_refuses("{name: c1}", section, "longer than 107 bytes");
}

static void redis_map_is_read(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_changed(&reading, GOOD_REDIS,
                 "redis: {url: 'rediss://redis.example.com:6380/2', user: c, password_file: /p,"
                 " tls: {ca_file: /ca, cert_file: /cert, key_file: /key}}");
    assert_no_complaint(&reading);
    const struct redis_address *redis = &reading.config.redis;
    assert_false(reading.config.is_embedded);
    assert_string_equal(redis->host, "redis.example.com");
    assert_int_equal(redis->port, 6380);
    assert_int_equal(redis->database, 2);
    assert_true(redis->is_tls);
    assert_string_equal(redis->user, "c");
    assert_string_equal(redis->password_file, "/p");
    assert_string_equal(redis->ca_file, "/ca");
    assert_string_equal(redis->cert_file, "/cert");
    assert_string_equal(redis->key_file, "/key");
}

static void impossible_redis_values_are_refused(void **state)
{
    (void)state;
    assert_refuses(GOOD_REDIS, "redis: embeded", "redis: must be 'embedded' or a map");
    assert_refuses(GOOD_REDIS, "redis: [embedded]", "redis: must be 'embedded' or a map");
    assert_refuses(GOOD_REDIS, "redis: {}", "redis.url: missing");
    assert_refuses(GOOD_REDIS, "redis: {url: 'http://redis'}", "redis.url: ");
    assert_refuses(GOOD_REDIS, "redis: {url: 'redis://h', user: c}", "needs a password_file");
    assert_refuses(GOOD_REDIS, "redis: {url: 'redis://h', tls: {ca_file: /ca}}", "rediss://");
    assert_refuses(GOOD_REDIS, "redis: {url: 'rediss://h', tls: {cert_file: /c}}",
                   "cert_file and key_file belong together");
}

#define SENTINELS "redis: {sentinels: [s1:26380, s2, '[::1]:26381'], master: mymaster"

static void redis_sentinels_are_read(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_changed(&reading, GOOD_REDIS,
                 SENTINELS ", database: 2, user: c, password_file: /p, sentinel_user: s,"
                           " sentinel_password_file: /s, tls: {ca_file: /ca}}");
    assert_no_complaint(&reading);
    const struct redis_address *redis = &reading.config.redis;
    assert_false(reading.config.is_embedded);
    assert_int_equal(redis->sentinels.count, 3);
    assert_string_equal(redis->sentinels.hosts[0].host, "s1");
    assert_int_equal(redis->sentinels.hosts[0].port, 26380);
    assert_int_equal(redis->sentinels.hosts[1].port, 26379);
    assert_string_equal(redis->sentinels.hosts[2].host, "::1");
    assert_string_equal(redis->sentinels.master, "mymaster");
    assert_string_equal(redis->sentinels.user, "s");
    assert_string_equal(redis->sentinels.password_file, "/s");
    assert_int_equal(redis->database, 2);
    assert_string_equal(redis->user, "c");
    assert_string_equal(redis->password_file, "/p");
    assert_true(redis->is_tls);
    assert_string_equal(redis->ca_file, "/ca");
}

static void sentinels_without_tls_are_asked_in_plain(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_changed(&reading, GOOD_REDIS, SENTINELS "}");
    assert_no_complaint(&reading);
    assert_false(reading.config.redis.is_tls);
}

static void impossible_sentinels_are_refused(void **state)
{
    (void)state;
    assert_refuses(GOOD_REDIS, SENTINELS ", url: 'redis://h'}",
                   "test.yaml:2:74: redis.url: either url or sentinels, not both");
    assert_refuses(GOOD_REDIS, "redis: {sentinels: [s1]}", "redis.master: missing");
    assert_refuses(GOOD_REDIS, "redis: {sentinels: [s1], master: a b}", "redis.master: ");
    assert_refuses(GOOD_REDIS, "redis: {sentinels: s1, master: m}", "redis.sentinels: ");
    assert_refuses(GOOD_REDIS, "redis: {sentinels: [], master: m}",
                   "redis.sentinels: 0 entries; 1 to 8 are allowed");
    assert_refuses(GOOD_REDIS, "redis: {sentinels: [a, b, c, d, e, f, g, h, i], master: m}",
                   "redis.sentinels: 9 entries");
    assert_refuses(GOOD_REDIS, "redis: {sentinels: [s1, 's2:0'], master: m}",
                   "test.yaml:2:25: redis.sentinels[1]: 's2:0' has no good port");
    assert_refuses(GOOD_REDIS, "redis: {sentinels: ['redis://s1'], master: m}",
                   "redis.sentinels[0]: ");
    assert_refuses(GOOD_REDIS, "redis: {sentinels: [{host: s1}], master: m}", "must be HOST:PORT");
    assert_refuses(GOOD_REDIS, "redis: {sentinels: [s1, 's1:26379'], master: m}",
                   "redis.sentinels[1]: this sentinel has been given before");
    assert_refuses(GOOD_REDIS, SENTINELS ", database: 65536}", "redis.database: ");
    assert_refuses(GOOD_REDIS, SENTINELS ", sentinel_user: s}", "needs a sentinel_password_file");
    assert_refuses(GOOD_REDIS, SENTINELS ", sentinel: s}", "redis.sentinel: unknown key");
}

static void keys_of_sentinels_are_refused_with_a_url(void **state)
{
    static const char *const keys[] = {"master: m", "database: 1", "sentinel_user: u",
                                       "sentinel_password_file: /p"};
    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        FREE_CLEANUP char *redis = memory_format("redis: {url: 'redis://h', %s}", keys[i]);
        assert_refuses(GOOD_REDIS, redis, "only with sentinels");
    }
}

static void redis_password_in_the_file_is_refused_and_not_shown(void **state)
{
    static const char *const secrets[] = {
        "redis: {url: 'redis://h', user: c, password: hunter2}",
        "redis: {url: 'redis://h', password_file: hunter2}",
        "redis: {url: 'redis://c:hunter2@h'}",
        "redis: {sentinels: ['c:hunter2@h'], master: m}",
        "redis: {sentinels: [h], master: m, sentinel_password: hunter2}",
        "redis: {sentinels: [h], master: m, sentinel_password_file: hunter2}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        READING_CLEANUP struct reading reading;
        read_changed(&reading, GOOD_REDIS, secrets[i]);
        assert_one_complaint(&reading, "redis.");
        assert_null(strstr(buffer_text(&reading.document.complaints), "hunter2"));
    }
}

static void agent_key_may_be_left_out(void **state)
{
    (void)state;
    assert_accepts(", agent_key: '" KEY_1 "'", "");
    READING_CLEANUP struct reading reading;
    read_text(&reading, "redis: {url: 'redis://h'}\n"
                        "operators:\n  " GOOD_OPERATOR "\n"
                        "clusters:\n"
                        "  - name: git\n"
                        "    base_url: https://git.example.com\n"
                        "    credentials: " GOOD_CREDENTIALS "\n"
                        "    nodes:\n"
                        "      - {name: bb1, url: 'http://10.0.0.11:7990'}\n"
                        "      - {name: bb2, url: 'http://10.0.0.12', agent_key: '" KEY_1 "'}\n"
                        "      - {name: bb3, url: 'http://10.0.0.13', agent_key: '" KEY_1 "'}\n"
                        "    load_balancers:\n" GOOD_LBS);
    assert_no_complaint(&reading);
    assert_null(config_agent_at(&reading.config.clusters[0], 0).key);
    assert_non_null(config_agent_at(&reading.config.clusters[0], 1).key);
}

static void operators_are_needed_where_none_is_made(void **state)
{
    (void)state;
    assert_accepts("operators:\n  " GOOD_OPERATOR "\n", "");
    assert_accepts("operators:\n  " GOOD_OPERATOR "\n", "operators: []\n");
    assert_refuses(GOOD_REDIS "\noperators:\n  " GOOD_OPERATOR, "redis: {url: 'redis://h'}",
                   "operators: missing");
}

static void operator_of_the_command_line_is_one_of_the_operators(void **state)
{
    const char *ana = "operator: {name: ana, key_file: /ana.key}\ncontroller: {name: c1}\n";
    const char *eve = "operator: {name: eve, key_file: /eve.key}\ncontroller: {name: c1}\n";
    (void)state;
    assert_accepts("controller: {name: c1}\n", eve); /* redis: embedded makes one */
    for (int i = 0; i < 2; i++) {
        READING_CLEANUP struct reading reading;
        FREE_CLEANUP char *text =
            memory_format("%sredis: {url: 'redis://h'}\noperators:\n  " GOOD_OPERATOR
                          "\nclusters:\n" GOOD_CLUSTER,
                          i == 0 ? ana : eve);
        read_text(&reading, text);
        if (i == 0)
            assert_int_equal(reading.document.complaint_count, 0);
        else
            assert_one_complaint(&reading, "operator: 'eve' is none of the operators");
    }
}

static void operators_are_found_with_their_roles(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_changed(&reading, GOOD_OPERATOR,
                 GOOD_OPERATOR "\n  - {name: ben, role: viewer, key: '" KEY_2 "'}");
    assert_no_complaint(&reading);
    assert_int_equal(config_find_operator(&reading.config, "ana")->role, ROLE_APPROVER);
    assert_int_equal(config_find_operator(&reading.config, "ben")->role, ROLE_VIEWER);
    assert_null(config_find_operator(&reading.config, "eve"));
    assert_string_equal(role_name(ROLE_OPERATOR), "operator");
}

static void impossible_operators_are_refused(void **state)
{
    (void)state;
    assert_refuses(GOOD_OPERATOR, GOOD_OPERATOR "\n  - {name: ana, role: viewer, key: '" KEY_2 "'}",
                   "operators[1].name: 'ana' stands in line 4 already");
    assert_refuses("role: approver", "role: root", "operators[0].role: ");
    assert_refuses(GOOD_OPERATOR, "- {name: ana, role: viewer, key: 'ed25519:AAAA'}",
                   "operators[0].key: ");
    assert_refuses(GOOD_OPERATOR, "- {name: ana, role: viewer}", "operators[0].key: missing");
    assert_refuses(GOOD_OPERATOR, "- ana", "operators[0]: must be a map");
}

static void more_operators_than_the_limit_are_refused(void **state)
{
    BUFFER_CLEANUP struct buffer text;
    (void)state;
    buffer_init(&text, 64 * 1024);
    for (int i = 0; i <= LIMIT_OPERATORS; i++)
        assert_true(buffer_format(&text, "%s- {name: o%d, role: viewer, key: '" KEY_1 "'}",
                                  i > 0 ? "\n  " : "", i));
    FREE_CLEANUP char *whole =
        memory_format("operators:\n  %s\nclusters:\n" GOOD_CLUSTER, buffer_text(&text));
    READING_CLEANUP struct reading reading;
    read_text(&reading, whole);
    assert_one_complaint(&reading, "operators: 65 entries; 0 to 64 are allowed");
}

static void signer_needs_name_and_key(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_changed(&reading, GOOD_REDIS,
                 GOOD_REDIS "\noperator: {name: ana, key_file: /home/ana/ana.key}");
    assert_no_complaint(&reading);
    assert_string_equal(reading.config.operator_name, "ana");
    assert_string_equal(reading.config.operator_key_file, "/home/ana/ana.key");
    assert_refuses(GOOD_REDIS, GOOD_REDIS "\noperator: {name: ana}", "operator.key_file: missing");
}

static void unknown_keys_are_told_with_their_place(void **state)
{
    (void)state;
    assert_refuses(GOOD_REDIS, GOOD_REDIS "\ncluster: []", "test.yaml:3:1: cluster: unknown key");
    assert_refuses("    base_url", "    colour: red\n    base_url", "colour: unknown key");
}

static void all_complaints_come_at_once(void **state)
{
    READING_CLEANUP struct reading reading;
    (void)state;
    read_text(&reading, "controller: {lease: soon}\nredis: 7\noperators: 1\nclusters: []\nx: y\n");
    assert_int_equal(reading.document.complaint_count, 5);
}

static void file_that_is_no_map_is_refused(void **state)
{
    static const char *const texts[] = {"", "- a\n", "text\n", "null\n", "{", "\xff\xfe"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        READING_CLEANUP struct reading reading;
        read_text(&reading, texts[i]);
        assert_true(reading.document.complaint_count >= 1);
        assert_int_equal(reading.config.cluster_count, 0);
    }
}

/* Whatever part of the file is missing, reading ends, complains, and leaves nothing behind. */
static void every_beginning_of_a_file_is_read_to_its_end(void **state)
{
    static const char good[] = GOOD_TEXT;
    (void)state;
    for (size_t size = 0; size < sizeof(good) - 1; size++) {
        READING_CLEANUP struct reading reading;
        FREE_CLEANUP char *beginning = memory_format("%.*s", (int)size, good);
        read_text(&reading, beginning);
        if (size < sizeof(good) - sizeof("\n    " GOOD_POLICY "\n"))
            assert_true(reading.document.complaint_count > 0);
    }
}

static void write_large_cluster(struct buffer *text, int i)
{
    assert_true(buffer_format(text,
                              "  - name: c%d\n    base_url: https://c%d.example.com\n"
                              "    credentials: {user: a, password_file: /etc/shunt/p}\n"
                              "    nodes:\n",
                              i, i));
    for (int j = 0; j < 4; j++)
        assert_true(
            buffer_format(text, "      - {name: n%d, url: 'http://c%dn%d:7990'}\n", j, i, j));
    assert_true(buffer_format(text,
                              "    load_balancers:\n      - name: edge\n        driver: haproxy\n"
                              "        addresses: ['unix:/run/haproxy/admin.sock']\n"
                              "        members:\n"));
    for (int j = 0; j < 4; j++)
        assert_true(buffer_format(text, "          n%d: [http%d/n%d, ssh%d/n%d]\n", j, i, j, i, j));
}

/* CPU time: the machine may have other work. */
static clock_t read_fleet(struct reading *reading, int clusters)
{
    BUFFER_CLEANUP struct buffer text;
    buffer_init(&text, LIMIT_CONFIG_BYTES);
    assert_true(buffer_add_text(&text, "controller: {name: c1}\nclusters:\n"));
    for (int i = 0; i < clusters; i++)
        write_large_cluster(&text, i);
    clock_t begin = clock();
    read_text(reading, buffer_text(&text));
    clock_t took = clock() - begin;
    assert_no_complaint(reading);
    assert_int_equal(reading->config.cluster_count, clusters);
    return took;
}

static void time_to_read_a_fleet_grows_with_its_size_alone(void **state)
{
    READING_CLEANUP struct reading part;
    READING_CLEANUP struct reading whole;
    (void)state;
    clock_t part_took = read_fleet(&part, 625);
    clock_t whole_took = read_fleet(&whole, 2500);
    assert_string_equal(config_find_cluster(&whole.config, "c2499")->nodes[3].name, "n3");
    assert_true(whole_took < 8 * part_took); /* the square would be 16 times */
}

static void more_clusters_than_the_limit_are_refused(void **state)
{
    READING_CLEANUP struct reading reading;
    BUFFER_CLEANUP struct buffer text;
    (void)state;
    buffer_init(&text, LIMIT_CONFIG_BYTES);
    assert_true(buffer_add_text(&text, "controller: {name: c1}\nclusters:\n"));
    for (int i = 0; i <= LIMIT_CLUSTERS; i++)
        assert_true(buffer_add_text(&text, "  - {}\n"));
    read_text(&reading, buffer_text(&text));
    assert_one_complaint(&reading, "clusters: 4097 entries; 1 to 4096 are allowed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_reads_without_complaint),
        cmocka_unit_test(example_shows_the_defaults),
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(controller_without_a_name_has_the_hosts),
        cmocka_unit_test(controller_section_is_read),
        cmocka_unit_test(impossible_controller_values_are_refused),
        cmocka_unit_test(state_directory_too_long_for_a_socket_is_refused),
        cmocka_unit_test(redis_map_is_read),
        cmocka_unit_test(impossible_redis_values_are_refused),
        cmocka_unit_test(redis_sentinels_are_read),
        cmocka_unit_test(sentinels_without_tls_are_asked_in_plain),
        cmocka_unit_test(impossible_sentinels_are_refused),
        cmocka_unit_test(keys_of_sentinels_are_refused_with_a_url),
        cmocka_unit_test(redis_password_in_the_file_is_refused_and_not_shown),
        cmocka_unit_test(agent_key_may_be_left_out),
        cmocka_unit_test(operators_are_needed_where_none_is_made),
        cmocka_unit_test(operator_of_the_command_line_is_one_of_the_operators),
        cmocka_unit_test(operators_are_found_with_their_roles),
        cmocka_unit_test(impossible_operators_are_refused),
        cmocka_unit_test(more_operators_than_the_limit_are_refused),
        cmocka_unit_test(signer_needs_name_and_key),
        cmocka_unit_test(unknown_keys_are_told_with_their_place),
        cmocka_unit_test(all_complaints_come_at_once),
        cmocka_unit_test(file_that_is_no_map_is_refused),
        cmocka_unit_test(every_beginning_of_a_file_is_read_to_its_end),
        cmocka_unit_test(time_to_read_a_fleet_grows_with_its_size_alone),
        cmocka_unit_test(more_clusters_than_the_limit_are_refused),
    };
    return cmocka_run_group_tests_name("controller/config", tests, NULL, NULL);
}
