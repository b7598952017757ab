/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_config.h"

#include "common/unit_test.h"
#include "memory.h"
#include "path_text.h"
#include "text.h"

#include <sys/stat.h>
#include <unistd.h>

#define KEY_A "ed25519:iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w="
#define KEY_B "ed25519:gTl3Dqh9F19Wo1Rmw0x+zMuNipG07jeiXfYPW4/Js5Q="

#define NODE        "cluster: git\nnode: bb1\nkey_file: /etc/shunt/agent.key\n"
#define REDIS       "redis: {url: \"redis://10.0.0.5:6379\"}\n"
#define CONTROLLERS "controllers:\n  - {name: c1, key: \"" KEY_A "\"}\n"
#define SERVICE     "  service: {kind: systemd, unit: bitbucket.service}\n"
#define BITBUCKET   "bitbucket:\n" SERVICE
#define EDGE        "name: edge, driver: haproxy, addresses: [\"unix:/run/haproxy/admin.sock\"]"
#define LBS         "load_balancers:\n  - {" EDGE "}\n"

static struct agent_config config;
static struct yaml_document document;

static int start_keys(void **state)
{
    struct error err;
    (void)state;
    return keys_init(&err) ? 0 : -1;
}

static int end_document(void **state)
{
    (void)state;
    yaml_done(&document);
    agent_config_done(&config);
    return 0;
}

#define test_config(test) cmocka_unit_test_teardown(test, end_document)

static void read_text(const char *text)
{
    yaml_parse("agent.yaml", text, strlen(text), &document);
    agent_config_read(&document, &config);
}

static void assert_good_config(const char *text)
{
    yaml_done(&document);
    agent_config_done(&config);
    read_text(text);
    assert_string_equal(buffer_text(&document.complaints), "");
    assert_int_equal(document.complaint_count, 0);
}

/* One complaint alone, that holds each of the two texts. */
static void assert_complaint(const char *text, const char *part, const char *other_part)
{
    yaml_done(&document);
    agent_config_done(&config);
    read_text(text);
    const char *complaints = buffer_text(&document.complaints);
    if (document.complaint_count != 1 || strstr(complaints, part) == NULL ||
        strstr(complaints, other_part) == NULL)
        fail_msg("%zu complaints: %s\nexpected: %s … %s", document.complaint_count, complaints,
                 part, other_part);
}

static void staging_can_want_signatures_and_spare_the_network(void **state)
{
    (void)state;
    assert_good_config(NODE REDIS CONTROLLERS BITBUCKET);
    assert_false(config.bitbucket.has_signature_key);
    assert_int_equal(config.bitbucket.download_bytes_per_s, 0);
    end_document(NULL);
    assert_good_config(NODE REDIS CONTROLLERS BITBUCKET
                       "  signature_key: RWR6ggn/hO5hsJx/e+fCYO0Vrm7rEBRAq1zwpqHdQTjAPUv4m23Pj/aL\n"
                       "  download_limit_mib_per_s: 20\n");
    assert_true(config.bitbucket.has_signature_key);
    assert_int_equal(config.bitbucket.download_bytes_per_s, 20 * 1024 * 1024);
}

static void a_wrong_signature_key_or_limit_is_told(void **state)
{
    (void)state;
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET "  signature_key: \"" KEY_A "\"\n",
                     "bitbucket.signature_key", "public key of minisign");
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET "  download_limit_mib_per_s: 0\n",
                     "bitbucket.download_limit_mib_per_s", "1");
}

static void what_is_not_written_of_bitbucket_is_open(void **state)
{
    static const char *const texts[] = {
        NODE REDIS CONTROLLERS,
        NODE REDIS CONTROLLERS "bitbucket:\n",
        NODE REDIS CONTROLLERS "bitbucket: {}\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_good_config(texts[i]);
        const struct bitbucket_open *open = &config.bitbucket.open;
        assert_true(config.has_bitbucket);
        assert_true(open->service && open->releases && open->install_link && open->home);
        assert_true(open->http_port && open->ssh_port && open->address && open->context_path);
        assert_string_equal(config.bitbucket.home, "");
    }
}

