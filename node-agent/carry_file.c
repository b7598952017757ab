/* SPDX-License-Identifier: Apache-2.0 */
#include "carry_file.h"

#include "beneath.h"
#include "file.h"
#include "memory.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MODE_MASK 0775 /* as of what is unpacked */

bool carry_copy_file(int from_root, const char *from_path, int to_root, const char *to_path,
                     struct error *err)
{
    CLOSE_CLEANUP int from = -1;
    CLOSE_CLEANUP int to = -1;
    if (!beneath_open_file(from_root, from_path, &from, err) ||
        !beneath_remove(to_root, to_path, err) || !beneath_make_file(to_root, to_path, &to, err))
        return false;
    if (file_copy(from, to, err))
        return true;
    error_wrap(err, "%s", from_path);
    return false;
}

bool carry_set_status(int root, const char *path, const struct stat *owner,
                      const struct stat *changed, struct error *err)
{
    CLOSE_CLEANUP int fd = -1;
    const struct timespec times[2] = {changed->st_mtim, changed->st_mtim};
    if (!beneath_open_file(root, path, &fd, err))
        return false;
    if ((geteuid() != 0 || fchown(fd, owner->st_uid, owner->st_gid) == 0) &&
        fchmod(fd, (owner->st_mode & MODE_MASK) | 0400) == 0 && futimens(fd, times) == 0)
        return true;
    error_set_errno(err, errno, "set owner, mode and time of %s", path);
    return false;
}

/* A longer name that begins like it is another one. */
static bool names_directory(const char *text, size_t size, const char *directory)
{
    static const char more_of_a_version[] = {'0', '1', '2', '3', '4', '5', '6',
                                             '7', '8', '9', '.', '-', '_'};
    size_t length = strlen(directory);
    for (const char *at = text;
         (at = memmem(at, size - (size_t)(at - text), directory, length)) != NULL; at += length) {
        const char *end = at + length;
        if (end == text + size ||
            memchr(more_of_a_version, *end, sizeof(more_of_a_version)) == NULL)
            return true;
    }
    return false;
}

bool carry_names_directory(int root, const char *path, const char *directory)
{
    struct stat status;
    struct error ignored;
    CLOSE_CLEANUP int fd = -1;
    if (!beneath_stat(root, path, &status))
        return false;
    if (S_ISLNK(status.st_mode)) {
        char target[BENEATH_LINK_SIZE];
        return beneath_read_link(root, path, target, &ignored) &&
               names_directory(target, strlen(target), directory);
    }
    if (status.st_size > CARRY_TEXT_BYTES || !beneath_open_file(root, path, &fd, &ignored))
        return false;
    FREE_CLEANUP char *text = memory_zeroed(CARRY_TEXT_BYTES, 1);
    ssize_t size = pread(fd, text, CARRY_TEXT_BYTES, 0);
    return size > 0 && names_directory(text, (size_t)size, directory);
}
