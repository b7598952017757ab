/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_plus_read.h"

#include "common/unit_test.h"

#define PEER(id, server, state, more)                                                              \
    "{\"id\":" id ",\"server\":\"" server "\",\"weight\":5,\"state\":\"" state                     \
    "\",\"active\":3" more "}"
#define GROUP(peers) "{\"peers\":[" peers "],\"zombies\":0,\"zone\":\"bb\"}"
#define WANTED       "10.0.0.1:7990"

static bool read_group(const char *text, struct nginx_plus_peer *ret_peer, struct error *err)
{
    /* In memory of exactly its size: a sanitizer sees every byte read behind it. */
    size_t size = strlen(text);
    char *bytes = malloc(size > 0 ? size : 1);
    memcpy(bytes, text, size);
    bool is_read = nginx_plus_read_group(bytes, size, WANTED, ret_peer, err);
    free(bytes);
    return is_read;
}

static void assert_group_fails(const char *text, enum error_code code)
{
    struct nginx_plus_peer peer = {.weight = 77};
    struct error err;

    assert_false(read_group(text, &peer, &err));
    assert_int_equal(err.code, code);
    assert_int_equal(peer.weight, 77);
}

static void a_server_is_found_by_its_address(void **unused)
{
    struct nginx_plus_peer peer;
    struct error err;

    (void)unused;
    assert_true(read_group(GROUP(PEER("0", "10.0.0.1:799", "down", "") "," PEER(
                               "7", WANTED, "up", "") "," PEER("2", "10.0.0.1:79900", "up", "")),
                           &peer, &err));
    assert_int_equal(peer.id, 7);
    assert_int_equal(peer.admin, LB_ADMIN_UP);
    assert_int_equal(peer.active, 3);
    assert_int_equal(peer.weight, 5);
    assert_int_equal(peer.peers_up, 1);
    assert_false(peer.is_checked);
}

static void each_state_tells_order_and_health(void **unused)
{
    static const struct {
        const char *word;
        enum lb_admin admin;
        enum lb_health health;
    } rows[] = {
        {"up", LB_ADMIN_UP, LB_HEALTH_UP},
        {"draining", LB_ADMIN_DRAIN, LB_HEALTH_UP},
        {"down", LB_ADMIN_DOWN, LB_HEALTH_UNKNOWN},
        {"unavail", LB_ADMIN_UP, LB_HEALTH_DOWN},
        {"checking", LB_ADMIN_UP, LB_HEALTH_CHANGING},
        {"unhealthy", LB_ADMIN_UP, LB_HEALTH_DOWN},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[256];
        struct nginx_plus_peer peer;
        struct error err;
        snprintf(text, sizeof(text), GROUP(PEER("0", WANTED, "%s", "")), rows[i].word);
        assert_true(read_group(text, &peer, &err));
        assert_int_equal(peer.admin, rows[i].admin);
        assert_int_equal(peer.health, rows[i].health);
    }
    assert_group_fails(GROUP(PEER("0", WANTED, "UP", "")), ERROR_PROTOCOL);
    assert_group_fails(GROUP(PEER("0", WANTED, "resting", "")), ERROR_PROTOCOL);
}

static void checks_count_where_there_have_been_some(void **unused)
{
    struct nginx_plus_peer peer;
    struct error err;

    (void)unused;
    assert_true(
        read_group(GROUP(PEER("0", WANTED, "up", ",\"health_checks\":{\"checks\":0,\"fails\":0}")),
                   &peer, &err));
    assert_false(peer.is_checked);
    assert_int_equal(peer.health, LB_HEALTH_UP);
    assert_true(read_group(
        GROUP(PEER("0", WANTED, "up", ",\"health_checks\":{\"checks\":9,\"last_passed\":true}")),
        &peer, &err));
    assert_true(peer.is_checked);
    assert_int_equal(peer.health, LB_HEALTH_UP);
    assert_true(read_group(
        GROUP(PEER("0", WANTED, "up", ",\"health_checks\":{\"checks\":9,\"last_passed\":false}")),
        &peer, &err));
    assert_int_equal(peer.health, LB_HEALTH_CHANGING);
    assert_group_fails(GROUP(PEER("0", WANTED, "up", ",\"health_checks\":{\"checks\":\"9\"}")),
                       ERROR_PROTOCOL);
}

static void peers_are_others_that_are_up_and_no_backup(void **unused)
{
    struct nginx_plus_peer peer;
    struct error err;

    (void)unused;
    assert_true(read_group(
        GROUP(PEER("0", "a:1", "up", "") "," PEER("1", "b:1", "up", ",\"backup\":true") "," PEER(
            "2", "c:1", "draining",
            "") "," PEER("3", WANTED, "up",
                         "") "," PEER("4", "d:1", "unhealthy",
                                      "") "," PEER("5", "e:1", "up",
                                                   ",\"backup\":false") "," PEER("6", "f:1",
                                                                                 "checking", "")),
        &peer, &err));
    assert_int_equal(peer.peers_up, 2);
}

