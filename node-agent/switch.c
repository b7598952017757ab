/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

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

static bool move_link(const struct agent_config *config, const char *version, const char *linked,
                      struct error *err)
{
    const struct bitbucket_config *bitbucket = &config->bitbucket;
    char target[RELEASE_PATH_SIZE];
    release_path(bitbucket, "", version, target);
    if (linked[0] != '\0' && !release_previous_write(config, linked, err))
        return false;
    failpoint("switch-before-rename");
    if (!file_replace_link(bitbucket->install_link, target, err))
        return false;
    failpoint("switch-after-rename");
    return read_back(bitbucket, target, err);
}

static bool switch_to(const struct agent_config *config, const char *version, bool keeps_way_back,
                      struct error *err)
{
    const struct bitbucket_config *bitbucket = &config->bitbucket;
    char linked[LIMIT_VERSION];
    release_linked(bitbucket, linked);
    if (text_equal(linked, version)) /* by a run before this one, perhaps cut off before the sync */
        return sync_link(bitbucket, err);
    return check_link(bitbucket, err) && check_stopped(bitbucket, err) &&
           move_link(config, version, keeps_way_back ? linked : "", err);
}

/* Whole, as its record proves, or the one that was linked before. */
static bool check_known(const struct agent_config *config, const char *version, struct error *err)
{
    struct release_record record;
    char previous[LIMIT_VERSION];
    char linked[LIMIT_VERSION];
    release_previous_read(config, previous);
    release_linked(&config->bitbucket, linked);
    if (text_equal(previous, version) || text_equal(linked, version))
        return true;
    if (release_record_read(config, version, &record, err))
        return true;
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
