/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration as it stands in its files: the main file and all that it includes where an
 * upstream may stand, found by NGINX's own rules (names are relative to the main file's directory,
 * patterns are those of glob(3)), not through `nginx -T`: that must read keys and certificates and
 * resolve names, and a comment can look like one of its marks.
 */
#ifndef SHUNT_NGINX_TREE_H
#define SHUNT_NGINX_TREE_H

#include "buffer.h"
#include "nginx_config.h"
#include "nginx_member.h"

#include <sys/stat.h>

struct nginx_file {
    char *path; /* without symbolic links, so that the file itself is replaced and not the link */
    struct stat status;
    struct buffer bytes;
};

struct nginx_tree {
    struct nginx_config config;
    struct nginx_file *files;
    size_t file_count;
};

bool nginx_tree_load(const char *main_path, struct nginx_tree *ret_tree, struct error *err);
void nginx_tree_done(struct nginx_tree *tree); /* also right on a zeroed one */
#define NGINX_TREE_CLEANUP __attribute__((cleanup(nginx_tree_done)))

/* Lets go of what only an edit needs. */
void nginx_tree_drop_bytes(struct nginx_tree *tree);

/* When a file, or one that says something of this group, was changed last (ctime: it cannot be set
 * back). */
int64_t nginx_tree_changed_ms(const struct nginx_tree *tree);
int64_t nginx_tree_group_changed_ms(const struct nginx_tree *tree, size_t group);

/* Which files an edit replaced, and by what. */
struct nginx_edit {
    const struct nginx_tree *tree; /* as they were; borrowed */
    struct nginx_file *written;
    size_t *replaced; /* index into the tree's files */
    size_t count;
};

/* Replaces the files of the plan, which is in order, durably and each in one step; owner and mode
 * stay. All or none: ERROR_CONFLICT where somebody else changed one since it was read. */
bool nginx_edit_write(struct nginx_edit *edit, const struct nginx_tree *tree,
                      const struct nginx_plan *plan, struct error *err);

/* Puts the old bytes back, but not over somebody else's change (ERROR_CONFLICT). */
bool nginx_edit_restore(struct nginx_edit *edit, struct error *err);
void nginx_edit_done(struct nginx_edit *edit);
#define NGINX_EDIT_CLEANUP __attribute__((cleanup(nginx_edit_done)))

/* Reads a file with what tells it from another of its name; ERROR_UNAVAILABLE where it changes
 * meanwhile. */
bool nginx_file_load(const char *path, struct nginx_file *ret_file, struct error *err);
void nginx_file_done(struct nginx_file *file);

#endif
