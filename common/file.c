/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include "memory.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_BYTES 4096
#define CHUNK_BYTES  (16 * 1024)

static bool failed(struct error *err, const char *call, const char *path)
{
    error_set_errno(err, errno, "%s '%s'", call, path);
    return false;
}

/* O_NONBLOCK: a FIFO in the place of the file must not hold us up. */
static bool open_regular(const char *path, int *ret_fd, struct stat *ret_status, struct error *err)
{
    CLOSE_CLEANUP int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return failed(err, "open", path);
    if (fstat(fd, ret_status) != 0)
        return failed(err, "stat", path);
    if (!S_ISREG(ret_status->st_mode)) {
        error_set(err, ERROR_INVALID, "'%s' is not a regular file", path);
        return false;
    }
    *ret_fd = fd;
    fd = -1;
    return true;
}

static bool read_to_end(int fd, const char *path, struct buffer *bytes, struct error *err)
{
    char chunk[CHUNK_BYTES];
    for (;;) {
        ssize_t size = read(fd, chunk, sizeof(chunk));
        if (size == 0)
            return true;
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return failed(err, "read", path);
        if (!buffer_add(bytes, chunk, (size_t)size)) {
            error_set(err, ERROR_FULL, "'%s' is larger than %zu bytes", path, bytes->limit);
            return false;
        }
    }
}

static void cut_to(struct buffer *bytes, size_t length)
{
    bytes->length = length;
    if (bytes->data != NULL)
        bytes->data[length] = '\0';
}

bool file_read(const char *path, struct buffer *ret_bytes, struct error *err)
{
    CLOSE_CLEANUP int fd = -1;
    struct stat status;
    size_t length_before = ret_bytes->length;
    if (!open_regular(path, &fd, &status, err))
        return false;
    if (read_to_end(fd, path, ret_bytes, err))
        return true;
    cut_to(ret_bytes, length_before);
    return false;
}

static bool check_secret(const char *path, const struct stat *status, struct error *err)
{
    if ((status->st_mode & (S_IRGRP | S_IROTH)) != 0) {
        error_set(err, ERROR_DENIED, "'%s' holds a secret and others than its owner can read it",
                  path);
        error_hint(err, "chmod 600 '%s'", path);
        return false;
    }
    if (status->st_size > SECRET_BYTES) {
        error_set(err, ERROR_FULL, "'%s' is larger than %d bytes", path, SECRET_BYTES);
        return false;
    }
    return true;
}

bool file_read_secret(const char *path, struct buffer *ret_secret, struct error *err)
{
    CLOSE_CLEANUP int fd = -1;
    struct stat status;
    size_t length_before = ret_secret->length;
    if (!open_regular(path, &fd, &status, err) || !check_secret(path, &status, err))
        return false;
    if (!read_to_end(fd, path, ret_secret, err)) {
        cut_to(ret_secret, length_before);
        return false;
    }
    size_t length = ret_secret->length;
    if (length > length_before && ret_secret->data[length - 1] == '\n')
        cut_to(ret_secret, length - 1);
    return true;
}

/* A name beside `path` that nobody else makes at the same time. */
static char *temporary_beside(const char *path)
{
    uint64_t number;
    FREE_CLEANUP char *directory = file_directory(path);
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        number = (uint64_t)getpid();
    return memory_format("%s/.%s.%016jx", directory, name, (uintmax_t)number);
}

