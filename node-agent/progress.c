/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#define PROGRESS_INTERVAL_MS 200

bool progress_send(struct progress *progress, struct job *job)
{
    int64_t now_ms = clock_monotonic_ms();
    if (progress->sent_ms != 0 && now_ms - progress->sent_ms < PROGRESS_INTERVAL_MS)
        return false;
    progress->sent_ms = now_ms;
    if (job->send_progress != NULL)
        job->send_progress(job);
    return true;
}
