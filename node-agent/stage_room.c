/* SPDX-License-Identifier: Apache-2.0 */
#include "stage_room.h"

#include "disk_space.h"
#include "fetch.h"
#include "gunzip.h"
#include "memory.h"
#include "quote.h"
#include "release.h"
#include "release_artifact.h"
#include "text.h"
#include "tree_size.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1024LL * 1024)

/* What staging takes, of two file systems that may be one, and how its size is known. */
struct need {
    struct disk_space tree;   /* in RELEASES */
    struct disk_space beside; /* in STATE_DIR: the download, or the copy that is kept */
    char source[64];
    bool is_untold; /* the server says nothing of its size */
};

static void need_of_sizes(struct need *need, int64_t packed, int64_t unpacked)
{
    need->tree = disk_space_of_release(packed, unpacked);
    (void)TEXT_COPY(need->source,
                    unpacked >= 0 ? "as the archive's end says" : "3 times the archive's size");
}

/* A server that does not tell a size: a bug-fix release differs little from the one before it. */
static bool need_of_running_tree(const struct bitbucket_config *config, struct need *need,
                                 struct error *err)
{
    char linked[LIMIT_VERSION];
    char path[RELEASE_PATH_SIZE];
    struct disk_space tree;
    need->is_untold = true;
    release_linked(config, linked);
    if (linked[0] == '\0') {
        error_set(err, ERROR_NOT_FOUND, "the server tells no size, and no release is linked");
        return false;
    }
    release_path(config, "", linked, path);
    if (!tree_size_measure(path, &tree, err))
        return false;
    need->tree = (struct disk_space){.bytes = tree.bytes + tree.bytes / 4,
                                     .inodes = tree.inodes + tree.inodes / 4};
    need->beside.bytes += tree.bytes; /* an archive is no larger than what is in it */
    (void)snprintf(need->source, sizeof(need->source), "a quarter more than %.30s has", linked);
    return true;
}

static bool need_of_url(const struct job *job, struct need *need, struct error *err)
{
    struct fetch_look look;
    if (!fetch_look(job->command->artifact, &look, err))
        return false;
    need->beside = (struct disk_space){.bytes = -fetch_kept_bytes(job), .inodes = FETCH_INODES};
    if (look.packed_bytes < 0)
        return need_of_running_tree(&job->config->bitbucket, need, err);
    need->beside.bytes += look.packed_bytes;
    need_of_sizes(need, look.packed_bytes, look.unpacked_bytes);
    return true;
}

static bool need_of_file(const struct job *job, struct need *need, struct error *err)
{
    const char *path = job->command->artifact;
    CLOSE_CLEANUP int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    int64_t unpacked;
    if (fd < 0 || fstat(fd, &status) != 0) {
        error_set_errno(err, errno, "artifact '%s'", path);
        return false;
    }
    if (!gunzip_read_size(fd, status.st_size, &unpacked, err))
        return false;
    need->beside = (struct disk_space){.bytes = 0, .inodes = 1};
    if (release_artifact_needs_copy(job->config, job->command->version, path))
        need->beside.bytes = status.st_size;
    need_of_sizes(need, status.st_size, unpacked);
    return true;
}

/* verb_stage() has nothing to do then, if nobody has changed the tree in use since. */
static bool is_staged(const struct job *job)
{
    const struct command *command = job->command;
    struct release_record record;
    struct error ignored;
    return command->sha256[0] != '\0' &&
           release_record_read(job->config, command->version, &record, &ignored) &&
           text_equal(record.sha256, command->sha256) &&
           release_check_tree(&job->config->bitbucket, command->version, &ignored);
}

static void tell_need(const struct need *need, const char *releases, struct node_room *room)
{
    struct disk_space usable;
    struct error ignored;
    long long usable_mib = -1;
    if (disk_space_usable(releases, &usable, &ignored))
        usable_mib = (long long)(usable.bytes / MIB);
    (void)snprintf(room->detail, sizeof(room->detail),
                   "%lld MiB (%s) and %lld inodes (a bound), %lld MiB usable",
                   (long long)(need->tree.bytes / MIB) + 1, need->source,
                   (long long)need->tree.inodes, usable_mib);
}

static void tell_failure(const struct error *err, struct node_room *room)
{
    quote_text(room->failure, sizeof(room->failure), err->message, strlen(err->message));
    quote_text(room->hint, sizeof(room->hint), err->hint, strlen(err->hint));
}

/* A server that has no time now may have it when it is staged, which tries for longer. */
static void tell_unknown(const struct error *err, struct node_room *room)
{
    char text[sizeof(room->detail)];
    (void)snprintf(text, sizeof(text), "not known until it is staged: %s", err->message);
    quote_text(room->detail, sizeof(room->detail), text, strlen(text));
}

void stage_room_look(const struct job *job, struct node_room *ret_room)
{
    const struct agent_config *config = job->config;
    const char *releases = config->bitbucket.releases;
    struct need need = {.source = ""};
    struct error err;
    *ret_room = (struct node_room){.detail = ""};
    if (is_staged(job)) {
        (void)TEXT_COPY(ret_room->detail, "staged already");
        return;
    }
    bool is_known = job->command->artifact[0] == '/' ? need_of_file(job, &need, &err)
                                                     : need_of_url(job, &need, &err);
    bool has_room = is_known && disk_space_check_both(config->state_dir, need.beside, releases,
                                                      need.tree, &err);
    if (has_room)
        tell_need(&need, releases, ret_room);
    else if (!is_known && (need.is_untold || error_code_is_transient(err.code)))
        tell_unknown(&err, ret_room);
    else
        tell_failure(&err, ret_room);
}
