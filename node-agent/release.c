/* SPDX-License-Identifier: Apache-2.0 */
#include "release.h"

#include "definition.h"
#include "definition_store.h"
#include "file.h"
#include "home_script.h"
#include "memory.h"
#include "service.h"
#include "text.h"
#include "version.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void release_path(const struct bitbucket_config *config, const char *prefix, const char *version,
                  char path[RELEASE_PATH_SIZE])
{
    snprintf(path, RELEASE_PATH_SIZE, "%s/%s%s", config->releases, prefix, version);
}

static bool is_version(const char *text)
{
    struct version version;
    struct error ignored;
    return strlen(text) < LIMIT_VERSION && version_parse(text, &version, &ignored);
}

bool release_of_resolved_path(const struct bitbucket_config *config, const char *path,
                              char version[LIMIT_VERSION])
{
    char root[PATH_MAX];
    char name[LIMIT_VERSION];
    if (realpath(config->releases, root) == NULL)
        return false;
    size_t length = strlen(root);
    if (strncmp(path, root, length) != 0 || path[length] != '/')
        return false;
    const char *rest = path + length + 1;
    size_t size = strcspn(rest, "/");
    if (size >= sizeof(name))
        return false;
    memcpy(name, rest, size);
    name[size] = '\0';
    return is_version(name) && text_copy(version, LIMIT_VERSION, name);
}

void release_linked(const struct bitbucket_config *config, char version[LIMIT_VERSION])
{
    char target[PATH_MAX];
    struct stat status;
    version[0] = '\0';
    if (lstat(config->install_link, &status) != 0 && errno == ENOENT)
        definition_release(config, version);
    else if (realpath(config->install_link, target) != NULL &&
             !release_of_resolved_path(config, target, version))
        version[0] = '\0';
}

bool release_check_tree(const struct bitbucket_config *config, const char *version,
                        struct error *err)
{
    char path[RELEASE_PATH_SIZE];
    char script[RELEASE_PATH_SIZE + 32];
    struct stat status;
    release_path(config, "", version, path);
    if (lstat(path, &status) != 0) {
        error_set_errno(err, errno, "release %s: %s", version, path);
        return false;
    }
    if (!S_ISDIR(status.st_mode)) {
        error_set(err, ERROR_INTEGRITY, "release %s: %s is not a directory", version, path);
        return false;
    }
    snprintf(script, sizeof(script), "%s/bin/start-bitbucket.sh", path);
    if (stat(script, &status) != 0 || !S_ISREG(status.st_mode)) {
        error_set(err, ERROR_INTEGRITY, "release %s: %s is missing", version, script);
        return false;
    }
    return true;
}

bool release_is_home(const struct bitbucket_config *config, const char *path)
{
    return file_is_same_place(path, config->home);
}

bool release_check_home(const struct bitbucket_config *config, const char *version,
                        struct error *err)
{
    char path[RELEASE_PATH_SIZE + 32];
    char home[LIMIT_PATH];
    struct error ignored;
    BUFFER_CLEANUP struct buffer text;
    buffer_init(&text, HOME_SCRIPT_BYTES);
    (void)snprintf(path, sizeof(path), "%s/%s/bin/set-bitbucket-home.sh", config->releases,
                   version);
    if (!service_of(config)->environment_home(config, home, err))
        return false;
    if (home[0] != '\0' || !file_read(path, &text, &ignored))
        return true;
    home_script_read(buffer_text(&text), text.length, home);
    if (home[0] == '\0' || release_is_home(config, home))
        return true;
    error_set(err, ERROR_INVALID, "release %s: bin/set-bitbucket-home.sh names the home %s, not %s",
              version, home, config->home);
    error_hint(err, "set BITBUCKET_HOME there and bitbucket.home here to the same");
    return false;
}

static int compare_versions(const void *a, const void *b)
{
    struct version left = {0};
    struct version right = {0};
    struct error ignored;
    version_parse(a, &left, &ignored);
    version_parse(b, &right, &ignored);
    return version_compare(left, right);
}

