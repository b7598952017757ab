/* SPDX-License-Identifier: Apache-2.0 */
#include "look_places.h"

#include "file.h"
#include "memory.h"
#include "path_text.h"
#include "service.h"
#include "text.h"
#include "tree_paths.h"
#include "version.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One tree that the definition names. */
struct tree {
    const char *path;
    const char *service; /* its name, for messages */
};

static bool has_name_of_version(const char *path)
{
    struct version version;
    struct error ignored;
    const char *name = strrchr(path, '/') + 1;
    return strlen(name) < LIMIT_VERSION && version_parse(name, &version, &ignored);
}

static bool take(char *place, const char *found, const struct tree *tree, struct error *err)
{
    if (place[0] == '\0' || text_equal(place, found)) {
        text_copy(place, LIMIT_PATH, found);
        return true;
    }
    error_set(err, ERROR_CONFLICT, "%s starts and stops trees in two places, '%s' and '%s'",
              tree->service, place, found);
    error_hint(err, "have it name one, or write bitbucket.releases and bitbucket.install_link");
    return false;
}

static bool take_directory(const char *path, struct found_places *places, const struct tree *tree,
                           struct error *err)
{
    FREE_CLEANUP char *directory = file_directory(path);
    if (has_name_of_version(path))
        return take(places->releases, directory, tree, err);
    error_set(err, ERROR_INVALID, "%s starts the tree '%s', which has not a version's name",
              tree->service, path);
    error_hint(err, "move it to DIRECTORY/VERSION, as /opt/atlassian/bitbucket/7.9.0, and have the "
                    "service start it there, or through a link to it");
    return false;
}

/* What the link leads to as it is spelt there, so that links further up are seen, and told. */
static bool read_target(const char *link, char target[PATH_MAX])
{
    char spelt[LIMIT_PATH], whole[2 * LIMIT_PATH];
    FREE_CLEANUP char *directory = file_directory(link);
    FREE_CLEANUP char *resolved = realpath(link, NULL);
    ssize_t size = readlink(link, spelt, sizeof(spelt) - 1);
    if (resolved == NULL || size < 0)
        return false;
    spelt[size] = '\0';
    (void)snprintf(whole, sizeof(whole), "%s%s%s", spelt[0] == '/' ? "" : directory,
                   spelt[0] == '/' ? "" : "/", spelt);
    FREE_CLEANUP char *through = realpath(whole, NULL);
    struct stat status;
    bool is_direct = path_is_normal(whole) && through != NULL && text_equal(through, resolved) &&
                     lstat(whole, &status) == 0 && S_ISDIR(status.st_mode);
    return text_copy(target, PATH_MAX, is_direct ? whole : resolved);
}

static bool take_link(struct found_places *places, const struct tree *tree, struct error *err)
{
    char target[PATH_MAX];
    if (has_name_of_version(tree->path)) {
        error_set(err, ERROR_INVALID, "%s starts '%s', a symbolic link with a version's name",
                  tree->service, tree->path);
        error_hint(err, "have the service start the directory itself, or through a link of another "
                        "name, such as current");
        return false;
    }
    if (!take(places->install_link, tree->path, tree, err))
        return false;
    if (read_target(tree->path, target))
        return take_directory(target, places, tree, err);
    error_set(err, ERROR_NOT_FOUND, "%s starts through the link '%s', which leads nowhere",
              tree->service, tree->path);
    error_hint(err, "have it lead to the release in use");
    return false;
}

static bool take_tree(struct found_places *places, const struct tree *tree, struct error *err)
{
    struct stat status;
    if (lstat(tree->path, &status) != 0) {
        error_set(err, ERROR_NOT_FOUND, "%s starts '%s/bin/start-bitbucket.sh', which is not there",
                  tree->service, tree->path);
        error_hint(err, "is its file system mounted?");
        return false;
    }
    return S_ISLNK(status.st_mode) ? take_link(places, tree, err)
                                   : take_directory(tree->path, places, tree, err);
}

/* None where it has no definition, as {kind: script}. ERROR_NOT_FOUND: there is no such service. */
static bool read_trees(const struct bitbucket_config *config, struct service_definition *loaded,
                       struct tree_paths *ret_trees, struct error *err)
{
    const struct service *service = service_of(config);
    ret_trees->count = 0;
    if (service->define == NULL)
        return true;
    buffer_init(&loaded->commands, SERVICE_COMMANDS_BYTES);
    bool is_read = service->define(config, loaded, err);
    if (is_read)
        tree_paths_find(buffer_text(&loaded->commands), ret_trees);
    buffer_done(&loaded->commands);
    return is_read;
}

bool look_for_places(const struct bitbucket_config *config, struct found_places *ret_places,
                     struct error *err)
{
    struct service_definition loaded = {.file_count = 0};
    struct tree_paths trees;
    *ret_places = (struct found_places){.releases = ""};
    bool is_well = read_trees(config, &loaded, &trees, err);
    for (size_t i = 0; is_well && i < trees.count; i++) {
        struct tree tree = {.path = trees.items[i], .service = loaded.name};
        is_well = take_tree(ret_places, &tree, err);
    }
    return is_well;
}

/* ---- what is configured ---- */

static bool is_configured(const struct bitbucket_config *config, const char *tree)
{
    FREE_CLEANUP char *directory = file_directory(tree);
    FREE_CLEANUP char *link_directory = file_directory(config->install_link);
    bool is_link = text_equal(strrchr(tree, '/'), strrchr(config->install_link, '/')) &&
                   file_is_same_place(directory, link_directory);
    return is_link ||
           (has_name_of_version(tree) && file_is_same_place(directory, config->releases));
}

bool look_for_foreign_tree(const struct bitbucket_config *config, char path[LIMIT_PATH])
{
    struct service_definition loaded = {.file_count = 0};
    struct tree_paths trees;
    struct error ignored;
    if (!read_trees(config, &loaded, &trees, &ignored))
        return false;
    for (size_t i = 0; i < trees.count; i++) {
        if (!is_configured(config, trees.items[i]))
            return text_copy(path, LIMIT_PATH, trees.items[i]);
    }
    return false;
}
