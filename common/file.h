/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files whose contents must survive a power cut, and files read with a limit. All open with
 * O_CLOEXEC; paths are absolute or relative to the working directory. Errors name the path.
 */
#ifndef SHUNT_FILE_H
#define SHUNT_FILE_H

#include "buffer.h"
#include "error.h"

#include <sys/stat.h>
#include <sys/types.h>

/* Appends the whole regular file to ret_bytes, up to that buffer's limit (ERROR_FULL beyond). */
bool file_read(const char *path, struct buffer *ret_bytes, struct error *err);

/* Reads a secret: a regular file of at most 4096 bytes that group and others cannot read
 * (ERROR_DENIED with a chmod hint otherwise); one trailing newline is taken off. */
bool file_read_secret(const char *path, struct buffer *ret_secret, struct error *err);

/* Replaces or makes the file: write to a temporary name beside it, fsync, rename, fsync the
 * directory. An existing file or the complete new one is there at any time. */
bool file_replace(const char *path, const void *bytes, size_t size, mode_t mode, struct error *err);

/* The same of a file that is there, whose owner, group and mode the new one gets. */
bool file_replace_like(const char *path, const void *bytes, size_t size, const struct stat *like,
                       struct error *err);

/* Replaces or makes a symbolic link in the same durable and atomic way. */
bool file_replace_link(const char *path, const char *target, struct error *err);

/* Renames the file within its file system, durably; what has the new name is replaced. */
bool file_rename(const char *from, const char *to, struct error *err);

/* Copies what is left of an open file behind what the other one has. */
bool file_copy(int from, int to, struct error *err);

/* The same path, or one that leads to the same by symbolic links. */
bool file_is_same_place(const char *a, const char *b);

/* The directory that the path names a file of; the caller frees it. */
char *file_directory(const char *path);
bool file_sync_directory(const char *path, struct error *err);

/* Makes the directory and its missing parents, 0755 for parents. An existing one is fine and keeps
 * its mode; something else of that name is ERROR_CONFLICT. */
bool file_make_directory(const char *path, mode_t mode, struct error *err);

/* Removes the tree without following links or crossing into another file system or a bind mount
 * (ERROR_CONFLICT); a missing one is fine. ERROR_INVALID for a tree of more than 64 levels. */
bool file_remove_tree(const char *path, struct error *err);

/* Opens (makes) the file and takes an exclusive lock that ends with the process; ERROR_CONFLICT
 * with the holder's pid if somebody has it. The caller keeps the fd open. */
bool file_lock(const char *path, int *ret_fd, struct error *err);

#endif
