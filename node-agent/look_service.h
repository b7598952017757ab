/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service that starts Bitbucket, and whom an init script runs it as.
 */
#ifndef SHUNT_LOOK_SERVICE_H
#define SHUNT_LOOK_SERVICE_H

#include "agent_config.h"

/* The one unit or init script of this host that starts a tree of Bitbucket, into kind, unit and
 * init_script. ERROR_NOT_FOUND where there is none, ERROR_CONFLICT where there are several. */
bool look_for_service(struct bitbucket_config *config, const char *root, struct error *err);

/* Whom bin/set-bitbucket-user.sh of the tree in use names, and its path. False, and "", for none.
 */
bool look_for_user_of_tree(const struct bitbucket_config *config, char user[LIMIT_NAME],
                           char where[LIMIT_PATH]);

/* sysv: the user that the init script names, or else bin/set-bitbucket-user.sh of the tree, or else
 * the installer's own. `where` says which. */
void look_for_user(struct bitbucket_config *config, char where[LIMIT_PATH]);

#endif
