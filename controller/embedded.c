/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the embedded set-up. The server itself: embedded_redis.c. */
#include "embedded.h"

#include "file.h"
#include "memory.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PASSWORD_SIZE 40
#define ACL_BYTES     (16 * 1024 * 1024) /* some 30,000 agents; one machine has fewer */

/* Selectors, the parts in parentheses, need Redis 7: only with them does a command hold for one key
 * and not for the others. An agent takes its commands, adds reports and sets its beat; a SET of the
 * report stream would wipe out the reports of all. An operator reads all and writes requests. */
#define EVERYBODY "on resetkeys resetchannels -@all +ping +auth +select +hello +client|setname "
#define OPERATOR_RULES                                                                             \
    EVERYBODY "%R~shunt:* +get +exists +pttl +xread +xrange +xrevrange "                           \
              "(+xadd ~shunt:{*}:request ~shunt:{*}:lease-break) (+blpop ~shunt:{*}:answer:*)"

static bool make_password(const char *path, char password[PASSWORD_SIZE], struct error *err)
{
    BUFFER_CLEANUP struct buffer secret;
    char random[33];
    buffer_init(&secret, PASSWORD_SIZE - 1);
    if (access(path, F_OK) != 0) {
        key_random_id(random);
        if (!file_replace(path, random, strlen(random), 0600, err))
            return false;
    }
    if (!file_read_secret(path, &secret, err))
        return false;
    if (text_is_name(buffer_text(&secret)))
        return text_copy(password, PASSWORD_SIZE, buffer_text(&secret));
    error_set(err, ERROR_INVALID, "%s: not a word of letters, digits, '.', '_' and '-'", path);
    error_hint(err, "remove it: another password is made then");
    return false;
}

static bool make_key(const char *path, struct key_public *ret_public, struct error *err)
{
    struct key_pair *pair = NULL;
    bool is_good = true;
    if (access(path, F_OK) != 0) {
        pair = key_pair_new();
        is_good = key_pair_save(pair, path, err);
    } else {
        is_good = key_pair_load(path, &pair, err);
    }
    if (is_good)
        key_pair_public(pair, ret_public);
    key_pair_free(pair);
    return is_good;
}

static bool write_text(const char *directory, const char *name, const char *text, mode_t mode,
                       struct error *err)
{
    FREE_CLEANUP char *path = memory_format("%s/%s", directory, name);
    return file_replace(path, text, strlen(text), mode, err);
}

static bool add_agent(const char *cluster, const char *agent, const char *password,
                      struct buffer *acl, struct error *err)
{
    if (buffer_format(acl,
                      "user agent.%s.%s >%s " EVERYBODY "+time "
                      "(+xreadgroup +xack +xdel +xgroup|create ~shunt:{%s}:command:%s) "
                      "(+xadd ~shunt:{%s}:report) (+set ~shunt:{%s}:beat:%s)\n",
                      cluster, agent, password, cluster, agent, cluster, cluster, agent))
        return true;
    error_set(err, ERROR_FULL, "too many agents for one embedded redis");
    return false;
}

/* Of a node or of a load balancer's host. */
struct agent_to_make {
    const char *name;
    bool *has_key;
    struct key_public *key;
};

/* All that an agent on this machine needs, in a directory of its own. */
static bool make_agent(const struct config *config, const struct cluster_config *cluster,
                       const struct agent_to_make *agent, const struct key_public *controller,
                       struct buffer *acl, struct error *err)
{
    char password[PASSWORD_SIZE], public_text[KEY_PUBLIC_TEXT_SIZE];
    FREE_CLEANUP char *directory =
        memory_format("%s/agents/%s.%s", config->state_dir, cluster->name, agent->name);
    FREE_CLEANUP char *key_path = memory_format("%s/node.key", directory);
    FREE_CLEANUP char *password_path = memory_format("%s/redis.password", directory);
    FREE_CLEANUP char *url = memory_format("unix://%s\n", config->redis.socket_path);
    struct key_public key;
    key_public_write(controller, public_text);
    FREE_CLEANUP char *controllers = memory_format("%s %s\n", config->name, public_text);
    if (!file_make_directory(directory, 0700, err) || !make_key(key_path, &key, err) ||
        !make_password(password_path, password, err) ||
        !write_text(directory, "redis.url", url, 0644, err) ||
        !write_text(directory, "controllers", controllers, 0644, err))
        return false;
    if (!*agent->has_key)
        *agent->key = key;
    *agent->has_key = true;
    return add_agent(cluster->name, agent->name, password, acl, err);
}

