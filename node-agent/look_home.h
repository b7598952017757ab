/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BITBUCKET_HOME, as the service, the tree in use and the process that runs say it.
 */
#ifndef SHUNT_LOOK_HOME_H
#define SHUNT_LOOK_HOME_H

#include "agent_config.h"

#include <sys/types.h>

struct found_home {
    char path[LIMIT_PATH];
    char where[LIMIT_PATH + 32]; /* what says so */
};

/* The first that says it: the service's environment or init script, bin/set-bitbucket-home.sh of
 * the tree in use, a process that runs from one of the releases. ERROR_CONFLICT where another one
 * of them says something else. Where none does, what is remembered; ERROR_NOT_FOUND without that.
 * Service, releases and link must be known. */
bool look_for_home(const struct bitbucket_config *config, const char *state_dir,
                   struct found_home *ret_home, struct error *err);

/* For an agent that starts again while Bitbucket is stopped, and only its process has said it. */
bool look_remember_home(const char *state_dir, const char *home, struct error *err);

/* Of processes that run from one of the releases: the wanted one alone, if one has that; or else
 * the first two that differ. wanted: "" = any. */
struct process_homes {
    struct found_home items[2];
    size_t count;
};
void look_for_homes_of_processes(const struct bitbucket_config *config, const char *wanted,
                                 struct process_homes *ret_homes);

#endif
