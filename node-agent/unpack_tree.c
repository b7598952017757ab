/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack_tree.h"

#include "memory.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* We must be able to go on writing into a directory; nothing is ever set-id, sticky or writable for
 * everybody, in a tree that a service user runs. */
#define MODE_MASK          0775
#define DIRECTORY_MODE     0755
#define OWNER_OF_DIRECTORY 0700
#define OWNER_OF_FILE      0400

void unpack_tree_init(struct unpack_tree *tree, int root_fd)
{
    *tree = (struct unpack_tree){.root_fd = root_fd, .model_fd = -1, .parent_fd = -1};
}

void unpack_tree_done(struct unpack_tree *tree)
{
    memory_close_fd(&tree->parent_fd);
    tree->parent_fd = -1;
}

static bool failed(struct error *err, int errno_value, const char *what)
{
    if (errno_value == EEXIST)
        error_set(err, ERROR_INTEGRITY, "is in the archive twice");
    else if (errno_value == ELOOP || errno_value == ENOTDIR)
        error_set(err, ERROR_INTEGRITY, "leads through a link or a file");
    else if (errno_value == ENOENT)
        error_set(err, ERROR_INTEGRITY, "links to something that the archive does not have before");
    else
        error_set_errno(err, errno_value, "%s", what);
    return false;
}

/* What an administrator has set in the tree that runs now is meant for the next one as well; that
 * the owner may do what the archive says stays, or a script could not be run. */
static struct stat looks_of(const struct unpack_tree *tree, const char *path, mode_t mode)
{
    struct stat looks = {0};
    bool has_model = tree->model_fd >= 0 && path[0] != '\0' &&
                     fstatat(tree->model_fd, path, &looks, AT_SYMLINK_NOFOLLOW) == 0 &&
                     (looks.st_mode & S_IFMT) == (mode & S_IFMT);
    if (has_model) {
        looks.st_mode = (looks.st_mode & MODE_MASK) | (mode & OWNER_OF_DIRECTORY);
        return looks;
    }
    looks.st_uid = tree->uid;
    looks.st_gid = tree->gid;
    looks.st_mode = mode & MODE_MASK;
    return looks;
}

/* mode: with its type, S_IFREG or S_IFDIR. */
static bool own(const struct unpack_tree *tree, int fd, const char *path, mode_t mode,
                struct error *err)
{
    struct stat looks = looks_of(tree, path, mode);
    if (tree->is_owner_set && fchown(fd, looks.st_uid, looks.st_gid) != 0)
        return failed(err, errno, "chown");
    return fchmod(fd, looks.st_mode) == 0 || failed(err, errno, "chmod");
}

/* Opens the directory `name`, which `path` leads to, and makes it first where that is asked and it
 * is missing. */
static bool enter(const struct unpack_tree *tree, int fd, const char *name, const char *path,
                  bool may_make, int *ret_fd, struct error *err)
{
    bool is_new = may_make && mkdirat(fd, name, OWNER_OF_DIRECTORY) == 0;
    if (may_make && !is_new && errno != EEXIST)
        return failed(err, errno, "make directory");
    int entered = openat(fd, name, DIRECTORY_FLAGS);
    if (entered < 0)
        return failed(err, errno, "enter directory");
    if (is_new && !own(tree, entered, path, S_IFDIR | DIRECTORY_MODE, err)) {
        close(entered);
        return false;
    }
    *ret_fd = entered;
    return true;
}

/* Opens the directory `path`, "" for the root, by its components. The caller closes it. */
static bool walk(const struct unpack_tree *tree, const char *path, bool may_make, int *ret_fd,
                 struct error *err)
{
    char walked[UNPACK_NAME_SIZE];
    size_t begin = 0;
    int fd = openat(tree->root_fd, ".", DIRECTORY_FLAGS);
    if (fd < 0)
        return failed(err, errno, "open the root");
    while (path[begin] != '\0') {
        size_t end = begin + strcspn(path + begin, "/");
        int next = -1;
        memcpy(walked, path, end);
        walked[end] = '\0';
        bool is_entered = enter(tree, fd, walked + begin, walked, may_make, &next, err);
        close(fd);
        if (!is_entered)
            return false;
        fd = next;
        begin = end + (path[end] == '/');
    }
    *ret_fd = fd;
    return true;
}

/* Splits the last component off; `parent` is "" for an entry right below the root. */
static const char *split(const char *path, char parent[UNPACK_NAME_SIZE])
{
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - path);
    memcpy(parent, path, size);
    parent[size] = '\0';
    return slash == NULL ? path : slash + 1;
}

/* Archives list directory by directory, so that the last parent nearly always serves again. */
static bool find_parent(struct unpack_tree *tree, const char *path, const char **ret_name,
                        struct error *err)
{
    char parent[UNPACK_NAME_SIZE];
    *ret_name = split(path, parent);
    if (tree->parent_fd >= 0 && text_equal(parent, tree->parent_path))
        return true;
    unpack_tree_done(tree);
    if (!walk(tree, parent, true, &tree->parent_fd, err))
        return false;
    TEXT_COPY(tree->parent_path, parent);
    return true;
}

bool unpack_tree_make_file(struct unpack_tree *tree, const char *path, int *ret_fd,
                           struct error *err)
{
    const char *name;
    if (!find_parent(tree, path, &name, err))
        return false;
    *ret_fd =
        openat(tree->parent_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return *ret_fd >= 0 || failed(err, errno, "make file");
}

bool unpack_tree_finish_file(const struct unpack_tree *tree, int fd, const char *path, mode_t mode,
                             time_t changed, struct error *err)
{
    /* The time of change goes into ETags of static files, which all nodes must give alike. */
    struct timespec times[2] = {{.tv_sec = changed}, {.tv_sec = changed}};
    if (!own(tree, fd, path, S_IFREG | (mode & MODE_MASK) | OWNER_OF_FILE, err))
        return false;
    return futimens(fd, times) == 0 || failed(err, errno, "set time");
}

bool unpack_tree_make_directory(struct unpack_tree *tree, const char *path, mode_t mode,
                                struct error *err)
{
    CLOSE_CLEANUP int fd = -1;
    return walk(tree, path, true, &fd, err) &&
           own(tree, fd, path, S_IFDIR | (mode & MODE_MASK) | OWNER_OF_DIRECTORY, err);
}

bool unpack_tree_make_symlink(struct unpack_tree *tree, const char *path, const char *target,
                              struct error *err)
{
    const char *name;
    if (!find_parent(tree, path, &name, err))
        return false;
    if (symlinkat(target, tree->parent_fd, name) != 0)
        return failed(err, errno, "make link");
    if (tree->is_owner_set &&
        fchownat(tree->parent_fd, name, tree->uid, tree->gid, AT_SYMLINK_NOFOLLOW) != 0)
        return failed(err, errno, "chown");
    return true;
}

bool unpack_tree_make_hardlink(struct unpack_tree *tree, const char *path, const char *existing,
                               struct error *err)
{
    char parent[UNPACK_NAME_SIZE];
    const char *existing_name = split(existing, parent);
    const char *name;
    struct stat status;
    CLOSE_CLEANUP int fd = -1;
    if (!walk(tree, parent, false, &fd, err))
        return false;
    if (fstatat(fd, existing_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return failed(err, errno, "find what it links to");
    if (!S_ISREG(status.st_mode)) {
        error_set(err, ERROR_INTEGRITY, "is a hard link to something else than a file");
        return false;
    }
    if (!find_parent(tree, path, &name, err))
        return false;
    return linkat(fd, existing_name, tree->parent_fd, name, 0) == 0 ||
           failed(err, errno, "make hard link");
}
