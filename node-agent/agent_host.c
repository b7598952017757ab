/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_config.h"

#include "enroll.h"
#include "file.h"
#include "memory.h"
#include "node_check.h"
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_BYTES 4096 /* what file_read_secret() reads at most */
#define CLOCK_MS     3000 /* for Redis to tell the time */

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
    if (path[0] != '\0' && !key_pair_load(path, &pair, &err)) {
        enroll_hint(&err);
        complain_of_error(check, "key_file", &err);
    }
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

static void check_node(struct host_check *check, const struct agent_config *config)
{
    struct node_complaints complaints;
    node_check(config, &complaints);
    for (size_t i = 0; i < complaints.count && i < MESSAGE_COMPLAINTS; i++) {
        const struct node_complaint *complaint = &complaints.items[i];
        (void)buffer_format(check->complaints, "%s%s%s\n", complaint->message,
                            complaint->hint[0] != '\0' ? "; hint: " : "", complaint->hint);
    }
    check->count += complaints.count;
}

/* Commands expire by this host's clock, and Redis is what it shares with the controllers. Where
 * Redis does not answer, or will not tell this user, nothing is known. */
static void check_clock(struct host_check *check, const struct redis_address *address)
{
    struct redis *redis = redis_new(address);
    struct deadline deadline = deadline_after_ms(CLOCK_MS);
    REPLY_CLEANUP redisReply *reply = NULL;
    struct error ignored;
    uint64_t seconds = 0;
    if (redis_connect(redis, deadline, &ignored) &&
        redis_command(redis, deadline, &reply, &ignored, "TIME", (char *)NULL) &&
        reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        text_parse_u64(reply->element[0]->str, INT64_MAX / 1000, &seconds)) {
        int64_t skew_ms = clock_wall_ms() - (int64_t)seconds * 1000;
        if (skew_ms > LIMIT_CLOCK_SKEW_MS || skew_ms < -LIMIT_CLOCK_SKEW_MS)
            complain(check, "clock",
                     "it is %lld s off that of Redis, %d s are allowed; hint: commands expire by "
                     "the clock: mend NTP on this host, or on that of Redis",
                     (long long)(skew_ms / 1000), LIMIT_CLOCK_SKEW_MS / 1000);
    }
    redis_free(redis);
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
    check_state_dir(&check, config->state_dir);
    check_key(&check, config->key_file);
    check_secret(&check, "redis.password_file", config->redis.password_file);
    check_secret(&check, "redis.sentinel_password_file", config->redis.sentinels.password_file);
    check_readable(&check, "redis.tls.ca_file", config->redis.ca_file);
    check_readable(&check, "redis.tls.cert_file", config->redis.cert_file);
    check_secret(&check, "redis.tls.key_file", config->redis.key_file);
    if (config->has_bitbucket)
        check_node(&check, config);
    for (size_t i = 0; i < config->lb_count; i++)
        check_lb(&check, &config->lbs[i]);
    if (config->cluster[0] != '\0')
        check_clock(&check, &config->redis);
    return check.count;
}
