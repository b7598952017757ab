/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "file.h"
#include "memory.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_BYTES 4096

/* One walk over everything that the configuration names on this machine. */
struct host_check {
    struct buffer *complaints;
    size_t count;
};

/* One line a complaint. What does not fit any more is counted all the same. */
static void complain(struct host_check *check, const char *what, const struct error *err)
{
    const char *semicolon = err->hint[0] != '\0' ? "; " : "";
    check->count++;
    (void)buffer_format(check->complaints, "%s: %s%s%s\n", what, err->message, semicolon,
                        err->hint);
}

static void check_readable(struct host_check *check, const char *what, const char *path)
{
    struct error err;
    if (path[0] == '\0' || access(path, R_OK) == 0)
        return;
    error_set_errno(&err, errno, "%s", path);
    complain(check, what, &err);
}

static void check_secret_file(struct host_check *check, const char *what, const char *path)
{
    struct error err;
    struct buffer secret;
    if (path[0] == '\0')
        return;
    buffer_init(&secret, SECRET_BYTES);
    if (!file_read_secret(path, &secret, &err)) {
        complain(check, what, &err);
    } else if (secret.length == 0) {
        error_set(&err, ERROR_INVALID, "%s: empty", path);
        complain(check, what, &err);
    }
    if (secret.data != NULL)
        explicit_bzero(secret.data, secret.capacity);
    buffer_done(&secret);
}

static void check_secret_variable(struct host_check *check, const char *what, const char *name)
{
    struct error err;
    const char *value = getenv(name);
    if (name[0] == '\0' || (value != NULL && value[0] != '\0'))
        return;
    error_set(&err, ERROR_NOT_FOUND, "environment variable %s: not set", name);
    error_hint(&err, "set it where the service is started, e.g. in an EnvironmentFile");
    complain(check, what, &err);
}

static void check_credentials(struct host_check *check, const char *what,
                              const struct credentials *credentials)
{
    check_secret_file(check, what, credentials->password_file);
    check_secret_variable(check, what, credentials->password_env);
    check_secret_file(check, what, credentials->token_file);
    check_secret_variable(check, what, credentials->token_env);
}

static void check_lb(struct host_check *check, const char *cluster, const struct lb *lb)
{
    char what[2 * LIMIT_NAME + 64];
    (void)snprintf(what, sizeof(what), "cluster %s: load balancer %s: credentials", cluster,
                   lb->name);
    check_credentials(check, what, &lb->options.credentials);
    (void)snprintf(what, sizeof(what), "cluster %s: load balancer %s: tls.ca_file", cluster,
                   lb->name);
    check_readable(check, what, lb->options.ca_file);
}

static void check_cluster(struct host_check *check, const struct cluster_config *cluster)
{
    char what[LIMIT_NAME + 32];
    (void)snprintf(what, sizeof(what), "cluster %s: credentials", cluster->name);
    check_credentials(check, what, &cluster->credentials);
    (void)snprintf(what, sizeof(what), "cluster %s: tls.ca_file", cluster->name);
    check_readable(check, what, cluster->ca_file);
    for (size_t i = 0; i < cluster->lb_count; i++)
        check_lb(check, cluster->name, &cluster->lbs[i].lb);
}

static bool is_readable(const char *path)
{
    return faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0;
}

static bool exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static void check_key(struct host_check *check, const char *what, const char *path)
{
    struct error err;
    struct key_pair *pair = NULL;
    if (!key_pair_load(path, &pair, &err))
        complain(check, what, &err);
    key_pair_free(pair);
}

/* The embedded set-up makes the controller's key at its first start. The operator's key belongs to
 * whoever runs the CLI, perhaps as another user or on another machine: it is looked at where it can
 * be read. */
static void check_keys(struct host_check *check, const struct config *config)
{
    if (!config->is_embedded || exists(config->key_file))
        check_key(check, "controller.key_file", config->key_file);
    if (is_readable(config->operator_key_file))
        check_key(check, "operator.key_file", config->operator_key_file);
}

/* Whether "DIRECTORY/redis-server" can be run; directory is a list's entry of `length` bytes. */
static bool has_redis_server(const char *directory, size_t length)
{
    FREE_CLEANUP char *path = memory_format("%.*s/redis-server", (int)length, directory);
    return length > 0 && access(path, X_OK) == 0;
}

static bool find_redis_server(const char *directories)
{
    while (*directories != '\0') {
        size_t length = strcspn(directories, ":");
        if (has_redis_server(directories, length))
            return true;
        directories += length + (directories[length] == ':');
    }
    return false;
}

static void check_redis(struct host_check *check, const struct config *config)
{
    struct error err;
    const char *path = getenv("PATH");
    if (!config->is_embedded) {
        check_secret_file(check, "redis.password_file", config->redis.password_file);
        check_secret_file(check, "redis.sentinel_password_file",
                          config->redis.sentinels.password_file);
        check_readable(check, "redis.tls.ca_file", config->redis.ca_file);
        check_readable(check, "redis.tls.cert_file", config->redis.cert_file);
        check_readable(check, "redis.tls.key_file", config->redis.key_file);
        return;
    }
    /* A service's PATH can be shorter than a shell's, so the usual places count as well. */
    if (find_redis_server(path != NULL ? path : "") ||
        find_redis_server("/usr/bin:/usr/local/bin:/usr/sbin:/usr/local/sbin"))
        return;
    error_set(&err, ERROR_NOT_FOUND, "redis: embedded needs the program redis-server");
    error_hint(&err, "install the package redis-server, or give the url of a Redis");
    complain(check, "redis", &err);
}

/* The nearest ancestor that exists decides whether the rest can be made. */
static void nearest_existing(const char *path, char nearest[LIMIT_PATH])
{
    (void)text_copy(nearest, LIMIT_PATH, path);
    while (!exists(nearest) && strlen(nearest) > 1) {
        char *slash = strrchr(nearest, '/');
        if (slash == nearest)
            slash++;
        *slash = '\0';
    }
}

static void check_state_dir(struct host_check *check, const char *state_dir)
{
    struct error err;
    struct stat status;
    char nearest[LIMIT_PATH];
    nearest_existing(state_dir, nearest);
    if (stat(nearest, &status) == 0 && !S_ISDIR(status.st_mode)) {
        error_set(&err, ERROR_CONFLICT, "%s: not a directory", nearest);
        complain(check, "controller.state_dir", &err);
    } else if (access(nearest, W_OK | X_OK) != 0) {
        error_set_errno(&err, errno, "%s: cannot write there", nearest);
        complain(check, "controller.state_dir", &err);
    }
}

size_t config_check_host(const struct config *config, struct buffer *ret_complaints)
{
    struct host_check check = {.complaints = ret_complaints};
    check_state_dir(&check, config->state_dir);
    check_keys(&check, config);
    check_redis(&check, config);
    for (size_t i = 0; i < config->cluster_count; i++)
        check_cluster(&check, &config->clusters[i]);
    return check.count;
}
