/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_member.h"

#include "common/unit_test.h"

#define GROUP_ID "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/gw-group"
#define GATEWAY  GROUP_ID "/providers/Microsoft.Network/applicationGateways/gw1"

static struct azure_member parsed(const char *text)
{
    struct azure_member member;
    assert_good(azure_member_parse(text, &member, &err));
    return member;
}

static void addresses_and_host_names_are_members(void **unused)
{
    (void)unused;
    assert_string_equal(parsed("bb_http/10.0.0.11").address, "10.0.0.11");
    assert_string_equal(parsed("bb_http/10.0.0.11").pool, "bb_http");
    assert_int_equal(parsed("b/Node-1.example.com").kind, AZURE_ADDRESS);
    assert_true(azure_is_ipv4("10.0.0.11"));
    assert_false(azure_is_ipv4("node1"));
}

static void an_interface_is_told_by_its_names(void **unused)
{
    struct azure_member member = parsed("bb/nic:Group_(1)/n3-nic/ipconfig1");
    char id[AZURE_ID];
    (void)unused;
    assert_int_equal(member.kind, AZURE_INTERFACE);
    azure_member_resource_id(&member, GATEWAY, id);
    assert_string_equal(id, "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/"
                            "Group_(1)/providers/Microsoft.Network/networkInterfaces/n3-nic");
    azure_member_configuration_id(&member, GATEWAY, id);
    assert_non_null(strstr(id, "/networkInterfaces/n3-nic/ipConfigurations/ipconfig1"));
}

static void an_instance_is_told_by_its_names(void **unused)
{
    struct azure_member member = parsed("bb/vmss:rg/set/17/nic/ipconfig1");
    char id[AZURE_ID];
    (void)unused;
    assert_int_equal(member.kind, AZURE_INSTANCE);
    azure_member_resource_id(&member, GATEWAY, id);
    assert_string_equal(id, "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/rg"
                            "/providers/Microsoft.Compute/virtualMachineScaleSets/set/"
                            "virtualMachines/17");
    azure_member_configuration_id(&member, GATEWAY, id);
    assert_non_null(
        strstr(id, "/virtualMachines/17/networkInterfaces/nic/ipConfigurations/ipconfig1"));
}

static void the_longest_names_fit(void **unused)
{
    char text[LB_MEMBER + 1], name[LB_MEMBER], id[AZURE_ID];
    struct azure_member member;
    struct error err;
    (void)unused;
    memset(name, 'n', sizeof(name));
    (void)snprintf(text, sizeof(text), "%.40s/vmss:%.90s/%.60s/0/%.20s/%.20s", name, name, name,
                   name, name);
    member = parsed(text);
    azure_member_configuration_id(&member, GATEWAY, id);
    assert_true(strlen(id) < AZURE_ID);
    (void)snprintf(text, sizeof(text), "b/nic:%.91s/n/i", name);
    assert_false(azure_member_parse(text, &member, &err));
    memset(text, 'n', sizeof(text) - 1);
    text[1] = '/';
    text[LB_MEMBER] = '\0';
    assert_false(azure_member_parse(text, &member, &err));
}

static void what_would_become_another_request_is_refused(void **unused)
{
    static const char *const bad[] = {
        "",
        "/",
        "bb",
        "bb/",
        "./10.0.0.1",
        "../10.0.0.1",
        "bb/1.2.3",
        "bb/1.2.3.4.5",
        "bb/a..b",
        "bb/a.",
        "bb/.a",
        "bb/a_b",
        "bb/a-",
        "bb/a%2fb",
        "bb/a b",
        "bb/::1",
        "bb/nic:a/b",
        "bb/nic:a/b/c/d",
        "bb/nic:a/b/c/",
        "bb/nic:/b/c",
        "bb/nic:a/../c",
        "bb/nic:a/b?x/c",
        "bb/vmss:a/b/c",
        "bb/vmss:a/b/c/d/e/f",
        "bb/vmss:a/b/c/d/",
        "bb/NIC:a/b/c",
        "b?b/10.0.0.1",
        "b\nb/10.0.0.1",
    };
    (void)unused;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct azure_member member = {.kind = AZURE_INSTANCE};
        struct error err = {0};
        if (azure_member_parse(bad[i], &member, &err))
            fail_msg("'%s' is taken", bad[i]);
        assert_int_equal(err.code, ERROR_INVALID);
        assert_non_null(strstr(err.hint, "POOL/ADDRESS"));
        assert_int_equal(member.kind, AZURE_INSTANCE);
    }
}

static void a_gateway_is_told_by_its_id(void **unused)
{
    static const char *const bad[] = {
        "",
        "/",
        GROUP_ID,
        GATEWAY "/",
        GATEWAY "/x",
        GATEWAY "?x",
        "x" GATEWAY,
        GROUP_ID "/providers/Microsoft.Network/loadBalancers/lb1",
        "/subscriptions/s/resourceGroups//providers/Microsoft.Network/applicationGateways/g",
    };
    (void)unused;
    assert_good(azure_check_gateway_id(GATEWAY, &err));
    assert_good(azure_check_gateway_id("/subscriptions/s/resourcegroups/rg/providers/"
                                       "microsoft.network/applicationgateways/gw",
                                       &err));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_fails(azure_check_gateway_id(bad[i], &err), ERROR_INVALID, "no id");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_and_host_names_are_members),
        cmocka_unit_test(an_interface_is_told_by_its_names),
        cmocka_unit_test(an_instance_is_told_by_its_names),
        cmocka_unit_test(the_longest_names_fit),
        cmocka_unit_test(what_would_become_another_request_is_refused),
        cmocka_unit_test(a_gateway_is_told_by_its_id),
    };
    return cmocka_run_group_tests_name("azure_member", tests, NULL, NULL);
}
