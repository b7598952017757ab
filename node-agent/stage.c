/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VERB_STAGE. A release gets its name last: it is unpacked under a name of its own, checked, synced
 * and then renamed, so that a directory called 7.9.4 is always a whole one.
 */
#include "verbs.h"

#include "artifact_signature.h"
#include "customise.h"
#include "digest.h"
#include "disk_space.h"
#include "failpoint.h"
#include "fetch.h"
#include "file.h"
#include "gunzip.h"
#include "low_priority.h"
#include "memory.h"
#include "progress.h"
#include "release.h"
#include "release_artifact.h"
#include "staged_tree.h"
#include "text.h"
#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES   ((size_t)64 * 1024)
#define UNPACKED_MOST (20LL * 1024 * 1024 * 1024) /* a distribution is below 2 GB */

/* The artifact as it is read: every byte goes into the digest on its way to the archive reader. */
struct source {
    struct job *job;
    int fd;
    char *chunk;
    bool is_fetched; /* its bytes were hashed as they came, into a file of ours alone */
    struct digest digest;
    struct artifact_signature signature;
    struct progress progress;
    char stamp[CUSTOMISE_STAMP_SIZE]; /* of the customisations that went into the tree */
};

/* The tree as it grows. */
struct staging {
    char path[RELEASE_PATH_SIZE];
    int root_fd;
    int model_fd;      /* the tree that the install link names, or -1: owners and modes are taken */
    struct stat model; /* from there. Without it, the folder of the releases */
};

/* ---- being cancelled ---- */

static volatile sig_atomic_t is_cancelled; /* of this process: a job has one to itself */

static void take_signal(int number)
{
    (void)number;
    is_cancelled = 1;
}