/* Its first lines are all that a standard install needs. */
static void the_example_is_good_and_leaves_bitbucket_open(void **state)
{
    struct error err;
    (void)state;
    assert_true(yaml_open(TEST_SOURCE_DIR "/deploy/examples/agent.yaml", &document, &err));
    agent_config_read(&document, &config);
    assert_string_equal(buffer_text(&document.complaints), "");
    assert_true(config.has_bitbucket);
    assert_true(config.bitbucket.open.service && config.bitbucket.open.home);
    assert_string_equal(config.redis.user, "agent.git.bb1");
}

static void minimal_configuration_has_the_documented_defaults(void **state)
{
    (void)state;
    assert_good_config(NODE REDIS CONTROLLERS BITBUCKET);
    assert_string_equal(config.cluster, "git");
    assert_string_equal(config.node, "bb1");
    assert_string_equal(config.state_dir, "/var/lib/shunt-agent");
    assert_string_equal(config.redis.host, "10.0.0.5");
    assert_int_equal(config.controller_count, 1);
    assert_true(config.bitbucket.open.home);
    assert_false(config.bitbucket.open.service);
    assert_int_equal(config.bitbucket.service, SERVICE_SYSTEMD);
    assert_string_equal(config.bitbucket.unit, "bitbucket.service");
}

static void every_key_is_read(void **state)
{
    (void)state;
    assert_good_config(
        NODE "state_dir: /srv/state\n"
             "redis:\n"
             "  url: rediss://redis.example:6380\n"
             "  user: agent.git.bb1\n"
             "  password_file: /etc/shunt/password\n"
             "  tls: {ca_file: /etc/ca, cert_file: /etc/cert, key_file: /etc/key}\n" CONTROLLERS
             "  - {name: c2, key: \"" KEY_B "\"}\n"
             "bitbucket:\n"
             "  releases: /srv/releases\n"
             "  install_link: /srv/bitbucket\n"
             "  home: /srv/home\n"
             "  address: \"::1\"\n"
             "  http_port: 8080\n"
             "  ssh_port: 0\n"
             "  context_path: /bitbucket\n"
             "  artifacts: /srv/artifacts\n"
             "  customisations:\n"
             "    - {files: app/robots.txt, do: copy}\n"
             "    - {files: \"*.jar\", do: ask}\n"
             "  service: {kind: script, user: atlbitbucket, environment: {JAVA_HOME: /opt/jre,"
             " EMPTY: \"\"}}\n");
    assert_string_equal(config.state_dir, "/srv/state");
    assert_true(config.redis.is_tls);
    assert_string_equal(config.redis.user, "agent.git.bb1");
    assert_string_equal(config.redis.password_file, "/etc/shunt/password");
    assert_string_equal(config.redis.key_file, "/etc/key");
    assert_int_equal(config.controller_count, 2);
    assert_string_equal(config.controllers[1].name, "c2");
    assert_int_equal(config.controllers[1].key.bytes[0], 0x81);
    assert_string_equal(config.bitbucket.install_link, "/srv/bitbucket");
    assert_string_equal(config.bitbucket.address, "::1");
    assert_false(config.bitbucket.open.releases || config.bitbucket.open.install_link ||
                 config.bitbucket.open.home || config.bitbucket.open.address ||
                 config.bitbucket.open.http_port || config.bitbucket.open.ssh_port ||
                 config.bitbucket.open.context_path || config.bitbucket.open.service);
    assert_int_equal(config.bitbucket.http_port, 8080);
    assert_int_equal(config.bitbucket.ssh_port, 0);
    assert_int_equal(config.bitbucket.service, SERVICE_SCRIPT);
    assert_string_equal(config.bitbucket.user, "atlbitbucket");
    assert_int_equal(config.bitbucket.environment_count, 2);
    assert_string_equal(config.bitbucket.environment[0], "JAVA_HOME=/opt/jre");
    assert_string_equal(config.bitbucket.environment[1], "EMPTY=");
    assert_string_equal(config.bitbucket.artifacts, "/srv/artifacts");
    assert_int_equal(config.bitbucket.rule_count, 2);
    assert_string_equal(config.bitbucket.rules[0].files, "app/robots.txt");
    assert_int_equal(config.bitbucket.rules[0].manner, CUSTOMISATION_COPY);
    assert_int_equal(config.bitbucket.rules[1].manner, CUSTOMISATION_ASK);
}

