/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_config.h"

#include "file.h"
#include "memory.h"
#include "path_text.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_BYTES 4096 /* what file_read_secret() reads at most */

struct host_check {
    struct buffer *complaints;
    size_t count;
};

/* A line is lost, but still counted, where the buffer is full of those before it. */
__attribute__((format(printf, 3, 4))) static void
complain(struct host_check *check, const char *what, const char *format, ...)
{
    char text[ERROR_MESSAGE_SIZE + ERROR_HINT_SIZE + LIMIT_PATH];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)buffer_format(check->complaints, "%s: %s\n", what, text);
    check->count++;
}

static void complain_of_error(struct host_check *check, const char *what, const struct error *err)
{
    complain(check, what, "%s%s%s", err->message, err->hint[0] != '\0' ? "; hint: " : "",
             err->hint);
}

/* Everything below skips what is empty: the configuration was complained of then. */

static void check_secret(struct host_check *check, const char *what, const char *path)
{
    BUFFER_CLEANUP struct buffer secret;
    struct error err;
    buffer_init(&secret, SECRET_BYTES);
    if (path[0] == '\0')
        return;
    if (!file_read_secret(path, &secret, &err))
        complain_of_error(check, what, &err);
    else if (secret.length == 0)
        complain(check, what, "'%s' is empty", path);
    if (secret.data != NULL)
        explicit_bzero(secret.data, secret.capacity);
}

static void check_key(struct host_check *check, const char *path)
{
    struct key_pair *pair = NULL;
    struct error err;
    if (path[0] != '\0' && !key_pair_load(path, &pair, &err))
        complain_of_error(check, "key_file", &err);
    key_pair_free(pair);
}

static void check_readable(struct host_check *check, const char *what, const char *path)
{
    if (path[0] != '\0' && access(path, R_OK) != 0)
        complain(check, what, "read '%s': %s", path, strerror(errno));
}

static void check_variable(struct host_check *check, const char *what, const char *name)
{
    const char *value = getenv(name);
    if (name[0] != '\0' && (value == NULL || value[0] == '\0'))
        complain(check, what,
                 "environment variable '%s' is not set; hint: set it where the service "
                 "is started, e.g. in an EnvironmentFile",
                 name);
}

/* Writable, also if `path` is still to be made. */
static void check_state_dir(struct host_check *check, const char *path)
{
    struct stat status = {0};
    char at[LIMIT_PATH];
    if (path[0] == '\0')
        return;
    TEXT_COPY(at, path);
    while (stat(at, &status) != 0 && errno == ENOENT && at[1] != '\0') {
        char *slash = strrchr(at, '/');
        slash[slash == at ? 1 : 0] = '\0';
    }
    if (!S_ISDIR(status.st_mode) || access(at, W_OK | X_OK) != 0)
        complain(check, "state_dir", "'%s' is not a directory that can be written", at);
}

static void check_directory(struct host_check *check, const char *what, const char *path,
                            int access_mode, const char *rule)
{
    struct stat status;
    if (path[0] != '\0' &&
        (stat(path, &status) != 0 || !S_ISDIR(status.st_mode) || access(path, access_mode) != 0))
        complain(check, what, "'%s' must be %s", path, rule);
}

/* The link that a switch replaces: it must be one, and name a release. */
static void check_link(struct host_check *check, const struct bitbucket_config *config)
{
    static const char what[] = "bitbucket.install_link";
    struct stat status;
    FREE_CLEANUP char *releases = realpath(config->releases, NULL);
    FREE_CLEANUP char *target = realpath(config->install_link, NULL);
    if (config->install_link[0] == '\0' || releases == NULL)
        return;
    if (lstat(config->install_link, &status) != 0 || !S_ISLNK(status.st_mode)) {
        complain(check, what,
                 "'%s' must be a symbolic link, so that a switch is atomic; hint: move the tree to "
                 "'%s/VERSION' and link to it",
                 config->install_link, config->releases);
        return;
    }
    const char *name = target == NULL ? NULL : path_below(target, releases);
    if (name == NULL || strchr(name, '/') != NULL)
        complain(check, what, "'%s' names '%s' and not a directory in '%s'", config->install_link,
                 target == NULL ? "nothing" : target, releases);
}

/* Symbolic links can bring together what the texts keep apart. */
static void check_home(struct host_check *check, const struct bitbucket_config *config)
{
    FREE_CLEANUP char *home = realpath(config->home, NULL);
    FREE_CLEANUP char *releases = realpath(config->releases, NULL);
    FREE_CLEANUP char *tree = realpath(config->install_link, NULL);
    if (home == NULL)
        return;
    if ((releases != NULL && path_is_inside(home, releases)) ||
        (tree != NULL && path_is_inside(home, tree)))
        complain(check, "bitbucket.home",
                 "BITBUCKET_HOME must lie outside of releases and install tree, but is '%s'", home);
    if (releases != NULL && path_below(releases, home) != NULL)
        complain(check, "bitbucket.releases",
                 "must lie outside of BITBUCKET_HOME, where nothing is ever written, but is '%s'",
                 releases);
}

static void check_service(struct host_check *check, const struct bitbucket_config *config)
{
    if (config->unit[0] != '\0' && access("/run/systemd/system", F_OK) != 0)
        complain(check, "bitbucket.service", "systemd does not run here; hint: kind: script");
    if (config->user[0] == '\0')
        return;
    const struct passwd *user = getpwnam(config->user);
    if (user == NULL)
        complain(check, "bitbucket.service.user", "there is no user '%s'", config->user);
    else if (geteuid() != 0 && geteuid() != user->pw_uid)
        complain(check, "bitbucket.service.user", "only root can become '%s'", config->user);
}

static void check_lb(struct host_check *check, const struct lb *lb)
{
    const struct credentials *credentials = &lb->options.credentials;
    char what[LIMIT_NAME + 64];
    (void)snprintf(what, sizeof(what), "load balancer %s: credentials", lb->name);
    check_secret(check, what, credentials->password_file);
    check_variable(check, what, credentials->password_env);
    check_secret(check, what, credentials->token_file);
    check_variable(check, what, credentials->token_env);
    (void)snprintf(what, sizeof(what), "load balancer %s: tls.ca_file", lb->name);
    check_readable(check, what, lb->options.ca_file);
}

size_t agent_config_check_host(const struct agent_config *config, struct buffer *ret_complaints)
{
    struct host_check check = {.complaints = ret_complaints};
    const struct bitbucket_config *bitbucket = &config->bitbucket;
    check_state_dir(&check, config->state_dir);
    check_key(&check, config->key_file);
    check_secret(&check, "redis.password_file", config->redis.password_file);
    check_secret(&check, "redis.sentinel_password_file", config->redis.sentinels.password_file);
    check_readable(&check, "redis.tls.ca_file", config->redis.ca_file);
    check_readable(&check, "redis.tls.cert_file", config->redis.cert_file);
    check_secret(&check, "redis.tls.key_file", config->redis.key_file);
    check_directory(&check, "bitbucket.releases", bitbucket->releases, R_OK | W_OK | X_OK,
                    "a directory that can be written");
    check_directory(&check, "bitbucket.home", bitbucket->home, X_OK, "a directory");
    check_link(&check, bitbucket);
    check_home(&check, bitbucket);
    check_service(&check, bitbucket);
    for (size_t i = 0; i < config->lb_count; i++)
        check_lb(&check, &config->lbs[i]);
    return check.count;
}
