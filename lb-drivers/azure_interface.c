/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_interface.h"

#include "azure_gateway.h"
#include "check.h"

#include <strings.h>

#define POOLS "applicationGatewayBackendAddressPools"

/* The properties of the item of that name. */
static bool find_properties(const json_t *list, const char *kind, const char *name,
                            json_t **ret_properties, struct error *err)
{
    json_t *item = azure_find(list, "name", name);
    json_t *properties = json_object_get(item, "properties");

    if (!azure_is_list(list) || (item != NULL && !json_is_object(properties))) {
        error_set(err, ERROR_PROTOCOL, "%ss of an unknown form", kind);
        return false;
    }
    if (item == NULL) {
        error_set(err, ERROR_NOT_FOUND, "there is no %s '%s'", kind, name);
        return false;
    }
    *ret_properties = properties;
    return true;
}

bool azure_interface_find(const json_t *resource, const struct azure_member *member,
                          json_t **ret_configuration, struct error *err)
{
    json_t *holder = json_object_get(resource, "properties"), *configuration;
    const json_t *profile = json_object_get(holder, "networkProfileConfiguration");

    if (member->kind == AZURE_INSTANCE &&
        !find_properties(json_object_get(profile, "networkInterfaceConfigurations"),
                         "network interface", azure_member_interface(member), &holder, err))
        return false;
    if (!find_properties(json_object_get(holder, "ipConfigurations"), "IP configuration",
                         azure_member_configuration(member), &configuration, err))
        return false;
    if (!azure_is_list(json_object_get(configuration, POOLS))) {
        error_set(err, ERROR_PROTOCOL, "'" POOLS "' is no list");
        return false;
    }
    *ret_configuration = configuration;
    return true;
}

bool azure_configuration_is_in(const json_t *configuration, const char *pool_id)
{
    return azure_find(json_object_get(configuration, POOLS), "id", pool_id) != NULL;
}

static void join(json_t *configuration, const char *pool_id)
{
    json_t *pools = json_object_get(configuration, POOLS);
    json_t *entry = json_object();

    if (pools == NULL) {
        pools = json_array();
        CHECK(json_object_set_new(configuration, POOLS, pools) == 0);
    }
    CHECK(json_object_set_new(entry, "id", json_text(pool_id)) == 0);
    CHECK(json_array_append_new(pools, entry) == 0);
}

static void leave(json_t *configuration, const char *pool_id)
{
    json_t *pools = json_object_get(configuration, POOLS);

    for (size_t i = json_array_size(pools); i > 0; i--) {
        const char *id = json_string_value(json_object_get(json_array_get(pools, i - 1), "id"));
        if (id != NULL && strcasecmp(id, pool_id) == 0)
            CHECK(json_array_remove(pools, i - 1) == 0);
    }
}

bool azure_configuration_set(json_t *configuration, const char *pool_id, bool is_in)
{
    if (azure_configuration_is_in(configuration, pool_id) == is_in)
        return false;
    if (is_in)
        join(configuration, pool_id);
    else
        leave(configuration, pool_id);
    return true;
}

const char *azure_configuration_address(const json_t *configuration)
{
    const char *address = json_string_value(json_object_get(configuration, "privateIPAddress"));
    return address != NULL ? address : "";
}

static void copy(json_t *to, const json_t *from, const char *key)
{
    json_t *value = json_object_get(from, key);
    if (value != NULL)
        CHECK(json_object_set(to, key, value) == 0);
}

json_t *azure_interface_body(json_t *resource, const struct azure_member *member)
{
    const json_t *from = json_object_get(resource, "properties");
    json_t *body, *properties;

    if (member->kind == AZURE_INTERFACE)
        return json_incref(resource);
    body = json_object();
    properties = json_object();
    copy(body, resource, "location");
    copy(properties, from, "hardwareProfile");
    copy(properties, from, "networkProfileConfiguration");
    CHECK(json_object_set_new(body, "properties", properties) == 0);
    return body;
}
