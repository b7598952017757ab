/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

#include "definition.h"
#include "failpoint.h"
#include "file.h"
#include "memory.h"
#include "process.h"
#include "release.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool check_stopped(const struct bitbucket_config *config, struct error *err)
{
    struct process_list PROCESS_LIST_CLEANUP list = {.count = 0};
    char pids[64];
    if (!process_find(config, &list, err))
        return false;
    if (list.count == 0)
        return true;
    process_list_write(&list, pids, sizeof(pids));
    error_set(err, ERROR_CONFLICT, "Bitbucket still runs as process %s", pids);
    error_hint(err, "stop it first");
    return false;
}

/* A directory in the link's place is an installation that was never prepared for a switch. */
static bool check_link(const struct bitbucket_config *config, struct error *err)
{
    struct stat status;
    if (lstat(config->install_link, &status) != 0) {
        if (errno == ENOENT)
            return true;
        error_set_errno(err, errno, "%s", config->install_link);
        return false;
    }
    if (S_ISLNK(status.st_mode))
        return true;
    error_set(err, ERROR_INVALID, "%s is not a symbolic link", config->install_link);
    error_hint(err, "move the tree to %.100s/VERSION and link it", config->releases);
    return false;
}

static bool sync_link(const struct bitbucket_config *config, struct error *err)
{
    char directory[LIMIT_PATH];
    TEXT_COPY(directory, config->install_link);
    char *slash = strrchr(directory, '/');
    if (slash == NULL || slash == directory)
        return file_sync_directory("/", err);
    *slash = '\0';
    return file_sync_directory(directory, err);
}

static bool read_back(const struct bitbucket_config *config, const char *target, struct error *err)
{
    char found[RELEASE_PATH_SIZE];
    ssize_t size = readlink(config->install_link, found, sizeof(found) - 1);
    if (size < 0) {
        error_set_errno(err, errno, "read back %s", config->install_link);
        return false;
    }
    found[size] = '\0';
    if (text_equal(found, target))
        return true;
    error_set(err, ERROR_CONFLICT, "%s reads back as %s, not %s", config->install_link, found,
              target);
    return false;
}

static bool is_link_there(const struct bitbucket_config *config)
{
    struct stat status;
    return lstat(config->install_link, &status) == 0;
}

/* What a switch has to change: the link, the service definition, or both. */
struct places {
    bool has_link;
    char linked[LIMIT_VERSION];
    struct definition definition;
};

/* Where the definition alone names the release, there need not be a link. */
static bool find_places(const struct agent_config *config, struct places *places, struct error *err)
{
    const struct bitbucket_config *bitbucket = &config->bitbucket;
    if (!definition_look(config, &places->definition, err))
        return false;
    places->has_link = places->definition.kind != DEFINITION_RELEASE || is_link_there(bitbucket);
    if (places->has_link)
        release_linked(bitbucket, places->linked);
    else
        TEXT_COPY(places->linked, places->definition.version);
    return true;
}

static bool is_switched(const struct places *places, const char *version)
{
    const struct definition *definition = &places->definition;
    return text_equal(places->linked, version) &&
           (definition->kind != DEFINITION_RELEASE ||
            (text_equal(definition->version, version) && !definition->needs_reload));
}

static bool move_link(const struct bitbucket_config *config, const char *version, struct error *err)
{
    char target[RELEASE_PATH_SIZE];
    release_path(config, "", version, target);
    return file_replace_link(config->install_link, target, err) && read_back(config, target, err);
}

static bool change_places(const struct agent_config *config, const struct places *places,
                          const char *version, struct error *err)
{
    failpoint("switch-before-rename");
    if (places->has_link && !move_link(&config->bitbucket, version, err))
        return false;
    failpoint("switch-after-rename");
    return definition_switch(config, &places->definition, version, err);
}

static bool switch_to(const struct agent_config *config, const char *version, bool keeps_way_back,
                      struct error *err)
{
    const struct bitbucket_config *bitbucket = &config->bitbucket;
    struct places places;
    if (!find_places(config, &places, err))
        return false;
    if (is_switched(&places,
                    version)) /* by a run before this one, perhaps cut off before the sync */
        return !places.has_link || sync_link(bitbucket, err);
    bool is_new = places.linked[0] != '\0' && !text_equal(places.linked, version);
    return check_link(bitbucket, err) && check_stopped(bitbucket, err) &&
           release_check_home(bitbucket, version, err) &&
           (!keeps_way_back || !is_new || release_previous_write(config, places.linked, err)) &&
           change_places(config, &places, version, err);
}

/* Whole, as its record proves, or the one that was linked before. */
static bool check_known(const struct agent_config *config, const char *version, struct error *err)
{
    struct release_record record;
    char previous[LIMIT_VERSION];
    char linked[LIMIT_VERSION];
    release_previous_read(config, previous);
    if (text_equal(previous, version) || release_record_read(config, version, &record, err))
        return true;
    release_linked(&config->bitbucket, linked); /* last: a service is asked for it */
    if (text_equal(linked, version)) {
        error_clear(err);
        return true;
    }
    if (err->code != ERROR_NOT_FOUND)
        return false;
    error_set(err, ERROR_NOT_FOUND, "release %s is not staged", version);
    error_hint(err, "stage it first");
    return false;
}

bool verb_switch(struct job *job, struct error *err)
{
    const char *version = job->command->version;
    CLOSE_CLEANUP int lock = -1;
    return release_lock(job->config, &lock, err) && check_known(job->config, version, err) &&
           release_check_tree(&job->config->bitbucket, version, err) &&
           switch_to(job->config, version, true, err);
}

/* The old tree was never ours to stage, so that its start script has to do as a proof. */
bool verb_switch_back(struct job *job, struct error *err)
{
    const char *version = job->command->version;
    CLOSE_CLEANUP int lock = -1;
    return release_lock(job->config, &lock, err) &&
           release_check_tree(&job->config->bitbucket, version, err) &&
           switch_to(job->config, version, false, err);
}
