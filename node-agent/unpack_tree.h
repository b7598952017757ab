/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making files, directories and links below one directory without ever following a link: every path
 * is walked component by component with O_NOFOLLOW. Paths are those that unpack_name.h lets pass.
 * Errors are without the path, which the caller has.
 */
#ifndef SHUNT_UNPACK_TREE_H
#define SHUNT_UNPACK_TREE_H

#include "error.h"
#include "unpack_name.h"

#include <sys/types.h>

struct unpack_tree {
    int root_fd;  /* borrowed */
    int model_fd; /* borrowed, -1 = none: what is there under the same name gives owner and mode */
    bool is_owner_set;
    uid_t uid;
    gid_t gid;
    int parent_fd; /* of parent_path, kept for the next entry; -1 = none */
    char parent_path[UNPACK_NAME_SIZE];
};

void unpack_tree_init(struct unpack_tree *tree, int root_fd);
void unpack_tree_done(struct unpack_tree *tree);

/* Makes a new file, open for writing; missing directories on the way are made. */
bool unpack_tree_make_file(struct unpack_tree *tree, const char *path, int *ret_fd,
                           struct error *err);
/* Gives a file that has been written its owner, mode and time of change. */
bool unpack_tree_finish_file(const struct unpack_tree *tree, int fd, const char *path, mode_t mode,
                             time_t changed, struct error *err);

/* One that exists only gets its mode: archives repeat directories. */
bool unpack_tree_make_directory(struct unpack_tree *tree, const char *path, mode_t mode,
                                struct error *err);
bool unpack_tree_make_symlink(struct unpack_tree *tree, const char *path, const char *target,
                              struct error *err);
/* `existing` is a path in the tree, and must be a regular file. */
bool unpack_tree_make_hardlink(struct unpack_tree *tree, const char *path, const char *existing,
                               struct error *err);

#endif
