/* SPDX-License-Identifier: Apache-2.0 */
/* Names in directories, changed so that a power cut leaves the old or the new one. */
#include "file.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

char *file_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return memory_text(".");
    return memory_format("%.*s", slash == path ? 1 : (int)(slash - path), path);
}

bool file_rename(const char *from, const char *to, struct error *err)
{
    FREE_CLEANUP char *directory = file_directory(to);
    if (rename(from, to) != 0) {
        error_set_errno(err, errno, "rename '%s' to '%s'", from, to);
        return false;
    }
    return file_sync_directory(directory, err);
}

bool file_sync_directory(const char *path, struct error *err)
{
    CLOSE_CLEANUP int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && fsync(fd) == 0)
        return true;
    error_set_errno(err, errno, "%s '%s'", fd < 0 ? "open" : "fsync", path);
    return false;
}
