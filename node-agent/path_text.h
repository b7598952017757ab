/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths as texts, without a look at the disk. All are absolute and normal: no "//", no "." or ".."
 * component, no slash at the end but that of "/".
 */
#ifndef SHUNT_PATH_TEXT_H
#define SHUNT_PATH_TEXT_H

#include <stdbool.h>

bool path_is_normal(const char *path);

/* True if `path` is `directory` or lies in it, at any depth. */
bool path_is_inside(const char *path, const char *directory);

/* Takes the slashes off its end, but that of "/". */
void path_trim_slashes(char *path);

/* What follows `directory` and its slash; NULL if path does not lie in it, or is it. */
const char *path_below(const char *path, const char *directory);

#endif
