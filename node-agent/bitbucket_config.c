/* SPDX-License-Identifier: Apache-2.0 */
#include "bitbucket_config.h"

#include "customisation_config.h"
#include "path_text.h"
#include "text.h"
#include "version.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define PORT_MOST          65535
#define DOWNLOAD_MOST_MIB  10000 /* a second: more than any network brings */
#define MIB                (1024LL * 1024)
#define SIGNATURE_KEY_SIZE 64 /* 56 characters */

void config_complain(struct yaml_document *document, const struct yaml_node *map, const char *key,
                     const char *text)
{
    const struct yaml_node *node = yaml_find(map, key);
    if (node != NULL)
        yaml_complain(document, node, "%s", text);
    else
        yaml_complain(document, map, "%s: %s", key, text);
}

void config_get_path(struct yaml_document *document, const struct yaml_node *map, const char *key,
                     bool required, char path[LIMIT_PATH])
{
    if (yaml_get_path(document, map, key, required, path, LIMIT_PATH) && !path_is_normal(path))
        config_complain(document, map, key,
                        "a path is written without '.', '..', '//' and a slash at its end");
}

/* ---- where things are ---- */

/* A link in a release would vanish with it; one with a version's name would pass for a release. */
static const char *link_rule(const struct bitbucket_config *config)
{
    struct version version;
    struct error ignored;
    const char *name = path_below(config->install_link, config->releases);
    if (config->releases[0] == '\0' || config->install_link[0] == '\0')
        return NULL;
    if (path_is_inside(config->releases, config->install_link))
        return "the install link must not hold the releases";
    if (name == NULL)
        return NULL;
    if (strchr(name, '/') != NULL)
        return "the install link must lie outside of any release";
    if (version_parse(name, &version, &ignored))
        return "a version names a release, and not the install link";
    return NULL;
}

static bool is_apart(const char *path, const char *directory)
{
    return path[0] == '\0' || directory[0] == '\0' || !path_is_inside(path, directory);
}

/* BITBUCKET_HOME is never written by us, but releases are made and removed, and the link replaced:
 * none of them may lie in the other. */
static const char *home_rule(const struct bitbucket_config *config)
{
    if (!is_apart(config->home, config->releases))
        return "BITBUCKET_HOME must lie outside of the releases, which are replaced and removed";
    if (!is_apart(config->home, config->install_link))
        return "BITBUCKET_HOME must lie outside of the install tree, which is replaced";
    if (!is_apart(config->releases, config->home))
        return "releases must lie outside of BITBUCKET_HOME, where nothing is ever written";
    if (!is_apart(config->install_link, config->home))
        return "the install link must lie outside of BITBUCKET_HOME, where nothing is ever written";
    return NULL;
}

const char *bitbucket_config_broken_rule(const struct bitbucket_config *config,
                                         const char **ret_key)
{
    const char *broken = link_rule(config);
    *ret_key = broken != NULL ? "install_link" : "home";
    return broken != NULL ? broken : home_rule(config);
}

static void read_places(struct yaml_document *document, const struct yaml_node *section,
                        struct bitbucket_config *config)
{
    const char *key;
    config_get_path(document, section, "releases", false, config->releases);
    config_get_path(document, section, "install_link", false, config->install_link);
    config_get_path(document, section, "home", false, config->home);
    const char *broken = bitbucket_config_broken_rule(config, &key);
    if (broken != NULL)
        config_complain(document, section, key, broken);
}

/* ---- where it listens ---- */

bool bitbucket_config_is_address(const char *text)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

bool bitbucket_config_is_context_path(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._~-/";
    return text[0] == '\0' ||
           (path_is_normal(text) && text[1] != '\0' && strspn(text, allowed) == strlen(text));
}

static void read_listening(struct yaml_document *document, const struct yaml_node *section,
                           struct bitbucket_config *config)
{
    int64_t http_port = 0, ssh_port = BITBUCKET_SSH_PORT_OPEN;
    yaml_get_integer(document, section, "http_port", false, 1, PORT_MOST, &http_port);
    yaml_get_integer(document, section, "ssh_port", false, 0, PORT_MOST, &ssh_port);
    config->http_port = (int)http_port;
    config->ssh_port = (int)ssh_port;
    if (http_port == ssh_port && !config->open.http_port)
        config_complain(document, section, "ssh_port", "the same as http_port");
    if (yaml_get_text(document, section, "address", false, config->address,
                      sizeof(config->address)) &&
        !bitbucket_config_is_address(config->address))
        config_complain(document, section, "address", "expected a literal IPv4 or IPv6 address");
    if (yaml_get_text(document, section, "context_path", false, config->context_path,
                      sizeof(config->context_path)) &&
        !bitbucket_config_is_context_path(config->context_path))
        config_complain(document, section, "context_path", "expected a path such as /bitbucket");
}

/* ---- how it is started ---- */

static bool is_unit(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789:_.\\@-";
    size_t length = strlen(text), suffix = strlen(".service");
    return length > suffix && strspn(text, allowed) == length &&
           text_equal(text + length - suffix, ".service");
}

