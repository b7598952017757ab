/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an answer of Azure. What is taken for a gateway can be changed and written, reads
 * back as it was changed, and keeps the rest.
 */
#include "azure_gateway.h"
#include "azure_health.h"
#include "azure_interface.h"
#include "azure_refusal.h"
#include "azure_token.h"
#include "check.h"
#include "credentials.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define ADDRESS "10.0.0.1"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static json_t *read_back(const json_t *gateway)
{
    struct error err;
    json_t *copy = NULL;
    char *text = json_write(gateway);
    CHECK(azure_gateway_parse(text, strlen(text), &copy, &err));
    free(text);
    CHECK(json_equal(copy, gateway));
    return copy;
}

static void change(json_t *gateway, bool is_in)
{
    json_t *pool = azure_gateway_pool(gateway, "bb");
    if (pool == NULL)
        return;
    size_t before = azure_pool_count(pool);
    bool is_changed = azure_pool_set_address(pool, ADDRESS, is_in);
    CHECK(azure_pool_has_address(pool, ADDRESS) == is_in);
    CHECK(is_changed == (azure_pool_count(pool) != before));
    CHECK(azure_gateway_drain_ms(gateway, azure_pool_id(pool)) <= 3600000);
    json_decref(read_back(gateway));
}

static void try_gateway(const char *text, size_t size)
{
    JSON_CLEANUP json_t *gateway = NULL;
    struct error err = {0};

    if (!azure_gateway_parse(text, size, &gateway, &err)) {
        CHECK(err.code == ERROR_PROTOCOL);
        return;
    }
    CHECK(azure_provisioning(gateway) <= AZURE_FAILED);
    CHECK(azure_etag(gateway)[0] == '\0' || strlen(azure_etag(gateway)) < AZURE_ETAG);
    CHECK(azure_gateway_operational_state(gateway) != NULL);
    change(gateway, true);
    change(gateway, false);
}

static void try_interface(const char *text, size_t size, const char *name)
{
    JSON_CLEANUP json_t *resource = NULL;
    struct azure_member member;
    json_t *configuration;
    struct error err = {0};

    CHECK(azure_member_parse(name, &member, &err));
    if (!json_read_object(text, size, &resource, &err) ||
        !azure_interface_find(resource, &member, &configuration, &err))
        return;
    (void)azure_configuration_set(configuration, "/p", true);
    CHECK(azure_configuration_is_in(configuration, "/p"));
    CHECK(azure_configuration_set(configuration, "/p", false));
    CHECK(!azure_configuration_is_in(configuration, "/p"));
    json_t *body = azure_interface_body(resource, &member);
    char *written = json_write(body);
    free(written);
    json_decref(body);
}

static void try_health(const char *text, size_t size)
{
    JSON_CLEANUP json_t *report = NULL;
    const struct azure_server server = {.address = ADDRESS, .id = "/i"};
    struct error err = {0};

    if (!azure_health_parse(text, size, &report, &err)) {
        CHECK(err.code == ERROR_PROTOCOL);
        return;
    }
    JSON_CLEANUP json_t *pool = json_pack("{s:s,s:{s:[{s:s},{s:s}]}}", "id", "/p", "properties",
                                          "backendAddresses", "ipAddress", ADDRESS, "fqdn", "n");
    CHECK(azure_health_of(report, "/p", &server) <= LB_HEALTH_UNKNOWN);
    CHECK(azure_health_peers(report, pool, &server) <= 1);
}

static void try_operation(const char *text, size_t size)
{
    JSON_CLEANUP json_t *operation = NULL;
    struct error err = {0};
    if (azure_operation_parse(text, size, &operation, &err) && !azure_goes_on(operation))
        (void)azure_check_end(operation, &err);
    azure_refusal(409, text, size, &err);
    CHECK(err.code != ERROR_NONE && strpbrk(err.message, "\r\n") == NULL);
    azure_token_refusal(401, text, size, &err);
    CHECK(err.code == ERROR_DENIED && strlen(err.message) < 200);
}

static void try_token(const char *text, size_t size)
{
    struct buffer token SECRET_CLEANUP;
    int64_t lifetime_ms;
    struct error err = {0};

    azure_token_init(&token);
    if (azure_token_parse(text, size, &token, &lifetime_ms, &err))
        CHECK(token.length > 0 && lifetime_ms >= 0 &&
              strpbrk(buffer_text(&token), "\r\n ") == NULL);
}

static void try_names(const char *bytes, size_t size)
{
    char text[LIMIT_PATH], id[AZURE_ID];
    struct azure_member member;
    struct error err = {0};

    if (size >= sizeof(text))
        return;
    memcpy(text, bytes, size);
    text[size] = '\0';
    (void)azure_check_gateway_id(text, &err);
    if (!azure_member_parse(text, &member, &err))
        return;
    CHECK(strpbrk(text, " ?#%&\"\r\n") == NULL);
    if (member.kind != AZURE_ADDRESS)
        azure_member_configuration_id(
            &member,
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/applicationGateways/g",
            id);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *text = (const char *)bytes;

    try_gateway(text, size);
    try_interface(text, size, "bb/nic:rg/nic/ip");
    try_interface(text, size, "bb/vmss:rg/set/0/nic/ip");
    try_health(text, size);
    try_operation(text, size);
    try_token(text, size);
    try_names(text, size);
    return 0;
}
