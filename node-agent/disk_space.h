/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room on a file system, looked at before it is needed: a full disk would hurt the Bitbucket that
 * serves beside us.
 */
#ifndef SHUNT_DISK_SPACE_H
#define SHUNT_DISK_SPACE_H

#include "error.h"

#include <stdint.h>

struct disk_space {
    int64_t bytes;
    int64_t inodes;
};

/* What may be used of the file system of `path`: free to us, less a reserve of 5 % of the whole, at
 * most 256 MiB and 10,000 inodes. Can be negative. A file system that counts no inodes has
 * DISK_SPACE_UNCOUNTED. */
#define DISK_SPACE_UNCOUNTED (1LL << 40)
bool disk_space_usable(const char *path, struct disk_space *ret_usable, struct error *err);

/* ERROR_FULL naming path, need and room, unless both are there. */
bool disk_space_check(const char *path, struct disk_space needed, struct error *err);

/* The same of two places at once, whose needs add up where they are on one file system. */
bool disk_space_check_both(const char *path, struct disk_space needed, const char *other,
                           struct disk_space of_other, struct error *err);

/* What a release takes. unpacked_bytes: of its files, or -1 where that is not known; then what
 * distributions unpack to is taken, twice over. Of inodes those of a distribution, twice over: an
 * archive does not tell. */
struct disk_space disk_space_of_release(int64_t artifact_bytes, int64_t unpacked_bytes);
bool disk_space_check_release(const char *path, int64_t artifact_bytes, int64_t unpacked_bytes,
                              struct error *err);

#endif
