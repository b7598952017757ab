/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_gateway.h"

#include "common/unit_test.h"

#define POOLS(pools)                                                                               \
    "{\"etag\":\"W/\\\"1\\\"\",\"properties\":{\"provisioningState\":\"Succeeded\","               \
    "\"operationalState\":\"Running\",\"backendAddressPools\":[" pools "]}}"
#define POOL(name, inside)                                                                         \
    "{\"name\":\"" name "\",\"id\":\"/g/backendAddressPools/" name "\",\"properties\":{" inside "}}"

static json_t *gateway;

static json_t *parse(const char *text)
{
    json_decref(gateway);
    gateway = NULL;
    assert_good(azure_gateway_parse(text, strlen(text), &gateway, &err));
    return gateway;
}

static int drop(void **unused)
{
    (void)unused;
    json_decref(gateway);
    gateway = NULL;
    return 0;
}

static void assert_written(const char *text)
{
    char *written = json_write(gateway);
    assert_string_equal(written, text);
    free(written);
}

static void pools_are_found_by_name_whatever_their_place(void **unused)
{
    (void)unused;
    parse(
        POOLS(POOL("a", "") "," POOL("bb", "\"backendAddresses\":[{\"ipAddress\":\"1.2.3.4\"}]")));
    assert_string_equal(azure_pool_id(azure_gateway_pool(gateway, "BB")),
                        "/g/backendAddressPools/bb");
    assert_null(azure_gateway_pool(gateway, "b"));
    assert_int_equal(azure_pool_count(azure_gateway_pool(gateway, "bb")), 1);
    assert_int_equal(azure_pool_count(azure_gateway_pool(gateway, "a")), 0);
}

static void members_are_found_by_value_in_either_form(void **unused)
{
    json_t *pool;
    (void)unused;
    parse(
        POOLS(POOL("bb", "\"backendAddresses\":[{\"ipAddress\":\"1.2.3.44\"},{},{\"fqdn\":"
                         "\"Node.Example.com\"},{\"fqdn\":7,\"ipAddress\":null}],"
                         "\"backendIPConfigurations\":[{\"id\":\"/s/NIC/ipConfigurations/i\"}]")));
    pool = azure_gateway_pool(gateway, "bb");
    assert_true(azure_pool_has_address(pool, "1.2.3.44"));
    assert_false(azure_pool_has_address(pool, "1.2.3.4"));
    assert_true(azure_pool_has_address(pool, "node.example.com"));
    assert_true(azure_pool_has_configuration(pool, "/S/nic/ipconfigurations/I"));
    assert_false(azure_pool_has_configuration(pool, "/S/nic"));
    assert_int_equal(azure_pool_count(pool), 5);
}

static void a_member_is_taken_out_each_time_it_stands_there(void **unused)
{
    (void)unused;
    parse(POOLS(POOL("bb", "\"backendAddresses\":[{\"ipAddress\":\"1.2.3.4\"},{\"ipAddress\":"
                           "\"1.2.3.5\",\"note\":1},{\"fqdn\":\"1.2.3.4\"}]")));
    json_t *pool = azure_gateway_pool(gateway, "bb");
    assert_true(azure_pool_set_address(pool, "1.2.3.4", false));
    assert_false(azure_pool_set_address(pool, "1.2.3.4", false));
    assert_written(
        POOLS(POOL("bb", "\"backendAddresses\":[{\"ipAddress\":\"1.2.3.5\",\"note\":1}]")));
}

static void a_member_is_put_in_as_what_it_is(void **unused)
{
    (void)unused;
    parse(POOLS(POOL("bb", "\"x\":1")));
    json_t *pool = azure_gateway_pool(gateway, "bb");
    assert_true(azure_pool_set_address(pool, "1.2.3.4", true));
    assert_true(azure_pool_set_address(pool, "n.example.com", true));
    assert_false(azure_pool_set_address(pool, "N.example.com", true));
    assert_written(POOLS(POOL("bb", "\"x\":1,\"backendAddresses\":[{\"ipAddress\":\"1.2.3.4\"},"
                                    "{\"fqdn\":\"n.example.com\"}]")));
}

static void everything_else_keeps_its_value_and_order(void **unused)
{
    static const char text[] =
        "{\"z\":9007199254740993,\"etag\":\"1\",\"a\":[1,-2.5,true,null,{\"deep\":[[]]}],"
        "\"properties\":{\"provisioningState\":\"Succeeded\",\"operationalState\":\"Running\","
        "\"backendAddressPools\":[],\"unknown\":\"Z\xc3\xbcrich \\\"\\\\\"}}";
    (void)unused;
    parse(text);
    assert_written(text);
}

static void a_number_that_cannot_be_kept_is_refused(void **unused)
{
    static const char *const numbers[] = {"9223372036854775808", "1e999"};
    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        char text[128];
        json_t *document = NULL;
        (void)snprintf(text, sizeof(text), "{\"etag\":\"1\",\"x\":%s}", numbers[i]);
        assert_fails(azure_gateway_parse(text, strlen(text), &document, &err), ERROR_PROTOCOL,
                     "not JSON");
    }
}

