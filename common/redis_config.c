/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_config.h"

#include "redis_sentinel.h"

static void read_url(struct yaml_document *document, const struct yaml_node *map,
                     struct redis_address *address)
{
    /* Keys that say nothing where there is but one server, or say it twice. */
    static const char *const others[] = {"master", "database", "sentinel_user",
                                         "sentinel_password_file"};
    struct error err;
    char url[LIMIT_URL];
    if (yaml_get_text(document, map, "url", true, url, sizeof(url)) &&
        !redis_address_parse(url, address, &err))
        yaml_complain(document, yaml_find(map, "url"), "%s%s%s", err.message,
                      err.hint[0] != '\0' ? "; " : "", err.hint);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        const struct yaml_node *other = yaml_find(map, others[i]);
        if (other)
            yaml_complain(document, other, "only with sentinels");
    }
}

static bool is_known(const struct redis_sentinels *sentinels, const struct redis_host *host)
{
    for (size_t i = 0; i < sentinels->count; i++)
        if (redis_host_is_same(&sentinels->hosts[i], host))
            return true;
    return false;
}

static void read_sentinel(struct yaml_document *document, const struct yaml_node *item,
                          struct redis_sentinels *sentinels)
{
    struct redis_host host;
    struct error err;
    if (!item || yaml_kind(item) != YAML_SCALAR)
        yaml_complain(document, item, "must be HOST:PORT");
    else if (!redis_sentinel_parse(yaml_text(item), &host, &err))
        yaml_complain(document, item, "%s", err.message);
    else if (is_known(sentinels, &host))
        yaml_complain(document, item, "this sentinel has been given before");
    else
        sentinels->hosts[sentinels->count++] = host;
}

static void read_sentinels(struct yaml_document *document, const struct yaml_node *map,
                           struct redis_address *address)
{
    int64_t database = 0;
    const struct yaml_node *list = yaml_get_list(document, map, "sentinels", true);
    size_t count = list ? yaml_count(list) : 0;
    if (list && (count == 0 || count > REDIS_SENTINELS))
        yaml_complain(document, list, "%zu entries; 1 to %d are allowed", count, REDIS_SENTINELS);
    else
        for (size_t i = 0; i < count; i++)
            read_sentinel(document, yaml_item(list, i), &address->sentinels);
    (void)yaml_get_name(document, map, "master", true, address->sentinels.master,
                        sizeof(address->sentinels.master));
    (void)yaml_get_integer(document, map, "database", false, 0, REDIS_DATABASE_MOST, &database);
    address->database = (int)database;
    address->is_tls = yaml_find(map, "tls") != NULL;
}

void redis_config_read_place(struct yaml_document *document, const struct yaml_node *map,
                             struct redis_address *ret_address)
{
    const struct yaml_node *url = yaml_find(map, "url");
    *ret_address = (struct redis_address){.port = 0};
    if (!yaml_find(map, "sentinels")) {
        read_url(document, map, ret_address);
        return;
    }
    if (url)
        yaml_complain(document, url, "either url or sentinels, not both");
    read_sentinels(document, map, ret_address);
}
