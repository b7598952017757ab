/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_gateway.h"

#include "azure_member.h"
#include "check.h"
#include "text.h"

#include <string.h>
#include <strings.h>

#define DRAIN_MOST_S 3600 /* Azure's own bound */

static bool is_text(const json_t *value, const char *text)
{
    return json_is_string(value) && strcasecmp(json_string_value(value), text) == 0;
}

json_t *azure_find(const json_t *array, const char *key, const char *text)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        json_t *item = json_array_get(array, i);
        if (is_text(json_object_get(item, key), text))
            return item;
    }
    return NULL;
}

bool azure_is_list(const json_t *value)
{
    if (value != NULL && !json_is_array(value))
        return false;
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!json_is_object(json_array_get(value, i)))
            return false;
    return true;
}

static const json_t *property(const json_t *resource, const char *key)
{
    return json_object_get(json_object_get(resource, "properties"), key);
}

static bool check_pool(const json_t *pool, struct error *err)
{
    const json_t *properties = json_object_get(pool, "properties");
    char name[AZURE_NAME], id[AZURE_ID];

    if (!json_get_text(pool, "name", name, sizeof(name), err) ||
        !json_get_text(pool, "id", id, sizeof(id), err))
        return false;
    if (json_is_object(properties) && azure_is_list(property(pool, "backendAddresses")) &&
        azure_is_list(property(pool, "backendIPConfigurations")))
        return true;
    error_set(err, ERROR_PROTOCOL, "pool '%s' is of an unknown form", name);
    return false;
}

static bool check_gateway(const json_t *gateway, struct error *err)
{
    const json_t *properties = json_object_get(gateway, "properties");
    const json_t *pools = property(gateway, "backendAddressPools");
    char text[AZURE_ETAG];

    if (!json_get_text(gateway, "etag", text, sizeof(text), err))
        return false;
    if (!json_is_object(properties)) {
        error_set(err, ERROR_PROTOCOL, "'properties' is missing or no object");
        return false;
    }
    if (!json_get_text(properties, "provisioningState", text, sizeof(text), err) ||
        !json_get_text(properties, "operationalState", text, sizeof(text), err))
        return false;
    if (pools == NULL || !azure_is_list(pools)) {
        error_set(err, ERROR_PROTOCOL, "'backendAddressPools' is missing or no list");
        return false;
    }
    for (size_t i = 0; i < json_array_size(pools); i++)
        if (!check_pool(json_array_get(pools, i), err))
            return false;
    return true;
}

bool azure_gateway_parse(const char *bytes, size_t size, json_t **ret_gateway, struct error *err)
{
    JSON_CLEANUP json_t *gateway = NULL;

    if (!json_read_object(bytes, size, &gateway, err) || !check_gateway(gateway, err)) {
        error_wrap(err, "no application gateway");
        return false;
    }
    *ret_gateway = json_incref(gateway);
    return true;
}

enum azure_provisioning azure_provisioning(const json_t *resource)
{
    const json_t *state = property(resource, "provisioningState");
    if (is_text(state, "Succeeded"))
        return AZURE_SUCCEEDED;
    if (is_text(state, "Failed") || is_text(state, "Canceled"))
        return AZURE_FAILED;
    return AZURE_UPDATING;
}

const char *azure_etag(const json_t *resource)
{
    const char *etag = json_string_value(json_object_get(resource, "etag"));
    return etag != NULL ? etag : "";
}

const char *azure_gateway_operational_state(const json_t *gateway)
{
    return json_string_value(property(gateway, "operationalState"));
}

bool azure_gateway_is_running(const json_t *gateway)
{
    return is_text(property(gateway, "operationalState"), "Running");
}

json_t *azure_gateway_pool(const json_t *gateway, const char *name)
{
    return azure_find(property(gateway, "backendAddressPools"), "name", name);
}

const char *azure_pool_id(const json_t *pool)
{
    return json_string_value(json_object_get(pool, "id"));
}

size_t azure_pool_configuration_count(const json_t *pool)
{
    return json_array_size(property(pool, "backendIPConfigurations"));
}

size_t azure_pool_count(const json_t *pool)
{
    return json_array_size(property(pool, "backendAddresses")) +
           azure_pool_configuration_count(pool);
}