static void rules_for_customisations_are_checked(void **state)
{
    (void)state;
#define RULES NODE REDIS CONTROLLERS BITBUCKET "  customisations: "
    assert_complaint(RULES "[x]\n", "customisations[0]", "expected {files: PATTERN");
    assert_complaint(RULES "[{files: /opt/x, do: copy}]\n", "files", "without a slash");
    assert_complaint(RULES "[{files: x, do: mrege}]\n", "do", "merge");
    assert_complaint(RULES "[{files: x, do: copy, why: no}]\n", "why", "unknown");
#undef RULES
}

static void empty_file_lists_all_that_is_missing(void **state)
{
    (void)state;
    read_text("{}\n");
    const char *complaints = buffer_text(&document.complaints);
    static const char *const keys[] = {"cluster", "node", "redis", "controllers"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        assert_non_null(strstr(complaints, keys[i]));
    assert_int_equal(document.complaint_count, 4);
}

static void key_file_has_a_default(void **state)
{
    (void)state;
    assert_good_config("cluster: git\nnode: bb1\n" REDIS CONTROLLERS BITBUCKET);
    assert_string_equal(config.key_file, "/etc/shunt/agent.key");
}

/* What enrolls need not have the rest, nor have it right. */
static void identity_is_read_without_the_rest(void **state)
{
    static const char text[] = "cluster: git\nnode: bb1\n" REDIS "controllers: 7\ncolour: blue\n";
    (void)state;
    yaml_parse("agent.yaml", text, strlen(text), &document);
    agent_config_read_identity(&document, &config);
    assert_string_equal(buffer_text(&document.complaints), "");
    assert_string_equal(config.cluster, "git");
    assert_string_equal(config.node, "bb1");
    assert_string_equal(config.key_file, "/etc/shunt/agent.key");
    assert_string_equal(config.redis.host, "10.0.0.5");
}

static void identity_has_a_name_a_cluster_and_a_redis(void **state)
{
    (void)state;
    yaml_parse("agent.yaml", "{}\n", 3, &document);
    agent_config_read_identity(&document, &config);
    assert_int_equal(document.complaint_count, 3);
}

static void file_that_is_no_map_is_a_complaint(void **state)
{
    (void)state;
    assert_complaint("- a\n", "agent.yaml:1", "map");
    assert_complaint("word\n", "agent.yaml:1", "map");
    yaml_done(&document);
    read_text("");
    assert_true(document.complaint_count > 0);
}

static void complaints_come_all_at_once_with_line_and_column(void **state)
{
    (void)state;
    read_text("cluster: a b\nnode: bb1\nkey_file: agent.key\n" REDIS CONTROLLERS
              "bitbucket:\n  http_port: 99999\n" SERVICE "colour: blue\n");
    const char *complaints = buffer_text(&document.complaints);
    assert_int_equal(document.complaint_count, 4);
    assert_non_null(strstr(complaints, "agent.yaml:1:10: cluster"));
    assert_non_null(strstr(complaints, "agent.yaml:3:11: key_file"));
    assert_non_null(strstr(complaints, "agent.yaml:8:14: bitbucket.http_port"));
    assert_non_null(strstr(complaints, "agent.yaml:10:"));
    assert_non_null(strstr(complaints, "colour"));
}

static void unknown_keys_are_complaints_in_every_map(void **state)
{
    (void)state;
    assert_complaint(NODE CONTROLLERS BITBUCKET "redis: {url: \"redis://a\", urk: 1}\n", "urk",
                     "url");
    assert_complaint(NODE REDIS BITBUCKET "controllers: [{name: c1, key: \"" KEY_A "\", x: 1}]\n",
                     "x", "controllers");
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET "  hom: /a\n", "hom", "home");
    assert_complaint(NODE REDIS CONTROLLERS
                     "bitbucket: {service: {kind: systemd, unit: a.service, user: b}}\n",
                     "user", "bitbucket.service");
}

static void home_inside_releases_or_tree_names_the_rule(void **state)
{
    (void)state;
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET "  releases: /srv/bb\n  home: /srv/bb/home\n",
                     "agent.yaml:10:9: bitbucket.home", "BITBUCKET_HOME must lie outside");
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET "  releases: /srv\n  home: /srv\n",
                     "bitbucket.home", "must lie outside of the releases");
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET
                     "  install_link: /srv/bb\n  home: /srv/bb/home\n",
                     "bitbucket.home", "outside of the install tree");
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET
                     "  home: /srv/home\n  releases: /srv/home/releases\n",
                     "releases must lie outside of BITBUCKET_HOME", "");
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET "  home: /srv/h\n  install_link: /srv/h/l\n",
                     "bitbucket.home", "install link must lie outside");
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET "  home: /var/lib\n", "state_dir",
                     "BITBUCKET_HOME");
}

