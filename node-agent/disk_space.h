/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room on a file system, looked at before it is needed: a full disk would hurt the Bitbucket that
 * serves beside us.
 */
#ifndef SHUNT_DISK_SPACE_H
#define SHUNT_DISK_SPACE_H

#include "error.h"

#include <stdint.h>

/* What may be written to the file system of `path`: free to us, less a reserve of 5 % of the whole,
 * at most 256 MiB. Can be negative. */
bool disk_space_usable(const char *path, int64_t *ret_bytes, struct error *err);

/* ERROR_FULL naming path, need and room, unless both are there. */
bool disk_space_check(const char *path, int64_t bytes, int64_t inodes, struct error *err);

/* The same for a release of `artifact_bytes`: packed, unpacked, and as much again to spare; and the
 * inodes of a distribution twice over. */
bool disk_space_check_release(const char *path, int64_t artifact_bytes, struct error *err);

#endif
