/* SPDX-License-Identifier: Apache-2.0 */
#include "look.h"

#include "bitbucket_config.h"
#include "look_home.h"
#include "look_listening.h"
#include "look_places.h"
#include "look_service.h"
#include "path_text.h"
#include "service.h"
#include "service_candidates.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define RELEASES  "/opt/atlassian/bitbucket" /* the product's own defaults */
#define HTTP_PORT 7990
#define SSH_PORT  7999

static const char as_configured[] = "as configured";
static const char by_default[] = "the product's default";

/* One look at the host. */
struct look {
    struct bitbucket_config *config;
    const char *state_dir;
    const char *root;
    struct buffer *found, *complaints;
    size_t complaint_count;
};

static void tell(struct look *look, const char *what, const char *value, const char *where)
{
    if (look->found != NULL)
        (void)buffer_format(look->found, "%s: %s (%s)\n", what, value, where);
}

static void tell_port(struct look *look, const char *what, int port, const char *where)
{
    char value[16];
    (void)snprintf(value, sizeof(value), "%d", port);
    tell(look, what, port != 0 ? value : "off", where);
}

static bool complain(struct look *look, const char *key, const struct error *err)
{
    (void)buffer_format(look->complaints, "bitbucket.%s: %s%s%s\n", key, err->message,
                        err->hint[0] != '\0' ? "; hint: " : "", err->hint);
    look->complaint_count++;
    return false;
}

/* ---- what starts it ---- */

static bool find_service(struct look *look)
{
    struct error err;
    if (!look->config->open.service)
        return service_is_told(look->config);
    return look_for_service(look->config, look->root, &err) || complain(look, "service", &err);
}

static void write_service(const struct bitbucket_config *config, char *text, size_t size)
{
    (void)snprintf(text, size, "%s%s", config->service == SERVICE_SYSTEMD ? "unit " : "",
                   config->service == SERVICE_SYSTEMD ? config->unit : config->init_script);
}

static void tell_user(struct look *look)
{
    struct bitbucket_config *config = look->config;
    char user[LIMIT_NAME], where[LIMIT_PATH];
    struct error ignored;
    bool is_open = config->open.service && config->service == SERVICE_SYSV;
    if (is_open)
        look_for_user(config, where);
    else if (config->service == SERVICE_SYSTEMD)
        write_service(config, where, sizeof(where));
    else
        TEXT_COPY(where, as_configured);
    if (service_of(config)->user(config, user, &ignored))
        tell(look, "user", user[0] != '\0' ? user : "root", where);
}

/* ---- where it is installed ---- */

static void default_link(struct bitbucket_config *config)
{
    (void)snprintf(config->install_link, sizeof(config->install_link), "%.*s/current",
                   (int)(LIMIT_PATH - sizeof("/current")), config->releases);
}

static bool find_releases(struct look *look, const struct found_places *found, bool is_told,
                          struct error *err)
{
    struct bitbucket_config *config = look->config;
    struct service_candidates candidates;
    if (!is_told) {
        service_candidates_find(NULL, look->root, &candidates);
        if (candidates.count > 0)
            service_candidates_hint(&candidates, err);
        return complain(look, "releases", err);
    }
    if (found->releases[0] != '\0')
        return TEXT_COPY(config->releases, found->releases);
    if (service_of(config)->define == NULL)
        return TEXT_COPY(config->releases, RELEASES);
    error_set(err, ERROR_NOT_FOUND, "the service names no tree of Bitbucket that is there");
    error_hint(err, "write bitbucket.releases, where one directory a release is, and "
                    "bitbucket.install_link, through which the service starts one");
    return complain(look, "releases", err);
}

static void tell_places(struct look *look, const struct found_places *found)
{
    const struct bitbucket_config *config = look->config;
    char service[LIMIT_PATH + 16], names_release[LIMIT_PATH + 48];
    write_service(config, service, sizeof(service));
    (void)snprintf(names_release, sizeof(names_release), "%s names the release itself", service);
    tell(look, "releases", config->releases,
         !config->open.releases       ? as_configured
         : found->releases[0] != '\0' ? service
                                      : by_default);
    if (!config->open.install_link)
        tell(look, "install_link", config->install_link, as_configured);
    else if (found->install_link[0] != '\0')
        tell(look, "install_link", config->install_link, service);
    else if (found->releases[0] != '\0')
        tell(look, "install_link", "none", names_release);
    else
        tell(look, "install_link", config->install_link, by_default);
}

/* How its definition spells them; where there is none, or only the releases are written, the link
 * is where the product's documentation has it. */
static bool find_places(struct look *look)
{
    struct bitbucket_config *config = look->config;
    const struct bitbucket_open *open = &config->open;
    struct found_places found = {.releases = ""};
    struct error err;
    bool is_told =
        (!open->releases && !open->install_link) || look_for_places(config, &found, &err);
    if (open->releases && !find_releases(look, &found, is_told, &err))
        return false;
    if (config->releases[0] == '\0')
        return false;
    if (open->install_link)
        TEXT_COPY(config->install_link, found.install_link);
    if (config->install_link[0] == '\0')
        default_link(config);
    tell_places(look, &found);
    return true;
}

/* ---- the home ---- */