static bool make_agents(const struct config *config, struct cluster_config *cluster,
                        const struct key_public *controller, struct buffer *acl, struct error *err)
{
    for (size_t i = 0; i < cluster->node_count; i++) {
        struct node_config *node = &cluster->nodes[i];
        const struct agent_to_make agent = {node->agent, &node->has_agent_key, &node->agent_key};
        if (!make_agent(config, cluster, &agent, controller, acl, err))
            return false;
    }
    for (size_t i = 0; i < cluster->lb_agent_count; i++) {
        struct lb_agent *of_lb = &cluster->lb_agents[i];
        const struct agent_to_make agent = {of_lb->name, &of_lb->has_key, &of_lb->key};
        if (!make_agent(config, cluster, &agent, controller, acl, err))
            return false;
    }
    return true;
}

static void add_operator(struct config *config, const struct key_public *key)
{
    if (config_find_operator(config, config->operator_name) != NULL)
        return;
    config->operators =
        memory_resize(config->operators, config->operator_count + 1, sizeof(config->operators[0]));
    struct operator_config *added = &config->operators[config->operator_count++];
    memset(added, 0, sizeof(*added));
    TEXT_COPY(added->name, config->operator_name);
    added->role = ROLE_APPROVER;
    added->key = *key;
}

static bool make_directories(const struct config *config, struct error *err)
{
    static const struct {
        const char *name;
        mode_t mode;
    } directories[] = {{"redis", 0755}, {"keys", 0700}, {"agents", 0755}, {"journal", 0700}};
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        FREE_CLEANUP char *path = memory_format("%s/%s", config->state_dir, directories[i].name);
        if (!file_make_directory(path, directories[i].mode, err))
            return false;
    }
    return true;
}

static bool make_redis_conf(const struct config *config, struct error *err)
{
    FREE_CLEANUP char *directory = memory_format("%s/redis", config->state_dir);
    FREE_CLEANUP char *text =
        memory_format("# Written by shunt-controller at each start.\n"
                      "port 0\nunixsocket %s\nunixsocketperm 777\ndir %s\naclfile %s/users.acl\n"
                      "appendonly yes\nappendfsync everysec\nsave \"\"\ndaemonize no\n"
                      "logfile %s/redis.log\nmaxmemory-policy noeviction\n",
                      config->redis.socket_path, directory, directory, directory);
    return write_text(directory, "redis.conf", text, 0600, err);
}

static bool make_users(struct config *config, const struct key_public *controller,
                       struct buffer *acl, struct error *err)
{
    char password[PASSWORD_SIZE];
    FREE_CLEANUP char *operator_path =
        memory_format("%s/redis/operator.password", config->state_dir);
    TEXT_COPY(config->redis.user, "controller");
    snprintf(config->redis.password_file, sizeof(config->redis.password_file),
             "%s/redis/controller.password", config->state_dir);
    /* Nobody may log in as "default", but redis replays its append-only file as that user, and
     * would drop what it may not do: scripts that write more than one key. */
    buffer_add_text(acl, "user default off ~* &* +@all\n");
    if (!make_password(config->redis.password_file, password, err))
        return false;
    buffer_format(acl, "user controller on >%s ~shunt:* +@all -@dangerous +info\n", password);
    if (!make_password(operator_path, password, err))
        return false;
    buffer_format(acl, "user operator >%s %s\n", password, OPERATOR_RULES);
    for (size_t c = 0; c < config->cluster_count; c++)
        if (!make_agents(config, &config->clusters[c], controller, acl, err))
            return false;
    return true;
}

/* Names of directories and users are CLUSTER.NODE: "a.b" and "c" would be "a" and "b.c". */
static bool names_are_distinct(const struct config *config, struct error *err)
{
    for (size_t i = 0; i < config->cluster_count; i++) {
        if (strchr(config->clusters[i].name, '.') == NULL)
            continue;
        error_set(err, ERROR_INVALID, "the name of cluster '%s' has a dot",
                  config->clusters[i].name);
        error_hint(err, "rename it, or give redis a url");
        return false;
    }
    return true;
}

bool embedded_prepare(struct config *config, struct error *err)
{
    struct key_public controller, operator_key;
    BUFFER_CLEANUP struct buffer acl;
    FREE_CLEANUP char *operator_path = memory_format("%s/keys/operator.key", config->state_dir);
    FREE_CLEANUP char *directory = memory_format("%s/redis", config->state_dir);
    buffer_init(&acl, ACL_BYTES);
    if (!names_are_distinct(config, err) || !make_directories(config, err) ||
        !make_key(config->key_file, &controller, err) ||
        !make_key(operator_path, &operator_key, err) ||
        !make_users(config, &controller, &acl, err) || !make_redis_conf(config, err) ||
        !write_text(directory, "users.acl", buffer_text(&acl), 0600, err)) {
        error_wrap(err, "redis: embedded");
        return false;
    }
    add_operator(config, &operator_key);
    return true;
}
