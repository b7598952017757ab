/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_config.h"

#include "bitbucket_config.h"
#include "file.h"
#include "lb_config.h"
#include "memory.h"
#include "path_text.h"
#include "redis_config.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTROLLERS_FILE_BYTES (64 * 1024)

/* ---- redis ---- */

static void read_tls(struct yaml_document *document, const struct yaml_node *section,
                     struct redis_address *redis)
{
    const struct yaml_node *tls = yaml_get_map(document, section, "tls", false);
    if (tls == NULL)
        return;
    if (!redis->is_tls)
        yaml_complain(document, tls, "only for a rediss:// url");
    config_get_path(document, tls, "ca_file", false, redis->ca_file);
    config_get_path(document, tls, "cert_file", false, redis->cert_file);
    config_get_path(document, tls, "key_file", false, redis->key_file);
    if ((redis->cert_file[0] == '\0') != (redis->key_file[0] == '\0'))
        yaml_complain(document, tls, "cert_file and key_file go together");
    yaml_complain_unknown(document, tls);
}

static void read_sentinel_login(struct yaml_document *document, const struct yaml_node *section,
                                struct redis_sentinels *sentinels)
{
    bool has_user = yaml_get_name(document, section, "sentinel_user", false, sentinels->user,
                                  sizeof(sentinels->user));
    config_get_path(document, section, "sentinel_password_file", false, sentinels->password_file);
    if (has_user && sentinels->password_file[0] == '\0')
        config_complain(document, section, "sentinel_user",
                        "a sentinel_user needs a sentinel_password_file");
}

static void read_redis(struct yaml_document *document, const struct yaml_node *section,
                       struct redis_address *redis)
{
    if (section == NULL)
        return;
    redis_config_read_place(document, section, redis);
    bool has_user =
        yaml_get_name(document, section, "user", false, redis->user, sizeof(redis->user));
    config_get_path(document, section, "password_file", false, redis->password_file);
    if (has_user && redis->password_file[0] == '\0')
        config_complain(document, section, "user", "a user needs a password_file");
    if (yaml_find(section, "sentinels") != NULL)
        read_sentinel_login(document, section, &redis->sentinels);
    read_tls(document, section, redis);
    yaml_complain_unknown(document, section);
}

/* ---- controllers ---- */

/* What is wrong with one more controller, or NULL, and it is added. */
static const char *add_controller(struct agent_config *config, const char *name,
                                  const char *key_text, struct error *err)
{
    struct controller_key controller;
    if (!text_is_name(name))
        return "the name is 1 to 63 letters, digits, '.', '_' or '-'";
    if (!key_public_parse(key_text, &controller.key, err))
        return err->message;
    if (config->controller_count == AGENT_CONTROLLERS)
        return "too many controllers";
    for (size_t i = 0; i < config->controller_count; i++) {
        if (text_equal(config->controllers[i].name, name))
            return "this name has been given before";
        if (memcmp(&config->controllers[i].key, &controller.key, sizeof(controller.key)) == 0)
            return "this key has been given before";
    }
    TEXT_COPY(controller.name, name);
    config->controllers[config->controller_count++] = controller;
    return NULL;
}

static void read_controller(struct yaml_document *document, const struct yaml_node *item,
                            struct agent_config *config)
{
    char name[LIMIT_NAME], key[128];
    struct error err;
    if (yaml_kind(item) != YAML_MAP) {
        yaml_complain(document, item, "expected {name: NAME, key: \"ed25519:…\"}");
        return;
    }
    bool has_name = yaml_get_name(document, item, "name", true, name, sizeof(name));
    bool has_key = yaml_get_text(document, item, "key", true, key, sizeof(key));
    const char *wrong = has_name && has_key ? add_controller(config, name, key, &err) : NULL;
    if (wrong != NULL)
        yaml_complain(document, item, "%s", wrong);
    yaml_complain_unknown(document, item);
}

/* "NAME ed25519:…", or nothing, or a comment. */
static const char *read_controller_line(char *line, struct agent_config *config, struct error *err)
{
    static const char blanks[] = " \t\r";
    char *rest;
    const char *name = strtok_r(line, blanks, &rest);
    if (name == NULL || name[0] == '#')
        return NULL;
    const char *key = strtok_r(NULL, blanks, &rest);
    const char *excess = strtok_r(NULL, blanks, &rest);
    if (key == NULL || excess != NULL)
        return "expected NAME ed25519:…";
    return add_controller(config, name, key, err);
}

static void read_controllers_file(struct yaml_document *document, const struct yaml_node *node,
                                  const char *path, struct agent_config *config)
{
    BUFFER_CLEANUP struct buffer text;
    struct error err;
    char *rest;
    buffer_init(&text, CONTROLLERS_FILE_BYTES);
    if (!file_read(path, &text, &err)) {
        yaml_complain(document, node, "%s", err.message);
        return;
    }
    if (!buffer_add_text(&text, "\n") || strlen(text.data) != text.length) {
        yaml_complain(document, node, "'%s' is not a text of less than %d bytes", path,
                      CONTROLLERS_FILE_BYTES);
        return;
    }
    size_t number = 1;
    for (char *line = text.data; (rest = strchr(line, '\n')) != NULL; line = rest + 1) {
        *rest = '\0';
        const char *wrong = read_controller_line(line, config, &err);
        if (wrong != NULL)
            yaml_complain(document, node, "line %zu: %s", number, wrong);
        number++;
    }
}

