/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_options.h"

#include "common/unit_test.h"
#include "text.h"

#define GATEWAY                                                                                    \
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/applicationGateways/"

static char texts[AZURE_SETTING_COUNT][LIMIT_PATH];

static void put(struct lb_options *options, enum azure_setting setting, const char *value)
{
    assert_true(TEXT_COPY(texts[setting], value));
    options->values[setting] = texts[setting];
}

static struct lb_options with_secret(void)
{
    struct lb_options options = {.addresses = {GATEWAY "gw"}, .address_count = 1};
    put(&options, AZURE_TENANT, "example.onmicrosoft.com");
    options.credentials =
        (struct credentials){.user = "aaaa-bbbb", .password_file = "/etc/shunt/azure.secret"};
    return options;
}

static struct lb_options with_identity(const char *identity)
{
    struct lb_options options = with_secret();
    put(&options, AZURE_IDENTITY, identity);
    options.values[AZURE_TENANT] = NULL;
    options.credentials = (struct credentials){.user = ""};
    return options;
}

static void a_secret_needs_tenant_and_client_id(void **unused)
{
    struct lb_options options = with_secret();
    (void)unused;
    assert_good(azure_check_options(&options, &err));
    options.values[AZURE_TENANT] = NULL;
    assert_fails(azure_check_options(&options, &err), ERROR_INVALID, "needs 'tenant'");
    options = with_secret();
    options.credentials.password_file[0] = '\0';
    assert_fails(azure_check_options(&options, &err), ERROR_INVALID, "needs 'credentials'");
    options = with_secret();
    options.credentials.user[0] = '\0';
    assert_fails(azure_check_options(&options, &err), ERROR_INVALID, "client id");
    options = with_secret();
    put(&options, AZURE_CLIENT_ID, "aaaa");
    assert_fails(azure_check_options(&options, &err), ERROR_INVALID, "takes no 'client_id'");
    options = with_secret();
    put(&options, AZURE_TENANT, "../../x");
    assert_fails(azure_check_options(&options, &err), ERROR_INVALID, "'tenant'");
}

static void a_managed_identity_needs_nothing(void **unused)
{
    struct lb_options options = with_identity("managed");
    (void)unused;
    assert_good(azure_check_options(&options, &err));
    put(&options, AZURE_CLIENT_ID, "aaaa-bbbb");
    assert_good(azure_check_options(&options, &err));
    put(&options, AZURE_TENANT, "t");
    assert_fails(azure_check_options(&options, &err), ERROR_INVALID, "takes no 'tenant'");
}

static void a_workload_identity_needs_an_assertion(void **unused)
{
    struct lb_options options = with_identity("workload");
    (void)unused;
    put(&options, AZURE_TENANT, "t");
    put(&options, AZURE_CLIENT_ID, "c");
    assert_fails(azure_check_options(&options, &err), ERROR_INVALID, "needs 'assertion_file'");
    put(&options, AZURE_ASSERTION_FILE, "/var/run/secrets/azure/tokens/azure-identity-token");
    assert_good(azure_check_options(&options, &err));
    options.credentials = with_secret().credentials;
    assert_fails(azure_check_options(&options, &err), ERROR_INVALID, "takes no 'credentials'");
}

static void secrets_go_over_tls_only(void **unused)
{
    struct lb_options options = with_secret();
    (void)unused;
    put(&options, AZURE_MANAGEMENT_URL, "http://management.azure.com");
    assert_fails(azure_check_options(&options, &err), ERROR_INVALID, "management_url");
    put(&options, AZURE_MANAGEMENT_URL, "http://127.0.0.1:8080");
    assert_good(azure_check_options(&options, &err));
    put(&options, AZURE_LOGIN_URL, "http://login.example.com");
    assert_fails(azure_check_options(&options, &err), ERROR_INVALID, "login_url");
    put(&options, AZURE_LOGIN_URL, "https://login.example.com?x");
    assert_fails(azure_check_options(&options, &err), ERROR_INVALID, "login_url");
    put(&options, AZURE_LOGIN_URL, "login.example.com");
    assert_fails(azure_check_options(&options, &err), ERROR_INVALID, "login_url");
}

static void the_same_gateway_in_other_letters_is_the_same(void **unused)
{
    struct lb_options options = with_secret();
    (void)unused;
    assert_true(TEXT_COPY(options.addresses[1], GATEWAY "GW"));
    options.address_count = 2;
    assert_fails(azure_check_options(&options, &err), ERROR_INVALID, "twice");
    assert_true(TEXT_COPY(options.addresses[1], GATEWAY "gw2"));
    assert_good(azure_check_options(&options, &err));
}

static void what_is_not_given_is_the_public_cloud_s(void **unused)
{
    struct lb_options options = with_secret();
    char value[LIMIT_PATH];
    (void)unused;
    azure_setting(&options, AZURE_MANAGEMENT_URL, value);
    assert_string_equal(value, "https://management.azure.com");
    put(&options, AZURE_MANAGEMENT_URL, "https://management.example/");
    azure_setting(&options, AZURE_MANAGEMENT_URL, value);
    assert_string_equal(value, "https://management.example");
    azure_setting(&options, AZURE_CLIENT_ID, value);
    assert_string_equal(value, "");
    assert_true(azure_identity_is(&options, "secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_needs_tenant_and_client_id),
        cmocka_unit_test(a_managed_identity_needs_nothing),
        cmocka_unit_test(a_workload_identity_needs_an_assertion),
        cmocka_unit_test(secrets_go_over_tls_only),
        cmocka_unit_test(the_same_gateway_in_other_letters_is_the_same),
        cmocka_unit_test(what_is_not_given_is_the_public_cloud_s),
    };
    return cmocka_run_group_tests_name("azure_options", tests, NULL, NULL);
}
