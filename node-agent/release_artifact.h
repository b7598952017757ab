/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distributions that are kept for later: what was shipped with the release that runs must be known
 * to tell what an administrator has changed in it since.
 *
 *     STATE_DIR/artifacts/atlassian-bitbucket-7.9.4.tar.gz   of releases that we have staged, and
 * of others where somebody has put it there bitbucket.artifacts/atlassian-bitbucket-7.9.0.tar.gz a
 * directory of the operator's
 */
#ifndef SHUNT_RELEASE_ARTIFACT_H
#define SHUNT_RELEASE_ARTIFACT_H

#include "agent_config.h"

#define RELEASE_ARTIFACT_SIZE (LIMIT_PATH + LIMIT_VERSION + 64)

/* Where the distribution is, and its hash where we have staged it ("" else). ERROR_NOT_FOUND with a
 * hint where to put it. */
bool release_artifact_find(const struct agent_config *config, const char *version,
                           char ret_path[RELEASE_ARTIFACT_SIZE], char ret_sha256[LIMIT_SHA256_HEX],
                           struct error *err);

/* Keeps the file: by another name for it, or a copy. One that is in the operator's directory is
 * there already. */
bool release_artifact_keep(const struct agent_config *config, const char *version, const char *path,
                           struct error *err);

/* Whether keeping it takes a copy, or another name for it will do. */
bool release_artifact_needs_copy(const struct agent_config *config, const char *version,
                                 const char *path);

/* Removes the one that we keep of a release that is being removed; a missing one is fine. */
bool release_artifact_forget(const struct agent_config *config, const char *version,
                             struct error *err);

#endif