static bool find_home(struct look *look)
{
    struct bitbucket_config *config = look->config;
    struct found_home home;
    struct error err;
    if (!config->open.home) {
        tell(look, "home", config->home, as_configured);
        return config->home[0] != '\0';
    }
    if (!look_for_home(config, look->state_dir, &home, &err))
        return complain(look, "home", &err);
    config->is_home_of_process = text_starts_with(home.where, "process ");
    TEXT_COPY(config->home, home.path);
    tell(look, "home", home.path, home.where);
    return true;
}

/* ---- where it listens ---- */

/* A file system that is not mounted would pass for one without properties. */
static bool has_properties(const struct bitbucket_config *config, struct error *err)
{
    struct stat status;
    char path[LIMIT_PATH + 16];
    (void)snprintf(path, sizeof(path), "%s/shared", config->home);
    int failure = stat(path, &status) == 0 ? 0 : errno;
    if (failure == 0 && S_ISDIR(status.st_mode))
        return true;
    if (failure == 0 || failure == ENOENT)
        error_set(err, ERROR_NOT_FOUND, "'%s' is not there, and so the port cannot be told", path);
    else
        error_set_errno(err, failure, "'%s', and so the port cannot be told", path);
    error_hint(err, "mount it, or write bitbucket.http_port and bitbucket.ssh_port");
    return false;
}

static void take_listening(struct look *look, const struct found_listening *found)
{
    struct bitbucket_config *config = look->config;
    const struct bitbucket_open *open = &config->open;
    bool has_ssh = found->ssh_port != BITBUCKET_SSH_PORT_OPEN;
    const char *const file = LISTENING_PROPERTIES;
    if (open->http_port)
        config->http_port = found->http_port != 0 ? found->http_port : HTTP_PORT;
    if (open->ssh_port)
        config->ssh_port = has_ssh ? found->ssh_port : SSH_PORT;
    if (open->address)
        TEXT_COPY(config->address, found->address);
    if (open->context_path)
        TEXT_COPY(config->context_path, found->context_path);
    tell_port(look, "http_port", config->http_port,
              !open->http_port        ? as_configured
              : found->http_port != 0 ? file
                                      : by_default);
    tell_port(look, "ssh_port", config->ssh_port,
              !open->ssh_port ? as_configured
              : has_ssh       ? file
                              : by_default);
    tell(look, "address", config->address[0] != '\0' ? config->address : "any",
         !open->address       ? as_configured
         : found->has_address ? file
                              : by_default);
    tell(look, "context_path", config->context_path[0] != '\0' ? config->context_path : "none",
         !open->context_path       ? as_configured
         : found->has_context_path ? file
                                   : by_default);
}

static bool find_listening(struct look *look)
{
    struct bitbucket_config *config = look->config;
    const struct bitbucket_open *open = &config->open;
    struct found_listening found = {.ssh_port = BITBUCKET_SSH_PORT_OPEN};
    struct error err;
    bool is_open = open->http_port || open->ssh_port || open->address || open->context_path;
    if (open->http_port && !has_properties(config, &err))
        return complain(look, "http_port", &err);
    if (is_open && !look_for_listening(config, &found, &err))
        return complain(look, "http_port", &err);
    take_listening(look, &found);
    if (config->http_port != config->ssh_port || (!open->http_port && !open->ssh_port))
        return true;
    error_set(&err, ERROR_CONFLICT, "HTTP and SSH have the same port, %d", config->http_port);
    error_hint(&err, "write bitbucket.http_port and bitbucket.ssh_port (0: SSH is off)");
    return complain(look, "ssh_port", &err);
}

/* ---- the rules ---- */

/* What is written alone has been judged already. A home in a release is left to the check of the
 * node, so that a plan names it: what removes releases looks for it. */
static void check_rules(struct look *look)
{
    const struct bitbucket_config *config = look->config;
    const struct bitbucket_open *open = &config->open;
    const char *key;
    struct error err;
    const char *broken = bitbucket_config_broken_rule(config, &key);
    bool is_home_inside = path_is_inside(config->home, config->releases) ||
                          path_is_inside(config->home, config->install_link);
    bool is_of_home = broken != NULL && text_equal(key, "home");
    if (broken != NULL && (open->releases || open->install_link || open->home) &&
        !(is_of_home && is_home_inside)) {
        error_set(&err, ERROR_INVALID, "%s", broken);
        complain(look, key, &err);
    }
    if (open->home && path_is_inside(look->state_dir, config->home)) {
        error_set(&err, ERROR_INVALID,
                  "'%s' holds the state_dir, and nothing is ever written there", config->home);
        complain(look, "home", &err);
    }
}

size_t look_fill(struct agent_config *config, const char *root, struct buffer *ret_found,
                 struct buffer *ret_complaints)
{
    struct look look = {.config = &config->bitbucket,
                        .state_dir = config->state_dir,
                        .root = root,
                        .found = ret_found,
                        .complaints = ret_complaints};
    if (!config->has_bitbucket || !find_service(&look) || !find_places(&look))
        return look.complaint_count;
    tell_user(&look);
    if (find_home(&look) && find_listening(&look) && look.complaint_count == 0)
        check_rules(&look);
    return look.complaint_count;
}

bool look_remember(const struct agent_config *config, struct error *err)
{
    const struct bitbucket_config *bitbucket = &config->bitbucket;
    return !bitbucket->is_home_of_process ||
           look_remember_home(config->state_dir, bitbucket->home, err);
}
