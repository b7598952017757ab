/* SPDX-License-Identifier: Apache-2.0 */
/* What a directory tree takes on its disk. */
#ifndef SHUNT_TREE_SIZE_H
#define SHUNT_TREE_SIZE_H

#include "disk_space.h"
#include "error.h"

/* Follows no link, enters no other file system. ERROR_TIMEOUT after TREE_SIZE_MS, ERROR_FULL beyond
 * 500,000 entries: a release has 10,000. */
#define TREE_SIZE_MS 4000
bool tree_size_measure(const char *path, struct disk_space *ret_size, struct error *err);

#endif
