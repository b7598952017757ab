/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_interface.h"

#include "common/unit_test.h"

#define POOL "/g/backendAddressPools/bb"

#define INTERFACE                                                                                  \
    "{\"etag\":\"1\",\"location\":\"w\",\"properties\":{\"dns\":1,\"ipConfigurations\":["          \
    "{\"name\":\"other\",\"properties\":{}},{\"name\":\"ip\",\"properties\":{"                     \
    "\"privateIPAddress\":\"10.0.0.3\",\"applicationGatewayBackendAddressPools\":["                \
    "{\"id\":\"/x\"},{\"id\":\"" POOL "\"}]}}]}}"

#define INSTANCE                                                                                   \
    "{\"etag\":\"1\",\"location\":\"w\",\"zones\":[],\"properties\":{\"vmId\":\"v\","              \
    "\"hardwareProfile\":{\"vmSize\":\"s\"},\"networkProfileConfiguration\":{"                     \
    "\"networkInterfaceConfigurations\":[{\"name\":\"nic\",\"properties\":{"                       \
    "\"ipConfigurations\":[{\"name\":\"ip\",\"properties\":{\"subnet\":{\"id\":\"n\"}}}]}}]}}}"

static struct azure_member member(const char *text)
{
    struct azure_member parsed;
    assert_good(azure_member_parse(text, &parsed, &err));
    return parsed;
}

static json_t *resource;

static json_t *find(const char *text, const struct azure_member *which)
{
    json_t *configuration = NULL;
    json_decref(resource);
    resource = NULL;
    assert_good(json_read_object(text, strlen(text), &resource, &err));
    assert_good(azure_interface_find(resource, which, &configuration, &err));
    return configuration;
}

static int drop(void **unused)
{
    (void)unused;
    json_decref(resource);
    resource = NULL;
    return 0;
}

static void an_interface_leaves_and_joins_a_pool_and_keeps_the_others(void **unused)
{
    struct azure_member which = member("bb/nic:rg/nic/IP");
    json_t *configuration = find(INTERFACE, &which);
    (void)unused;
    assert_string_equal(azure_configuration_address(configuration), "10.0.0.3");
    assert_true(azure_configuration_is_in(configuration, POOL));
    assert_true(azure_configuration_set(configuration, "/G/backendAddressPools/BB", false));
    assert_false(azure_configuration_set(configuration, POOL, false));
    assert_true(azure_configuration_is_in(configuration, "/x"));
    assert_true(azure_configuration_set(configuration, POOL, true));
    assert_false(azure_configuration_set(configuration, POOL, true));
    json_t *body = azure_interface_body(resource, &which);
    char *text = json_write(body);
    assert_string_equal(text, INTERFACE);
    free(text);
    json_decref(body);
}

static void an_instance_is_sent_without_what_is_its_scale_set_s(void **unused)
{
    struct azure_member which = member("bb/vmss:rg/set/0/nic/ip");
    json_t *configuration = find(INSTANCE, &which);
    (void)unused;
    assert_string_equal(azure_configuration_address(configuration), "");
    assert_false(azure_configuration_is_in(configuration, POOL));
    assert_true(azure_configuration_set(configuration, POOL, true));
    json_t *body = azure_interface_body(resource, &which);
    char *text = json_write(body);
    assert_string_equal(
        text, "{\"location\":\"w\",\"properties\":{\"hardwareProfile\":{\"vmSize\":\"s\"},"
              "\"networkProfileConfiguration\":{\"networkInterfaceConfigurations\":[{\"name\":"
              "\"nic\",\"properties\":{\"ipConfigurations\":[{\"name\":\"ip\",\"properties\":{"
              "\"subnet\":{\"id\":\"n\"},\"applicationGatewayBackendAddressPools\":[{\"id\":\"" POOL
              "\"}]}}]}}]}}}");
    free(text);
    json_decref(body);
}

static void what_is_not_there_is_named(void **unused)
{
    static const struct {
        const char *member, *text;
        enum error_code code;
        const char *complaint;
    } rows[] = {
        {"bb/nic:rg/nic/i9", INTERFACE, ERROR_NOT_FOUND, "IP configuration 'i9'"},
        {"bb/vmss:rg/set/0/n9/ip", INSTANCE, ERROR_NOT_FOUND, "network interface 'n9'"},
        {"bb/vmss:rg/set/0/nic/i9", INSTANCE, ERROR_NOT_FOUND, "IP configuration 'i9'"},
        {"bb/nic:rg/nic/ip", "{}", ERROR_NOT_FOUND, "IP configuration"},
        {"bb/nic:rg/nic/ip", "{\"properties\":{\"ipConfigurations\":{}}}", ERROR_PROTOCOL,
         "unknown form"},
        {"bb/nic:rg/nic/ip", "{\"properties\":{\"ipConfigurations\":[{\"name\":\"ip\"}]}}",
         ERROR_PROTOCOL, "unknown form"},
        {"bb/nic:rg/nic/ip",
         "{\"properties\":{\"ipConfigurations\":[{\"name\":\"ip\",\"properties\":{"
         "\"applicationGatewayBackendAddressPools\":3}}]}}",
         ERROR_PROTOCOL, "no list"},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct azure_member which = member(rows[i].member);
        json_t *document = NULL, *configuration = NULL;
        assert_good(json_read_object(rows[i].text, strlen(rows[i].text), &document, &err));
        assert_fails(azure_interface_find(document, &which, &configuration, &err), rows[i].code,
                     rows[i].complaint);
        json_decref(document);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_interface_leaves_and_joins_a_pool_and_keeps_the_others, drop),
        cmocka_unit_test_teardown(an_instance_is_sent_without_what_is_its_scale_set_s, drop),
        cmocka_unit_test(what_is_not_there_is_named),
    };
    return cmocka_run_group_tests_name("azure_interface", tests, NULL, NULL);
}