static void read_controllers(struct yaml_document *document, struct agent_config *config)
{
    char path[LIMIT_PATH] = "";
    size_t complaints_before = document->complaint_count;
    const struct yaml_node *root = document->root;
    const struct yaml_node *list = yaml_get_list(document, root, "controllers", false);
    const struct yaml_node *file = yaml_find(root, "controllers_file");
    config_get_path(document, root, "controllers_file", false, path);
    if (list != NULL && file != NULL)
        yaml_complain(document, file, "either controllers or controllers_file, not both");
    for (size_t i = 0; list != NULL && i < yaml_count(list); i++)
        read_controller(document, yaml_item(list, i), config);
    if (path[0] != '\0')
        read_controllers_file(document, file, path, config);
    if (config->controller_count == 0 && document->complaint_count == complaints_before)
        config_complain(document, root, file != NULL ? "controllers_file" : "controllers",
                        "at least one controller must be named, or nobody could command");
}

/* ---- load balancers ---- */

static void read_lb(struct yaml_document *document, const struct yaml_node *map,
                    struct config_unique *names, struct lb *lb)
{
    lb_config_read(document, map, names, lb);
    if (lb->driver != NULL && lb->driver->is_remote)
        config_complain(document, map, "driver",
                        "an agent drives its load balancer itself, and not through another agent");
    if (lb->driver != NULL && lb->driver->needs_memory)
        config_complain(document, map, "driver",
                        "this one is driven by the controller, over HTTP: name it in shunt.yaml");
    yaml_complain_unknown(document, map);
}

static void read_lbs(struct yaml_document *document, struct agent_config *config)
{
    UNIQUE_CLEANUP struct config_unique names = {0};
    const struct yaml_node *list =
        config_get_list(document, document->root, "load_balancers", 0, LIMIT_LBS);
    if (list == NULL)
        return;
    config->lb_count = yaml_count(list);
    config->lbs = memory_zeroed(config->lb_count, sizeof(*config->lbs));
    for (size_t i = 0; i < config->lb_count; i++) {
        const struct yaml_node *map = config_map_item(document, list, i);
        if (map != NULL)
            read_lb(document, map, &names, &config->lbs[i]);
    }
}

void agent_config_done(struct agent_config *config)
{
    for (size_t i = 0; i < config->lb_count; i++)
        lb_config_done(&config->lbs[i]);
    free(config->lbs);
    config->lbs = NULL;
    config->lb_count = 0;
}

const struct lb *agent_config_find_lb(const struct agent_config *config, const char *name)
{
    for (size_t i = 0; i < config->lb_count; i++)
        if (text_equal(config->lbs[i].name, name))
            return &config->lbs[i];
    return NULL;
}

/* ---- Bitbucket: not there on a host of load balancers alone ---- */

static void read_bitbucket(struct yaml_document *document, struct agent_config *config)
{
    const struct yaml_node *root = document->root;
    const struct yaml_node *section = yaml_get_map(document, root, "bitbucket", false);
    config->has_bitbucket = section != NULL || config->lb_count == 0;
    if (config->has_bitbucket)
        bitbucket_config_read(document, section, &config->bitbucket);
    if (config->bitbucket.home[0] != '\0' &&
        path_is_inside(config->state_dir, config->bitbucket.home))
        config_complain(document, root, "state_dir",
                        "must lie outside of BITBUCKET_HOME, where nothing is ever written");
}

/* ---- the whole ---- */

void agent_config_read_identity(struct yaml_document *document, struct agent_config *ret_config)
{
    const struct yaml_node *root = document->root;
    memset(ret_config, 0, sizeof(*ret_config));
    if (root == NULL)
        return;
    if (yaml_kind(root) != YAML_MAP) {
        yaml_complain(document, root, "expected a map (\"key: value\")");
        return;
    }
    TEXT_COPY(ret_config->key_file, "/etc/shunt/agent.key");
    yaml_get_name(document, root, "cluster", true, ret_config->cluster, LIMIT_NAME);
    yaml_get_name(document, root, "node", true, ret_config->node, LIMIT_NAME);
    config_get_path(document, root, "key_file", false, ret_config->key_file);
    read_redis(document, yaml_get_map(document, root, "redis", true), &ret_config->redis);
}

void agent_config_read(struct yaml_document *document, struct agent_config *ret_config)
{
    const struct yaml_node *root = document->root;
    agent_config_read_identity(document, ret_config);
    if (root == NULL || yaml_kind(root) != YAML_MAP)
        return;
    TEXT_COPY(ret_config->state_dir, "/var/lib/shunt-agent");
    config_get_path(document, root, "state_dir", false, ret_config->state_dir);
    read_controllers(document, ret_config);
    read_lbs(document, ret_config);
    read_bitbucket(document, ret_config);
    yaml_complain_unknown(document, root);
}
