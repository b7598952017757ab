/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single files on their way from one tree to another; paths as in beneath.h.
 */
#ifndef SHUNT_CARRY_FILE_H
#define SHUNT_CARRY_FILE_H

#include "error.h"

#include <sys/stat.h>

#define CARRY_TEXT_BYTES (1024 * 1024) /* what is larger is no text that somebody has written */

/* The contents, into a new file of mode 0600 in the place of what was there. */
bool carry_copy_file(int from_root, const char *from_path, int to_root, const char *to_path,
                     struct error *err);

/* Owner and mode of the one, without set-id bits and the world's write permission; the time of
 * change of the other, which goes into ETags of static files. */
bool carry_set_status(int root, const char *path, const struct stat *owner,
                      const struct stat *changed, struct error *err);

/* True where the text of a file, or the target of a link, names the directory. */
bool carry_names_directory(int root, const char *path, const char *directory);

#endif
