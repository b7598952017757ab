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

#define FETCH_INODES 2 /* that a download takes */

/* What a server says of an artifact before it is fetched. */
struct fetch_look {
    int64_t packed_bytes;   /* -1 = it does not say */
    int64_t unpacked_bytes; /* as the end of the archive has it; -1 = the server gives no parts */
};

/* Asks for the artifact's first bytes and its last, and takes no more. As long as it takes at most,
 * and the name's look-up: FETCH_LOOK_MS. A server that would not give the artifact is an error, as
 * of fetch_artifact(). */
#define FETCH_LOOK_MS 8000
bool fetch_look(const char *url, struct fetch_look *ret_look, struct error *err);

/* Bytes that were kept of the command's artifact, when its download was cut off. */
int64_t fetch_kept_bytes(const struct job *job);

/* Removes what was kept of a version's download; nothing is fine. */
bool fetch_forget(const struct agent_config *config, const char *version, struct error *err);

#endif
