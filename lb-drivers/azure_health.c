/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_health.h"

#include "azure_gateway.h"
#include "check.h"
#include "text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define ADDRESS_SIZE 256 /* incl. NUL: a host name has 253 */

bool azure_health_parse(const char *bytes, size_t size, json_t **ret_report, struct error *err)
{
    JSON_CLEANUP json_t *report = NULL;
    const json_t *pools;

    if (!json_read_object(bytes, size, &report, err)) {
        error_wrap(err, "no report of health");
        return false;
    }
    pools = json_object_get(report, "backendAddressPools");
    if (pools == NULL || !azure_is_list(pools)) {
        error_set(err, ERROR_PROTOCOL, "no report of health: 'backendAddressPools' is no list");
        return false;
    }
    *ret_report = json_incref(report);
    return true;
}

static const struct {
    const char *word;
    enum lb_health health;
} health_words[] = {
    {"Up", LB_HEALTH_UP},
    {"Partial", LB_HEALTH_CHANGING}, /* not from all instances of the gateway */
    {"Draining", LB_HEALTH_CHANGING},
    {"Down", LB_HEALTH_DOWN},
};

static enum lb_health health_of_word(const json_t *server)
{
    const char *word = json_string_value(json_object_get(server, "health"));
    for (size_t i = 0; word != NULL && i < sizeof(health_words) / sizeof(health_words[0]); i++)
        if (strcasecmp(word, health_words[i].word) == 0)
            return health_words[i].health;
    return LB_HEALTH_UNKNOWN;
}

static const char *configuration_id(const json_t *server)
{
    const char *id =
        json_string_value(json_object_get(json_object_get(server, "ipConfiguration"), "id"));
    return id != NULL ? id : "";
}

/* Calls `visit` for each server under the pool, in each of its settings. */
typedef void (*visit_fn)(void *context, const json_t *server, const char *address);

static void visit_settings(const json_t *settings, visit_fn visit, void *context)
{
    const json_t *servers = json_object_get(settings, "servers");
    for (size_t i = 0; i < json_array_size(servers); i++) {
        const json_t *server = json_array_get(servers, i);
        const char *address = json_string_value(json_object_get(server, "address"));
        if (address != NULL && address[0] != '\0' && strlen(address) < ADDRESS_SIZE)
            visit(context, server, address);
    }
}

static void visit_servers(const json_t *report, const char *pool_id, visit_fn visit, void *context)
{
    const json_t *pools = json_object_get(report, "backendAddressPools");
    for (size_t i = 0; i < json_array_size(pools); i++) {
        const json_t *entry = json_array_get(pools, i);
        const json_t *settings = json_object_get(entry, "backendHttpSettingsCollection");
        const char *id =
            json_string_value(json_object_get(json_object_get(entry, "backendAddressPool"), "id"));
        if (id == NULL || strcasecmp(id, pool_id) != 0)
            continue;
        for (size_t j = 0; j < json_array_size(settings); j++)
            visit_settings(json_array_get(settings, j), visit, context);
    }
}

static bool is_server(const struct azure_server *server, const json_t *entry, const char *address)
{
    if (server->id[0] != '\0' && strcasecmp(configuration_id(entry), server->id) == 0)
        return true;
    return server->address[0] != '\0' && strcasecmp(address, server->address) == 0;
}

struct search {
    const struct azure_server *server;
    bool is_found;
    enum lb_health worst;
};

static void look(void *context, const json_t *entry, const char *address)
{
    struct search *search = context;
    enum lb_health health = health_of_word(entry);
    if (!is_server(search->server, entry, address))
        return;
    if (!search->is_found || health > search->worst)
        search->worst = health;
    search->is_found = true;
}

enum lb_health azure_health_of(const json_t *report, const char *pool_id,
                               const struct azure_server *server)
{
    struct search search = {.server = server};
    visit_servers(report, pool_id, look, &search);
    return search.is_found ? search.worst : LB_HEALTH_UNKNOWN;
}

struct count {
    const struct azure_server *server;
    const json_t *pool;
    json_t *worst; /* by address in lower case: the worst health, as a number */
};

/* A report does not always say of which configuration an address is. */
static bool is_still_in(const json_t *pool, const json_t *entry, const char *address)
{
    const char *id = configuration_id(entry);
    if (id[0] != '\0')
        return azure_pool_has_configuration(pool, id);
    return azure_pool_has_address(pool, address) || azure_pool_configuration_count(pool) > 0;
}

static void weigh(void *context, const json_t *entry, const char *address)
{
    struct count *count = context;
    char key[ADDRESS_SIZE];
    int health = (int)health_of_word(entry);

    if (is_server(count->server, entry, address) || !is_still_in(count->pool, entry, address))
        return;
    TEXT_COPY(key, address);
    for (char *c = key; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    const json_t *before = json_object_get(count->worst, key);
    if (before == NULL || json_integer_value(before) < health)
        CHECK(json_object_set_new(count->worst, key, json_integer(health)) == 0);
}

uint32_t azure_health_peers(const json_t *report, const json_t *pool,
                            const struct azure_server *server)
{
    JSON_CLEANUP json_t *worst = json_object();
    struct count count = {.server = server, .pool = pool, .worst = worst};
    const char *key;
    json_t *value;
    uint32_t peers = 0;

    visit_servers(report, azure_pool_id(pool), weigh, &count);
    json_object_foreach(worst, key, value)
    {
        peers += json_integer_value(value) == LB_HEALTH_UP;
    }
    bool is_in = azure_pool_has_address(pool, server->address) ||
                 azure_pool_has_configuration(pool, server->id);
    size_t most = azure_pool_count(pool) - (is_in ? 1 : 0);
    return peers < most ? peers : (uint32_t)most;
}
