/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

#include "fetch.h"
#include "file.h"
#include "memory.h"
#include "release.h"
#include "release_artifact.h"
#include "text.h"

bool verb_unstage(struct job *job, struct error *err)
{
    const char *version = job->command->version;
    char previous[LIMIT_VERSION];
    char staging[RELEASE_PATH_SIZE];
    CLOSE_CLEANUP int lock = -1;
    if (!release_lock(job->config, &lock, err) || !release_check_idle(job->config, version, err))
        return false;
    release_previous_read(job->config, previous);
    if (text_equal(previous, version)) {
        error_set(err, ERROR_CONFLICT, "release %s ran before the last switch: it is the way back",
                  version);
        return false;
    }
    release_path(&job->config->bitbucket, RELEASE_STAGING, version, staging);
    return fetch_forget(job->config, version, err) && file_remove_tree(staging, err) &&
           release_remove(job->config, version, err) &&
           release_artifact_forget(job->config, version, err);
}
