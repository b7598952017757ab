/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a tree that somebody else may write to: every path is taken from the tree's root, and no
 * link is followed on the way nor at its end, so that nothing outside the tree is ever reached
 * (openat2(2)). Paths are relative, without a leading slash. Errors name the path.
 */
#ifndef SHUNT_BENEATH_H
#define SHUNT_BENEATH_H

#include "buffer.h"
#include "error.h"

#include <stdbool.h>
#include <sys/stat.h>

#define BENEATH_LINK_SIZE 4096 /* of a link's target, incl. NUL */

/* The thing itself, also where it is a link. False where there is none, or where the way to it
 * leads through a link or a file. */
bool beneath_stat(int root_fd, const char *path, struct stat *ret_status);

/* A regular file for reading; the caller closes it. ERROR_INVALID for anything else. */
bool beneath_open_file(int root_fd, const char *path, int *ret_fd, struct error *err);

/* Adds what an open file has to ret_text; ERROR_INTEGRITY where that is more than the buffer takes.
 * `path` is its name for errors. */
bool beneath_read(int fd, const char *path, struct buffer *ret_text, struct error *err);

/* A new file for writing, 0600; missing directories on the way are made, of the owner of the one
 * that they are in. The caller closes it. */
bool beneath_make_file(int root_fd, const char *path, int *ret_fd, struct error *err);

bool beneath_read_link(int root_fd, const char *path, char target[BENEATH_LINK_SIZE],
                       struct error *err);
bool beneath_make_link(int root_fd, const char *path, const char *target, struct error *err);

/* Removes a file, a link or an empty directory; a missing one is fine. */
bool beneath_remove(int root_fd, const char *path, struct error *err);

/* Removes the directories on the way to `path` that are empty. */
bool beneath_remove_empty_parents(int root_fd, const char *path, struct error *err);

#endif