static bool is_variable_name(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return text[0] != '\0' && (text[0] < '0' || text[0] > '9') &&
           strspn(text, allowed) == strlen(text);
}

static void read_variable(struct yaml_document *document, const struct yaml_node *environment,
                          const char *name, struct bitbucket_config *config)
{
    char value[LIMIT_PATH] = "";
    const struct yaml_node *node = yaml_find(environment, name);
    if (!is_variable_name(name)) {
        yaml_complain(document, node != NULL ? node : environment,
                      "'%.60s' is not the name of a variable", name);
        return;
    }
    if (config->environment_count == AGENT_ENVIRONMENT) {
        yaml_complain(document, node, "more than %d variables", AGENT_ENVIRONMENT);
        return;
    }
    if (!yaml_get_text(document, environment, name, true, value, sizeof(value)))
        return;
    char *assignment = config->environment[config->environment_count++];
    if (snprintf(assignment, LIMIT_PATH, "%s=%s", name, value) >= LIMIT_PATH)
        yaml_complain(document, node, "name and value have more than %d bytes", LIMIT_PATH - 2);
}

static void read_script(struct yaml_document *document, const struct yaml_node *service,
                        struct bitbucket_config *config)
{
    const struct yaml_node *environment = yaml_get_map(document, service, "environment", false);
    yaml_get_name(document, service, "user", true, config->user, sizeof(config->user));
    for (size_t i = 0; environment != NULL && i < yaml_count(environment); i++)
        read_variable(document, environment, yaml_key(environment, i), config);
}

/* Both as the product's installer makes them. */
static void read_sysv(struct yaml_document *document, const struct yaml_node *service,
                      struct bitbucket_config *config)
{
    TEXT_COPY(config->init_script, "/etc/init.d/atlbitbucket");
    TEXT_COPY(config->user, "atlbitbucket");
    config_get_path(document, service, "script", false, config->init_script);
    yaml_get_name(document, service, "user", false, config->user, sizeof(config->user));
}

static void read_systemd(struct yaml_document *document, const struct yaml_node *service,
                         struct bitbucket_config *config)
{
    if (yaml_get_text(document, service, "unit", true, config->unit, sizeof(config->unit)) &&
        !is_unit(config->unit))
        config_complain(document, service, "unit", "expected a unit such as bitbucket.service");
}

static void read_service(struct yaml_document *document, const struct yaml_node *section,
                         struct bitbucket_config *config)
{
    static const char *const kinds[] = {
        [SERVICE_SYSTEMD] = "systemd", [SERVICE_SYSV] = "sysv", [SERVICE_SCRIPT] = "script", NULL};
    const struct yaml_node *service = yaml_get_map(document, section, "service", false);
    int kind;
    if (service == NULL || !yaml_get_word(document, service, "kind", true, kinds, &kind))
        return;
    config->service = (enum service_kind)kind;
    switch (config->service) {
    case SERVICE_SYSTEMD:
        read_systemd(document, service, config);
        break;
    case SERVICE_SYSV:
        read_sysv(document, service, config);
        break;
    case SERVICE_SCRIPT:
        read_script(document, service, config);
        break;
    }
    yaml_complain_unknown(document, service);
}

/* ---- how releases come ---- */

static void read_signature_key(struct yaml_document *document, const struct yaml_node *section,
                               struct bitbucket_config *config)
{
    char text[SIGNATURE_KEY_SIZE];
    struct error err;
    if (!yaml_get_text(document, section, "signature_key", false, text, sizeof(text)))
        return;
    config->has_signature_key = minisign_key_parse(text, &config->signature_key, &err);
    if (!config->has_signature_key)
        config_complain(document, section, "signature_key", err.message);
}

static void read_staging(struct yaml_document *document, const struct yaml_node *section,
                         struct bitbucket_config *config)
{
    int64_t limit_mib = 0;
    read_signature_key(document, section, config);
    yaml_get_integer(document, section, "download_limit_mib_per_s", false, 1, DOWNLOAD_MOST_MIB,
                     &limit_mib);
    config->download_bytes_per_s = limit_mib * MIB;
}

static struct bitbucket_open read_open(const struct yaml_node *section)
{
    return (struct bitbucket_open){
        .service = yaml_find(section, "service") == NULL,
        .releases = yaml_find(section, "releases") == NULL,
        .install_link = yaml_find(section, "install_link") == NULL,
        .home = yaml_find(section, "home") == NULL,
        .address = yaml_find(section, "address") == NULL,
        .http_port = yaml_find(section, "http_port") == NULL,
        .ssh_port = yaml_find(section, "ssh_port") == NULL,
        .context_path = yaml_find(section, "context_path") == NULL,
    };
}

void bitbucket_config_read(struct yaml_document *document, const struct yaml_node *section,
                           struct bitbucket_config *config)
{
    config->open = read_open(section);
    read_places(document, section, config);
    read_listening(document, section, config);
    read_service(document, section, config);
    customisation_config_read(document, section, config);
    read_staging(document, section, config);
    yaml_complain_unknown(document, section);
}
