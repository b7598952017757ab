/* SPDX-License-Identifier: Apache-2.0 */
#include "release_artifact.h"

#include "disk_space.h"
#include "file.h"
#include "memory.h"
#include "release.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_START "atlassian-bitbucket-"
#define NAME_END   ".tar.gz"

static void our_directory(const struct agent_config *config, char path[RELEASE_ARTIFACT_SIZE])
{
    snprintf(path, RELEASE_ARTIFACT_SIZE, "%s/artifacts", config->state_dir);
}

static void file_path(const char *directory, const char *version, char path[RELEASE_ARTIFACT_SIZE])
{
    snprintf(path, RELEASE_ARTIFACT_SIZE, "%.*s/" NAME_START "%s" NAME_END, LIMIT_PATH + 16,
             directory, version);
}

static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

bool release_artifact_find(const struct agent_config *config, const char *version,
                           char ret_path[RELEASE_ARTIFACT_SIZE], char ret_sha256[LIMIT_SHA256_HEX],
                           struct error *err)
{
    char ours[RELEASE_ARTIFACT_SIZE];
    char theirs[RELEASE_ARTIFACT_SIZE] = "";
    struct release_record record;
    struct error ignored;
    our_directory(config, ours);
    file_path(ours, version, ret_path);
    if (config->bitbucket.artifacts[0] != '\0')
        file_path(config->bitbucket.artifacts, version, theirs);
    if (!is_file(ret_path) && is_file(theirs))
        text_copy(ret_path, RELEASE_ARTIFACT_SIZE, theirs);
    if (!is_file(ret_path)) {
        error_set(err, ERROR_NOT_FOUND,
                  "what %s was shipped with is not known: no distribution " NAME_START "%s" NAME_END
                  " in %s%s%s",
                  version, version, ours, theirs[0] != '\0' ? " nor in " : "",
                  config->bitbucket.artifacts);
        error_hint(err, "put it there; or set bitbucket.customisations to [{files: \"*\", do: "
                        "keep-new}] if nothing was changed in the install directory");
        return false;
    }
    ret_sha256[0] = '\0';
    if (release_record_read(config, version, &record, &ignored))
        text_copy(ret_sha256, LIMIT_SHA256_HEX, record.sha256);
    return true;
}

/* ---- keeping ---- */

static bool copy(const char *from, const char *to, struct error *err)
{
    CLOSE_CLEANUP int in = open(from, O_RDONLY | O_CLOEXEC);
    CLOSE_CLEANUP int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (in < 0 || out < 0) {
        error_set_errno(err, errno, "copy '%s' to %s", from, to);
        return false;
    }
    bool is_copied = file_copy(in, out, err);
    if (is_copied && fsync(out) == 0)
        return true;
    if (is_copied)
        error_set_errno(err, errno, "sync");
    error_wrap(err, "'%s' to %s", from, to);
    unlink(to);
    return false;
}

/* Another name costs nothing. Whoever changes the file later is found out by its hash. */
static bool put(const char *from, const char *to, const char *directory, struct error *err)
{
    struct stat status;
    char part[RELEASE_ARTIFACT_SIZE + 8];
    snprintf(part, sizeof(part), "%s.part", to);
    unlink(part);
    if (link(from, part) == 0)
        return file_rename(part, to, err);
    if (stat(from, &status) != 0) {
        error_set_errno(err, errno, "'%s'", from);
        return false;
    }
    struct disk_space needed = {.bytes = status.st_size, .inodes = 1};
    return disk_space_check(directory, needed, err) && copy(from, part, err) &&
           file_rename(part, to, err);
}

static bool is_same_file(const char *a, const char *b)
{
    struct stat left, right;
    return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

static bool is_kept(const struct agent_config *config, const char *version, const char *path)
{
    char directory[RELEASE_ARTIFACT_SIZE];
    char kept[RELEASE_ARTIFACT_SIZE];
    if (config->bitbucket.artifacts[0] != '\0') {
        file_path(config->bitbucket.artifacts, version, kept);
        if (is_same_file(path, kept))
            return true;
    }
    our_directory(config, directory);
    file_path(directory, version, kept);
    return is_same_file(path, kept);
}

bool release_artifact_keep(const struct agent_config *config, const char *version, const char *path,
                           struct error *err)
{
    char directory[RELEASE_ARTIFACT_SIZE];
    char kept[RELEASE_ARTIFACT_SIZE];
    if (is_kept(config, version, path))
        return true;
    our_directory(config, directory);
    file_path(directory, version, kept);
    if (file_make_directory(directory, 0700, err) && put(path, kept, directory, err))
        return true;
    error_wrap(err, "keep the distribution");
    return false;
}

bool release_artifact_needs_copy(const struct agent_config *config, const char *version,
                                 const char *path)
{
    struct stat file, directory;
    return !is_kept(config, version, path) &&
           (stat(path, &file) != 0 || stat(config->state_dir, &directory) != 0 ||
            file.st_dev != directory.st_dev);
}

bool release_artifact_forget(const struct agent_config *config, const char *version,
                             struct error *err)
{
    char directory[RELEASE_ARTIFACT_SIZE];
    char kept[RELEASE_ARTIFACT_SIZE];
    our_directory(config, directory);
    file_path(directory, version, kept);
    if (unlink(kept) == 0 || errno == ENOENT)
        return true;
    error_set_errno(err, errno, "remove %s", kept);
    return false;
}
