/* SPDX-License-Identifier: Apache-2.0 */
#include "disk_space.h"

#include <errno.h>
#include <sys/statvfs.h>

#define RESERVE_MOST_BYTES (256LL * 1024 * 1024)
#define RESERVE_SHARE      20 /* a twentieth */
#define MIB                (1024LL * 1024)
#define RELEASE_FACTOR     3
#define RELEASE_INODES     20000

static bool look(const char *path, struct statvfs *ret_space, struct error *err)
{
    if (statvfs(path, ret_space) == 0)
        return true;
    error_set_errno(err, errno, "free space of %s", path);
    return false;
}

static int64_t usable(const struct statvfs *space)
{
    int64_t reserve = (int64_t)(space->f_blocks * space->f_frsize) / RESERVE_SHARE;
    if (reserve > RESERVE_MOST_BYTES)
        reserve = RESERVE_MOST_BYTES;
    return (int64_t)(space->f_bavail * space->f_frsize) - reserve;
}

bool disk_space_usable(const char *path, int64_t *ret_bytes, struct error *err)
{
    struct statvfs space;
    if (!look(path, &space, err))
        return false;
    *ret_bytes = usable(&space);
    return true;
}

bool disk_space_check(const char *path, int64_t bytes, int64_t inodes, struct error *err)
{
    struct statvfs space;
    if (!look(path, &space, err))
        return false;
    if (usable(&space) < bytes) {
        error_set(err, ERROR_FULL, "%s: %lld MiB needed, %lld MiB usable", path,
                  (long long)(bytes / MIB) + 1, (long long)(usable(&space) / MIB));
        error_hint(err, "prune old releases, or make room");
        return false;
    }
    if (space.f_files > 0 && (int64_t)space.f_favail < inodes) { /* btrfs counts none */
        error_set(err, ERROR_FULL, "%s: %lld inodes needed, %lld free", path, (long long)inodes,
                  (long long)space.f_favail);
        return false;
    }
    return true;
}

bool disk_space_check_release(const char *path, int64_t artifact_bytes, struct error *err)
{
    return disk_space_check(path, RELEASE_FACTOR * artifact_bytes, RELEASE_INODES, err);
}
