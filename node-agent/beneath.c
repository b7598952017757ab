/* SPDX-License-Identifier: Apache-2.0 */
#include "beneath.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PARENT_SIZE    4096 /* longest path that the kernel takes */
#define DIRECTORY_MODE 0755
#define CHUNK_BYTES    4096

/* The C library has no wrapper for it yet. */
static int open_beneath(int root_fd, const char *path, int flags, mode_t mode)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
        .mode = mode,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

static bool failed(struct error *err, const char *what, const char *path)
{
    error_set_errno(err, errno, "%s %s", what, path);
    return false;
}

bool beneath_stat(int root_fd, const char *path, struct stat *ret_status)
{
    CLOSE_CLEANUP int fd = open_beneath(root_fd, path, O_PATH | O_NOFOLLOW, 0);
    return fd >= 0 && fstat(fd, ret_status) == 0;
}

bool beneath_open_file(int root_fd, const char *path, int *ret_fd, struct error *err)
{
    struct stat status;
    int fd = open_beneath(root_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0 || fstat(fd, &status) != 0) {
        failed(err, "open", path);
        memory_close_fd(&fd);
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        error_set(err, ERROR_INVALID, "%s is not a regular file", path);
        close(fd);
        return false;
    }
    *ret_fd = fd;
    return true;
}

bool beneath_read(int fd, const char *path, struct buffer *ret_text, struct error *err)
{
    char chunk[CHUNK_BYTES];
    ssize_t size;
    while ((size = read(fd, chunk, sizeof(chunk))) > 0) {
        if (!buffer_add(ret_text, chunk, (size_t)size)) {
            error_set(err, ERROR_INTEGRITY, "%s has more than %zu bytes", path, ret_text->limit);
            return false;
        }
    }
    return size == 0 || failed(err, "read", path);
}

/* ---- the directory that a path names something in ---- */

/* Splits the last component off; the parent of one right below the root is ".". */
static const char *split(const char *path, char parent[PARENT_SIZE])
{
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 1 : (size_t)(slash - path);
    memcpy(parent, slash == NULL ? "." : path, size);
    parent[size] = '\0';
    return slash == NULL ? path : slash + 1;
}

static bool check_length(const char *path, struct error *err)
{
    if (strlen(path) < PARENT_SIZE)
        return true;
    error_set(err, ERROR_INVALID, "a path of more than %d bytes", PARENT_SIZE - 1);
    return false;
}

static bool make_directory(int root_fd, const char *path, struct error *err)
{
    char parent[PARENT_SIZE];
    struct stat status;
    const char *name = split(path, parent);
    CLOSE_CLEANUP int fd = open_beneath(root_fd, parent, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0 || fstat(fd, &status) != 0 || mkdirat(fd, name, DIRECTORY_MODE) != 0 ||
        fchmodat(fd, name, DIRECTORY_MODE, 0) != 0) /* whatever the umask */
        return failed(err, "make", path);
    return geteuid() != 0 ||
           fchownat(fd, name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) == 0 ||
           failed(err, "chown", path);
}

static bool make_directories(int root_fd, const char *directory, struct error *err)
{
    char made[PARENT_SIZE];
    struct stat status;
    size_t length = strlen(directory);
    for (size_t end = 1; end <= length; end++) {
        if (directory[end] != '/' && directory[end] != '\0')
            continue;
        memcpy(made, directory, end);
        made[end] = '\0';
        if (!beneath_stat(root_fd, made, &status) && !make_directory(root_fd, made, err))
            return false;
    }
    return true;
}

static bool open_parent(int root_fd, const char *path, bool may_make, int *ret_fd,
                        const char **ret_name, struct error *err)
{
    char parent[PARENT_SIZE];
    if (!check_length(path, err))
        return false;
    *ret_name = split(path, parent);
    if (may_make && !make_directories(root_fd, parent, err))
        return false;
    *ret_fd = open_beneath(root_fd, parent, O_RDONLY | O_DIRECTORY, 0);
    return *ret_fd >= 0 || failed(err, "open the directory of", path);
}

bool beneath_make_file(int root_fd, const char *path, int *ret_fd, struct error *err)
{
    CLOSE_CLEANUP int parent_fd = -1;
    const char *name;
    if (!open_parent(root_fd, path, true, &parent_fd, &name, err))
        return false;
    *ret_fd = openat(parent_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return *ret_fd >= 0 || failed(err, "make", path);
}

bool beneath_read_link(int root_fd, const char *path, char target[BENEATH_LINK_SIZE],
                       struct error *err)
{
    CLOSE_CLEANUP int fd = open_beneath(root_fd, path, O_PATH | O_NOFOLLOW, 0);
    ssize_t size = fd < 0 ? -1 : readlinkat(fd, "", target, BENEATH_LINK_SIZE - 1);
    if (size < 0)
        return failed(err, "read link", path);
    target[size] = '\0';
    return true;
}

bool beneath_make_link(int root_fd, const char *path, const char *target, struct error *err)
{
    CLOSE_CLEANUP int parent_fd = -1;
    const char *name;
    return open_parent(root_fd, path, true, &parent_fd, &name, err) &&
           (symlinkat(target, parent_fd, name) == 0 || failed(err, "make link", path));
}

/* ret_gone: false for a directory with something in it. */
static bool remove_one(int root_fd, const char *path, bool *ret_gone, struct error *err)
{
    struct stat status;
    CLOSE_CLEANUP int parent_fd = -1;
    const char *name;
    *ret_gone = true;
    if (!beneath_stat(root_fd, path, &status))
        return true;
    if (!open_parent(root_fd, path, false, &parent_fd, &name, err))
        return false;
    if (unlinkat(parent_fd, name, S_ISDIR(status.st_mode) ? AT_REMOVEDIR : 0) == 0)
        return true;
    *ret_gone = false;
    return errno == ENOTEMPTY || errno == EEXIST || failed(err, "remove", path);
}

bool beneath_remove(int root_fd, const char *path, struct error *err)
{
    bool is_gone;
    if (!remove_one(root_fd, path, &is_gone, err))
        return false;
    if (!is_gone)
        error_set(err, ERROR_CONFLICT, "%s is a directory with something in it", path);
    return is_gone;
}

bool beneath_remove_empty_parents(int root_fd, const char *path, struct error *err)
{
    char directory[PARENT_SIZE];
    bool is_gone = true;
    if (!check_length(path, err))
        return false;
    memcpy(directory, path, strlen(path) + 1);
    for (char *slash; is_gone && (slash = strrchr(directory, '/')) != NULL;) {
        *slash = '\0';
        if (!remove_one(root_fd, directory, &is_gone, err))
            return false;
    }
    return true;
}