static bool write_whole(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t written = write(fd, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

/* like: whose owner it gets; NULL = ours. */
static bool write_new_file(const char *path, const void *bytes, size_t size, mode_t mode,
                           const struct stat *like, struct error *err)
{
    CLOSE_CLEANUP int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(err, "make", path);
    if (!write_whole(fd, bytes, size))
        return failed(err, "write", path);
    if (like != NULL && fchown(fd, like->st_uid, like->st_gid) != 0)
        return failed(err, "chown", path);
    if (fchmod(fd, mode) != 0)
        return failed(err, "chmod", path);
    if (fsync(fd) != 0)
        return failed(err, "fsync", path);
    return true;
}

static bool replace(const char *path, const void *bytes, size_t size, mode_t mode,
                    const struct stat *like, struct error *err)
{
    FREE_CLEANUP char *temporary = temporary_beside(path);
    if (write_new_file(temporary, bytes, size, mode, like, err) &&
        file_rename(temporary, path, err))
        return true;
    unlink(temporary);
    return false;
}

bool file_replace(const char *path, const void *bytes, size_t size, mode_t mode, struct error *err)
{
    return replace(path, bytes, size, mode, NULL, err);
}

bool file_replace_like(const char *path, const void *bytes, size_t size, const struct stat *like,
                       struct error *err)
{
    return replace(path, bytes, size, like->st_mode & 07777, like, err);
}

bool file_replace_link(const char *path, const char *target, struct error *err)
{
    FREE_CLEANUP char *temporary = temporary_beside(path);
    if (symlink(target, temporary) != 0)
        return failed(err, "link", temporary);
    if (file_rename(temporary, path, err))
        return true;
    unlink(temporary);
    return false;
}

/* One level. The mode is set once more because mkdir(2) takes the umask off. */
static bool make_level(const char *path, mode_t mode, struct error *err)
{
    struct stat status;
    if (mkdir(path, mode) == 0) {
        FREE_CLEANUP char *parent = file_directory(path);
        if (chmod(path, mode) != 0)
            return failed(err, "chmod", path);
        return file_sync_directory(parent, err);
    }
    if (errno != EEXIST)
        return failed(err, "make directory", path);
    if (stat(path, &status) != 0)
        return failed(err, "stat", path);
    if (S_ISDIR(status.st_mode))
        return true;
    error_set(err, ERROR_CONFLICT, "'%s' exists and is not a directory", path);
    return false;
}

bool file_make_directory(const char *path, mode_t mode, struct error *err)
{
    FREE_CLEANUP char *level = memory_text(path);
    size_t length = strlen(level);
    while (length > 1 && level[length - 1] == '/')
        level[--length] = '\0';
    for (char *at = level; *at != '\0'; at++) {
        if (*at != '/' || at == level || at[-1] == '/')
            continue;
        *at = '\0';
        if (!make_level(level, 0755, err))
            return false;
        *at = '/';
    }
    return make_level(level, mode, err);
}

static bool locked_by_another(int fd, const char *path, struct error *err)
{
    char holder[16] = "";
    uint64_t pid;
    ssize_t size = pread(fd, holder, sizeof(holder) - 1, 0);
    holder[size > 0 ? size : 0] = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    if (text_parse_u64(holder, INT32_MAX, &pid))
        error_set(err, ERROR_CONFLICT, "'%s' is locked by process %s", path, holder);
    else
        error_set(err, ERROR_CONFLICT, "'%s' is locked by another process", path);
    return false;
}

/* flock(2) and not fcntl(2): the lock then also holds against a second open in this process. The
 * pid in the file is for people only. */
bool file_lock(const char *path, int *ret_fd, struct error *err)
{
    char holder[16];
    CLOSE_CLEANUP int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return failed(err, "open", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? locked_by_another(fd, path, err) : failed(err, "lock", path);
    int length = snprintf(holder, sizeof(holder), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, holder, (size_t)length, 0) != length)
        return failed(err, "write", path);
    *ret_fd = fd;
    fd = -1;
    return true;
}

bool file_is_same_place(const char *a, const char *b)
{
    FREE_CLEANUP char *resolved_a = realpath(a, NULL);
    FREE_CLEANUP char *resolved_b = realpath(b, NULL);
    return text_equal(a, b) ||
           (resolved_a != NULL && resolved_b != NULL && text_equal(resolved_a, resolved_b));
}