/* A cancelled job gets SIGTERM: it takes away what it has unpacked, and says so. */
static void catch_cancellation(void)
{
    struct sigaction action = {.sa_handler = take_signal};
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* ---- reading ---- */

static bool read_chunk(void *context, const void **ret_bytes, size_t *ret_size, struct error *err)
{
    struct source *source = context;
    ssize_t size;
    if (is_cancelled) {
        error_set(err, ERROR_CANCELLED, "cancelled");
        return false;
    }
    if (deadline_is_over(source->job->deadline)) {
        error_set(err, ERROR_TIMEOUT, "the deadline is over after %lld bytes",
                  (long long)source->job->report.bytes_done);
        return false;
    }
    do {
        size = read(source->fd, source->chunk, CHUNK_BYTES);
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
        error_set_errno(err, errno, "read the artifact");
        return false;
    }
    if (!source->is_fetched)
        digest_add(&source->digest, source->chunk, (size_t)size);
    artifact_signature_add(&source->signature, source->chunk, (size_t)size);
    source->job->report.bytes_done += size;
    progress_send(&source->progress, source->job);
    *ret_bytes = source->chunk;
    *ret_size = (size_t)size;
    return true;
}

/* An archive may end before its file does: the hash is of the file. */
static bool read_rest(struct source *source, struct error *err)
{
    const void *bytes;
    size_t size = 1;
    while (size > 0) {
        if (!read_chunk(source, &bytes, &size, err))
            return false;
    }
    return true;
}

static bool check_digest(struct source *source, struct error *err)
{
    struct job *job = source->job;
    if (source->is_fetched) {
        TEXT_COPY(job->report.sha256, job->command->sha256);
        return true;
    }
    if (job->command->sha256[0] != '\0' &&
        !digest_check(&source->digest, job->command->sha256, err))
        return false;
    digest_write(&source->digest, job->report.sha256);
    return true;
}

static bool open_source(struct source *source, const char *path, struct error *err)
{
    struct stat status;
    source->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (source->fd < 0 || fstat(source->fd, &status) != 0) {
        error_set_errno(err, errno, "artifact '%s'", path);
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        error_set(err, ERROR_INVALID, "artifact '%s' is not a regular file", path);
        return false;
    }
    source->job->report.bytes_done = 0;
    source->job->report.bytes_total = status.st_size;
    digest_init(&source->digest);
    return true;
}

/* ---- the tree ---- */

/* Only ours until it is whole: nobody can put a link into it meanwhile. */
static bool open_staging(const struct bitbucket_config *config, const char *version,
                         struct staging *staging, struct error *err)
{
    staging->root_fd = -1;
    release_path(config, RELEASE_STAGING, version, staging->path);
    staging->model_fd = open(config->install_link, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if ((staging->model_fd < 0 || fstat(staging->model_fd, &staging->model) != 0) &&
        stat(config->releases, &staging->model) != 0) {
        error_set_errno(err, errno, "%s", config->releases);
        return false;
    }
    if (!file_remove_tree(staging->path, err))
        return false;
    if (mkdir(staging->path, 0700) == 0)
        staging->root_fd = open(staging->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (staging->root_fd >= 0)
        return true;
    error_set_errno(err, errno, "make %s", staging->path);
    return false;
}

static bool unpack(struct source *source, const struct staging *staging, struct error *err)
{
    const struct command *command = source->job->command;
    struct unpack_request request = {
        .root_fd = staging->root_fd,
        .model_fd = staging->model_fd,
        .version = command->version,
        .is_owner_set = geteuid() == 0,
        .uid = staging->model.st_uid,
        .gid = staging->model.st_gid,
        .allows_plain_tar = command->sha256[0] != '\0',
        .read = read_chunk,
        .context = source,
    };
    struct disk_space usable;
    if (!disk_space_usable(staging->path, &usable, err))
        return false;
    request.most_bytes = usable.bytes < UNPACKED_MOST ? usable.bytes : UNPACKED_MOST;
    request.most_entries = usable.inodes;
    return unpack_run(&request, err) && read_rest(source, err) && check_digest(source, err) &&
           artifact_signature_check(&source->signature, err);
}

static bool open_to_others(const struct staging *staging, struct error *err)
{
    mode_t mode = (staging->model.st_mode & 0775) | 0700;
    if (geteuid() == 0 &&
        fchown(staging->root_fd, staging->model.st_uid, staging->model.st_gid) != 0) {
        error_set_errno(err, errno, "chown %s", staging->path);
        return false;
    }
    if (fchmod(staging->root_fd, mode) == 0)
        return true;
    error_set_errno(err, errno, "chmod %s", staging->path);
    return false;
}

/* One sync of the file system instead of one a file: there are ten thousand. */
static bool sync_tree(const struct staging *staging, struct error *err)
{
    if (syncfs(staging->root_fd) == 0)
        return true;
    error_set_errno(err, errno, "sync %s", staging->path);
    return false;
}

static bool give_name(const struct agent_config *config, const char *version,
                      const struct staging *staging, struct error *err)
{
    char path[RELEASE_PATH_SIZE];
    release_path(&config->bitbucket, "", version, path);
    if (!release_remove(config, version, err))
        return false;
    failpoint("stage-before-rename");
    if (rename(staging->path, path) != 0) {
        error_set_errno(err, errno, "rename %s to %s", staging->path, path);
        return false;
    }
    failpoint("stage-after-rename");
    return file_sync_directory(config->bitbucket.releases, err);
}

static bool fill_staging(struct source *source, const struct staging *staging, struct error *err)
{
    const struct job *job = source->job;
    const struct agent_config *config = job->config;
    const char *version = job->command->version;
    return unpack(source, staging, err) && staged_tree_check(staging->root_fd, version, err) &&
           customise_tree(job, staging->root_fd, source->stamp, err) &&
           staged_tree_set_home(staging->root_fd, &config->bitbucket, err) &&
           open_to_others(staging, err) && sync_tree(staging, err) &&
           release_check_idle(config, version, err) && give_name(config, version, staging, err);
}

static bool make_release(struct source *source, struct error *err)
{
    struct job *job = source->job;
    struct staging staging;
    struct error ignored;
    bool is_made = open_staging(&job->config->bitbucket, job->command->version, &staging, err) &&
                   fill_staging(source, &staging, err);
    memory_close_fd(&staging.root_fd);
    memory_close_fd(&staging.model_fd);
    if (!is_made)
        file_remove_tree(staging.path, &ignored);
    return is_made;
}

/* ---- the verb ---- */

static bool write_record(const struct source *source, struct error *err)
{
    const struct job *job = source->job;
    struct release_record record = {.staged_at_ms = clock_wall_ms()};
    TEXT_COPY(record.sha256, job->report.sha256);
    TEXT_COPY(record.customisations, source->stamp);
    artifact_signature_write_key(job->config, record.signed_by);
    /* What follows in a presigned URL is a credential. */
    snprintf(record.artifact, sizeof(record.artifact), "%.*s",
             job->command->artifact[0] == '/' ? (int)strlen(job->command->artifact)
                                              : (int)strcspn(job->command->artifact, "?#"),
             job->command->artifact);
    return release_record_write(job->config, job->command->version, &record, err);
}

/* Before anything is written: a disk that runs full hurts the Bitbucket that serves. */
static bool check_room(const struct source *source, struct error *err)
{
    const struct job *job = source->job;
    int64_t packed = job->report.bytes_total;
    int64_t unpacked;
    return gunzip_read_size(source->fd, packed, &unpacked, err) &&
           disk_space_check_release(job->config->bitbucket.releases, packed, unpacked, err);
}

static bool stage_file(struct job *job, const char *path, bool is_fetched,
                       const struct artifact_signature *signature, struct error *err)
{
    struct source source = {
        .job = job, .fd = -1, .is_fetched = is_fetched, .signature = *signature};
    artifact_signature_begin(&source.signature);
    if (!open_source(&source, path, err)) {
        memory_close_fd(&source.fd);
        return false;
    }
    source.chunk = memory_zeroed(CHUNK_BYTES, 1);
    bool is_staged = check_room(&source, err) && make_release(&source, err) &&
                     release_artifact_keep(job->config, job->command->version, path, err) &&
                     write_record(&source, err);
    memory_free_pointer(&source.chunk);
    memory_close_fd(&source.fd);
    return is_staged;
}

/* The hash is known to fit before anything is unpacked; a part that fits is kept until the release
 * is there, so that a full disk does not cost another download. */
static bool stage_url(struct job *job, const struct artifact_signature *signature,
                      struct error *err)
{
    char path[FETCH_PATH_SIZE];
    struct error ignored;
    if (job->command->sha256[0] == '\0') {
        error_set(err, ERROR_INVALID, "an artifact from a URL needs its sha256");
        return false;
    }
    if (!fetch_artifact(job, path, err))
        return false;
    bool is_staged = stage_file(job, path, true, signature, err);
    if (!is_staged && err->code == ERROR_INTEGRITY) /* it will not get better */
        (void)fetch_forget(job->config, job->command->version, &ignored);
    return is_staged && fetch_forget(job->config, job->command->version, err);
}

/* The same release with the same hash is there, by a run before this one, signed with the key that
 * is wanted now, if one is; and nothing was changed since in the one in use. */
static bool is_staged_already(struct job *job)
{
    struct release_record record;
    struct error ignored;
    char key[MINISIGN_ID_SIZE];
    artifact_signature_write_key(job->config, key);
    bool is_staged = release_record_read(job->config, job->command->version, &record, &ignored) &&
                     text_equal(record.sha256, job->command->sha256) &&
                     (key[0] == '\0' || text_equal(record.signed_by, key)) &&
                     release_check_tree(&job->config->bitbucket, job->command->version, &ignored) &&
                     customise_is_unchanged(job, record.customisations);
    if (is_staged)
        TEXT_COPY(job->report.sha256, record.sha256);
    return is_staged;
}

bool verb_stage(struct job *job, struct error *err)
{
    CLOSE_CLEANUP int lock = -1;
    struct artifact_signature signature;
    catch_cancellation();
    low_priority_begin();
    if (!release_lock(job->config, &lock, err))
        return false;
    if (is_staged_already(job))
        return true;
    if (!release_check_idle(job->config, job->command->version, err))
        return false;
    if (!artifact_signature_read(&signature, job, err))
        return false;
    return job->command->artifact[0] == '/'
               ? stage_file(job, job->command->artifact, false, &signature, err)
               : stage_url(job, &signature, err);
}
