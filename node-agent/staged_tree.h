/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must be true of a tree that has just been unpacked before it may be called a release, and
 * the one change that it needs.
 */
#ifndef SHUNT_STAGED_TREE_H
#define SHUNT_STAGED_TREE_H

#include "agent_config.h"

/* ERROR_INTEGRITY unless the scripts are there and the version inside, if there is one, is the one
 * that was asked for. */
bool staged_tree_check(int root_fd, const char *version, struct error *err);

/* Sets BITBUCKET_HOME in bin/set-bitbucket-home.sh, unless the service sets it in the environment:
 * there it would have no effect. ERROR_INVALID if the service sets another one. */
bool staged_tree_set_home(int root_fd, const struct bitbucket_config *config, struct error *err);

#endif
