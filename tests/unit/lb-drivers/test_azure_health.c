/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_health.h"

#include "azure_gateway.h"
#include "common/unit_test.h"

#define SERVER(address, health) "{\"address\":\"" address "\",\"health\":\"" health "\"}"
#define BOUND(address, health, id)                                                                 \
    "{\"address\":\"" address "\",\"health\":\"" health "\",\"ipConfiguration\":{\"id\":\"" id     \
    "\"}}"
#define SETTINGS(servers) "{\"backendHttpSettings\":{\"id\":\"s\"},\"servers\":[" servers "]}"
#define REPORT(pool, settings)                                                                     \
    "{\"backendAddressPools\":[{\"backendAddressPool\":{\"id\":\"/g/p/other\"},"                   \
    "\"backendHttpSettingsCollection\":[" SETTINGS(                                                \
        SERVER("10.0.0.1", "Down")) "]},"                                                          \
                                    "{\"backendAddressPool\":{\"id\":\"" pool                      \
                                    "\"},\"backendHttpSettingsCollection\":[" settings "]}]}"

static json_t *parse(const char *text)
{
    json_t *report = NULL;
    assert_good(azure_health_parse(text, strlen(text), &report, &err));
    return report;
}

static enum lb_health health_in(const char *text, const char *address, const char *id)
{
    json_t *report = parse(text);
    enum lb_health health = azure_health_of(report, "/g/p/bb", &(struct azure_server){address, id});
    json_decref(report);
    return health;
}

static void words_tell_the_health(void **unused)
{
    static const struct {
        const char *word;
        enum lb_health health;
    } rows[] = {
        {"Up", LB_HEALTH_UP},
        {"up", LB_HEALTH_UP},
        {"Down", LB_HEALTH_DOWN},
        {"Partial", LB_HEALTH_CHANGING},
        {"Draining", LB_HEALTH_CHANGING},
        {"Unknown", LB_HEALTH_UNKNOWN},
        {"Novel", LB_HEALTH_UNKNOWN},
        {"", LB_HEALTH_UNKNOWN},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[512];
        (void)snprintf(text, sizeof(text), REPORT("/g/p/bb", SETTINGS(SERVER("10.0.0.1", "%s"))),
                       rows[i].word);
        assert_int_equal(health_in(text, "10.0.0.1", ""), rows[i].health);
    }
}

static void a_server_is_as_well_as_in_its_worst_settings(void **unused)
{
    (void)unused;
    assert_int_equal(health_in(REPORT("/G/P/BB", SETTINGS(SERVER("N.example", "Up")) "," SETTINGS(
                                                     SERVER("n.example", "Down"))),
                               "n.example", ""),
                     LB_HEALTH_DOWN);
    assert_int_equal(
        health_in(REPORT("/g/p/bb", SETTINGS(SERVER("10.0.0.2", "Up"))), "10.0.0.1", ""),
        LB_HEALTH_UNKNOWN);
}

static void a_server_is_told_by_its_configuration_too(void **unused)
{
    (void)unused;
    static const char text[] = REPORT("/g/p/bb", SETTINGS(BOUND("10.0.0.1", "Up", "/s/NIC/ip")));
    assert_int_equal(health_in(text, "", "/s/nic/ip"), LB_HEALTH_UP);
    assert_int_equal(health_in(text, "10.0.0.1", "/s/nic/other"), LB_HEALTH_UP);
    assert_int_equal(health_in(text, "", "/s/nic/other"), LB_HEALTH_UNKNOWN);
}

static uint32_t peers_in(const char *text, const char *pool_text, const char *address,
                         const char *id)
{
    json_t *report = parse(text), *pool = NULL;
    assert_good(json_read_object(pool_text, strlen(pool_text), &pool, &err));
    uint32_t peers = azure_health_peers(report, pool, &(struct azure_server){address, id});
    json_decref(report);
    json_decref(pool);
    return peers;
}

#define POOL(addresses, configurations)                                                            \
    "{\"id\":\"/g/p/bb\",\"properties\":{\"backendAddresses\":[" addresses                         \
    "],\"backendIPConfigurations\":[" configurations "]}}"
#define IP(address) "{\"ipAddress\":\"" address "\"}"

static void peers_are_other_servers_that_are_up_and_still_there(void **unused)
{
    static const char report[] = REPORT(
        "/g/p/bb",
        SETTINGS(SERVER("10.0.0.1", "Up") "," SERVER("10.0.0.2", "Up") "," SERVER(
            "10.0.0.3", "Down") "," SERVER("10.0.0.4",
                                           "Up")) "," SETTINGS(SERVER("10.0.0.2",
                                                                      "Up") "," SERVER("10.0.0.4",
                                                                                       "Partial")));
    (void)unused;
    assert_int_equal(peers_in(report,
                              POOL(IP("10.0.0.1") "," IP("10.0.0.2") "," IP("10.0.0.4"), ""),
                              "10.0.0.1", ""),
                     1);
    assert_int_equal(peers_in(report, POOL(IP("10.0.0.1") "," IP("10.0.0.2"), ""), "10.0.0.9", ""),
                     2);
    /* The report is older than the removal of 10.0.0.2. */
    assert_int_equal(peers_in(report, POOL(IP("10.0.0.1"), ""), "10.0.0.1", ""), 0);
}

static void bound_peers_are_counted_with_and_without_their_ids(void **unused)
{
    (void)unused;
    assert_int_equal(peers_in(REPORT("/g/p/bb", SETTINGS(BOUND("10.0.0.1", "Up", "/n1") "," BOUND(
                                                    "10.0.0.2", "Up",
                                                    "/n2") "," BOUND("10.0.0.3", "Up", "/gone"))),
                              POOL("", "{\"id\":\"/N1\"},{\"id\":\"/N2\"}"), "", "/n1"),
                     1);
    assert_int_equal(
        peers_in(REPORT("/g/p/bb", SETTINGS(SERVER("10.0.0.1", "Up") "," SERVER("10.0.0.2", "Up"))),
                 POOL("", "{\"id\":\"/n1\"},{\"id\":\"/n2\"}"), "10.0.0.1", "/n1"),
        1);
}

static void what_is_no_report_is_refused(void **unused)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "{\"backendAddressPools\":{}}",
        "{\"backendAddressPools\":[1]}",
        "{\"status\":\"InProgress\"}",
    };
    (void)unused;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *report = NULL;
        assert_fails(azure_health_parse(bad[i], strlen(bad[i]), &report, &err), ERROR_PROTOCOL,
                     "no report of health");
        assert_null(report);
    }
    assert_int_equal(health_in("{\"backendAddressPools\":[{},{\"backendAddressPool\":{\"id\":"
                               "\"/g/p/bb\"},\"backendHttpSettingsCollection\":[3,{\"servers\":"
                               "[7,{\"address\":1},{\"address\":\"\"}]}]}]}",
                               "10.0.0.1", ""),
                     LB_HEALTH_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_tell_the_health),
        cmocka_unit_test(a_server_is_as_well_as_in_its_worst_settings),
        cmocka_unit_test(a_server_is_told_by_its_configuration_too),
        cmocka_unit_test(peers_are_other_servers_that_are_up_and_still_there),
        cmocka_unit_test(bound_peers_are_counted_with_and_without_their_ids),
        cmocka_unit_test(what_is_no_report_is_refused),
    };
    return cmocka_run_group_tests_name("azure_health", tests, NULL, NULL);
}
