/* SPDX-License-Identifier: Apache-2.0 */
#include "config_parts.h"
#include "redis_config.h"

/* Redis and its sentinels know different users. */
struct login_keys {
    const char *user, *password_file, *password;
    const char *user_rule, *password_rule;
};

static const struct login_keys redis_keys = {
    .user = "user",
    .password_file = "password_file",
    .password = "password",
    .user_rule = "a user needs a password_file",
    .password_rule = "name a file of mode 0600 in password_file",
};

static const struct login_keys sentinel_keys = {
    .user = "sentinel_user",
    .password_file = "sentinel_password_file",
    .password = "sentinel_password",
    .user_rule = "a sentinel_user needs a sentinel_password_file",
    .password_rule = "name a file of mode 0600 in sentinel_password_file",
};

static void read_login(struct yaml_document *document, const struct yaml_node *map,
                       const struct login_keys *keys, char user[LIMIT_NAME],
                       char password_file[LIMIT_PATH])
{
    bool has_user = yaml_get_text(document, map, keys->user, false, user, LIMIT_NAME);
    bool has_password = config_get_secret_file(document, map, keys->password_file, password_file);
    bool is_inline = config_refuse_secret(document, map, keys->password, keys->password_rule);
    if (has_user && !has_password && !is_inline)
        yaml_complain(document, yaml_find(map, keys->user), "%s", keys->user_rule);
}

static void read_tls(struct yaml_document *document, const struct yaml_node *redis_map,
                     struct redis_address *redis)
{
    const struct yaml_node *map = yaml_get_map(document, redis_map, "tls", false);
    if (map == NULL)
        return;
    if (!redis->is_tls)
        yaml_complain(document, map, "TLS needs a URL that begins with rediss://");
    (void)yaml_get_path(document, map, "ca_file", false, redis->ca_file, sizeof(redis->ca_file));
    (void)yaml_get_path(document, map, "cert_file", false, redis->cert_file,
                        sizeof(redis->cert_file));
    (void)yaml_get_path(document, map, "key_file", false, redis->key_file, sizeof(redis->key_file));
    if ((redis->cert_file[0] == '\0') != (redis->key_file[0] == '\0'))
        yaml_complain(document, map, "cert_file and key_file belong together");
    yaml_complain_unknown(document, map);
}

void config_read_redis(struct yaml_document *document, const struct yaml_node *map,
                       struct redis_address *redis)
{
    redis_config_read_place(document, map, redis);
    read_login(document, map, &redis_keys, redis->user, redis->password_file);
    if (yaml_find(map, "sentinels") != NULL)
        read_login(document, map, &sentinel_keys, redis->sentinels.user,
                   redis->sentinels.password_file);
    read_tls(document, map, redis);
    yaml_complain_unknown(document, map);
}
