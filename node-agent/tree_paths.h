/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The install trees of Bitbucket that a text names: a unit's commands, an init script. A tree is a
 * directory that has bin/start-bitbucket.sh, however the text spells the way there: as a command,
 * as the value of a variable, as a directory to go to.
 */
#ifndef SHUNT_TREE_PATHS_H
#define SHUNT_TREE_PATHS_H

#include "limit.h"

#include <stddef.h>

#define TREE_PATHS 4 /* a definition names one, or a link and what it leads to */

struct tree_paths {
    char items[TREE_PATHS][LIMIT_PATH]; /* as they are spelt; absolute and normal */
    size_t count;                       /* further ones are left out */
};

/* Lines that are comments name nothing. A start script that is named in full names its tree also
 * where it is not there. */
void tree_paths_find(const char *text, struct tree_paths *ret_trees);

#endif
