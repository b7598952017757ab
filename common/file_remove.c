/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_remove_tree(), apart because it is the most dangerous thing that we do to a disk. It walks
 * with an explicit stack of open directories, so that neither a link nor a rename on the way can
 * lead it out of the tree, and steps over no mount point.
 */
#include "check.h"
#include "file.h"
#include "memory.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_LEVELS 64 /* a release of Bitbucket has some 20 */

struct level {
    DIR *directory;
    char name[256]; /* in the level above; NAME_MAX and NUL */
};

struct removal {
    const char *path; /* for messages */
    int parent_fd;    /* the directory that holds the tree */
    dev_t device;
    size_t depth; /* levels in use */
    struct level levels[MOST_LEVELS];
};

static bool failed(const struct removal *removal, const char *name, struct error *err)
{
    error_set_errno(err, errno, "remove '%s': '%s'", removal->path, name);
    return false;
}

/* st_dev alone would not tell a bind mount of the same file system. */
static int open_directory_beneath(int parent_fd, const char *name)
{
    struct open_how how = {
        .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
    };
    return (int)syscall(SYS_openat2, parent_fd, name, &how, sizeof(how));
}

static int top_fd(const struct removal *removal)
{
    if (removal->depth == 0)
        return removal->parent_fd;
    return dirfd(removal->levels[removal->depth - 1].directory);
}

static bool crosses_mount(const struct removal *removal, const char *name, struct error *err)
{
    error_set(err, ERROR_CONFLICT, "remove '%s': '%s' is on another file system", removal->path,
              name);
    error_hint(err, "unmount it, or remove the rest by hand");
    return false;
}

static bool enter(struct removal *removal, const char *name, struct error *err)
{
    struct stat status;
    if (removal->depth == MOST_LEVELS) {
        error_set(err, ERROR_INVALID, "remove '%s': more than %d levels", removal->path,
                  MOST_LEVELS);
        return false;
    }
    CLOSE_CLEANUP int fd = open_directory_beneath(top_fd(removal), name);
    if (fd < 0 && errno == EXDEV)
        return crosses_mount(removal, name, err);
    if (fd < 0 || fstat(fd, &status) != 0)
        return failed(removal, name, err);
    if (removal->depth == 0)
        removal->device = status.st_dev;
    if (status.st_dev != removal->device)
        return crosses_mount(removal, name, err);
    struct level *level = &removal->levels[removal->depth];
    level->directory = fdopendir(fd);
    if (level->directory == NULL)
        return failed(removal, name, err);
    fd = -1;
    bool fits = TEXT_COPY(level->name, name);
    CHECK(fits);
    removal->depth++;
    return true;
}

static bool leave(struct removal *removal, struct error *err)
{
    struct level *level = &removal->levels[--removal->depth];
    closedir(level->directory);
    if (unlinkat(top_fd(removal), level->name, AT_REMOVEDIR) != 0)
        return failed(removal, level->name, err);
    return true;
}

/* unlinkat() first, and a directory is what it refuses: there is no moment between looking at the
 * entry and removing it. */
static bool remove_entry(struct removal *removal, const char *name, struct error *err)
{
    if (unlinkat(top_fd(removal), name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno == EISDIR)
        return enter(removal, name, err);
    return failed(removal, name, err);
}

static bool remove_next(struct removal *removal, struct error *err)
{
    errno = 0;
    const struct dirent *entry = readdir(removal->levels[removal->depth - 1].directory);
    if (entry == NULL && errno != 0)
        return failed(removal, removal->levels[removal->depth - 1].name, err);
    if (entry == NULL)
        return leave(removal, err);
    if (text_equal(entry->d_name, ".") || text_equal(entry->d_name, ".."))
        return true;
    return remove_entry(removal, entry->d_name, err);
}

static bool remove_all(struct removal *removal, const char *name, struct error *err)
{
    bool is_good = remove_entry(removal, name, err);
    while (is_good && removal->depth > 0)
        is_good = remove_next(removal, err);
    while (removal->depth > 0)
        closedir(removal->levels[--removal->depth].directory);
    return is_good;
}

bool file_remove_tree(const char *path, struct error *err)
{
    FREE_CLEANUP char *parent = memory_text(path);
    size_t length = strlen(parent);
    while (length > 1 && parent[length - 1] == '/')
        parent[--length] = '\0';
    char *slash = strrchr(parent, '/');
    const char *name = slash == NULL ? parent : slash + 1;
    if (name[0] == '\0' || text_equal(name, ".") || text_equal(name, "..")) {
        error_set(err, ERROR_INVALID, "remove '%s': not the name of a tree", path);
        return false;
    }
    FREE_CLEANUP char *only_name = memory_text(name);
    if (slash != NULL)
        slash[slash == parent ? 1 : 0] = '\0';
    CLOSE_CLEANUP int parent_fd =
        open(slash == NULL ? "." : parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (parent_fd < 0 && errno == ENOENT)
        return true;
    struct removal removal = {.path = path, .parent_fd = parent_fd};
    if (parent_fd < 0)
        return failed(&removal, parent, err);
    return remove_all(&removal, only_name, err);
}