static void what_is_no_gateway_is_refused(void **unused)
{
    static const struct {
        const char *text, *complaint;
    } rows[] = {
        {"", "not JSON"},
        {"[]", "not an object"},
        {"{}", "'etag' is missing"},
        {"{\"etag\":\"1\"}", "'properties'"},
        {"{\"etag\":\"1\",\"properties\":{}}", "'provisioningState' is missing"},
        {"{\"etag\":\"1\",\"properties\":{\"provisioningState\":\"x\"}}", "'operationalState'"},
        {"{\"etag\":\"1\",\"properties\":{\"provisioningState\":\"x\",\"operationalState\":\"x\"}}",
         "'backendAddressPools'"},
        {"{\"error\":{\"code\":\"x\"}}", "'etag'"},
        {POOLS("1"), "'backendAddressPools'"},
        {POOLS("{}"), "'name'"},
        {POOLS("{\"name\":\"a\"}"), "'id'"},
        {POOLS("{\"name\":\"a\",\"id\":\"b\"}"), "unknown form"},
        {POOLS(POOL("a", "\"backendAddresses\":{}")), "unknown form"},
        {POOLS(POOL("a", "\"backendAddresses\":[1]")), "unknown form"},
        {POOLS(POOL("a", "\"backendIPConfigurations\":[\"x\"]")), "unknown form"},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *document = NULL;
        assert_fails(azure_gateway_parse(rows[i].text, strlen(rows[i].text), &document, &err),
                     ERROR_PROTOCOL, rows[i].complaint);
        assert_null(document);
    }
}

static void states_are_told_by_words_and_unknown_ones_are_no_success(void **unused)
{
    static const struct {
        const char *word;
        enum azure_provisioning state;
    } rows[] = {
        {"Succeeded", AZURE_SUCCEEDED}, {"Failed", AZURE_FAILED},     {"Canceled", AZURE_FAILED},
        {"Updating", AZURE_UPDATING},   {"Deleting", AZURE_UPDATING}, {"Novel", AZURE_UPDATING},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *resource = json_pack("{s:{s:s}}", "properties", "provisioningState", rows[i].word);
        assert_int_equal(azure_provisioning(resource), rows[i].state);
        json_decref(resource);
    }
    parse(POOLS(""));
    assert_true(azure_gateway_is_running(gateway));
    assert_string_equal(azure_etag(gateway), "W/\"1\"");
}

static void drain_time_is_the_longest_of_the_settings_used_with_the_pool(void **unused)
{
    static const char text[] =
        "{'etag':'1','properties':{'provisioningState':'Succeeded','operationalState':'Running',"
        "'backendAddressPools':[],'backendHttpSettingsCollection':["
        "{'id':'/g/s/disabled','properties':"
        "{'connectionDraining':{'enabled':false,'drainTimeoutInSec':9}}},"
        "{'id':'/g/s/five','properties':"
        "{'connectionDraining':{'enabled':true,'drainTimeoutInSec':5}}},"
        "{'id':'/g/s/hour','properties':"
        "{'connectionDraining':{'enabled':true,'drainTimeoutInSec':3600}}},"
        "{'id':'/g/s/odd','properties':"
        "{'connectionDraining':{'enabled':true,'drainTimeoutInSec':'x'}}}],"
        "'requestRoutingRules':["
        "{'properties':{'backendAddressPool':{'id':'/g/p/a'},"
        "'backendHttpSettings':{'id':'/g/s/five'}}},"
        "{'properties':{'backendAddressPool':{'id':'/g/p/b'},"
        "'backendHttpSettings':{'id':'/g/s/disabled'}}},7],"
        "'urlPathMaps':[{'properties':{'defaultBackendAddressPool':{'id':'/g/p/c'},"
        "'defaultBackendHttpSettings':{'id':'/g/s/five'},'pathRules':["
        "{'properties':{'backendAddressPool':{'id':'/g/p/C'},"
        "'backendHttpSettings':{'id':'/g/s/hour'}}},"
        "{'properties':{'backendAddressPool':{'id':'/g/p/d'},"
        "'backendHttpSettings':{'id':'/g/s/odd'}}}]}}]}}";
    char json[sizeof(text)];
    (void)unused;
    for (size_t i = 0; i < sizeof(text); i++)
        json[i] = text[i] == '\'' ? '"' : text[i];
    parse(json);
    assert_int_equal(azure_gateway_drain_ms(gateway, "/g/p/a"), 5000);
    assert_int_equal(azure_gateway_drain_ms(gateway, "/g/p/b"), AZURE_DRAIN_MS);
    assert_int_equal(azure_gateway_drain_ms(gateway, "/g/p/c"), 3600000);
    assert_int_equal(azure_gateway_drain_ms(gateway, "/g/p/d"), 3600000);
    assert_int_equal(azure_gateway_drain_ms(gateway, "/g/p/unused"), AZURE_DRAIN_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(pools_are_found_by_name_whatever_their_place, drop),
        cmocka_unit_test_teardown(members_are_found_by_value_in_either_form, drop),
        cmocka_unit_test_teardown(a_member_is_taken_out_each_time_it_stands_there, drop),
        cmocka_unit_test_teardown(a_member_is_put_in_as_what_it_is, drop),
        cmocka_unit_test_teardown(everything_else_keeps_its_value_and_order, drop),
        cmocka_unit_test(a_number_that_cannot_be_kept_is_refused),
        cmocka_unit_test(what_is_no_gateway_is_refused),
        cmocka_unit_test_teardown(states_are_told_by_words_and_unknown_ones_are_no_success, drop),
        cmocka_unit_test_teardown(drain_time_is_the_longest_of_the_settings_used_with_the_pool,
                                  drop),
    };
    return cmocka_run_group_tests_name("azure_gateway", tests, NULL, NULL);
}
