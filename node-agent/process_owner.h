/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose processes are believed. Any local user can start a process with the words and the working
 * directory of Bitbucket; what it says must neither hold up the agent nor mislead it. Believed are
 * root, ourselves, the owner of BITBUCKET_HOME, the service's user, and the user that
 * bin/set-bitbucket-user.sh of the tree in use names: whoever can become one of them has Bitbucket
 * in hand anyway.
 */
#ifndef SHUNT_PROCESS_OWNER_H
#define SHUNT_PROCESS_OWNER_H

#include "agent_config.h"

#include <sys/types.h>

#define PROCESS_OWNERS 6

/* Of one search, so that nobody is asked twice in it. */
struct process_owners {
    const struct bitbucket_config *config;
    uid_t believed[PROCESS_OWNERS];
    size_t count;
    bool has_asked; /* the service and the tree: it takes a call over a bus, and name services */
    struct error failure; /* of that; or ERROR_NONE */
};

void process_owners_init(struct process_owners *owners, const struct bitbucket_config *config);

/* Whether all ids of the process's owner are believed. A program that is set-uid or set-gid is not,
 * for its words are those of whoever called it; nor is one that has ended. False where the service
 * cannot be asked, and so nothing can be said. */
bool process_owners_believe(struct process_owners *owners, pid_t pid, bool *ret_is_believed,
                            struct error *err);

#endif
