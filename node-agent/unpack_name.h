/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules for names in an archive: pure functions of text.
 */
#ifndef SHUNT_UNPACK_NAME_H
#define SHUNT_UNPACK_NAME_H

#include <stdbool.h>

#define UNPACK_NAME_SIZE                                                                           \
    1024 /* longest path below the root, incl. NUL; the JRE's longest is 120                       \
          */
#define UNPACK_DEPTH_MOST 64

/* Takes "atlassian-bitbucket-VERSION/" off an entry's name and checks the rest; a directory's
 * trailing slash goes too, and the top directory itself gives "". NULL if all is well, else the
 * rule that is broken. */
const char *unpack_name_strip(const char *name, const char *version, char path[UNPACK_NAME_SIZE]);

/* The rule that a symbolic link at `path` with `target` breaks, or NULL. A target may begin with
 * "../", not leaving the tree, and has no ".." later: behind another link it would lead anywhere.
 */
const char *unpack_name_check_target(const char *path, const char *target);

#endif
