/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services of this host that start Bitbucket, found by looking at units and init scripts: for a
 * configuration that names none of them, and because a second one would start the wrong release at
 * the next boot.
 */
#ifndef SHUNT_SERVICE_CANDIDATES_H
#define SHUNT_SERVICE_CANDIDATES_H

#include "agent_config.h"

#define SERVICE_CANDIDATES 8

struct service_candidates {
    char paths[SERVICE_CANDIDATES][LIMIT_PATH]; /* as found; UTF-8, control characters quoted */
    size_t count;                               /* further ones are not told */
};

/* Those that start a tree of the configuration's, or any tree where config is NULL. root: "" for
 * this host. A unit that is masked, one where systemd does not run, and a script that may not be
 * executed start nothing; nor does a script beside a unit of its name. */
void service_candidates_find(const struct bitbucket_config *config, const char *root,
                             struct service_candidates *ret_candidates);

/* The candidate is an init script, and no unit. */
bool service_candidate_is_script(const char *path, const char *root);

/* The configuration of the first one as the error's hint; without any, the one that remains. */
void service_candidates_hint(const struct service_candidates *candidates, struct error *err);

/* The candidate is what the configuration names. */
bool service_candidate_is_configured(const struct bitbucket_config *config, const char *path);

#endif
