/* SPDX-License-Identifier: Apache-2.0 */
#include "lb_config.h"

#include "credentials_config.h"
#include "memory.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LB_SETTING_MOST_MS (24LL * 3600 * 1000)

static void read_driver(struct yaml_document *document, const struct yaml_node *map, struct lb *lb)
{
    char name[LIMIT_NAME];
    if (!yaml_get_text(document, map, "driver", true, name, sizeof(name)))
        return;
    lb->driver = lb_driver_find(name);
    if (lb->driver == NULL)
        yaml_complain(document, yaml_find(map, "driver"), "there is no driver '%s'; there are: %s",
                      name, lb_driver_names());
}

static void read_addresses(struct yaml_document *document, const struct yaml_node *map,
                           struct lb_options *options)
{
    UNIQUE_CLEANUP struct config_unique seen = {0};
    const struct yaml_node *list = config_get_list(document, map, "addresses", 1, LB_ADDRESSES);
    for (size_t i = 0; list != NULL && i < yaml_count(list); i++) {
        const struct yaml_node *place = yaml_item(list, i);
        const char *text = config_text_item(document, list, i);
        if (text == NULL ||
            !config_claim(document, &seen, text, place, "each address is a process of its own"))
            continue;
        if (text_copy(options->addresses[options->address_count], LIMIT_PATH, text))
            options->address_count++;
        else
            yaml_complain(document, place, "longer than %d bytes", LIMIT_PATH - 1);
    }
}

static char *copy(const char *text)
{
    return text != NULL ? memory_format("%s", text) : NULL;
}

static void read_duration(struct yaml_document *document, const struct yaml_node *map,
                          const char *key, char **value)
{
    int64_t ms;
    if (!yaml_get_duration_ms(document, map, key, false, 0, LB_SETTING_MOST_MS, &ms) ||
        yaml_find(map, key) == NULL)
        return;
    free(*value);
    *value = memory_format("%lld", (long long)ms);
}

static bool read_word(struct yaml_document *document, const struct yaml_node *map, const char *key,
                      const char *const *words, char text[LIMIT_PATH])
{
    int index = -1;
    if (!yaml_get_word(document, map, key, false, words, &index) || index < 0)
        return false;
    return text_copy(text, LIMIT_PATH, words[index]);
}

static bool read_value(struct yaml_document *document, const struct yaml_node *map, const char *key,
                       const struct lb_setting *setting, char text[LIMIT_PATH])
{
    bool is_on;
    switch (setting->kind) {
    case LB_SETTING_TEXT:
        return yaml_get_text(document, map, key, false, text, LIMIT_PATH);
    case LB_SETTING_PATH:
        return yaml_get_path(document, map, key, false, text, LIMIT_PATH);
    case LB_SETTING_URL:
        return yaml_get_url(document, map, key, false, text, LIMIT_PATH);
    case LB_SETTING_WORD:
        return read_word(document, map, key, setting->words, text);
    case LB_SETTING_FLAG:
        return yaml_get_bool(document, map, key, false, &is_on) &&
               text_copy(text, LIMIT_PATH, is_on ? "true" : "false");
    case LB_SETTING_DURATION:
        break; /* a number, and read as one */
    }
    return false;
}

/* "return.ramp" is the key `ramp` in the map `return`. */
static void read_setting(struct yaml_document *document, const struct yaml_node *map,
                         const struct lb_setting *setting, char **ret_value)
{
    char text[LIMIT_PATH], outer[LIMIT_NAME];
    const char *key = setting->key, *dot = strchr(key, '.');
    *ret_value = copy(setting->fallback);
    if (dot != NULL) {
        (void)snprintf(outer, sizeof(outer), "%.*s", (int)(dot - key), key);
        map = yaml_get_map(document, map, outer, false);
        key = dot + 1;
    }
    if (map == NULL || yaml_find(map, key) == NULL)
        return;
    if (setting->kind == LB_SETTING_DURATION) {
        read_duration(document, map, key, ret_value);
    } else if (read_value(document, map, key, setting, text)) {
        free(*ret_value);
        *ret_value = copy(text);
    }
}

/* The map that holds settings like "return.ramp", once it has been read whole. */
static void complain_inside(struct yaml_document *document, const struct yaml_node *map,
                            const struct lb_driver *driver, size_t setting)
{
    char outer[LIMIT_NAME];
    const char *key = driver->settings[setting].key, *dot = strchr(key, '.');
    size_t size = dot != NULL ? (size_t)(dot + 1 - key) : 0;
    bool is_last = setting + 1 == driver->setting_count ||
                   strncmp(driver->settings[setting + 1].key, key, size) != 0;
    if (dot == NULL || !is_last)
        return;
    (void)snprintf(outer, sizeof(outer), "%.*s", (int)(dot - key), key);
    const struct yaml_node *inside = yaml_find(map, outer);
    if (inside != NULL && yaml_kind(inside) == YAML_MAP)
        yaml_complain_unknown(document, inside);
}

static void read_settings(struct yaml_document *document, const struct yaml_node *map,
                          struct lb *lb)
{
    if (lb->driver == NULL)
        return;
    for (size_t i = 0; i < lb->driver->setting_count; i++)
        read_setting(document, map, &lb->driver->settings[i], &lb->options.values[i]);
    for (size_t i = 0; i < lb->driver->setting_count; i++)
        complain_inside(document, map, lb->driver, i);
    if (!lb->driver->takes_credentials)
        return;
    config_read_credentials(document, map, false, &lb->options.credentials);
    config_read_tls(document, map, lb->options.ca_file);
}

static void check_options(struct yaml_document *document, const struct yaml_node *map,
                          const struct lb *lb)
{
    struct error err;
    if (lb->driver == NULL || lb->options.address_count == 0)
        return;
    if (!lb->driver->check_options(&lb->options, &err))
        config_complain_error(document, yaml_find(map, "addresses"), &err);
}

void lb_config_read(struct yaml_document *document, const struct yaml_node *map,
                    struct config_unique *names, struct lb *ret_lb)
{
    if (yaml_get_name(document, map, "name", true, ret_lb->name, sizeof(ret_lb->name)))
        (void)config_claim(document, names, ret_lb->name, yaml_find(map, "name"),
                           "each load balancer has a name of its own");
    read_driver(document, map, ret_lb);
    read_addresses(document, map, &ret_lb->options);
    read_settings(document, map, ret_lb);
    check_options(document, map, ret_lb);
}

void lb_config_done(struct lb *lb)
{
    for (size_t i = 0; i < LB_SETTINGS; i++)
        free(lb->options.values[i]);
    memset(&lb->options, 0, sizeof(lb->options));
}