static void install_link_inside_a_release_is_a_complaint(void **state)
{
    (void)state;
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET
                     "  releases: /srv\n  install_link: /srv/7.9.4/current\n",
                     "bitbucket.install_link", "outside of any release");
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET
                     "  releases: /srv\n  install_link: /srv/7.9.4\n",
                     "bitbucket.install_link", "a version names a release");
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET "  releases: /srv/a\n  install_link: /srv\n",
                     "bitbucket.install_link", "must not hold the releases");
}

static void paths_that_are_not_normal_are_complaints(void **state)
{
    (void)state;
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET "  home: /srv/../opt\n", "bitbucket.home",
                     "'..'");
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET "  home: /srv/\n", "bitbucket.home",
                     "a slash at its end");
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET "  home: srv\n", "bitbucket.home",
                     "absolute");
}

static void path_text_knows_inside_from_beside(void **state)
{
    (void)state;
    assert_true(path_is_normal("/"));
    assert_true(path_is_normal("/a/.b/..c"));
    assert_false(path_is_normal(""));
    assert_false(path_is_normal("//a"));
    assert_false(path_is_normal("/a/."));
    assert_true(path_is_inside("/a/b", "/a/b"));
    assert_true(path_is_inside("/a/b/c", "/a/b"));
    assert_false(path_is_inside("/a/bc", "/a/b"));
    assert_false(path_is_inside("/a", "/a/b"));
    assert_true(path_is_inside("/a", "/"));
    assert_string_equal(path_below("/a/b/c", "/a"), "b/c");
    assert_null(path_below("/a", "/a"));
    assert_null(path_below("/", "/"));
}

static void redis_section_is_checked(void **state)
{
    (void)state;
    assert_complaint(NODE CONTROLLERS BITBUCKET "redis: {}\n", "redis.url", "missing");
    assert_complaint(NODE CONTROLLERS BITBUCKET "redis: {url: \"http://a\"}\n", "redis.url",
                     "http");
    assert_complaint(NODE CONTROLLERS BITBUCKET "redis: {url: \"redis://u:secret@a\"}\n",
                     "redis.url", "");
    assert_null(strstr(buffer_text(&document.complaints), "secret"));
    assert_complaint(NODE CONTROLLERS BITBUCKET "redis: {url: \"redis://a\", tls: {}}\n",
                     "redis.tls", "rediss://");
    assert_complaint(NODE CONTROLLERS BITBUCKET
                     "redis: {url: \"rediss://a\", tls: {cert_file: /c}}\n",
                     "redis.tls", "go together");
    assert_complaint(NODE CONTROLLERS BITBUCKET "redis: {url: \"redis://a\", user: u}\n",
                     "redis.user", "password_file");
}

#define SENTINELS "redis: {sentinels: [s1:26380, s2], master: mymaster"

static void redis_sentinels_are_read(void **state)
{
    (void)state;
    assert_good_config(NODE CONTROLLERS BITBUCKET SENTINELS
                       ", database: 2, user: u, password_file: /p, sentinel_user: s,"
                       " sentinel_password_file: /s, tls: {ca_file: /ca}}\n");
    assert_int_equal(config.redis.sentinels.count, 2);
    assert_string_equal(config.redis.sentinels.hosts[0].host, "s1");
    assert_int_equal(config.redis.sentinels.hosts[0].port, 26380);
    assert_int_equal(config.redis.sentinels.hosts[1].port, 26379);
    assert_string_equal(config.redis.sentinels.master, "mymaster");
    assert_string_equal(config.redis.sentinels.user, "s");
    assert_string_equal(config.redis.sentinels.password_file, "/s");
    assert_int_equal(config.redis.database, 2);
    assert_string_equal(config.redis.password_file, "/p");
    assert_true(config.redis.is_tls);
}