static bool is_directory_at(int directory, const char *name)
{
    struct stat status;
    return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

bool release_list_read(const struct bitbucket_config *config, struct release_list *ret_list,
                       struct error *err)
{
    struct dirent *entry;
    DIR *directory = opendir(config->releases);
    if (directory == NULL) {
        error_set_errno(err, errno, "open %s", config->releases);
        return false;
    }
    ret_list->count = 0;
    while ((entry = readdir(directory)) != NULL && ret_list->count < RELEASE_MOST) {
        if (is_version(entry->d_name) && is_directory_at(dirfd(directory), entry->d_name))
            text_copy(ret_list->versions[ret_list->count++], LIMIT_VERSION, entry->d_name);
    }
    closedir(directory);
    qsort(ret_list->versions, ret_list->count, sizeof(ret_list->versions[0]), compare_versions);
    return true;
}

/* The tree of a home below a release would go with it. */
static bool holds_home(const struct bitbucket_config *config, const char *version)
{
    char home[PATH_MAX];
    char home_version[LIMIT_VERSION];
    return realpath(config->home, home) != NULL &&
           release_of_resolved_path(config, home, home_version) &&
           text_equal(home_version, version);
}

static bool check_not_running(const struct bitbucket_config *config, const char *version,
                              struct error *err)
{
    struct process_list PROCESS_LIST_CLEANUP list = {.count = 0};
    char running[LIMIT_VERSION];
    if (!process_find(config, &list, err))
        return false;
    for (size_t i = 0; i < list.count; i++) {
        process_release(config, &list.items[i], running);
        if (!text_equal(running, version) && running[0] != '\0')
            continue;
        if (running[0] == '\0' && process_is_gone(&list.items[i]))
            continue;
        error_set(err, ERROR_CONFLICT, "release %s: %s process %d", version,
                  running[0] != '\0' ? "Bitbucket runs from it, as"
                                     : "it cannot be told from which tree Bitbucket runs, as",
                  (int)list.items[i].pid);
        return false;
    }
    return true;
}

bool release_check_idle(const struct agent_config *config, const char *version, struct error *err)
{
    const struct bitbucket_config *bitbucket = &config->bitbucket;
    char started[LIMIT_VERSION];
    definition_release(bitbucket, started);
    if (text_equal(started, version)) {
        error_set(err, ERROR_CONFLICT, "release %s: the service definition names it", version);
        return false;
    }
    release_linked(bitbucket, started);
    if (text_equal(started, version)) {
        error_set(err, ERROR_CONFLICT, "release %s: the install link %s names it", version,
                  bitbucket->install_link);
        return false;
    }
    if (holds_home(bitbucket, version)) {
        error_set(err, ERROR_CONFLICT, "release %s: the home directory %s lies inside it", version,
                  bitbucket->home);
        error_hint(err, "move the home directory out of the install directory");
        return false;
    }
    return check_not_running(bitbucket, version, err);
}

bool release_remove(const struct agent_config *config, const char *version, struct error *err)
{
    char path[RELEASE_PATH_SIZE];
    char removed[RELEASE_PATH_SIZE];
    release_path(&config->bitbucket, "", version, path);
    release_path(&config->bitbucket, RELEASE_REMOVED, version, removed);
    if (!release_record_remove(config, version, err) ||
        !definition_store_forget(config, version, err) || !file_remove_tree(removed, err))
        return false;
    if (rename(path, removed) != 0 && errno != ENOENT) {
        error_set_errno(err, errno, "rename %s to %s", path, removed);
        return false;
    }
    return file_sync_directory(config->bitbucket.releases, err) && file_remove_tree(removed, err);
}

bool release_lock(const struct agent_config *config, int *ret_fd, struct error *err)
{
    char path[RELEASE_PATH_SIZE];
    if (!file_make_directory(config->state_dir, 0700, err))
        return false;
    snprintf(path, sizeof(path), "%s/releases.lock", config->state_dir);
    return file_lock(path, ret_fd, err);
}
