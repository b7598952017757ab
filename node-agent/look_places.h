/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the service says that Bitbucket is installed: through a link, or in a release's directory.
 */
#ifndef SHUNT_LOOK_PLACES_H
#define SHUNT_LOOK_PLACES_H

#include "agent_config.h"

struct found_places {
    char install_link[LIMIT_PATH]; /* "" where the service names a release's directory */
    char releases[LIMIT_PATH];     /* that has the tree which the service starts */
};

/* As the definition of the configured service spells them. Both are "" where it names no tree, as
 * {kind: script} has no definition. ERROR_NOT_FOUND, ERROR_INVALID or ERROR_CONFLICT say why the
 * releases cannot be told; the link may be known all the same. */
bool look_for_places(const struct bitbucket_config *config, struct found_places *ret_places,
                     struct error *err);

/* The first tree that the definition names, and that is neither the configured link nor a release
 * of the configured ones: what is switched is not what is started then. */
bool look_for_foreign_tree(const struct bitbucket_config *config, char path[LIMIT_PATH]);

#endif