static void redis_sentinels_are_checked(void **state)
{
    (void)state;
    assert_complaint(NODE CONTROLLERS BITBUCKET SENTINELS ", url: \"redis://a\"}\n", "redis.url",
                     "either url or sentinels, not both");
    assert_complaint(NODE CONTROLLERS BITBUCKET "redis: {sentinels: [s1]}\n", "redis.master",
                     "missing");
    assert_complaint(NODE CONTROLLERS BITBUCKET "redis: {sentinels: [\"s1:x\"], master: m}\n",
                     "redis.sentinels[0]", "port");
    assert_complaint(NODE CONTROLLERS BITBUCKET SENTINELS ", sentinel_user: s}\n",
                     "redis.sentinel_user", "sentinel_password_file");
    assert_complaint(NODE CONTROLLERS BITBUCKET "redis: {url: \"redis://a\", master: m}\n",
                     "redis.master", "only with sentinels");
}

static void controllers_are_checked(void **state)
{
    (void)state;
    assert_complaint(NODE REDIS BITBUCKET "controllers: []\n", "controllers", "at least one");
    assert_complaint(NODE REDIS BITBUCKET, "controllers", "at least one");
    assert_complaint(NODE REDIS BITBUCKET "controllers: [c1]\n", "controllers[0]", "name");
    assert_complaint(NODE REDIS BITBUCKET "controllers: [{name: c1, key: abc}]\n", "controllers[0]",
                     "ed25519");
    assert_complaint(NODE REDIS BITBUCKET CONTROLLERS "  - {name: c1, key: \"" KEY_B "\"}\n",
                     "controllers[1]", "name has been given before");
    assert_complaint(NODE REDIS BITBUCKET CONTROLLERS "  - {name: c2, key: \"" KEY_A "\"}\n",
                     "controllers[1]", "key has been given before");
}

static void more_controllers_than_fit_are_a_complaint(void **state)
{
    BUFFER_CLEANUP struct buffer text;
    (void)state;
    buffer_init(&text, 4096);
    buffer_add_text(&text, NODE REDIS BITBUCKET "controllers:\n");
    for (unsigned i = 0; i < AGENT_CONTROLLERS + 1; i++) {
        char key_text[KEY_PUBLIC_TEXT_SIZE];
        struct key_public key;
        struct key_pair *pair = key_pair_new();
        key_pair_public(pair, &key);
        key_pair_free(pair);
        key_public_write(&key, key_text);
        buffer_format(&text, "  - {name: c%u, key: \"%s\"}\n", i, key_text);
    }
    assert_complaint(buffer_text(&text), "controllers[8]", "too many");
}

static void bitbucket_section_is_checked(void **state)
{
    (void)state;
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET "  address: localhost\n", "bitbucket.address",
                     "IPv4");
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET "  http_port: 8\n  ssh_port: 8\n",
                     "bitbucket.ssh_port", "http_port");
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET "  http_port: 0\n", "bitbucket.http_port",
                     "from 1");
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET "  context_path: bitbucket\n",
                     "bitbucket.context_path", "/bitbucket");
    assert_complaint(NODE REDIS CONTROLLERS BITBUCKET "  context_path: /a/../b\n",
                     "bitbucket.context_path", "/bitbucket");
    assert_complaint(NODE REDIS CONTROLLERS "bitbucket: {service: {kind: openrc}}\n",
                     "bitbucket.service.kind", "systemd");
    assert_complaint(NODE REDIS CONTROLLERS
                     "bitbucket: {service: {kind: systemd, unit: ../a.service}}\n",
                     "bitbucket.service.unit", "bitbucket.service");
    assert_complaint(NODE REDIS CONTROLLERS "bitbucket: {service: {kind: script}}\n",
                     "bitbucket.service", "user");
    assert_complaint(NODE REDIS CONTROLLERS
                     "bitbucket: {service: {kind: script, user: u, environment: {A-B: c}}}\n",
                     "A-B", "not the name of a variable");
}

static void init_script_has_the_installers_defaults(void **state)
{
    (void)state;
    assert_good_config(NODE REDIS CONTROLLERS "bitbucket: {service: {kind: sysv}}\n");
    assert_int_equal(config.bitbucket.service, SERVICE_SYSV);
    assert_string_equal(config.bitbucket.init_script, "/etc/init.d/atlbitbucket");
    assert_string_equal(config.bitbucket.user, "atlbitbucket");
    assert_good_config(NODE REDIS CONTROLLERS
                       "bitbucket: {service: {kind: sysv, script: /etc/init.d/bb, user: bb}}\n");
    assert_string_equal(config.bitbucket.init_script, "/etc/init.d/bb");
    assert_string_equal(config.bitbucket.user, "bb");
    assert_complaint(NODE REDIS CONTROLLERS "bitbucket: {service: {kind: sysv, unit: a.service}}\n",
                     "bitbucket.service.unit", "unknown key");
    assert_complaint(NODE REDIS CONTROLLERS "bitbucket: {service: {kind: sysv, script: bb}}\n",
                     "bitbucket.service.script", "");
}

