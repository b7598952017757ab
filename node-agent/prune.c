/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

#include "memory.h"
#include "process.h"
#include "release.h"
#include "release_artifact.h"
#include "text.h"

/* Whoever asks may not know of the last switch here: the way back is kept in any case. */
static bool is_kept(const struct job *job, const char *version)
{
    char last_good[LIMIT_VERSION];
    release_previous_read(job->config, last_good);
    return text_equal(version, job->command->version) ||
           text_equal(version, job->command->previous_version) || text_equal(version, last_good);
}

/* The linked, running or home-holding release is passed over; any other doubt ends the pruning. */
static bool prune_one(const struct job *job, const char *version, struct error *err)
{
    struct error reason;
    if (release_check_idle(job->config, version, &reason))
        return release_remove(job->config, version, err) &&
               release_artifact_forget(job->config, version, err);
    if (reason.code == ERROR_CONFLICT)
        return true;
    *err = reason;
    return false;
}

bool verb_prune(struct job *job, struct error *err)
{
    struct release_list list;
    CLOSE_CLEANUP int lock = -1;
    if (!release_lock(job->config, &lock, err) ||
        !release_list_read(&job->config->bitbucket, &list, err))
        return false;
    for (size_t i = 0; i < list.count; i++) {
        if (!is_kept(job, list.versions[i]) && !prune_one(job, list.versions[i], err)) {
            error_wrap(err, "release %s", list.versions[i]);
            return false;
        }
    }
    return true;
}
