/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Downloads an artifact to STATE_DIR/staging/<version>.part and checks its SHA-256 while it comes.
 * A download that was cut off, by the network or by the agent's end, goes on where it stopped: the
 * .source file beside it says of which URL and hash the bytes are.
 */
#ifndef SHUNT_FETCH_H
#define SHUNT_FETCH_H

#include "job.h"

#define FETCH_PATH_SIZE (LIMIT_PATH + LIMIT_VERSION + 32)

/* Fetches job->command->artifact, which must be a URL, and fits job->command->sha256, which must be
 * given. Progress is sent. On ERROR_INTEGRITY nothing is kept; on other failures the part is. */
bool fetch_artifact(struct job *job, char ret_path[FETCH_PATH_SIZE], struct error *err);

/* Removes what was kept of a version's download; nothing is fine. */
bool fetch_forget(const struct agent_config *config, const char *version, struct error *err);

#endif