static void an_address_that_is_not_there_or_twice_is_refused(void **unused)
{
    (void)unused;
    assert_group_fails(GROUP(""), ERROR_NOT_FOUND);
    assert_group_fails(GROUP(PEER("0", "a:1", "up", "")), ERROR_NOT_FOUND);
    assert_group_fails(GROUP(PEER("0", WANTED, "up", "") "," PEER("1", WANTED, "down", "")),
                       ERROR_INVALID);
}

static void what_is_no_group_is_refused(void **unused)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "null",
        "{\"peers\":{}}",
        "{\"peers\":[1]}",
        "{\"peers\":[{}]}",
        GROUP("{\"server\":\"" WANTED "\"}"),
        GROUP("{\"server\":\"" WANTED "\",\"state\":\"up\"}"),
        GROUP(PEER("-1", WANTED, "up", "")),
        GROUP(PEER("99999999999", WANTED, "up", "")),
        GROUP(PEER("\"0\"", WANTED, "up", "")),
        GROUP(PEER("0.5", WANTED, "up", "")),
        GROUP(PEER("0", WANTED, "up", ",\"backup\":1")),
        GROUP(PEER("0", WANTED, "up", ",\"id\":1")),
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_group_fails(texts[i], ERROR_PROTOCOL);
}

static void a_servers_own_object_tells_what_it_was_told(void **unused)
{
    static const struct {
        const char *words;
        enum lb_admin admin;
    } rows[] = {
        {"", LB_ADMIN_UP},
        {",\"down\":false", LB_ADMIN_UP},
        {",\"down\":false,\"drain\":true", LB_ADMIN_DRAIN},
        {",\"down\":true,\"drain\":true", LB_ADMIN_DOWN},
        {",\"down\":true", LB_ADMIN_DOWN},
    };
    enum lb_admin admin;

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text), "{\"id\":0,\"server\":\"" WANTED "\"%s}", rows[i].words);
        assert_good(nginx_plus_read_server(text, strlen(text), WANTED, &admin, &err));
        assert_int_equal(admin, rows[i].admin);
    }
    static const char other[] = "{\"id\":0,\"server\":\"10.0.0.2:7990\",\"down\":false}";
    assert_fails(nginx_plus_read_server(other, sizeof(other) - 1, WANTED, &admin, &err),
                 ERROR_UNAVAILABLE, "another number");
    assert_fails(nginx_plus_read_server("{}", 2, WANTED, &admin, &err), ERROR_PROTOCOL, "server");
}

static void the_newest_known_version_is_taken(void **unused)
{
    static const struct {
        const char *list;
        int version;
    } rows[] = {{"[1,2,3]", 3}, {"[9,8]", 9}, {"[1,2,3,4,5,6,7,8,9,10,11]", 9}, {"[5,\"9\"]", 5}};
    int version = 0;

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_good(nginx_plus_read_versions(rows[i].list, strlen(rows[i].list), &version, &err));
        assert_int_equal(version, rows[i].version);
    }
    assert_fails(nginx_plus_read_versions("[1,2,10]", 8, &version, &err), ERROR_INVALID, "3 to 9");
    assert_fails(nginx_plus_read_versions("[]", 2, &version, &err), ERROR_INVALID, "3 to 9");
    assert_fails(nginx_plus_read_versions("{}", 2, &version, &err), ERROR_PROTOCOL, "list");
    assert_fails(nginx_plus_read_versions("", 0, &version, &err), ERROR_PROTOCOL, "list");
}

static void a_refusal_is_told_in_its_words_made_printable(void **unused)
{
    static const char text[] = "{\"error\":{\"status\":400,\"text\":\"upstream is\\nstatic\","
                               "\"code\":\"UpstreamStatic\"},\"request_id\":\"0\"}";
    struct nginx_plus_refusal refusal;

    (void)unused;
    assert_true(nginx_plus_read_refusal(text, sizeof(text) - 1, &refusal));
    assert_string_equal(refusal.code, "UpstreamStatic");
    assert_string_equal(refusal.text, "upstream is?static");
    assert_false(nginx_plus_read_refusal("{}", 2, &refusal));
    assert_false(nginx_plus_read_refusal("<html>", 6, &refusal));
    assert_false(nginx_plus_read_refusal("{\"error\":{}}", 12, &refusal));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_is_found_by_its_address),
        cmocka_unit_test(each_state_tells_order_and_health),
        cmocka_unit_test(checks_count_where_there_have_been_some),
        cmocka_unit_test(peers_are_others_that_are_up_and_no_backup),
        cmocka_unit_test(an_address_that_is_not_there_or_twice_is_refused),
        cmocka_unit_test(what_is_no_group_is_refused),
        cmocka_unit_test(a_servers_own_object_tells_what_it_was_told),
        cmocka_unit_test(the_newest_known_version_is_taken),
        cmocka_unit_test(a_refusal_is_told_in_its_words_made_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
