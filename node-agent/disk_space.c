/* SPDX-License-Identifier: Apache-2.0 */
#include "disk_space.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define RESERVE_MOST_BYTES  (256LL * 1024 * 1024)
#define RESERVE_MOST_INODES 10000
#define RESERVE_SHARE       20 /* a twentieth */
#define MIB                 (1024LL * 1024)
#define RELEASE_FACTOR      3 /* a distribution unpacks to 1.5 times its size */
#define RELEASE_INODES      20000
#define RELEASE_BLOCKS      8 /* of the bytes: the last block of each file, and the directories */

static int64_t less_reserve(int64_t free, int64_t whole, int64_t reserve_most)
{
    int64_t reserve = whole / RESERVE_SHARE;
    return free - (reserve < reserve_most ? reserve : reserve_most);
}

bool disk_space_usable(const char *path, struct disk_space *ret_usable, struct error *err)
{
    struct statvfs space;
    if (statvfs(path, &space) != 0) {
        error_set_errno(err, errno, "free space of %s", path);
        return false;
    }
    ret_usable->bytes =
        less_reserve((int64_t)(space.f_bavail * space.f_frsize),
                     (int64_t)(space.f_blocks * space.f_frsize), RESERVE_MOST_BYTES);
    ret_usable->inodes = DISK_SPACE_UNCOUNTED; /* btrfs counts none */
    if (space.f_files > 0)
        ret_usable->inodes =
            less_reserve((int64_t)space.f_favail, (int64_t)space.f_files, RESERVE_MOST_INODES);
    return true;
}

bool disk_space_check(const char *path, struct disk_space needed, struct error *err)
{
    struct disk_space usable;
    if (!disk_space_usable(path, &usable, err))
        return false;
    if (usable.bytes >= needed.bytes && usable.inodes >= needed.inodes)
        return true;
    if (usable.bytes < needed.bytes)
        error_set(err, ERROR_FULL, "%s: %lld MiB needed, %lld MiB usable", path,
                  (long long)(needed.bytes / MIB) + 1, (long long)(usable.bytes / MIB));
    else
        error_set(err, ERROR_FULL, "%s: %lld inodes needed, %lld usable", path,
                  (long long)needed.inodes, (long long)usable.inodes);
    error_hint(err, "prune old releases, or make room");
    return false;
}

bool disk_space_check_both(const char *path, struct disk_space needed, const char *other,
                           struct disk_space of_other, struct error *err)
{
    struct stat status, other_status;
    if (stat(path, &status) != 0 || stat(other, &other_status) != 0) {
        error_set_errno(err, errno, "%s, %s", path, other);
        return false;
    }
    if (status.st_dev != other_status.st_dev)
        return disk_space_check(path, needed, err) && disk_space_check(other, of_other, err);
    of_other.bytes += needed.bytes;
    of_other.inodes += needed.inodes;
    return disk_space_check(other, of_other, err);
}

struct disk_space disk_space_of_release(int64_t artifact_bytes, int64_t unpacked_bytes)
{
    struct disk_space needed = {.bytes = RELEASE_FACTOR * artifact_bytes, .inodes = RELEASE_INODES};
    if (unpacked_bytes >= 0)
        needed.bytes = unpacked_bytes + unpacked_bytes / RELEASE_BLOCKS;
    return needed;
}

bool disk_space_check_release(const char *path, int64_t artifact_bytes, int64_t unpacked_bytes,
                              struct error *err)
{
    return disk_space_check(path, disk_space_of_release(artifact_bytes, unpacked_bytes), err);
}
