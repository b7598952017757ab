/* SPDX-License-Identifier: Apache-2.0 */
#include "look_listening.h"

#include "bitbucket_config.h"
#include "child.h"
#include "file.h"
#include "path_text.h"
#include "properties_text.h"
#include "service.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define PROPERTIES_BYTES                                                                           \
    ((size_t)64 * 1024)   /* what a child's output may have; 2 KB in the field                     \
                           */
#define READ_MS      5000 /* a file server that does not answer */
#define CLUSTER_PORT 5701 /* Hazelcast's */
#define PORT_MOST    65535

/* They hold passwords of databases. */
static void forget(struct buffer *text)
{
    if (text->data != NULL)
        explicit_bzero(text->data, text->capacity);
    buffer_done(text);
}
#define FORGET_CLEANUP __attribute__((cleanup(forget)))

static bool read_as_user(const struct bitbucket_config *config, const char *path,
                         struct buffer *ret_text, struct error *err)
{
    char user[LIMIT_NAME] = "";
    const char *const argv[] = {"/usr/bin/cat", "--", path, NULL};
    const char *const environment[] = {NULL};
    struct child_request request = {.argv = argv,
                                    .environment = environment,
                                    .user = user,
                                    .deadline = deadline_after_ms(READ_MS),
                                    .keeps_errors_apart = true};
    struct child_result result;
    struct error denied = *err;
    if (geteuid() != 0 || !service_of(config)->user(config, user, err) || user[0] == '\0') {
        *err = denied;
        return false;
    }
    if (!child_run(&request, &result, err))
        return false;
    bool is_cut = result.output.length >= CHILD_OUTPUT_BYTES;
    bool is_read = !is_cut && !result.timed_out && result.exit_status == 0 &&
                   buffer_add_text(ret_text, buffer_text(&result.output));
    if (is_cut)
        error_set(err, ERROR_FULL, "'%s' has %d bytes or more", path, CHILD_OUTPUT_BYTES);
    else if (result.timed_out)
        error_set(err, ERROR_TIMEOUT, "'%s' cannot be read within %d s", path, READ_MS / 1000);
    else if (!is_read)
        *err = denied;
    forget(&result.output);
    child_result_done(&result);
    return is_read;
}

static bool read_properties(const struct bitbucket_config *config, struct buffer *ret_text,
                            struct error *err)
{
    char path[LIMIT_PATH + sizeof(LISTENING_PROPERTIES) + 1];
    (void)snprintf(path, sizeof(path), "%s/" LISTENING_PROPERTIES, config->home);
    return file_read(path, ret_text, err) || err->code == ERROR_NOT_FOUND ||
           (err->code == ERROR_DENIED && read_as_user(config, path, ret_text, err));
}

/* *ret_value stays where the key is not there. */
static bool read_port(const char *text, const char *key, int *ret_value, struct error *err)
{
    char value[64];
    uint64_t port;
    if (!properties_text_get(text, key, value, sizeof(value), err))
        return false;
    if (value[0] == '\0')
        return true;
    if (text_parse_u64(value, PORT_MOST, &port) && port > 0) {
        *ret_value = (int)port;
        return true;
    }
    error_set(err, ERROR_INVALID, "%s=%s is not a port", key, value);
    return false;
}

static bool read_ssh_port(const char *text, int *ret_port, struct error *err)
{
    char value[64];
    if (!read_port(text, "plugin.ssh.port", ret_port, err) ||
        !properties_text_get(text, "plugin.ssh.enabled", value, sizeof(value), err))
        return false;
    if (strcasecmp(value, "false") == 0)
        *ret_port = 0;
    if (value[0] == '\0' || strcasecmp(value, "false") == 0 || strcasecmp(value, "true") == 0)
        return true;
    error_set(err, ERROR_INVALID, "plugin.ssh.enabled=%s is neither true nor false", value);
    return false;
}

static bool read_address(const char *text, struct found_listening *found, struct error *err)
{
    char value[64];
    if (!properties_text_get(text, "server.address", value, sizeof(value), err))
        return false;
    bool is_any = text_equal(value, "0.0.0.0") || text_equal(value, "::");
    if (value[0] == '\0' || bitbucket_config_is_address(value)) {
        found->has_address = value[0] != '\0';
        return TEXT_COPY(found->address, is_any ? "" : value);
    }
    error_set(err, ERROR_INVALID, "server.address=%s is a name, and here an address is needed",
              value);
    error_hint(err, "write it as bitbucket.address");
    return false;
}

/* As the product takes it: a slash at the end is none. */
static bool read_context_path(const char *text, struct found_listening *found, struct error *err)
{
    char value[128];
    if (!properties_text_get(text, "server.context-path", value, sizeof(value), err))
        return false;
    bool is_there = value[0] != '\0';
    path_trim_slashes(value);
    if (text_equal(value, "/"))
        value[0] = '\0';
    if (bitbucket_config_is_context_path(value)) {
        found->has_context_path = is_there;
        return TEXT_COPY(found->context_path, value);
    }
    error_set(err, ERROR_INVALID, "server.context-path=%s is not a path such as /bitbucket", value);
    return false;
}

bool look_for_listening(const struct bitbucket_config *config, struct found_listening *ret_found,
                        struct error *err)
{
    FORGET_CLEANUP struct buffer buffer;
    const struct bitbucket_open *open = &config->open;
    struct found_listening found = {.ssh_port = BITBUCKET_SSH_PORT_OPEN,
                                    .cluster_port = CLUSTER_PORT};
    buffer_init(&buffer, PROPERTIES_BYTES);
    if (!read_properties(config, &buffer, err))
        return false;
    const char *text = buffer_text(&buffer);
    struct error ignored;
    (void)read_port(text, "hazelcast.port", &found.cluster_port, &ignored);
    if ((!read_port(text, "server.port", &found.http_port, err) && open->http_port) ||
        (!read_ssh_port(text, &found.ssh_port, err) && open->ssh_port) ||
        (!read_address(text, &found, err) && open->address) ||
        (!read_context_path(text, &found, err) && open->context_path)) {
        error_wrap(err, "%s/" LISTENING_PROPERTIES, config->home);
        error_hint(err, "write what holds under bitbucket: http_port, ssh_port, address, "
                        "context_path");
        return false;
    }
    *ret_found = found;
    return true;
}