static void more_variables_than_fit_are_a_complaint(void **state)
{
    BUFFER_CLEANUP struct buffer text;
    (void)state;
    buffer_init(&text, 4096);
    buffer_add_text(&text, NODE REDIS CONTROLLERS
                    "bitbucket: {service: {kind: script, user: u, environment: {");
    for (unsigned i = 0; i < AGENT_ENVIRONMENT + 1; i++)
        buffer_format(&text, "%sV%u: x", i == 0 ? "" : ", ", i);
    buffer_add_text(&text, "}}}\n");
    assert_complaint(buffer_text(&text), "V16", "more than 16");
}

/* ---- controllers_file and the host; these need files ---- */

static void put(const char *name, const char *text, mode_t mode)
{
    assert_good(file_replace(scratch_path(name), text, strlen(text), mode, &err));
}

static void read_with_controllers_file(const char *text)
{
    put("controllers", text, 0644);
    FREE_CLEANUP char *yaml =
        memory_format(NODE REDIS BITBUCKET "controllers_file: %s\n", scratch_path("controllers"));
    yaml_done(&document);
    read_text(yaml);
}

static void controllers_file_is_read(void **state)
{
    (void)state;
    read_with_controllers_file("# ours\n\nc1 " KEY_A "\n  c2\t" KEY_B);
    assert_string_equal(buffer_text(&document.complaints), "");
    assert_int_equal(config.controller_count, 2);
    assert_string_equal(config.controllers[1].name, "c2");
    assert_int_equal(config.controllers[1].key.bytes[0], 0x81);
    yaml_done(&document);
}

static void each_bad_line_of_a_controllers_file_is_told(void **state)
{
    (void)state;
    read_with_controllers_file("c1\nc2 abc\nc3 " KEY_A " x\n../c " KEY_A "\nc5 " KEY_A "\n");
    const char *complaints = buffer_text(&document.complaints);
    assert_int_equal(document.complaint_count, 4);
    for (unsigned line = 1; line <= 4; line++) {
        char part[16];
        (void)snprintf(part, sizeof(part), "line %u: ", line);
        assert_non_null(strstr(complaints, part));
    }
    read_with_controllers_file("");
    assert_non_null(strstr(buffer_text(&document.complaints), "at least one"));
    yaml_done(&document);
}

static void controllers_and_controllers_file_exclude_each_other(void **state)
{
    (void)state;
    put("controllers", "c2 " KEY_B "\n", 0644);
    FREE_CLEANUP char *yaml = memory_format(
        NODE REDIS BITBUCKET CONTROLLERS "controllers_file: %s\n", scratch_path("controllers"));
    assert_complaint(yaml, "controllers_file", "not both");
    yaml_done(&document);
}

static void missing_controllers_file_is_a_complaint(void **state)
{
    (void)state;
    assert_complaint(NODE REDIS BITBUCKET "controllers_file: /nonexistent/file\n",
                     "controllers_file", "/nonexistent/file");
    yaml_done(&document);
}

/* A host on which everything is as it should be, under the scratch directory. */
static void make_good_host(void)
{
    struct key_pair *pair = key_pair_new();
    assert_good(key_pair_save(pair, scratch_path("agent.key"), &err));
    key_pair_free(pair);
    put("password", "secret\n", 0600);
    assert_int_equal(mkdir(scratch_path("releases"), 0755), 0);
    assert_int_equal(mkdir(scratch_path("releases/7.9.4"), 0755), 0);
    assert_int_equal(mkdir(scratch_path("home"), 0755), 0);
    assert_int_equal(symlink("7.9.4", scratch_path("releases/current")), 0);
    memset(&config, 0, sizeof(config));
    config.has_bitbucket = true;
    TEXT_COPY(config.state_dir, scratch_path("var/lib/state"));
    TEXT_COPY(config.key_file, scratch_path("agent.key"));
    TEXT_COPY(config.redis.password_file, scratch_path("password"));
    TEXT_COPY(config.bitbucket.releases, scratch_path("releases"));
    TEXT_COPY(config.bitbucket.install_link, scratch_path("releases/current"));
    TEXT_COPY(config.bitbucket.home, scratch_path("home"));
    TEXT_COPY(config.bitbucket.user, "root");
    config.bitbucket.service = SERVICE_SCRIPT;
}