static bool is_entry(const json_t *entry, const char *address)
{
    return is_text(json_object_get(entry, "ipAddress"), address) ||
           is_text(json_object_get(entry, "fqdn"), address);
}

bool azure_pool_has_address(const json_t *pool, const char *address)
{
    const json_t *addresses = property(pool, "backendAddresses");
    for (size_t i = 0; i < json_array_size(addresses); i++)
        if (is_entry(json_array_get(addresses, i), address))
            return true;
    return false;
}

bool azure_pool_has_configuration(const json_t *pool, const char *id)
{
    return azure_find(property(pool, "backendIPConfigurations"), "id", id) != NULL;
}

static void add_address(json_t *pool, const char *address)
{
    json_t *properties = json_object_get(pool, "properties");
    json_t *addresses = json_object_get(properties, "backendAddresses");
    json_t *entry = json_object();

    if (addresses == NULL) {
        addresses = json_array();
        CHECK(json_object_set_new(properties, "backendAddresses", addresses) == 0);
    }
    CHECK(json_object_set_new(entry, azure_is_ipv4(address) ? "ipAddress" : "fqdn",
                              json_text(address)) == 0);
    CHECK(json_array_append_new(addresses, entry) == 0);
}

/* Each of its entries: one that stands there twice would still get traffic. */
static void remove_address(json_t *pool, const char *address)
{
    json_t *properties = json_object_get(pool, "properties");
    json_t *addresses = json_object_get(properties, "backendAddresses");

    for (size_t i = json_array_size(addresses); i > 0; i--)
        if (is_entry(json_array_get(addresses, i - 1), address))
            CHECK(json_array_remove(addresses, i - 1) == 0);
}

bool azure_pool_set_address(json_t *pool, const char *address, bool is_in)
{
    if (azure_pool_has_address(pool, address) == is_in)
        return false;
    if (is_in)
        add_address(pool, address);
    else
        remove_address(pool, address);
    return true;
}

static const char *reference(const json_t *object, const char *key)
{
    const char *id = json_string_value(json_object_get(json_object_get(object, key), "id"));
    return id != NULL ? id : "";
}

static int64_t settings_drain_ms(const json_t *gateway, const char *id)
{
    const json_t *settings =
        azure_find(property(gateway, "backendHttpSettingsCollection"), "id", id);
    const json_t *draining = property(settings, "connectionDraining");
    const json_t *seconds = json_object_get(draining, "drainTimeoutInSec");

    if (!json_is_true(json_object_get(draining, "enabled")))
        return AZURE_DRAIN_MS;
    if (!json_is_integer(seconds) || json_integer_value(seconds) < 0 ||
        json_integer_value(seconds) > DRAIN_MOST_S)
        return DRAIN_MOST_S * 1000LL;
    return json_integer_value(seconds) * 1000LL;
}

/* One place that joins a pool with settings. */
static void consider(const json_t *gateway, const json_t *place, const char *pool_key,
                     const char *settings_key, const char *pool_id, int64_t *longest_ms)
{
    if (strcasecmp(reference(place, pool_key), pool_id) != 0)
        return;
    int64_t ms = settings_drain_ms(gateway, reference(place, settings_key));
    if (ms > *longest_ms)
        *longest_ms = ms;
}

int64_t azure_gateway_drain_ms(const json_t *gateway, const char *pool_id)
{
    const json_t *rules = property(gateway, "requestRoutingRules");
    const json_t *maps = property(gateway, "urlPathMaps");
    int64_t longest_ms = -1;

    for (size_t i = 0; i < json_array_size(rules); i++)
        consider(gateway, json_object_get(json_array_get(rules, i), "properties"),
                 "backendAddressPool", "backendHttpSettings", pool_id, &longest_ms);
    for (size_t i = 0; i < json_array_size(maps); i++) {
        const json_t *map = json_object_get(json_array_get(maps, i), "properties");
        const json_t *paths = json_object_get(map, "pathRules");
        consider(gateway, map, "defaultBackendAddressPool", "defaultBackendHttpSettings", pool_id,
                 &longest_ms);
        for (size_t j = 0; j < json_array_size(paths); j++)
            consider(gateway, json_object_get(json_array_get(paths, j), "properties"),
                     "backendAddressPool", "backendHttpSettings", pool_id, &longest_ms);
    }
    return longest_ms >= 0 ? longest_ms : AZURE_DRAIN_MS;
}