/* As many complaints, the first of which begins so and holds the part. */
static void assert_host(size_t count, const char *begin, const char *part)
{
    BUFFER_CLEANUP struct buffer complaints;
    buffer_init(&complaints, 16384);
    size_t found = agent_config_check_host(&config, &complaints);
    if (found != count || !text_starts_with(buffer_text(&complaints), begin) ||
        strstr(buffer_text(&complaints), part) == NULL)
        fail_msg("%zu complaints: %s\nexpected: %s … %s", found, buffer_text(&complaints), begin,
                 part);
}

static void good_host_has_no_complaints(void **state)
{
    (void)state;
    make_good_host();
    assert_host(0, "", "");
}

static void readable_secrets_are_told_with_the_remedy(void **state)
{
    (void)state;
    make_good_host();
    assert_int_equal(chmod(scratch_path("agent.key"), 0644), 0);
    assert_host(1, "key_file: ", "hint: chmod");
    assert_int_equal(chmod(scratch_path("password"), 0644), 0);
    assert_host(2, "key_file: ", "redis.password_file: ");
}

static void install_link_must_be_a_link_to_a_release(void **state)
{
    (void)state;
    make_good_host();
    assert_int_equal(unlink(scratch_path("releases/current")), 0);
    assert_host(1, "bitbucket.install_link: ", "symbolic link");
    assert_int_equal(symlink("7.9.5", scratch_path("releases/current")), 0);
    assert_host(1, "bitbucket.install_link: ", "names 'nothing'");
    assert_int_equal(unlink(scratch_path("releases/current")), 0);
    assert_int_equal(symlink("/usr", scratch_path("releases/current")), 0);
    assert_host(1, "bitbucket.install_link: ", "names '/usr'");
    assert_int_equal(unlink(scratch_path("releases/current")), 0);
    assert_int_equal(mkdir(scratch_path("releases/current"), 0755), 0);
    assert_host(1, "bitbucket.install_link: ", "symbolic link");
}

static void home_that_is_linked_into_a_release_is_found(void **state)
{
    (void)state;
    make_good_host();
    assert_int_equal(rmdir(scratch_path("home")), 0);
    assert_int_equal(mkdir(scratch_path("releases/7.9.4/home"), 0755), 0);
    assert_int_equal(symlink("releases/7.9.4/home", scratch_path("home")), 0);
    assert_host(1, "bitbucket.home: ", "must lie outside");
}

static void everything_missing_is_told_at_once(void **state)
{
    (void)state;
    make_good_host();
    TEXT_COPY(config.state_dir, "/proc/version/state");
    TEXT_COPY(config.key_file, "/nonexistent/key");
    TEXT_COPY(config.redis.password_file, "/nonexistent/password");
    TEXT_COPY(config.bitbucket.releases, "/nonexistent/releases");
    TEXT_COPY(config.bitbucket.home, "/nonexistent/home");
    TEXT_COPY(config.bitbucket.user, "nobody-of-this-name");
    assert_host(6, "state_dir: ", "nobody-of-this-name");
    assert_host(6, "state_dir: ", "hint: `shunt-agent enroll` makes it");
}

static void empty_configuration_is_no_matter_of_the_host(void **state)
{
    (void)state;
    memset(&config, 0, sizeof(config));
    assert_host(0, "", "");
}

static void load_balancers_are_read(void **state)
{
    (void)state;
    assert_good_config(NODE REDIS CONTROLLERS BITBUCKET LBS
                       "  - {name: inner, driver: haproxy, addresses: [\"tcp:10.0.0.9:9999\"]}\n");
    assert_int_equal(config.lb_count, 2);
    const struct lb *edge = agent_config_find_lb(&config, "edge");
    assert_ptr_equal(edge->driver, lb_driver_find("haproxy"));
    assert_int_equal(edge->options.address_count, 1);
    assert_string_equal(edge->options.addresses[0], "unix:/run/haproxy/admin.sock");
    assert_ptr_equal(agent_config_find_lb(&config, "inner"), &config.lbs[1]);
    assert_null(agent_config_find_lb(&config, "outer"));
    assert_true(config.has_bitbucket);
}

static void bitbucket_may_be_missing_where_there_are_load_balancers(void **state)
{
    (void)state;
    assert_good_config(NODE REDIS CONTROLLERS LBS);
    assert_false(config.has_bitbucket);
    assert_good_config(NODE REDIS CONTROLLERS LBS "bitbucket: {}\n");
    assert_true(config.has_bitbucket);
}

static void load_balancers_are_checked_as_those_of_the_controller(void **state)
{
    (void)state;
    assert_complaint(NODE REDIS CONTROLLERS "load_balancers: [{" EDGE ", members: {}}]\n",
                     "load_balancers[0].members", "unknown key");
    assert_complaint(NODE REDIS CONTROLLERS LBS "  - {" EDGE "}\n", "load_balancers[1].name",
                     "stands in line 8 already");
    assert_complaint(NODE REDIS CONTROLLERS
                     "load_balancers: [{name: a, driver: f5, addresses: [\"unix:/a\"]}]\n",
                     "there is no driver 'f5'", lb_driver_names());
    assert_complaint(NODE REDIS CONTROLLERS
                     "load_balancers: [{name: a, driver: haproxy, addresses: [\"ftp:/a\"]}]\n",
                     "load_balancers[0].addresses", "ftp:/a");
    assert_complaint(NODE REDIS CONTROLLERS "load_balancers: [a]\n", "load_balancers[0]",
                     "must be a map");
}

static void agent_does_not_ask_another_agent(void **state)
{
    (void)state;
    assert_complaint(NODE REDIS CONTROLLERS
                     "load_balancers: [{name: a, driver: agent, addresses: [lb1]}]\n",
                     "load_balancers[0].driver", "drives its load balancer itself");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_config(what_is_not_written_of_bitbucket_is_open),
        test_config(the_example_is_good_and_leaves_bitbucket_open),
        test_config(minimal_configuration_has_the_documented_defaults),
        test_config(staging_can_want_signatures_and_spare_the_network),
        test_config(a_wrong_signature_key_or_limit_is_told),
        test_config(every_key_is_read),
        test_config(rules_for_customisations_are_checked),
        test_config(empty_file_lists_all_that_is_missing),
        test_config(key_file_has_a_default),
        test_config(identity_is_read_without_the_rest),
        test_config(identity_has_a_name_a_cluster_and_a_redis),
        test_config(file_that_is_no_map_is_a_complaint),
        test_config(complaints_come_all_at_once_with_line_and_column),
        test_config(unknown_keys_are_complaints_in_every_map),
        test_config(home_inside_releases_or_tree_names_the_rule),
        test_config(install_link_inside_a_release_is_a_complaint),
        test_config(paths_that_are_not_normal_are_complaints),
        cmocka_unit_test(path_text_knows_inside_from_beside),
        test_config(redis_section_is_checked),
        test_config(load_balancers_are_read),
        test_config(bitbucket_may_be_missing_where_there_are_load_balancers),
        test_config(load_balancers_are_checked_as_those_of_the_controller),
        test_config(agent_does_not_ask_another_agent),
        test_config(redis_sentinels_are_read),
        test_config(redis_sentinels_are_checked),
        test_config(controllers_are_checked),
        test_config(more_controllers_than_fit_are_a_complaint),
        test_config(bitbucket_section_is_checked),
        test_config(init_script_has_the_installers_defaults),
        test_config(more_variables_than_fit_are_a_complaint),
        test_in_scratch(controllers_file_is_read),
        test_in_scratch(each_bad_line_of_a_controllers_file_is_told),
        test_in_scratch(controllers_and_controllers_file_exclude_each_other),
        test_in_scratch(missing_controllers_file_is_a_complaint),
        test_in_scratch(good_host_has_no_complaints),
        test_in_scratch(readable_secrets_are_told_with_the_remedy),
        test_in_scratch(install_link_must_be_a_link_to_a_release),
        test_in_scratch(home_that_is_linked_into_a_release_is_found),
        test_in_scratch(everything_missing_is_told_at_once),
        test_in_scratch(empty_configuration_is_no_matter_of_the_host),
    };
    return cmocka_run_group_tests(tests, start_keys, NULL);
}
